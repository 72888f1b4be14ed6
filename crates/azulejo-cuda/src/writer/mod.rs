//! naga's IR as CUDA C++.
//!
//! It writes what the kernels use and refuses everything else by name. Every value that is loaded, called for, named or
//! used twice becomes a constant of the function, in the order of the IR; what is used once stands where it is used.
//! Pointers are never values: they become lvalues wherever they are loaded or stored to. Whatever WGSL does otherwise
//! than C++ is a function of the prelude.
//!
//! - `types`: names and declarations of types; `builtins`: functions, operators and inputs; `expressions`; `statements`.

mod builtins;
mod expressions;
mod statements;
mod types;

use std::fmt::Write as _;

use azulejo_shaders::Access;
use naga::proc::{CaseInsensitiveKeywordSet, KeywordSet, Layouter, NameKey, Namer};
use naga::valid::{FunctionInfo, GlobalUse, ModuleInfo};
use naga::{AddressSpace, FastHashMap, Function, GlobalVariable, Handle, Module};

use crate::overrides::Override;

/// C++ that every written kernel needs before it.
pub const PRELUDE: &str = include_str!("prelude.cuh");

/// What becomes of an index out of range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bounds {
    /// Indices are not looked at.
    #[default]
    Unchecked,
    /// It becomes the last one.
    Clamp,
    /// It ends the kernel; on the host with an error that says where.
    Abort,
}

/// How to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// What becomes of indices out of range.
    pub bounds: Bounds,
    /// True if workgroup memory is filled with what is no number first.
    pub poison: bool,
    /// The compute capability, major and minor, whose overrides are taken: kernels that are written by hand. None: every
    /// kernel is translated.
    pub overrides: Option<(u32, u32)>,
}

/// A written kernel. [`PRELUDE`] stands before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name: that of its entry point, of C's linkage.
    pub name: String,
    /// The text.
    pub source: String,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The threads of a block.
    pub threads: u32,
    /// Bytes of shared memory, all of them static.
    pub shared_bytes: u32,
    /// How many of a call's workgroups a block does, in the two extents of its grid (`Call::blocks`): one, but for overrides.
    pub share: [u32; 2],
    /// What becomes of indices out of range.
    pub bounds: Bounds,
}

/// A pointer to a buffer that a kernel takes, and behind it, as a `u32`, the number of elements if the buffer is an
/// array without a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The number of the binding.
    pub binding: u32,
    /// How it is used.
    pub access: Access,
    /// The size of an element of an array, or of the whole.
    pub bytes: u32,
    /// True if it is an array without a size.
    pub is_array: bool,
}

/// What is not written, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported {
    pub(crate) what: String,
    /// The line in the WGSL text, counted from 1.
    pub(crate) line: Option<u32>,
}

impl Unsupported {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), line: None }
    }

    /// With the place, unless a nearer one is known.
    fn at(mut self, span: naga::Span, source: &str) -> Self {
        if self.line.is_none() && span.is_defined() {
            self.line = Some(span.location(source).line_number);
        }
        self
    }
}

type Result<T, E = Unsupported> = std::result::Result<T, E>;

/// Writes the one kernel of a validated module, whose WGSL text is `source`; or what its functions are, and the override behind
/// them.
pub(crate) fn write(
    module: &Module,
    info: &ModuleInfo,
    source: &str,
    options: &Options,
    by_hand: Option<&Override>,
) -> Result<Written> {
    let [entry] = module.entry_points.as_slice() else {
        return Err(Unsupported::new(format!("{} entry points in one text", module.entry_points.len())));
    };
    if let Some((handle, _)) = module.overrides.iter().next() {
        let error = Unsupported::new("an override, which must have been replaced by its value");
        return Err(error.at(module.overrides.get_span(handle), source));
    }
    if entry.workgroup_size[1..] != [1, 1] {
        return Err(Unsupported::new("a workgroup of more than one dimension"));
    }
    let writer = Writer::new(module, info, source, options)?;
    writer.module(by_hand)
}

/// What is known of the whole module.
struct Writer<'a> {
    module: &'a Module,
    info: &'a ModuleInfo,
    source: &'a str,
    options: &'a Options,
    layouter: Layouter,
    names: FastHashMap<NameKey, String>,
    namer: Namer,
    /// The names of the lengths of buffers that are arrays without a size.
    lengths: FastHashMap<Handle<GlobalVariable>, String>,
    threads: u32,
}

