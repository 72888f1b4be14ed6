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
    fused.body = fuse_ops(&plan.body);
    fused.head = fuse_ops(&plan.head);
    fused
}

fn fuse_ops(ops: &[Op]) -> Vec<Op> {
    let mut out = Vec::new();
    let mut rest = ops;
    while !rest.is_empty() {
        let (op, taken) = fuse_first(rest);
        out.push(op);
        rest = &rest[taken..];
    }
    out
}

/// The longest fused op that `ops` begins with, and how many of them it stands for.
fn fuse_first(ops: &[Op]) -> (Op, usize) {
    match ops {
        [Op::RopeKv(rope), Op::Attention(attention), ..]
            if rope.q == attention.q && rope.layer == attention.layer =>
        {
            (Op::RopeKvAttention(*rope, *attention), 2)
        }
        [Op::RmsNorm { x, norm }, rest @ ..] => match fuse_linears(rest, norm.out) {
            Some((mut linears, taken)) if !is_read(norm.out, &rest[taken..]) => {
                linears.x = *x;
                linears.norm = Some(*norm);
                (Op::Linears(linears), taken + 1)
            }
            _ => (ops[0].clone(), 1),
        },
        [Op::Linears(first), ..] if first.norm.is_none() => match fuse_linears(ops, first.x) {
            Some((linears, taken)) => (Op::Linears(linears), taken),
            None => (ops[0].clone(), 1),
        },
        _ => (ops[0].clone(), 1),
    }
}

/// The products of `x` at the beginning of `ops`, with the addition or the gate behind them.
fn fuse_linears(ops: &[Op], x: View) -> Option<(Linears, usize)> {
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
            if taken == 1 && b == parts[0].out && !is_read(b, &ops[2..]) =>
        {
            then = Then::Add { residual, out };
            taken = 2;
        }
        Some(&Op::SwiGlu { gate, up, out })
            if taken == 2
                && (gate, up) == (parts[0].out, parts[1].out)
                && !is_read(gate, &ops[3..])
                && !is_read(up, &ops[3..]) =>
        {
            then = Then::SwiGlu { out };
            taken = 3;
        }
        _ => {}
    }
    Some((Linears { x, norm: None, parts, then }, taken))
}

/// True if `view` is read by `ops` before it is written again.
fn is_read(view: View, ops: &[Op]) -> bool {
    for op in ops.iter().flat_map(Op::unfused) {
        if op.reads().iter().any(|r| r.overlaps(&view)) {
            return true;
        }
        if op.writes().contains(&view) {
            return false;
        }
    }
    false
}
