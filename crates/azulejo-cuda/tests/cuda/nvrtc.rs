//! What NVIDIA's own compiler makes of the kernels, for GPUs that aren't here: each compiles, none spills, and registers
//! and widths of loads are kept in a table, of which nothing gets worse unnoticed.
//!
//! `AZULEJO_CUDA_ALL=1` compiles every variant, for three architectures; `AZULEJO_BLESS=1` writes the table anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use azulejo_cuda::{
    Archive, Compiled, Nvrtc, NvrtcError, Options, Written, all_variants, compile_ahead, matrix_peak_kernel,
    translate, translate_linked,
};
use azulejo_shaders::{Kernel, Tier, Variant};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::text;

/// What data-centre GPUs have.
const TIER: Tier = Tier::SubgroupsF16;
/// Ampere's, Hopper's, Blackwell's data-centre GPUs.
const ARCHITECTURES: [&str; 3] = ["sm_80", "sm_90", "sm_100"];
/// Of the table.
const ARCHITECTURE: &str = "sm_90";
/// In the folder with the wheels' files.
const DISASSEMBLER: &str = "nvidia/cu13/bin/nvdisasm";
/// Widths of loads from global memory, in bits.
const WIDTHS: [u32; 5] = [128, 64, 32, 16, 8];

/// The folder with the wheels' files, fetched if they aren't there yet.
fn tools() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(fetch)
}

fn fetch() -> PathBuf {
    let wanted = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cuda/wheels.txt");
    let list = std::fs::read_to_string(wanted).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda-tools");
    // Written last, so that it stands for the whole.
    let done = folder.join("wheels.txt");
    if std::fs::read_to_string(&done).is_ok_and(|found| found == list) {
        return folder;
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let python = |arguments: &[&str]| {
        let output = Command::new("python3").args(arguments).current_dir(&folder).output();
        let output = output.expect("NVIDIA's compiler comes as a Python package, and python3 doesn't start");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "NVIDIA's compiler comes as a Python package, which can't be fetched (is there a network?): {said}"
        );
    };
    python(&[
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        wanted,
    ]);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let wheel = entry.unwrap().path();
        if wheel.extension().is_some_and(|e| e == "whl") {
            python(&["-m", "zipfile", "-e", wheel.to_str().unwrap(), "."]);
            std::fs::remove_file(wheel).unwrap();
        }
    }
    // A wheel's unpacked files aren't programs.
    let program = folder.join(DISASSEMBLER);
    let mut mode = std::fs::metadata(&program).unwrap().permissions();
    mode.set_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    std::fs::write(done, list).unwrap();
    folder
}

fn compiler(tools: &Path) -> Nvrtc {
    Nvrtc::open(tools.join("nvidia/cu13/lib/libnvrtc.so.13")).unwrap()
}

/// Each kernel with each of its pieces and constants at least once; or all of them.
fn chosen(all: bool) -> Vec<(&'static Kernel, Variant)> {
    let mut chosen = all_variants();
    let mut seen: HashMap<&str, HashSet<String>> = HashMap::new();
    chosen.retain(|(kernel, variant)| {
        let seen = seen.entry(kernel.name).or_default();
        let pieces = variant.pieces.iter().map(|piece| (*piece).to_owned());
        let consts = variant.consts.iter().map(|(name, value)| format!("{name}={value}"));
        let is_new = pieces.chain(consts).fold(seen.is_empty(), |new, word| seen.insert(word) || new);
        if is_new {
            seen.insert(String::new());
        }
        is_new || all
    });
    chosen
}

fn named(kernel: &Kernel, variant: &Variant) -> String {
    format!("{}[{}]", kernel.name, variant.name())
}