impl<'a> Writer<'a> {
    fn new(module: &'a Module, info: &'a ModuleInfo, source: &'a str, options: &'a Options) -> Result<Self> {
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).map_err(|e| Unsupported::new(e.to_string()))?;
        let mut names = FastHashMap::default();
        let mut namer = Namer::default();
        let (none, folded) = (KeywordSet::empty(), CaseInsensitiveKeywordSet::empty());
        namer.reset(module, builtins::reserved(), none, folded, &[], &mut names);
        let mut lengths = FastHashMap::default();
        for (handle, _) in module.global_variables.iter().filter(|(_, v)| types::is_unsized(module, v.ty)) {
            let name = format!("{}_length", names[&NameKey::GlobalVariable(handle)]);
            lengths.insert(handle, namer.call(&name));
        }
        let threads = module.entry_points[0].workgroup_size[0];
        Ok(Self { module, info, source, options, layouter, names, namer, lengths, threads })
    }

    fn module(mut self, by_hand: Option<&Override>) -> Result<Written> {
        let (module, all) = (self.module, self.info);
        let entry = &module.entry_points[0];
        let info = all.get_entry_point(0);
        let name = self.names[&NameKey::EntryPoint(0)].clone();
        let mut text = self.structs()?;
        let shared_bytes = match by_hand {
            Some(by_hand) => by_hand.shared_bytes,
            None => self.shared(&mut text)?,
        };
        for (handle, function) in self.module.functions.iter() {
            // Workgroup memory isn't there: an override has its own.
            if by_hand.is_some() && self.uses_workgroup_memory(&all[handle]) {
                continue;
            }
            let written = self.function(handle, function);
            text += &written.map_err(|e| e.at(self.module.functions.get_span(handle), self.source))?;
        }
        let mut signature = Vec::new();
        let mut parameters = Vec::new();
        let mut bound: Vec<_> = self.module.global_variables.iter().filter(|(_, v)| is_buffer(v)).collect();
        bound.sort_by_key(|(_, v)| v.binding.map(|b| (b.group, b.binding)));
        for (handle, variable) in bound {
            parameters.push(self.parameter(variable, info[handle])?);
            signature.extend(self.buffer(handle, true)?);
        }
        let bounds = self.options.bounds;
        if let Some(by_hand) = by_hand {
            text += &self.overridden(by_hand, &signature.join(", "));
            let (threads, share) = (by_hand.threads, by_hand.share);
            return Ok(Written { name, source: text, parameters, threads, shared_bytes, share, bounds });
        }
        let _ = writeln!(text, "KERNEL({}) {name}({}) {{", self.threads, signature.join(", "));
        let mut function = statements::FunctionWriter::new(&mut self, &entry.function, info, None);
        function.inputs(entry)?;
        if shared_bytes > 0 && function.writer.options.poison {
            function.line(&format!("wgsl::poison<{}u>(shared);", function.writer.threads));
        }
        function.body()?;
        text += &function.text;
        text += "}\n";
        let (threads, share) = (self.threads, [1, 1]);
        Ok(Written { name, source: text, parameters, threads, shared_bytes, share, bounds })
    }

    /// An override with what it finds defined (`overrides`).
    fn overridden(&self, by_hand: &Override, bindings: &str) -> String {
        let index = match self.options.bounds {
            Bounds::Unchecked => "(at)",
            Bounds::Clamp => "wgsl::clamped(at, length)",
            Bounds::Abort => "wgsl::checked(at, length, what)",
        };
        let poison = if self.options.poison { "wgsl::poison<THREADS>(memory)" } else { "" };
        let mut defined = vec![
            ("THREADS", "", format!("{}u", by_hand.threads)),
            ("SHARED_BYTES", "", format!("{}u", by_hand.shared_bytes)),
            ("BINDINGS", "", bindings.to_owned()),
            ("INDEX", "(at, length, what)", index.to_owned()),
            ("POISON", "(memory)", poison.to_owned()),
        ];
        // A call as in WGSL gets what the translated function takes besides. A macro isn't replaced in its own text.
        for (handle, function) in self.module.functions.iter() {
            let name = self.names[&NameKey::Function(handle)].as_str();
            let added = self.added_arguments(handle);
            if !function.arguments.is_empty() && !added.is_empty() {
                defined.push((name, "(...)", format!("{name}(__VA_ARGS__, {})", added.join(", "))));
            }
        }
        let mut text = String::new();
        for (name, arguments, value) in &defined {
            let _ = writeln!(text, "#define {name}{arguments} {value}");
        }
        let _ = write!(text, "#line 1 \"{}\"\n{}", by_hand.file, by_hand.source);
        // Another kernel may follow in the same text.
        for (name, ..) in &defined {
            let _ = writeln!(text, "#undef {name}");
        }
        text
    }

    /// What calls of a function give behind its own arguments: the buffers that it uses, and their lengths if it checks indices.
    fn added_arguments(&self, function: Handle<Function>) -> Vec<String> {
        let mut added = Vec::new();
        for buffer in self.buffers(&self.info[function]) {
            added.push(self.names[&NameKey::GlobalVariable(buffer)].clone());
            if let Some(length) = self.lengths.get(&buffer)
                && self.options.bounds != Bounds::Unchecked
            {
                added.push(length.clone());
            }
        }
        added
    }

    /// Workgroup memory is one struct, so that it can be filled as a whole. Gives its size.
    fn shared(&self, text: &mut String) -> Result<u32> {
        let mut members = String::new();
        let mut bytes: u32 = 0;
        for (handle, variable) in self.module.global_variables.iter() {
            match variable.space {
                AddressSpace::WorkGroup => {
                    let name = &self.names[&NameKey::GlobalVariable(handle)];
                    let layout = self.layouter[variable.ty];
                    bytes = layout.alignment.round_up(bytes) + layout.size;
                    let _ = writeln!(members, "  {} {name};", self.type_name(variable.ty)?);
                }
                AddressSpace::Uniform | AddressSpace::Storage { .. } => {}
                space => {
                    let error = Unsupported::new(format!("a variable in the address space {space:?}"));
                    return Err(error.at(self.module.global_variables.get_span(handle), self.source));
                }
            }
        }
        if bytes > 0 {
            let _ = write!(text, "struct Shared {{\n{members}}};\n__shared__ Shared shared;\n\n");
        }
        Ok(bytes)
    }

    fn parameter(&self, variable: &GlobalVariable, uses: GlobalUse) -> Result<Parameter> {
        let binding = variable.binding.ok_or_else(|| Unsupported::new("a buffer without a binding"))?;
        if binding.group != 0 {
            return Err(Unsupported::new(format!("the binding group {}", binding.group)));
        }
        let access = match variable.space {
            AddressSpace::Uniform => Access::Uniform,
            _ if uses.contains(GlobalUse::WRITE) => Access::ReadWrite,
            _ => Access::Read,
        };
        let element = types::element(self.module, variable.ty);
        let is_array = types::is_unsized(self.module, variable.ty);
        let layout = self.layouter[element];
        let bytes = if is_array { layout.to_stride() } else { layout.size };
        Ok(Parameter { binding: binding.binding, access, bytes, is_array })
    }

    /// The parameters of a buffer: a pointer, through which nobody else writes; and its length, where it is needed or
    /// the function is a kernel, whose parameters don't depend on the options.
    fn buffer(&self, handle: Handle<GlobalVariable>, is_kernel: bool) -> Result<Vec<String>> {
        let variable = &self.module.global_variables[handle];
        // Whether the kernel writes to it, since a function that only reads may be given what another one writes.
        let writes = self.info.get_entry_point(0)[handle].contains(GlobalUse::WRITE);
        let constant = if writes { "" } else { "const " };
        let name = &self.names[&NameKey::GlobalVariable(handle)];
        let ty = self.type_name(types::element(self.module, variable.ty))?;
        let mut parameters = vec![format!("{constant}{ty}* __restrict__ {name}")];
        if let Some(length) = self.lengths.get(&handle)
            && (is_kernel || self.options.bounds != Bounds::Unchecked)
        {
            parameters.push(format!("u32 {length}"));
        }
        Ok(parameters)
    }

    /// The buffers that a function uses, itself or in what it calls.
    fn buffers<'w>(&'w self, info: &'w FunctionInfo) -> impl Iterator<Item = Handle<GlobalVariable>> + 'w {
        let all = self.module.global_variables.iter();
        all.filter(|(handle, v)| is_buffer(v) && !info[*handle].is_empty()).map(|(handle, _)| handle)
    }

    /// True if a function uses workgroup memory, itself or in what it calls.
    fn uses_workgroup_memory(&self, info: &FunctionInfo) -> bool {
        let mut all = self.module.global_variables.iter();
        all.any(|(handle, v)| v.space == AddressSpace::WorkGroup && !info[handle].is_empty())
    }

    fn function(&mut self, handle: Handle<Function>, function: &'a Function) -> Result<String> {
        let all = self.info;
        let info = &all[handle];
        let result = match &function.result {
            Some(result) => self.type_name(result.ty)?,
            None => "void".to_owned(),
        };
        let mut parameters = Vec::new();
        for (index, argument) in (0..).zip(&function.arguments) {
            let name = &self.names[&NameKey::FunctionArgument(handle, index)];
            parameters.push(format!("const {} {name}", self.type_name(argument.ty)?));
        }
        for buffer in self.buffers(info) {
            parameters.extend(self.buffer(buffer, false)?);
        }
        let name = &self.names[&NameKey::Function(handle)];
        let head = format!("static __device__ {result} {name}({}) {{\n", parameters.join(", "));
        if builtins::IN_PRELUDE.contains(&name.as_str()) {
            let names = (0..)
                .zip(&function.arguments)
                .map(|(index, _)| &self.names[&NameKey::FunctionArgument(handle, index)]);
            let arguments: Vec<&str> = names.map(String::as_str).collect();
            return Ok(format!("{head}  return wgsl::{name}({});\n}}\n\n", arguments.join(", ")));
        }
        let mut writer = statements::FunctionWriter::new(self, function, info, Some(handle));
        writer.body()?;
        Ok(head + &writer.text + "}\n\n")
    }
}

fn is_buffer(variable: &GlobalVariable) -> bool {
    matches!(variable.space, AddressSpace::Uniform | AddressSpace::Storage { .. })
}

/// Text without parentheses around the whole of it.
fn bare(text: &str) -> &str {
    let Some(inside) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else { return text };
    let mut depth = 0;
    for c in inside.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return text,
            ')' => depth -= 1,
            _ => {}
        }
    }
    inside
}
