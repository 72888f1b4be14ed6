//! Functions, operators and inputs of WGSL, as the prelude and CUDA have them.

use std::sync::OnceLock;

use naga::proc::KeywordSet;
use naga::{
    BinaryOperator, BuiltIn, CollectiveOperation, MathFunction, Scalar, ScalarKind, SubgroupOperation,
    TypeInner, UnaryOperator,
};

use super::types::{count, scalar_name};
use super::{Result, Unsupported, Writer, bare};

/// The lanes of a subgroup.
const WARP: u32 = 32;

/// Functions of pieces that the prelude has as well, by instructions for which WGSL has no word.
pub(super) const IN_PRELUDE: &[&str] = &["fractions"];

/// Words that no name may be: those of C++, of CUDA, and of the prelude.
const RESERVED: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "class",
    "compl",
    "const",
    "const_cast",
    "constexpr",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "threadIdx",
    "blockIdx",
    "blockDim",
    "gridDim",
    "warpSize",
    "u32",
    "i32",
    "f32",
    "V2",
    "V3",
    "V4",
    "Array",
    "Matrix",
    "Shared",
    "shared",
    "wgsl",
    "host",
    "tensor",
    "FN",
    "COMPONENTS",
    "COMPONENTS2",
    "OPERATOR",
    "COMPARISONS",
    "SCALED",
];

/// [`RESERVED`], as naga wants it.
pub(super) fn reserved() -> &'static KeywordSet {
    static SET: OnceLock<KeywordSet> = OnceLock::new();
    SET.get_or_init(|| RESERVED.iter().copied().collect())
}

/// The scalar that a value consists of.
pub(super) fn scalar_of(inner: &TypeInner) -> Option<Scalar> {
    match *inner {
        TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } | TypeInner::Matrix { scalar, .. } => {
            Some(scalar)
        }
        _ => None,
    }
}

fn kind_of(inner: &TypeInner) -> Option<ScalarKind> {
    scalar_of(inner).map(|scalar| scalar.kind)
}

/// `(left op right)`, or a call.
pub(super) fn binary(op: BinaryOperator, of: &TypeInner, left: &str, right: &str) -> Result<String> {
    use BinaryOperator as B;
    use ScalarKind::{Bool, Float, Uint};
    let kind = kind_of(of);
    let function = match (op, kind) {
        (B::Divide, Some(Uint)) => Some("divide"),
        (B::Modulo, Some(Uint)) => Some("modulo"),
        (B::ShiftLeft, Some(Uint)) => Some("shift_left"),
        (B::ShiftRight, Some(Uint)) => Some("shift_right"),
        _ => None,
    };
    if let Some(function) = function {
        return Ok(format!("wgsl::{function}({}, {})", bare(left), bare(right)));
    }
    let is_scalar = matches!(of, TypeInner::Scalar(_));
    let operator = match (op, kind) {
        (B::Add, Some(Float | Uint)) => "+",
        (B::Subtract, Some(Float | Uint)) => "-",
        (B::Multiply, Some(Float | Uint)) => "*",
        (B::Divide, Some(Float)) => "/",
        (B::Equal, Some(Float | Uint)) => "==",
        (B::NotEqual, Some(Float | Uint)) => "!=",
        (B::Less, Some(Float | Uint)) => "<",
        (B::LessEqual, Some(Float | Uint)) => "<=",
        (B::Greater, Some(Float | Uint)) => ">",
        (B::GreaterEqual, Some(Float | Uint)) => ">=",
        (B::And, Some(Uint)) => "&",
        (B::InclusiveOr, Some(Uint)) => "|",
        (B::ExclusiveOr, Some(Uint)) => "^",
        (B::LogicalAnd, Some(Bool)) if is_scalar => "&&",
        (B::LogicalOr, Some(Bool)) if is_scalar => "||",
        _ => return Err(Unsupported::new(format!("the operator {op:?} of {}", described(of)))),
    };
    Ok(format!("({left} {operator} {right})"))
}

pub(super) fn unary(op: UnaryOperator, of: &TypeInner, value: &str) -> Result<String> {
    let is_scalar = matches!(of, TypeInner::Scalar(_));
    match (op, kind_of(of)) {
        (UnaryOperator::Negate, Some(ScalarKind::Float)) => Ok(format!("(-{value})")),
        (UnaryOperator::LogicalNot, Some(ScalarKind::Bool)) if is_scalar => Ok(format!("!({value})")),
        _ => Err(Unsupported::new(format!("the operator {op:?} of {}", described(of)))),
    }
}

