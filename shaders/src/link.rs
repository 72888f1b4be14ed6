//! Puts a kernel and its pieces together into one WGSL text.
//!
//! The sources are WESL of which two constructs are used. (a) `import package::lib::reduce_wg::{wg_sum};`, on a line
//! of its own, optionally behind `@if(subgroups)`, `@if(!subgroups)`, `@if(f16)` or `@if(!f16)`. (b) A top-level
//! `const WG: u32 = 64u; // param`, whose value a variant may replace. Pieces are included once, before what imports
//! them; nothing is renamed. The header (`enable ...;`) is the target's: naga refuses `enable subgroups;`, which
//! browsers demand.

use crate::kernel::{Kernel, Variant};
use crate::tier::Tier;

/// Who compiles the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// naga, as wgpu has it natively.
    Native,
    /// A browser.
    Browser,
}

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A uniform buffer.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is also written.
    ReadWrite,
}

/// A binding that the linked text declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its number, in group 0.
    pub number: u32,
    /// How it is used.
    pub access: Access,
}

/// A linked kernel.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The WGSL text.
    pub source: String,
    /// Its bindings, by number.
    pub bindings: Vec<Binding>,
    /// For each line of the text, the file and the line that it came from.
    pub lines: Vec<(&'static str, u32)>,
}

/// Why a kernel can't be linked: a mistake in the sources or in a variant.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No such piece.
    #[error("{file}:{line}: there is no piece '{piece}' under src/lib")]
    NoPiece {
        /// The importing file.
        file: &'static str,
        /// Its line.
        line: u32,
        /// The piece.
        piece: String,
    },
    /// An import that the linker can't read.
    #[error("{file}:{line}: expected `import package::lib::<piece>::{{...}};`, found `{text}`")]
    Import {
        /// The file.
        file: &'static str,
        /// Its line.
        line: u32,
        /// The text.
        text: String,
    },
    /// A constant of the variant that no source marks as `// param`.
    #[error("kernel '{kernel}' has no constant '{name}' marked `// param`")]
    NoParam {
        /// The kernel.
        kernel: &'static str,
        /// The constant.
        name: &'static str,
    },
}

use crate::pieces::PIECES;

/// The names of all pieces.
pub fn module_names() -> impl Iterator<Item = &'static str> {
    PIECES.iter().map(|(name, _)| *name)
}

/// Links a variant of a kernel for a tier.
pub fn link(kernel: &Kernel, variant: &Variant, tier: Tier, target: Target) -> Result<Linked, LinkError> {
    let mut linker = Linker {
        variant,
        tier,
        done: Vec::new(),
        replaced: Vec::new(),
        source: String::new(),
        lines: Vec::new(),
    };
    if tier.f16() {
        linker.line("header", 0, "enable f16;");
    }
    if tier.subgroups() && target == Target::Browser {
        linker.line("header", 0, "enable subgroups;");
    }
    linker.include(kernel.name, kernel.source)?;
    if let Some((name, _)) = variant.consts.iter().find(|(name, _)| !linker.replaced.contains(name)) {
        return Err(LinkError::NoParam { kernel: kernel.name, name });
    }
    let bindings = bindings(&linker.source);
    Ok(Linked { source: linker.source, bindings, lines: linker.lines })
}

struct Linker<'v> {
    variant: &'v Variant,
    tier: Tier,
    done: Vec<&'static str>,
    replaced: Vec<&'static str>,
    source: String,
    lines: Vec<(&'static str, u32)>,
}

impl Linker<'_> {
    fn line(&mut self, file: &'static str, number: u32, text: &str) {
        self.source.push_str(text);
        self.source.push('\n');
        self.lines.push((file, number));
    }

    fn include(&mut self, file: &'static str, source: &'static str) -> Result<(), LinkError> {
        // Imports first, so that every piece stands before what uses it and a line map stays monotonic in a file.
        for (number, text) in (1u32..).zip(source.lines()) {
            let Some((condition, import)) = split_import(text) else { continue };
            if !condition.is_none_or(|c| self.holds(c)) {
                continue;
            }
            let error = || LinkError::Import { file, line: number, text: text.to_owned() };
            let path = import.strip_prefix("import package::lib::").ok_or_else(error)?;
            let (piece, _) = path.split_once("::").ok_or_else(error)?;
            let piece = self.chosen(piece);
            let (name, piece_source) = PIECES
                .iter()
                .find(|(name, _)| *name == piece)
                .ok_or_else(|| LinkError::NoPiece { file, line: number, piece: piece.to_owned() })?;
            if !self.done.contains(name) {
                self.done.push(name);
                self.include(name, piece_source)?;
            }
        }
        for (number, text) in (1u32..).zip(source.lines()) {
            if split_import(text).is_some() || text.trim_start().starts_with("//") {
                continue;
            }
            match self.replacement(text) {
                Some(replaced) => self.line(file, number, &replaced),
                None => self.line(file, number, text),
            }
        }
        Ok(())
    }

    fn holds(&self, condition: &str) -> bool {
        match condition {
            "subgroups" => self.tier.subgroups(),
            "!subgroups" => !self.tier.subgroups(),
            "f16" => self.tier.f16(),
            "!f16" => !self.tier.f16(),
            _ => false,
        }
    }

    /// The variant's piece of the same family, else the piece itself.
    fn chosen<'s>(&self, piece: &'s str) -> &'s str
    where
        Self: 's,
    {
        let family = |name: &str| name.split('_').next().map(str::to_owned);
        self.variant.pieces.iter().find(|p| family(p) == family(piece)).copied().unwrap_or(piece)
    }

    fn replacement(&mut self, text: &str) -> Option<String> {
        let declaration = text.strip_suffix("// param")?;
        let name = declaration.strip_prefix("const ")?.split(':').next()?.trim();
        let (name, value) = self.variant.consts.iter().find(|(n, _)| *n == name)?;
        self.replaced.push(name);
        Some(format!("const {name}: u32 = {value}u; // param"))
    }
}

/// The condition and the import of an import line.
fn split_import(text: &str) -> Option<(Option<&str>, &str)> {
    match text.strip_prefix("@if(") {
        Some(rest) => {
            let (condition, import) = rest.split_once(')')?;
            let import = import.trim_start();
            import.starts_with("import ").then_some((Some(condition), import))
        }
        None => text.starts_with("import ").then_some((None, text)),
    }
}

/// The bindings that a text declares, each on a line of its own.
fn bindings(source: &str) -> Vec<Binding> {
    let mut found: Vec<Binding> = source
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("@group(0) @binding(")?;
            let (number, rest) = rest.split_once(") var<")?;
            let access = match rest.split_once('>')?.0 {
                "uniform" => Access::Uniform,
                "storage, read" => Access::Read,
                "storage, read_write" => Access::ReadWrite,
                _ => return None,
            };
            Some(Binding { number: number.parse().ok()?, access })
        })
        .collect();
    found.sort_by_key(|b| b.number);
    found
}
