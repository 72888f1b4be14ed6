//! The operations of a plan: elementary ones, and fused ones that carry their parts.

use crate::{TensorId, View};

/// One operation. All activations are f32, one row a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// `out[t] = scale * table[row(t)]`.
    Embed {
        /// The table, `[rows, width]`.
        table: TensorId,
        /// Which row a token looks up.
        row: Row,
        /// What the rows are multiplied by.
        scale: f32,
        /// Where the rows go.
        out: View,
    },
    /// Root-mean-square norm: `out = x / sqrt(mean(x^2) + eps) * weight` (Zhang and Sennrich, 2019).
    RmsNorm {
        /// The rows that are normalised.
        x: View,
        /// Weight and epsilon, and where the result goes.
        norm: Norm,
    },
    /// `out = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight + bias` (Ba et al., 2016).
    LayerNorm(LayerNorm),
    /// Root-mean-square norms of groups of columns, in place: of the heads of queries and keys, or of all at once.
    GroupNorm(GroupNorm),
    /// A function of each element, in place.
    Map {
        /// The columns.
        x: View,
        /// The function.
        map: Map,
    },
    /// Matrix products of one input, optionally behind a norm and before an addition or a gate.
    Linears(Linears),
    /// Rotates queries and keys by their position and appends keys and values to the cache.
    RopeKv(RopeKv),
    /// Attention of the queries over the cache.
    Attention(Attention),
    /// [`Op::RopeKv`], then [`Op::Attention`], in one step.
    RopeKvAttention(RopeKv, Attention),
    /// `out = a + b`.
    Add {
        /// One summand.
        a: View,
        /// The other.
        b: View,
        /// The sum; may be `a` or `b`.
        out: View,
    },
    /// `out = gate(x) * up` (Shazeer, 2020).
    Glu {
        /// The function.
        gate: Gate,
        /// The half that goes through it.
        x: View,
        /// The half that is multiplied.
        up: View,
        /// The product.
        out: View,
    },
}

/// The function of a gated layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `silu(x) = x / (1 + exp(-x))`.
    Silu,
    /// GELU by a hyperbolic tangent: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` (Hendrycks and Gimpel, 2016).
    Gelu,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    /// `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel, 2016).
    Gelu,
    /// `min(max(x, -limit), limit)`.
    Clamp {
        /// The limit.
        limit: f32,
    },
}

/// Which row of a table a token looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The one of the token's number.
    Token,
    /// The one of the token's position in its text, counted from this row on.
    Position(u32),
    /// This one, whatever the token.
    Fixed(u32),
}

/// A norm with mean and variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// The rows that are normalised.
    pub x: View,
    /// Weight and bias, one value a column each; without them the result is neither scaled nor shifted.
    pub affine: Option<(TensorId, TensorId)>,
    /// Added to the variance.
    pub eps: f32,
    /// The normalised rows.
    pub out: View,
}

/// Root-mean-square norms of queries and keys, in place, over groups of columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Queries: groups as wide as their weight, side by side.
    pub q: View,
    /// The weight of a group of queries.
    pub q_weight: TensorId,
    /// Keys, in the same activation.
    pub k: View,
    /// The weight of a group of keys.
    pub k_weight: TensorId,
    /// Added to the mean squares.
    pub eps: f32,
}

/// The parameters of a root-mean-square norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// The weight, one value a column.
    pub weight: TensorId,
    /// Added to the mean square.
    pub eps: f32,
    /// The normalised rows.
    pub out: View,
}

/// One matrix product `out = x . weight^T + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// `[rows, columns]`; the columns are the width of the input.
    pub weight: TensorId,
    /// One value a row.
    pub bias: Option<TensorId>,
    /// As wide as the weight has rows.
    pub out: View,
}

/// What becomes of the products of [`Linears`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    /// They are stored.
    Store,
    /// `out = residual + product`; one part.
    Add {
        /// The other summand.
        residual: View,
        /// The sum; may be the residual.
        out: View,
    },
    /// `out = gate(first) * second`; two parts of equal height.
    Glu {
        /// The function.
        gate: Gate,
        /// The gated product.
        out: View,
    },
}

