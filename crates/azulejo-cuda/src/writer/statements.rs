//! Functions and their statements.

use std::fmt::Write as _;

use naga::proc::NameKey;
use naga::valid::FunctionInfo;
use naga::{
    Barrier, Binding, Block, EntryPoint, Expression, FastHashMap, FastHashSet, Function, Handle,
    LocalVariable, Statement, TypeInner,
};

use super::{Result, Unsupported, Writer, bare};

/// Writes a function's body.
pub(super) struct FunctionWriter<'w, 'a> {
    pub(super) writer: &'w mut Writer<'a>,
    pub(super) function: &'a Function,
    pub(super) info: &'a FunctionInfo,
    /// None: the kernel itself.
    handle: Option<Handle<Function>>,
    /// The names of the values that have one by now.
    pub(super) baked: FastHashMap<Handle<Expression>, String>,
    /// The values that must have one, since what uses them names them more than once.
    repeated: FastHashSet<Handle<Expression>>,
    pub(super) text: String,
    depth: usize,
}

impl<'w, 'a> FunctionWriter<'w, 'a> {
    pub(super) fn new(
        writer: &'w mut Writer<'a>,
        function: &'a Function,
        info: &'a FunctionInfo,
        handle: Option<Handle<Function>>,
    ) -> Self {
        let (baked, text) = (FastHashMap::default(), String::new());
        let mut new =
            Self { writer, function, info, handle, baked, repeated: FastHashSet::default(), text, depth: 1 };
        new.repeated = function.expressions.iter().flat_map(|(_, e)| new.repeats(e)).collect();
        new
    }

