//! Types: their names in C++, and the declarations of structs.

use std::fmt::Write as _;

use naga::proc::NameKey;
use naga::{ArraySize, Handle, Module, Scalar, ScalarKind, Type, TypeInner, VectorSize};

use super::{Result, Unsupported, Writer};

/// True of an array without a size.
pub(super) fn is_unsized(module: &Module, ty: Handle<Type>) -> bool {
    matches!(module.types[ty].inner, TypeInner::Array { size: ArraySize::Dynamic, .. })
}

/// The element of an array without a size, else the type itself: what a buffer's pointer points to.
pub(super) fn element(module: &Module, ty: Handle<Type>) -> Handle<Type> {
    match module.types[ty].inner {
        TypeInner::Array { base, size: ArraySize::Dynamic, .. } => base,
        _ => ty,
    }
}

/// The number of components.
pub(super) fn count(size: VectorSize) -> u32 {
    size as u8 as u32
}

/// The names of a vector's components.
pub(super) const COMPONENTS: [&str; 4] = ["x", "y", "z", "w"];

pub(super) fn scalar_name(scalar: Scalar) -> Result<&'static str> {
    match (scalar.kind, scalar.width) {
        (ScalarKind::Bool, _) => Ok("bool"),
        (ScalarKind::Uint, 4) => Ok("u32"),
        (ScalarKind::Sint, 4) => Ok("i32"),
        (ScalarKind::Float, 4) => Ok("f32"),
        (kind, width) => Err(Unsupported::new(format!("{kind:?} of {} bits", 8 * u32::from(width)))),
    }
}

impl Writer<'_> {
    pub(super) fn type_name(&self, ty: Handle<Type>) -> Result<String> {
        let named = match self.module.types[ty].inner {
            TypeInner::Struct { .. } => Ok(self.names[&NameKey::Type(ty)].clone()),
            ref inner => self.inner_name(inner),
        };
        named.map_err(|e| e.at(self.module.types.get_span(ty), self.source))
    }

    /// The name of a type that may have none in the module; structs always do.
    pub(super) fn inner_name(&self, inner: &TypeInner) -> Result<String> {
        match *inner {
            TypeInner::Scalar(scalar) => Ok(scalar_name(scalar)?.to_owned()),
            TypeInner::Vector { size, scalar } => Ok(format!("V{}<{}>", count(size), scalar_name(scalar)?)),
            TypeInner::Matrix { columns, rows, scalar } => {
                Ok(format!("Matrix<V{}<{}>, {}>", count(rows), scalar_name(scalar)?, count(columns)))
            }
            TypeInner::Array { base, size: ArraySize::Constant(size), stride } => {
                if stride != self.layouter[base].size {
                    return Err(Unsupported::new("an array with room between its elements"));
                }
                Ok(format!("Array<{}, {size}>", self.type_name(base)?))
            }
            ref other => Err(Unsupported::new(format!("the type {}", kind(other)))),
        }
    }

    /// The structs of the module, in its order: what a struct holds stands before it.
    pub(super) fn structs(&self) -> Result<String> {
        let mut text = String::new();
        for (handle, ty) in self.module.types.iter() {
            let TypeInner::Struct { members, span } = &ty.inner else { continue };
            let name = &self.names[&NameKey::Type(handle)];
            let alignment = self.layouter[handle].alignment;
            let _ = writeln!(text, "struct alignas({}) {name} {{", alignment.round_up(1));
            let mut end = 0;
            for (index, member) in (0..).zip(members) {
                let layout = self.layouter[member.ty];
                let member_name = &self.names[&NameKey::StructMember(handle, index)];
                // Three components are aligned as four in WGSL, and as one in C++.
                let place = layout.alignment.round_up(end);
                if place != member.offset {
                    let error = Unsupported::new(format!("the offset of '{member_name}' in '{name}'"));
                    return Err(error.at(self.module.types.get_span(handle), self.source));
                }
                end = place + layout.size;
                let alignment = match self.module.types[member.ty].inner {
                    TypeInner::Vector { size: VectorSize::Tri, .. } => "alignas(16) ",
                    _ => "",
                };
                let _ = writeln!(text, "  {alignment}{} {member_name};", self.type_name(member.ty)?);
            }
            let _ = write!(text, "}};\nstatic_assert(sizeof({name}) == {span}, \"as in WGSL\");\n\n");
        }
        Ok(text)
    }
}

/// The kind of a type, for errors.
fn kind(inner: &TypeInner) -> String {
    let text = format!("{inner:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}