/// Matrix products of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Linears {
    /// The input, before the norm where there is one.
    pub x: View,
    /// A norm that the input goes through first.
    pub norm: Option<Norm>,
    /// The products.
    pub parts: Vec<Part>,
    /// What becomes of them.
    pub then: Then,
}

impl Linears {
    /// What the matrices are multiplied with: the norm's output, or the input itself.
    pub fn input(&self) -> View {
        self.norm.map_or(self.x, |n| n.out)
    }
}

/// Rotation by position and the write into the cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RopeKv {
    /// Queries `[tokens, heads * head_size]`, rotated in place.
    pub q: View,
    /// Keys `[tokens, kv_heads * head_size]`.
    pub k: View,
    /// Values, as wide as the keys.
    pub v: View,
    /// The layer of the cache.
    pub layer: u32,
    /// Which of the plan's rope tables.
    pub table: u32,
}

/// Which positions of the cache a token sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those up to its own.
    Past,
    /// The last so many, its own included.
    Window(u32),
    /// All of its text, which is in one step.
    All,
}

/// Attention: `softmax(q . k^T / sqrt(head_size)) . v` over the positions that a token sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Rotated queries `[tokens, heads * head_size]`.
    pub q: View,
    /// `[tokens, heads * head_size]`.
    pub out: View,
    /// The layer of the cache.
    pub layer: u32,
    /// What a token sees.
    pub reach: Reach,
}

impl Op {
    /// The elementary ops that a fused one stands for, in order; an elementary op stands for itself.
    /// Executing them gives the same result, through activations that the fused op need not touch.
    pub fn unfused(&self) -> Vec<Op> {
        match self {
            Op::Linears(linears) => {
                let input = linears.input();
                let mut ops = Vec::new();
                if let Some(norm) = linears.norm {
                    ops.push(Op::RmsNorm { x: linears.x, norm });
                }
                for part in &linears.parts {
                    ops.push(Op::Linears(Linears {
                        x: input,
                        norm: None,
                        parts: vec![*part],
                        then: Then::Store,
                    }));
                }
                match linears.then {
                    Then::Store => {}
                    Then::Add { residual, out } => {
                        ops.push(Op::Add { a: residual, b: linears.parts[0].out, out });
                    }
                    Then::Glu { gate, out } => {
                        let [x, up] = [linears.parts[0].out, linears.parts[1].out];
                        ops.push(Op::Glu { gate, x, up, out });
                    }
                }
                ops
            }
            Op::RopeKvAttention(rope, attention) => vec![Op::RopeKv(*rope), Op::Attention(*attention)],
            other => vec![other.clone()],
        }
    }

    /// The views that the op reads (a fused op: those that it reads when it is executed fused).
    pub fn reads(&self) -> Vec<View> {
        match self {
            Op::Embed { .. } => vec![],
            Op::RmsNorm { x, .. } | Op::Map { x, .. } => vec![*x],
            Op::LayerNorm(n) => vec![n.x],
            Op::GroupNorm(n) => vec![n.q, n.k],
            Op::Linears(l) => match l.then {
                Then::Add { residual, .. } => vec![l.x, residual],
                _ => vec![l.x],
            },
            Op::RopeKv(r) => vec![r.q, r.k, r.v],
            Op::Attention(a) => vec![a.q],
            Op::RopeKvAttention(r, _) => vec![r.q, r.k, r.v],
            Op::Add { a, b, .. } => vec![*a, *b],
            Op::Glu { x, up, .. } => vec![*x, *up],
        }
    }

    /// The views that the op writes.
    pub fn writes(&self) -> Vec<View> {
        match self {
            Op::Embed { out, .. } | Op::Add { out, .. } | Op::Glu { out, .. } => vec![*out],
            Op::RmsNorm { norm, .. } => vec![norm.out],
            Op::LayerNorm(n) => vec![n.out],
            Op::GroupNorm(n) => vec![n.q, n.k],
            Op::Map { x, .. } => vec![*x],
            Op::Linears(l) => match l.then {
                Then::Store => l.parts.iter().map(|p| p.out).collect(),
                Then::Add { out, .. } | Then::Glu { out, .. } => vec![out],
            },
            Op::RopeKv(r) => vec![r.q],
            Op::Attention(a) | Op::RopeKvAttention(_, a) => vec![a.out],
        }
    }
}