    pub(super) fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 2 * self.depth);
    }

    pub(super) fn argument(&self, index: u32) -> String {
        let key = match self.handle {
            Some(handle) => NameKey::FunctionArgument(handle, index),
            None => NameKey::EntryPointArgument(0, index),
        };
        self.writer.names[&key].clone()
    }

    pub(super) fn local(&self, local: Handle<LocalVariable>) -> String {
        let key = match self.handle {
            Some(handle) => NameKey::FunctionLocal(handle, local),
            None => NameKey::EntryPointLocal(0, local),
        };
        self.writer.names[&key].clone()
    }

    /// The kernel's inputs, as variables of the names of its arguments.
    pub(super) fn inputs(&mut self, entry: &EntryPoint) -> Result<()> {
        for (index, argument) in (0..).zip(&entry.function.arguments) {
            let name = self.argument(index);
            let ty = self.writer.type_name(argument.ty)?;
            let value = match (&argument.binding, &self.writer.module.types[argument.ty].inner) {
                (Some(Binding::BuiltIn(builtin)), _) => self.writer.input(*builtin)?,
                (None, TypeInner::Struct { members, .. }) => {
                    let mut inputs = Vec::new();
                    for member in members {
                        match member.binding {
                            Some(Binding::BuiltIn(builtin)) => inputs.push(self.writer.input(builtin)?),
                            _ => return Err(Unsupported::new(format!("the argument '{name}' of a kernel"))),
                        }
                    }
                    format!("{{{}}}", inputs.join(", "))
                }
                _ => return Err(Unsupported::new(format!("the argument '{name}' of a kernel"))),
            };
            self.line(&format!("const {ty} {name} = {value};"));
        }
        Ok(())
    }

    pub(super) fn body(&mut self) -> Result<()> {
        for (handle, variable) in self.function.local_variables.iter() {
            let value = match variable.init {
                Some(init) => self.value(init)?,
                None => "{}".to_owned(),
            };
            let ty = self.writer.type_name(variable.ty)?;
            self.line(&format!("{ty} {} = {value};", self.local(handle)));
        }
        self.block(&self.function.body)
    }

    fn block(&mut self, block: &'a Block) -> Result<()> {
        for (statement, span) in block.span_iter() {
            self.statement(statement).map_err(|e| e.at(*span, self.writer.source))?;
        }
        Ok(())
    }

    fn indented(&mut self, block: &'a Block) -> Result<()> {
        self.depth += 1;
        let done = self.block(block);
        self.depth -= 1;
        done
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<()> {
        match *statement {
            Statement::Emit(ref range) => {
                for expression in range.clone() {
                    let span = self.function.expressions.get_span(expression);
                    self.emit(expression).map_err(|e| e.at(span, self.writer.source))?;
                }
            }
            Statement::Block(ref block) => {
                self.line("{");
                self.indented(block)?;
                self.line("}");
            }
            Statement::If { condition, ref accept, ref reject } => {
                let condition = self.value(condition)?;
                // `if (c) {} else { break; }` is what loops begin with.
                if accept.is_empty() {
                    self.line(&format!("if (!({})) {{", bare(&condition)));
                    self.indented(reject)?;
                } else {
                    self.line(&format!("if ({}) {{", bare(&condition)));
                    self.indented(accept)?;
                    if !reject.is_empty() {
                        self.line("} else {");
                        self.indented(reject)?;
                    }
                }
                self.line("}");
            }
            Statement::Loop { ref body, ref continuing, break_if: None } => {
                self.line("for (;;) {");
                self.indented(body)?;
                self.indented(continuing)?;
                self.line("}");
            }
            Statement::Break => self.line("break;"),
            Statement::Return { value: Some(value) } => {
                let value = self.value(value)?;
                self.line(&format!("return {};", bare(&value)));
            }
            Statement::Return { value: None } => self.line("return;"),
            // It also orders what the block's threads do to buffers.
            Statement::ControlBarrier(barrier)
                if Barrier::WORK_GROUP.union(Barrier::STORAGE).contains(barrier) =>
            {
                self.line("__syncthreads();");
            }
            Statement::Store { pointer, value } => {
                let (place, value) = (self.place(pointer)?, self.value(value)?);
                self.line(&format!("{place} = {};", bare(&value)));
            }
            Statement::Call { function, ref arguments, result } => {
                let call = self.call(function, arguments)?;
                match result {
                    Some(result) => self.bake(result, &call)?,
                    None => self.line(&format!("{call};")),
                }
            }
            Statement::SubgroupCollectiveOperation { op, collective_op, argument, result } => {
                let name = self.writer.subgroup(op, collective_op, self.inner(argument))?;
                let value = self.value(argument)?;
                self.bake(result, &format!("wgsl::{name}({value})"))?;
            }
            ref other => return Err(Unsupported::new(format!("the statement {}", kind(other)))),
        }
        Ok(())
    }

    /// Gives a value that is computed here its name, if it needs one.
    fn emit(&mut self, expression: Handle<Expression>) -> Result<()> {
        let uses = self.info[expression].ref_count;
        if uses == 0 || self.is_pointer(expression) {
            return Ok(());
        }
        let is_load = matches!(self.function.expressions[expression], Expression::Load { .. });
        let is_named = self.function.named_expressions.contains_key(&expression);
        if uses > 1 || is_load || is_named || self.repeated.contains(&expression) {
            let value = self.computed(expression)?;
            self.bake(expression, &value)?;
        }
        Ok(())
    }

    fn bake(&mut self, expression: Handle<Expression>, value: &str) -> Result<()> {
        let name = match self.function.named_expressions.get(&expression) {
            Some(name) => self.writer.namer.call(name),
            // No name of the source ends with a digit.
            None => format!("e{}", expression.index()),
        };
        let ty = self.type_of(expression)?;
        self.line(&format!("const {ty} {name} = {};", bare(value)));
        self.baked.insert(expression, name);
        Ok(())
    }

    fn call(&self, function: Handle<Function>, arguments: &[Handle<Expression>]) -> Result<String> {
        let mut values = Vec::new();
        for &argument in arguments {
            values.push(self.value(argument)?);
        }
        let writer = &*self.writer;
        values.extend(writer.added_arguments(function));
        Ok(format!("{}({})", writer.names[&NameKey::Function(function)], values.join(", ")))
    }
}

/// The kind of a statement, for errors.
fn kind(statement: &Statement) -> String {
    let text = format!("{statement:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
