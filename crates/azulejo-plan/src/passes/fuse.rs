//! Gathers runs of elementary ops into fused ones.
//!
//! - several products of one input -> one [`Linears`](crate::Linears) with several parts;
//! - a norm and the products of its output -> the products with the norm in front;
//! - two products and the gate over them, a product and the addition behind it -> the product with [`Then`];
//! - rope and attention of a layer -> [`Op::RopeKvAttention`].
//!
//! A result that a fused op no longer writes must not be read by anything behind it, which is checked.

use crate::{Linears, Op, Plan, Then, View};

/// Fuses what can be fused.
pub fn fuse(plan: &Plan) -> Plan {
    let mut fused = plan.clone();
    let mut behind = Behind { ops: &plan.head, output: plan.logits };
    fused.body = fuse_ops(&plan.body, behind);
    behind.ops = &[];
    fused.head = fuse_ops(&plan.head, behind);
    fused
}

/// What comes behind the ops that are looked at: others, and the reading of the output.
#[derive(Clone, Copy)]
struct Behind<'p> {
    ops: &'p [Op],
    output: View,
}

fn fuse_ops(ops: &[Op], behind: Behind<'_>) -> Vec<Op> {
    let mut out = Vec::new();
    let mut rest = ops;
    while !rest.is_empty() {
        let (op, taken) = fuse_first(rest, behind);
        out.push(op);
        rest = &rest[taken..];
    }
    out
}

/// The longest fused op that `ops` begins with, and how many of them it stands for.
fn fuse_first(ops: &[Op], behind: Behind<'_>) -> (Op, usize) {
    match ops {
        [Op::RopeKv(rope), Op::Attention(attention), ..]
            if rope.q == attention.q && rope.layer == attention.layer =>
        {
            (Op::RopeKvAttention(*rope, *attention), 2)
        }
        [Op::RmsNorm { x, norm }, rest @ ..] => match fuse_linears(rest, norm.out, behind) {
            Some((mut linears, taken)) if !behind.is_read(norm.out, &rest[taken..]) => {
                linears.x = *x;
                linears.norm = Some(*norm);
                (Op::Linears(linears), taken + 1)
            }
            _ => (ops[0].clone(), 1),
        },
        [Op::Linears(first), ..] if first.norm.is_none() => match fuse_linears(ops, first.x, behind) {
            Some((linears, taken)) => (Op::Linears(linears), taken),
            None => (ops[0].clone(), 1),
        },
        _ => (ops[0].clone(), 1),
    }
}

/// The products of `x` at the beginning of `ops`, with the addition or the gate behind them.
fn fuse_linears(ops: &[Op], x: View, behind: Behind<'_>) -> Option<(Linears, usize)> {
    let mut parts = Vec::new();
    for op in ops {
        match op {
            Op::Linears(l) if l.norm.is_none() && l.x == x && l.then == Then::Store => {
                parts.extend(l.parts.clone())
            }
            _ => break,
        }
    }
    let mut taken = parts.len();
    if taken == 0 {
        return None;
    }
    let mut then = Then::Store;
    match ops.get(taken) {
        Some(&Op::Add { a: residual, b, out })
            if taken == 1 && b == parts[0].out && !behind.is_read(b, &ops[2..]) =>
        {
            then = Then::Add { residual, out };
            taken = 2;
        }
        Some(&Op::Glu { gate, x: first, up, out })
            if taken == 2
                && (first, up) == (parts[0].out, parts[1].out)
                && !behind.is_read(first, &ops[3..])
                && !behind.is_read(up, &ops[3..]) =>
        {
            then = Then::Glu { gate, out };
            taken = 3;
        }
        _ => {}
    }
    Some((Linears { x, norm: None, parts, then }, taken))
}

impl Behind<'_> {
    /// True if `view` is read by `ops` or behind them before it is written again.
    fn is_read(self, view: View, ops: &[Op]) -> bool {
        for op in ops.iter().chain(self.ops).flat_map(Op::unfused) {
            if op.reads().iter().any(|r| r.overlaps(&view)) {
                return true;
            }
            if op.writes().contains(&view) {
                return false;
            }
        }
        self.output.overlaps(&view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, KvCache, KvType, PlanBuilder, RopeLayout, Tensor};

    /// A norm and a product at the body's end; the head reads `what` of it.
    fn plan(reads_norm: bool, is_output: bool) -> Plan {
        let kv =
            KvCache { layers: 1, kv_heads: 1, head_size: 32, capacity: 8, k: KvType::F32, v: KvType::F32 };
        let mut b = PlanBuilder::new("test", 1, kv, RopeLayout::HalfSplit, Vec::new(), 4, 1);
        let mut tensor = |name: &str, rows| {
            let format = azulejo_quant::BlockFormat::F32;
            b.tensor(Tensor { name: name.to_owned(), format, rows, cols: 32, change: Change::NONE })
        };
        let [table, weight, matrix, output] =
            [("table", 8), ("norm", 1), ("matrix", 32), ("output", 8)].map(|(name, rows)| tensor(name, rows));
        let [x, normed, out] = ["x", "normed", "out"].map(|name| b.activation(name, 32));
        b.embed(table, 1.0, x);
        b.rms_norm(x, weight, 1e-5, normed);
        b.linear(normed, matrix, None, out);
        if is_output {
            b.begin_head();
            b.output(normed);
        } else {
            let logits = b.logits(8);
            b.begin_head();
            b.linear(if reads_norm { normed } else { out }, output, None, logits);
        }
        b.finish()
    }

    #[test]
    fn fuse_keeps_what_the_head_or_the_caller_reads() {
        let norms =
            |plan: &Plan| fuse(plan).body.iter().filter(|op| matches!(op, Op::RmsNorm { .. })).count();
        assert_eq!(norms(&plan(false, false)), 0, "nobody reads the norm but the product");
        assert_eq!(norms(&plan(true, false)), 1, "the head reads it");
        assert_eq!(norms(&plan(false, true)), 1, "it is the output");
    }
}
