//! The kernels of a device: written, found or compiled, loaded.
//!
//! Machine code comes, in this order, from what this program carries for the very architecture; from NVRTC, where it is
//! found, and from what it compiled before; from what the program carries for an older architecture of the same
//! generation, which newer ones of it run too (NVIDIA, *CUDA C++ Programming Guide*, "Binary compatibility").

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use azulejo_shaders::{Call, Kernel, Variant};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::CudaError;
use super::driver::{Driver, Function};
use crate::archive::Archive;
use crate::cubin::{Kept, Key, TIER};
use crate::nvrtc::{Nvrtc, Version};
use crate::translate::translate;
use crate::writer::{Options, Parameter, Written};

/// A kernel on the device.
#[derive(Debug)]
pub(super) struct CudaKernel {
    pub(super) function: Arc<Function>,
    pub(super) parameters: Vec<Parameter>,
}

type Name = (&'static str, Variant);

/// Those that were asked for so far.
#[derive(Debug)]
pub(super) struct Kernels {
    code: Code,
    options: Options,
    loaded: Mutex<HashMap<Name, Arc<CudaKernel>>>,
}

/// Where a device's machine code comes from.
#[derive(Debug)]
pub(super) struct Code {
    /// What the program carries, if that.
    archive: Option<Archive<'static>>,
    /// The version of CUDA that the driver knows.
    driver: Version,
    /// The device's compute capability.
    capability: (i32, i32),
    /// A folder where compiled kernels are kept, if they are.
    folder: Option<PathBuf>,
    /// Looked for when it is needed first. An `Err` is the version of one that is too new for the driver.
    compiler: OnceLock<Result<Option<Compiler>, Version>>,
}

#[derive(Debug)]
struct Compiler {
    nvrtc: Nvrtc,
    version: Version,
    kept: Option<Kept>,
}

impl Kernels {
    /// `overrides` is the compute capability whose overrides are taken, if any are.
    pub(super) fn new(code: Code, overrides: Option<(u32, u32)>) -> Self {
        Self { code, options: Options { overrides, ..Options::default() }, loaded: Mutex::default() }
    }

    /// Loads those of the calls that aren't there yet, which compiles on all cores.
    pub(super) fn load<'c>(
        &self,
        driver: &Driver,
        calls: impl IntoIterator<Item = &'c Call>,
    ) -> Result<(), CudaError> {
        let mut missing: HashMap<Name, &'static Kernel> = HashMap::new();
        for call in calls {
            let name = (call.kernel.name, call.variant.clone());
            if !self.lock().contains_key(&name) {
                missing.insert(name, call.kernel);
            }
        }
        let written: Vec<(Name, Written)> = missing
            .into_par_iter()
            .map(|((name, variant), kernel)| {
                let written = translate(kernel, &variant, TIER, &self.options)?;
                Ok(((name, variant), written))
            })
            .collect::<Result<_, CudaError>>()?;
        let texts: Vec<&Written> = written.iter().map(|(_, written)| written).collect();
        let cubins = self.code.of(&texts)?;
        for ((name, written), cubin) in written.into_iter().zip(cubins) {
            let function = Arc::new(driver.function(cubin, &written)?);
            self.lock().insert(name, Arc::new(CudaKernel { function, parameters: written.parameters }));
        }
        Ok(())
    }

    /// The kernel of a call, once it is loaded.
    pub(super) fn of(&self, driver: &Driver, call: &Call) -> Result<Arc<CudaKernel>, CudaError> {
        let name = (call.kernel.name, call.variant.clone());
        self.load(driver, [call])?;
        self.lock().get(&name).cloned().ok_or(CudaError::NothingToRead("a kernel"))
    }

    /// A function that no call is for.
    pub(super) fn function(&self, driver: &Driver, written: &Written) -> Result<Arc<Function>, CudaError> {
        let cubin = self.code.of(&[written])?.remove(0);
        Ok(Arc::new(driver.function(cubin, written)?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Arc<CudaKernel>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Code {
    /// For a device of that compute capability, on a driver of that version of CUDA.
    pub(super) fn new(
        archive: Option<Archive<'static>>,
        driver: Version,
        capability: (i32, i32),
        folder: Option<PathBuf>,
    ) -> Self {
        Self { archive, driver, capability, folder, compiler: OnceLock::new() }
    }

    /// Where machine code comes from, in words; or why there can be none, so that it is said before anything is loaded.
    pub(super) fn source(&self) -> Result<String, CudaError> {
        let compatible = self.compatible();
        let ahead = |number: u32| {
            let archive = self.usable()?;
            let (count, (major, minor)) = (*archive.architectures().get(&number)?, archive.version());
            Some(format!("{count} kernels for sm_{number} compiled ahead by NVRTC {major}.{minor}"))
        };
        if let Some(exact) = ahead(compatible[0]) {
            return Ok(exact);
        }
        if let Ok(Some(Compiler { version: (major, minor), .. })) = self.compiler() {
            return Ok(format!("NVRTC {major}.{minor}"));
        }
        let older = compatible.into_iter().find_map(ahead);
        older.ok_or_else(|| self.none("of any kernel".to_owned()))
    }

    /// Machine code of each of the texts.
    fn of(&self, texts: &[&Written]) -> Result<Vec<Vec<u8>>, CudaError> {
        let mut found: Vec<Option<Vec<u8>>> = vec![None; texts.len()];
        let exact = self.compatible()[0];
        self.take_from_archive(texts, exact, &mut found)?;
        // A compiler that is older than the device doesn't know its architecture, of which an older one may do.
        let mut refused = None;
        if self.is_missing(&found)
            && let Ok(Some(compiler)) = self.compiler()
        {
            let arch = format!("sm_{exact}");
            let compile = |text: &Written, found: Option<Vec<u8>>| {
                found.map_or_else(|| compiler.compile(text, &arch), Ok)
            };
            let pairs: Vec<_> = texts.iter().zip(found).collect();
            let compiled: Vec<_> = pairs.into_par_iter().map(|(text, found)| compile(text, found)).collect();
            found = compiled
                .into_iter()
                .map(|result| result.map_err(|error| refused = refused.take().or(Some(error))).ok())
                .collect();
        }
        for &older in &self.compatible()[1..] {
            self.take_from_archive(texts, older, &mut found)?;
        }
        let mut cubins = Vec::with_capacity(texts.len());
        for (text, found) in texts.iter().zip(found) {
            let none = || self.none(format!("of kernel '{}'", text.name));
            cubins.push(found.ok_or_else(|| refused.take().unwrap_or_else(none))?);
        }
        Ok(cubins)
    }

    fn is_missing(&self, found: &[Option<Vec<u8>>]) -> bool {
        found.iter().any(Option::is_none)
    }

    /// Fills in what the archive has for an architecture.
    fn take_from_archive(
        &self,
        texts: &[&Written],
        arch: u32,
        found: &mut [Option<Vec<u8>>],
    ) -> Result<(), CudaError> {
        let Some(archive) = self.usable().filter(|_| self.is_missing(found)) else { return Ok(()) };
        let keys: Vec<Option<Key>> = texts
            .iter()
            .zip(&*found)
            .map(|(text, found)| found.is_none().then(|| Key::of(text, &format!("sm_{arch}"))))
            .collect();
        let wanted: Vec<Key> = keys.iter().flatten().copied().collect();
        let mut cubins = archive.get(&wanted)?;
        for (key, found) in keys.iter().zip(found) {
            if let Some(key) = key {
                *found = cubins.remove(key);
            }
        }
        Ok(())
    }

    /// The archive, if the driver takes what is in it.
    fn usable(&self) -> Option<&Archive<'static>> {
        self.archive.as_ref().filter(|archive| archive.version().0 <= self.driver.0)
    }

    fn compiler(&self) -> Result<Option<&Compiler>, Version> {
        let found = self.compiler.get_or_init(|| {
            Ok(Nvrtc::find(self.driver.0)?.map(|(nvrtc, version)| {
                let kept = self.folder.as_deref().map(|folder| Kept::new(folder, version));
                Compiler { nvrtc, version, kept }
            }))
        });
        found.as_ref().map(Option::as_ref).map_err(|version| *version)
    }

    /// The architectures whose machine code runs here: its own, and older ones of its generation, the newest first.
    fn compatible(&self) -> Vec<u32> {
        let (major, minor) = (self.capability.0 as u32, self.capability.1 as u32);
        (0..=minor).rev().map(|minor| major * 10 + minor).collect()
    }

    /// Why there is no machine code of something.
    fn none(&self, what: String) -> CudaError {
        let arch = format!("sm_{}", self.compatible()[0]);
        let newer = self.archive.as_ref().map(Archive::version).filter(|version| version.0 > self.driver.0);
        match newer.or(self.compiler().err()) {
            Some(needs) => CudaError::OldDriver { driver: self.driver, needs },
            None => CudaError::NoCompiler { what, arch, carries: self.carried() },
        }
    }

    /// What the program carries, in words.
    fn carried(&self) -> String {
        carried(self.archive.as_ref())
    }
}

/// What a program carries, in words.
pub(super) fn carried(archive: Option<&Archive<'_>>) -> String {
    let Some(archive) = archive else { return "no kernels compiled ahead".to_owned() };
    let counts: Vec<String> =
        archive.architectures().iter().map(|(arch, count)| format!("sm_{arch} ({count})")).collect();
    let (major, minor) = archive.version();
    format!("kernels compiled ahead by NVRTC {major}.{minor} for {}", counts.join(", "))
}

impl Compiler {
    fn compile(&self, written: &Written, arch: &str) -> Result<Vec<u8>, CudaError> {
        match &self.kept {
            Some(kept) => Ok(kept.get_or_compile(&self.nvrtc, written, arch)?),
            None => Ok(self.nvrtc.compile(written, arch)?.cubin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{self, Member};
    use crate::writer::Bounds;

    fn text(source: &str) -> Written {
        let source = source.to_owned();
        let bounds = Bounds::Unchecked;
        Written {
            name: "gemv".to_owned(),
            source,
            parameters: Vec::new(),
            threads: 64,
            shared_bytes: 0,
            share: [1, 1],
            bounds,
        }
    }

    /// A program that carries machine code of some texts for some architectures, where no NVRTC is.
    fn carrying(members: &[(&str, u32)], driver: Version, capability: (i32, i32)) -> Code {
        let member = |&(source, arch): &(&str, u32)| {
            let cubin = format!("\x7fELF{source} for {arch}").into_bytes();
            Member { key: Key::of(&text(source), &format!("sm_{arch}")), arch, kernel: "gemv", cubin }
        };
        let bytes = archive::write((12, 8), members.iter().map(member).collect());
        let archive = Archive::parse(Vec::leak(bytes)).unwrap();
        let code = Code::new(Some(archive), driver, capability, None);
        code.compiler.set(Ok(None)).unwrap();
        code
    }

    fn code_of(code: &Code, sources: &[&str]) -> Result<Vec<String>, CudaError> {
        let texts: Vec<Written> = sources.iter().map(|source| text(source)).collect();
        let found = code.of(&texts.iter().collect::<Vec<_>>())?;
        Ok(found.into_iter().map(|cubin| String::from_utf8(cubin[4..].to_vec()).unwrap()).collect())
    }

    #[test]
    fn machine_code_is_of_the_very_architecture_else_of_an_older_one_of_its_generation() {
        let all = [("a", 80), ("a", 86), ("b", 80), ("a", 90), ("b", 89)];
        let code = carrying(&all, (12, 4), (8, 6));
        assert_eq!(code_of(&code, &["a", "b"]).unwrap(), ["a for 86", "b for 80"]);
        assert!(code.source().unwrap().contains("1 kernels for sm_86"), "{:?}", code.source());
        let newer = carrying(&[("a", 100), ("a", 103)], (13, 0), (10, 1));
        assert_eq!(code_of(&newer, &["a"]).unwrap(), ["a for 100"]);
        assert!(newer.source().unwrap().contains("sm_100 compiled ahead by NVRTC 12.8"));
    }

    #[test]
    fn machine_code_that_is_not_there_is_an_error_that_names_kernel_architecture_and_what_is_carried() {
        let code = carrying(&[("a", 90), ("b", 90)], (12, 4), (9, 0));
        let error = code_of(&code, &["a", "c"]).unwrap_err().to_string();
        for wanted in ["kernel 'gemv'", "sm_90", "sm_90 (2)", "NVRTC 12.8", "AZULEJO_NVRTC", "--device wgpu"]
        {
            assert!(error.contains(wanted), "no {wanted}: {error}");
        }
        // Another generation's is no use.
        let other = carrying(&[("a", 90)], (12, 8), (10, 0));
        assert!(matches!(other.source(), Err(CudaError::NoCompiler { .. })));
        assert!(code_of(&other, &["a"]).unwrap_err().to_string().contains("sm_100"));
        let none = Code::new(None, (12, 8), (9, 0), None);
        none.compiler.set(Ok(None)).unwrap();
        let error = none.source().unwrap_err().to_string();
        assert!(error.contains("carries no kernels compiled ahead"), "{error}");
    }

    #[test]
    fn a_driver_older_than_the_machine_code_is_told_with_both_versions() {
        let old = carrying(&[("a", 90)], (11, 8), (9, 0));
        for error in [old.source().unwrap_err(), code_of(&old, &["a"]).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("CUDA 11.8") && error.contains("CUDA 12.8"), "{error}");
        }
        // A compiler that is there but too new is no other case.
        let code = Code::new(None, (12, 2), (9, 0), None);
        code.compiler.set(Err((13, 0))).unwrap();
        let error = code.source().unwrap_err().to_string();
        assert!(error.contains("CUDA 12.2") && error.contains("CUDA 13.0"), "{error}");
        // One of the same major version takes it.
        assert_eq!(code_of(&carrying(&[("a", 90)], (12, 0), (9, 0)), &["a"]).unwrap(), ["a for 90"]);
    }
}
