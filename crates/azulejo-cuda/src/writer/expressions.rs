//! Expressions: values as text, and pointers as the lvalues that they point to.

use naga::proc::NameKey;
use naga::{AddressSpace, ArraySize, Expression, Handle, Literal, Type, TypeInner};

use super::statements::FunctionWriter;
use super::types::{COMPONENTS, count, is_unsized};
use super::{Bounds, Result, Unsupported, bare, builtins};

/// How many elements there are to index.
enum Length {
    Fixed(u32),
    Buffer(String),
}

impl FunctionWriter<'_, '_> {
    /// The type of an expression.
    pub(super) fn inner(&self, expression: Handle<Expression>) -> &TypeInner {
        self.info[expression].ty.inner_with(&self.writer.module.types)
    }

    /// The name of the type of an expression.
    pub(super) fn type_of(&self, expression: Handle<Expression>) -> Result<String> {
        match self.info[expression].ty.handle() {
            Some(handle) => self.writer.type_name(handle),
            None => self.writer.inner_name(self.inner(expression)),
        }
    }

    /// A value: its name where it has one, else what computes it.
    pub(super) fn value(&self, expression: Handle<Expression>) -> Result<String> {
        match self.baked.get(&expression) {
            Some(name) => Ok(name.clone()),
            None => self.computed(expression),
        }
    }

    /// What computes a value.
    pub(super) fn computed(&self, expression: Handle<Expression>) -> Result<String> {
        let function = self.function;
        match function.expressions[expression] {
            Expression::Literal(literal) => literal_text(literal),
            Expression::Constant(constant) => self.constant(self.writer.module.constants[constant].init),
            Expression::ZeroValue(ty) => self.zero(ty),
            Expression::Compose { ty, ref components } => {
                let mut values = Vec::new();
                for &component in components {
                    values.push((self.value(component)?, self.inner(component)));
                }
                self.composed(ty, &values)
            }
            Expression::Splat { size, value } => {
                Ok(format!("wgsl::splat{}({})", count(size), self.value(value)?))
            }
            Expression::Swizzle { vector, size, ref pattern } => {
                let of = self.value(vector)?;
                let parts: Vec<String> = pattern[..count(size) as usize]
                    .iter()
                    .map(|&component| format!("{of}.{}", COMPONENTS[component as usize]))
                    .collect();
                Ok(format!("{}{{{}}}", self.type_of(expression)?, parts.join(", ")))
            }
            Expression::FunctionArgument(index) => Ok(self.argument(index)),
            Expression::Load { pointer } => self.load(pointer),
            Expression::Access { base, index } => {
                let (of, at) = (self.value(base)?, self.value(index)?);
                match *self.inner(base) {
                    TypeInner::Vector { size, .. } => {
                        let at = self.index(&at, Length::Fixed(count(size)), "a vector");
                        Ok(format!("wgsl::get({of}, {at})"))
                    }
                    TypeInner::Array { size: ArraySize::Constant(size), .. } => {
                        let at = self.index(&at, Length::Fixed(size.get()), "an array");
                        Ok(format!("{of}.e[{at}]"))
                    }
                    _ => Err(Unsupported::new("a computed index of what is neither vector nor array")),
                }
            }
            Expression::AccessIndex { base, index } => {
                let of = self.value(base)?;
                self.part(&of, self.inner(base), self.info[base].ty.handle(), index)
            }
            Expression::Unary { op, expr } => builtins::unary(op, self.inner(expr), &self.value(expr)?),
            Expression::Binary { op, left, right } => self.binary(op, left, right),
            Expression::Select { condition, accept, reject } => {
                let (yes, no) = (self.value(accept)?, self.value(reject)?);
                Ok(format!("wgsl::select({}, {yes}, {no})", self.value(condition)?))
            }
            Expression::Math { fun, arg, arg1, arg2, arg3 } => {
                let name = builtins::math(fun, self.inner(arg))?;
                let mut arguments = Vec::new();
                for argument in [Some(arg), arg1, arg2, arg3].into_iter().flatten() {
                    arguments.push(bare(&self.value(argument)?).to_owned());
                }
                Ok(format!("wgsl::{name}({})", arguments.join(", ")))
            }
            Expression::As { expr, kind, convert } => {
                if !matches!(convert, None | Some(4)) {
                    return Err(Unsupported::new(format!("a conversion to {kind:?} of another size")));
                }
                let name = builtins::conversion(kind, convert.is_none(), self.inner(expr))?;
                Ok(format!("{name}({})", bare(&self.value(expr)?)))
            }
            ref other => Err(Unsupported::new(format!("the expression {}", kind(other)))),
        }
    }