/// Machine code in words.
fn disassembled(tools: &Path, name: &str, compiled: &Compiled) -> String {
    let file = tempfile::NamedTempFile::with_suffix(".cubin").unwrap();
    std::fs::write(file.path(), &compiled.cubin).unwrap();
    let output = Command::new(tools.join(DISASSEMBLER)).arg("-c").arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// How many loads from global memory of each width there are.
fn loads(text: &str) -> [usize; 5] {
    let mut counts = [0; 5];
    for word in text.split_whitespace().filter(|word| word.starts_with("LDG.")) {
        let width =
            |bits: &u32| word.split('.').any(|part| part.trim_start_matches(['U', 'S']) == bits.to_string());
        // A load that names no width is of 32 bits.
        let place = WIDTHS.iter().position(width).unwrap_or(2);
        counts[place] += 1;
    }
    counts
}

/// A line of the table.
#[derive(Debug, PartialEq)]
struct Line {
    registers: u32,
    shared: u32,
    loads: [usize; 5],
    multiplications: usize,
}

impl Line {
    fn of(text: &str) -> Option<(String, Self)> {
        let mut words = text.split_whitespace();
        let name = words.next()?.to_owned();
        let numbers: Vec<usize> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
        let [registers, shared, loads @ ..] = numbers.as_slice() else { return None };
        let (loads, multiplications) = loads.split_at_checked(WIDTHS.len())?;
        let multiplications = multiplications.first().copied().unwrap_or(0);
        let loads = loads.try_into().ok()?;
        Some((name, Self { registers: *registers as u32, shared: *shared as u32, loads, multiplications }))
    }

    fn text(&self, name: &str) -> String {
        let loads: Vec<String> = self.loads.iter().map(usize::to_string).collect();
        let multiplications = match self.multiplications {
            0 => String::new(),
            count => format!(" {count}"),
        };
        format!("{name} {} {} {}{multiplications}\n", self.registers, self.shared, loads.join(" "))
    }

    /// Why it is worse than it was: more registers or shared memory, more loads that are narrower than all of 128 bits, or other
    /// multiplications of matrices.
    fn worse_than(&self, before: &Self) -> bool {
        let narrow = |line: &Self| line.loads[1..].iter().sum::<usize>();
        self.registers > before.registers
            || self.shared > before.shared
            || narrow(self) > narrow(before)
            || self.multiplications != before.multiplications
    }
}

#[test]
fn kernels_compile_for_data_centre_gpus_without_spilling() {
    let tools = tools();
    let nvrtc = compiler(tools);
    assert_eq!(nvrtc.version().unwrap().0, 13);
    let all = std::env::var_os("AZULEJO_CUDA_ALL").is_some();
    let mut kernels: Vec<(String, Written)> = Vec::new();
    let (measuring, _) = matrix_peak_kernel();
    kernels.push(("matrix_peak[]".to_owned(), measuring));
    for (kernel, variant) in chosen(all) {
        let write = |overrides| {
            translate(kernel, &variant, TIER, &Options { overrides, ..Options::default() }).unwrap()
        };
        let (translated, by_hand) = (write(None), write(Some((8, 0))));
        if by_hand != translated {
            kernels.push((format!("{}.cu[{}]", kernel.name, variant.name()), by_hand));
        }
        kernels.push((named(kernel, &variant), translated));
    }
    let mut failures = Vec::new();
    for arch in ARCHITECTURES {
        // Of the other architectures nothing but one variant of each override, which has instructions of its own.
        let mut seen = HashSet::new();
        let mut chosen: Vec<&(String, Written)> = kernels.iter().collect();
        chosen.retain(|(name, _)| {
            let by_hand = name.split_once(".cu[").map(|(kernel, _)| kernel);
            all || arch == ARCHITECTURE || by_hand.is_some_and(|kernel| seen.insert(kernel))
        });
        let compiled: Vec<(&String, Result<Compiled, NvrtcError>)> =
            chosen.par_iter().map(|(name, written)| (name, nvrtc.compile(written, arch))).collect();
        for (name, result) in &compiled {
            match result {
                Err(error) => failures.push(format!("{name}: {error}")),
                Ok(Compiled { resources, .. }) if resources.stack_bytes + resources.spilled_bytes > 0 => {
                    failures.push(format!("{name} for {arch}: {resources:?}"));
                }
                Ok(_) => {}
            }
        }
        println!("{} kernels compiled for {arch}", compiled.len());
        if arch == ARCHITECTURE && !all {
            let lines: BTreeMap<String, Line> = compiled
                .par_iter()
                .filter_map(|(name, result)| {
                    let compiled = result.as_ref().ok()?;
                    let text = disassembled(tools, name, compiled);
                    let loads = loads(&text);
                    let multiplications = text.matches("HMMA.16816.F32.BF16").count();
                    let registers = compiled.resources.registers;
                    Some((
                        (*name).clone(),
                        Line { registers, shared: compiled.resources.shared_bytes, loads, multiplications },
                    ))
                })
                .collect();
            compare(&lines, &mut failures);
        }
    }
    let shown = &failures[..failures.len().min(40)];
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), shown.join("\n"));
}