/// The prelude's function for a function of WGSL.
pub(super) fn math(fun: MathFunction, of: &TypeInner) -> Result<&'static str> {
    use MathFunction as M;
    use ScalarKind::{Float, Sint, Uint};
    let is_scalar = matches!(of, TypeInner::Scalar(_));
    Ok(match (fun, kind_of(of)) {
        (M::Abs, Some(Float)) => "abs",
        (M::Min, Some(Float | Uint)) => "min",
        (M::Max, Some(Float | Uint)) => "max",
        (M::Clamp, Some(Float | Uint)) => "clamp",
        (M::Exp, Some(Float)) => "exp",
        (M::InverseSqrt, Some(Float)) => "inverse_sqrt",
        (M::Round, Some(Float)) => "round",
        (M::Dot, Some(Float)) => "dot",
        (M::Dot4I8Packed, Some(Uint)) => "dot_4_i8",
        (M::ExtractBits, Some(Sint)) if is_scalar => "extract_bits",
        (M::Unpack4xI8, _) => "unpack_4_i8",
        (M::Unpack4xU8, _) => "unpack_4_u8",
        (M::Unpack2x16float, _) => "unpack_2_f16",
        (M::Pack2x16float, _) => "pack_2_f16",
        _ => return Err(Unsupported::new(format!("the function {fun:?} of {}", described(of)))),
    })
}

/// The prelude's function for a conversion, or for another meaning of the same bits.
pub(super) fn conversion(to: ScalarKind, is_bits: bool, of: &TypeInner) -> Result<String> {
    let from = scalar_of(of).ok_or_else(|| Unsupported::new("a conversion of what has no components"))?;
    scalar_name(from)?;
    let to = scalar_name(Scalar { kind: to, width: 4 })?;
    if matches!(of, TypeInner::Matrix { .. }) || to == "bool" || is_bits && from.kind == ScalarKind::Bool {
        return Err(Unsupported::new(format!("a conversion of {} to {to}", described(of))));
    }
    Ok(format!("wgsl::{}_{to}", if is_bits { "bits" } else { "to" }))
}

/// A type in words of WGSL.
fn described(of: &TypeInner) -> String {
    let scalar = scalar_of(of).and_then(|scalar| scalar_name(scalar).ok()).unwrap_or("another type");
    match *of {
        TypeInner::Vector { size, .. } => format!("vec{}<{scalar}>", count(size)),
        TypeInner::Matrix { columns, rows, .. } => format!("mat{}x{}<{scalar}>", count(columns), count(rows)),
        _ => scalar.to_owned(),
    }
}

impl Writer<'_> {
    /// The prelude's function for a subgroup's operation.
    pub(super) fn subgroup(
        &self,
        op: SubgroupOperation,
        collective: CollectiveOperation,
        of: &TypeInner,
    ) -> Result<&'static str> {
        self.whole_subgroups()?;
        match (op, collective, kind_of(of)) {
            (SubgroupOperation::Add, CollectiveOperation::Reduce, Some(ScalarKind::Float)) => {
                Ok("subgroup_add")
            }
            (SubgroupOperation::Max, CollectiveOperation::Reduce, Some(ScalarKind::Float)) => {
                Ok("subgroup_max")
            }
            _ => {
                let what = format!("the subgroup operation {op:?} ({collective:?}) of {}", described(of));
                Err(Unsupported::new(what))
            }
        }
    }

    /// All lanes of a subgroup take part in its operations, so there must be as many.
    fn whole_subgroups(&self) -> Result<()> {
        if self.threads.is_multiple_of(WARP) {
            return Ok(());
        }
        Err(Unsupported::new(format!(
            "subgroups in a workgroup of {} invocations, which is no multiple of {WARP}",
            self.threads
        )))
    }

    /// An input of the kernel. Workgroups have one dimension.
    pub(super) fn input(&self, builtin: BuiltIn) -> Result<String> {
        Ok(match builtin {
            BuiltIn::WorkGroupId => "V3<u32>{blockIdx.x, blockIdx.y, blockIdx.z}".to_owned(),
            BuiltIn::NumWorkGroups => "V3<u32>{gridDim.x, gridDim.y, gridDim.z}".to_owned(),
            BuiltIn::LocalInvocationIndex => "threadIdx.x".to_owned(),
            BuiltIn::SubgroupInvocationId => {
                self.whole_subgroups()?;
                format!("threadIdx.x % {WARP}u")
            }
            BuiltIn::SubgroupSize => {
                self.whole_subgroups()?;
                format!("{WARP}u")
            }
            other => return Err(Unsupported::new(format!("the builtin {other:?}"))),
        })
    }
}