    fn binary(
        &self,
        op: naga::BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Result<String> {
        let (a, b) = (self.inner(left), self.inner(right));
        // A matrix has one product in the prelude: with a scalar behind it.
        let is_scaled = op == naga::BinaryOperator::Multiply && matches!(b, TypeInner::Scalar(_));
        if matches!(a, TypeInner::Matrix { .. }) && !is_scaled || matches!(b, TypeInner::Matrix { .. }) {
            return Err(Unsupported::new(format!("the operator {op:?} of a matrix")));
        }
        builtins::binary(op, a, &self.value(left)?, &self.value(right)?)
    }

    /// A constant of the module.
    fn constant(&self, expression: Handle<Expression>) -> Result<String> {
        let module = self.writer.module;
        match module.global_expressions[expression] {
            Expression::Literal(literal) => literal_text(literal),
            Expression::Constant(constant) => self.constant(module.constants[constant].init),
            Expression::ZeroValue(ty) => self.zero(ty),
            Expression::Splat { size, value } => {
                Ok(format!("wgsl::splat{}({})", count(size), self.constant(value)?))
            }
            Expression::Compose { ty, ref components } => {
                let mut values = Vec::new();
                for &component in components {
                    let inner = self.writer.info[component].inner_with(&module.types);
                    values.push((self.constant(component)?, inner));
                }
                self.composed(ty, &values)
            }
            ref other => Err(Unsupported::new(format!("the constant expression {}", kind(other)))),
        }
    }

    fn zero(&self, ty: Handle<Type>) -> Result<String> {
        Ok(format!("{}{{}}", self.writer.type_name(ty)?))
    }

    /// A value of parts. A vector's may be vectors themselves.
    fn composed(&self, ty: Handle<Type>, parts: &[(String, &TypeInner)]) -> Result<String> {
        let name = self.writer.type_name(ty)?;
        let mut values: Vec<String> = Vec::new();
        let inner = &self.writer.module.types[ty].inner;
        for (text, part) in parts {
            match (inner, part) {
                (TypeInner::Vector { .. }, TypeInner::Vector { size, .. }) => {
                    values.extend((0..count(*size)).map(|i| format!("{text}.{}", COMPONENTS[i as usize])));
                }
                _ => values.push(bare(text).to_owned()),
            }
        }
        let values = values.join(", ");
        match inner {
            TypeInner::Struct { .. } | TypeInner::Vector { .. } => Ok(format!("{name}{{{values}}}")),
            TypeInner::Array { .. } => Ok(format!("{name}{{{{{values}}}}}")),
            TypeInner::Matrix { columns, .. } if parts.len() == count(*columns) as usize => {
                Ok(format!("{name}{{{{{values}}}}}"))
            }
            _ => Err(Unsupported::new(format!("a value of type {name} of {} parts", parts.len()))),
        }
    }

    /// Part `index` of a value or an lvalue.
    fn part(&self, of: &str, inner: &TypeInner, ty: Option<Handle<Type>>, index: u32) -> Result<String> {
        match (inner, ty) {
            (TypeInner::Struct { .. }, Some(ty)) => {
                let member = &self.writer.names[&NameKey::StructMember(ty, index)];
                Ok(match of.strip_prefix("(*").and_then(|rest| rest.strip_suffix(')')) {
                    Some(pointer) => format!("{pointer}->{member}"),
                    None => format!("{of}.{member}"),
                })
            }
            (TypeInner::Vector { .. }, _) => Ok(format!("{of}.{}", COMPONENTS[index as usize])),
            (TypeInner::Array { size: ArraySize::Constant(_), .. }, _) => Ok(format!("{of}.e[{index}]")),
            (TypeInner::Matrix { .. }, _) => Ok(format!("{of}.c[{index}]")),
            _ => Err(Unsupported::new("a part of what has no parts")),
        }
    }

    /// The type that a pointer points to, and its handle if the module has it.
    fn pointee(&self, pointer: Handle<Expression>) -> Result<(TypeInner, Option<Handle<Type>>)> {
        match *self.inner(pointer) {
            TypeInner::Pointer { base, .. } => Ok((self.writer.module.types[base].inner.clone(), Some(base))),
            TypeInner::ValuePointer { size: Some(size), scalar, .. } => {
                Ok((TypeInner::Vector { size, scalar }, None))
            }
            _ => Err(Unsupported::new("a pointer to a part of what has no parts")),
        }
    }

    fn load(&self, pointer: Handle<Expression>) -> Result<String> {
        // A component of a variable of the function is chosen, so that the variable stays in registers.
        if let Expression::Access { base, index } = self.function.expressions[pointer]
            && let (TypeInner::Vector { size, .. }, _) = self.pointee(base)?
            && self.inner(base).pointer_space() == Some(AddressSpace::Function)
        {
            let at = self.index(&self.value(index)?, Length::Fixed(count(size)), &self.root(base));
            return Ok(format!("wgsl::get({}, {at})", self.place(base)?));
        }
        self.place(pointer)
    }

    /// The lvalue of a pointer.
    pub(super) fn place(&self, pointer: Handle<Expression>) -> Result<String> {
        let writer = &*self.writer;
        match self.function.expressions[pointer] {
            Expression::LocalVariable(local) => Ok(self.local(local)),
            Expression::GlobalVariable(global) => {
                let name = &writer.names[&NameKey::GlobalVariable(global)];
                Ok(match writer.module.global_variables[global].space {
                    AddressSpace::WorkGroup => format!("shared.{name}"),
                    _ => format!("(*{name})"),
                })
            }
            Expression::Access { base, index } => self.element(base, &self.value(index)?),
            Expression::AccessIndex { base, index } => {
                let (inner, ty) = self.pointee(base)?;
                match inner {
                    TypeInner::Array { size: ArraySize::Dynamic, .. } => {
                        self.element(base, &format!("{index}u"))
                    }
                    _ => self.part(&self.place(base)?, &inner, ty, index),
                }
            }
            ref other => Err(Unsupported::new(format!("a pointer that is the expression {}", kind(other)))),
        }
    }

    /// The lvalue of an element by a computed index.
    fn element(&self, base: Handle<Expression>, at: &str) -> Result<String> {
        let what = self.root(base);
        let index = |length| self.index(at, length, &what);
        match self.pointee(base)?.0 {
            TypeInner::Array { size: ArraySize::Dynamic, .. } => {
                let Expression::GlobalVariable(global) = self.function.expressions[base] else {
                    return Err(Unsupported::new("an array without a size that is not a buffer of its own"));
                };
                let name = &self.writer.names[&NameKey::GlobalVariable(global)];
                let length = self.writer.lengths[&global].clone();
                Ok(format!("{name}[{}]", index(Length::Buffer(length))))
            }
            TypeInner::Array { size: ArraySize::Constant(size), .. } => {
                Ok(format!("{}.e[{}]", self.place(base)?, index(Length::Fixed(size.get()))))
            }
            TypeInner::Matrix { columns, .. } => {
                Ok(format!("{}.c[{}]", self.place(base)?, index(Length::Fixed(count(columns)))))
            }
            TypeInner::Vector { size, .. } => {
                Ok(format!("wgsl::at({}, {})", self.place(base)?, index(Length::Fixed(count(size)))))
            }
            _ => Err(Unsupported::new("a computed index of what has no elements")),
        }
    }

    /// An index as the options want it.
    fn index(&self, at: &str, length: Length, what: &str) -> String {
        let length = match length {
            Length::Fixed(count) => format!("{count}u"),
            Length::Buffer(name) => name,
        };
        let at = bare(at);
        match self.writer.options.bounds {
            Bounds::Unchecked => at.to_owned(),
            Bounds::Clamp => format!("wgsl::clamped({at}, {length})"),
            Bounds::Abort => format!("wgsl::checked({at}, {length}, \"{what}\")"),
        }
    }

    /// The name of the variable that a pointer leads into.
    fn root(&self, pointer: Handle<Expression>) -> String {
        match self.function.expressions[pointer] {
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => self.root(base),
            Expression::LocalVariable(local) => self.local(local),
            Expression::GlobalVariable(global) => self.writer.names[&NameKey::GlobalVariable(global)].clone(),
            _ => "a value".to_owned(),
        }
    }

    /// True if text that uses the value more than once is written for the expression that uses it.
    pub(super) fn repeats(&self, expression: &Expression) -> Vec<Handle<Expression>> {
        match *expression {
            Expression::Swizzle { vector, .. } => vec![vector],
            Expression::Compose { ty, ref components }
                if matches!(self.writer.module.types[ty].inner, TypeInner::Vector { .. }) =>
            {
                let is_vector = |c: &Handle<Expression>| matches!(self.inner(*c), TypeInner::Vector { .. });
                components.iter().copied().filter(is_vector).collect()
            }
            _ => Vec::new(),
        }
    }

    /// True of an expression that isn't computed where it is emitted: a pointer.
    pub(super) fn is_pointer(&self, expression: Handle<Expression>) -> bool {
        self.inner(expression).pointer_space().is_some()
            || matches!(self.info[expression].ty.handle(), Some(ty) if is_unsized(self.writer.module, ty))
    }
}

fn literal_text(literal: Literal) -> Result<String> {
    match literal {
        Literal::F32(value) if value.is_sign_negative() => Ok(format!("({value:?}f)")),
        Literal::F32(value) => Ok(format!("{value:?}f")),
        Literal::U32(value) => Ok(format!("{value}u")),
        // The lowest number is no literal in C++.
        Literal::I32(value) => {
            Ok(if value < 0 { format!("i32({}u)", value as u32) } else { value.to_string() })
        }
        Literal::Bool(value) => Ok(value.to_string()),
        other => Err(Unsupported::new(format!("the literal {other:?}"))),
    }
}

/// The kind of an expression, for errors.
fn kind(expression: &Expression) -> String {
    let text = format!("{expression:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