/// With the table that is kept.
fn compare(lines: &BTreeMap<String, Line>, failures: &mut Vec<String>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/resources.txt");
    if std::env::var_os("AZULEJO_BLESS").is_some() {
        let head = "# A kernel for sm_90: registers of a thread, bytes of shared memory of a block, loads of 128, 64, 32, 16 \
                    and 8 bits, multiplications of matrices if it has any. AZULEJO_BLESS=1 cargo test -p azulejo-cuda writes it anew.\n";
        let lines: String = lines.iter().map(|(name, line)| line.text(name)).collect();
        std::fs::write(path, format!("{head}{lines}")).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    let kept: BTreeMap<String, Line> =
        kept.lines().filter(|line| !line.starts_with('#')).filter_map(Line::of).collect();
    for (name, line) in lines {
        match kept.get(name) {
            None => failures.push(format!("{name} isn't in tests/resources.txt")),
            Some(before) if line.worse_than(before) => {
                failures.push(format!("{name}: {line:?}, before {before:?}"))
            }
            Some(_) => {}
        }
    }
    failures.extend(
        kept.keys()
            .filter(|name| !lines.contains_key(*name))
            .map(|name| format!("{name} is in tests/resources.txt, and no kernel any more")),
    );
}

#[test]
fn kernels_compiled_ahead_are_found_by_their_text_and_architecture_alone() {
    let nvrtc = compiler(tools());
    let mut kernels = all_variants();
    kernels.retain(|(kernel, _)| ["argmax", "rms_norm"].contains(&kernel.name));
    assert!(kernels.len() >= 2, "{kernels:?}");
    let gemm = all_variants().into_iter().find(|(kernel, _)| kernel.name == "gemm").unwrap();
    kernels.push(gemm);
    // gemm's override, and the kernel that measures.
    let of_each = kernels.len() + 2;
    let folder = tempfile::tempdir().unwrap();
    let (told, in_all) = (AtomicUsize::new(0), 2 * of_each);
    let make = || {
        compile_ahead(&nvrtc, &kernels, &["sm_80", ARCHITECTURE], folder.path(), &|done, all| {
            assert!(1 <= done && done <= all && all == in_all);
            told.fetch_add(1, Relaxed);
        })
        .unwrap()
    };
    let bytes = make();
    assert_eq!(told.load(Relaxed), in_all);
    let archive = Archive::parse(&bytes).unwrap();
    assert_eq!(archive.version(), nvrtc.version().unwrap());
    assert_eq!(archive.architectures().into_iter().collect::<Vec<_>>(), [(80, of_each), (90, of_each)]);
    for (kernel, variant) in &kernels {
        let write = |overrides| {
            translate(kernel, variant, TIER, &Options { overrides, ..Options::default() }).unwrap()
        };
        for (capability, arch) in [((8, 0), "sm_80"), ((9, 0), ARCHITECTURE)] {
            assert!(archive.cubin(&write(Some(capability)), arch).unwrap().is_some(), "{}", kernel.name);
        }
        let mut written = write(None);
        for arch in ["sm_80", ARCHITECTURE] {
            let found = archive.cubin(&written, arch).unwrap().unwrap();
            assert!(found == nvrtc.compile(&written, arch).unwrap().cubin, "{} for {arch}", kernel.name);
        }
        assert_eq!(archive.cubin(&written, "sm_100").unwrap(), None);
        written.source.push(' ');
        assert_eq!(archive.cubin(&written, ARCHITECTURE).unwrap(), None, "another text");
    }
    // What was compiled before is taken as it is.
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(make() == bytes && std::fs::read_dir(folder.path()).unwrap().count() == before);
    let error = compile_ahead(&nvrtc, &kernels, &["hopper"], folder.path(), &|_, _| {}).unwrap_err();
    assert!(error.to_string().contains("'hopper'"), "{error}");
}

#[test]
fn a_text_that_is_no_right_code_is_refused_with_what_the_compiler_says() {
    let nvrtc = compiler(tools());
    let linked = text(
        "@group(0) @binding(8) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) { out[lane] = lane; }
",
    );
    let right = translate_linked("test", &linked, TIER, &Options::default()).unwrap();
    assert!(nvrtc.compile(&right, ARCHITECTURE).unwrap().cubin.starts_with(b"\x7fELF"));
    let wrong = Written { source: right.source.replace("out[", "nowhere["), ..right.clone() };
    let error = nvrtc.compile(&wrong, ARCHITECTURE).unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("test"), "{error}");
    let error = nvrtc.compile(&right, "sm_1").unwrap_err().to_string();
    assert!(error.contains("sm_1"), "{error}");
    assert!(Nvrtc::open("libnone-such.so").unwrap_err().to_string().contains("can't be loaded"));
}
