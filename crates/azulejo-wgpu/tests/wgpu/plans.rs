//! Made-up models: a Llama of any shape, with random weights that depend on the tensor's name alone.

#![allow(clippy::unwrap_used, reason = "made-up models are sound, and what fails stops a test or a bench")]

use azulejo_plan::{
    Backend, Change, Constant, Gate, KvCache, KvType, Plan, PlanBuilder, Reach, RopeLayout, RopeTable,
    Tensor, TensorId, passes, rope_table,
};
use azulejo_quant::{BlockFormat, Plane, PlaneLayout, random_blocks};
use azulejo_wgpu::{WgpuBackend, WgpuModel};

/// The shape of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: u32,
    pub(crate) hidden: u32,
    pub(crate) ffn: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    pub(crate) vocabulary: u32,
    pub(crate) format: BlockFormat,
    pub(crate) kv: KvType,
    pub(crate) bias: bool,
    pub(crate) context: u32,
    pub(crate) chunk: u32,
    pub(crate) output_rows: u32,
}

/// The plan in elementary ops.
pub(crate) fn plan(shape: Shape) -> Plan {
    let Shape { hidden, ffn, heads, kv_heads, vocabulary, format, .. } = shape;
    let head_size = hidden / heads;
    let kv = KvCache {
        layers: shape.layers,
        kv_heads,
        head_size,
        capacity: shape.context,
        k: shape.kv,
        v: shape.kv,
    };
    let inverse_frequencies =
        (0..head_size / 2).map(|i| 1e4f32.powf(-2.0 * i as f32 / head_size as f32)).collect();
    let table = RopeTable { inverse_frequencies, magnitude: 1.0 };
    let mut b = PlanBuilder::new(
        "llama",
        heads,
        kv,
        RopeLayout::Interleaved,
        vec![table],
        shape.chunk,
        shape.output_rows,
    );
    let matrix = |b: &mut PlanBuilder, name: &str, rows: u32, cols: u32| {
        b.tensor(Tensor {
            name: name.to_owned(),
            format,
            rows: rows.into(),
            cols: cols.into(),
            change: Change::NONE,
        })
    };
    let vector = |b: &mut PlanBuilder, name: &str, cols: u32| {
        b.tensor(Tensor {
            name: name.to_owned(),
            format: BlockFormat::F32,
            rows: 1,
            cols: cols.into(),
            change: Change::NONE,
        })
    };
    let x = b.activation("hidden", hidden);
    let normed = b.activation("normed", hidden);
    let qkv = b.activation("qkv", hidden + 2 * kv_heads * head_size);
    let attended = b.activation("attended", hidden);
    let projected = b.activation("projected", hidden);
    let gate_up = b.activation("gate and up", 2 * ffn);
    let gated = b.activation("gated", ffn);
    let logits = b.logits(vocabulary);
    let embedding = matrix(&mut b, "embedding", vocabulary, hidden);
    b.embed(embedding, 1.0, x);
    let width = kv_heads * head_size;
    let (q, k, v) =
        (b.columns(qkv, 0, hidden), b.columns(qkv, hidden, width), b.columns(qkv, hidden + width, width));
    let (gate, up) = (b.columns(gate_up, 0, ffn), b.columns(gate_up, ffn, ffn));
    for layer in 0..shape.layers {
        let name = |what: &str| format!("{layer}.{what}");
        let norm = vector(&mut b, &name("attention norm"), hidden);
        b.rms_norm(x, norm, 1e-5, normed);
        for (what, out) in [("q", q), ("k", k), ("v", v)] {
            let weight = matrix(&mut b, &name(what), out.width, hidden);
            let bias = shape.bias.then(|| vector(&mut b, &name(&format!("{what} bias")), out.width));
            b.linear(normed, weight, bias, out);
        }
        b.rope_kv(q, k, v, layer, 0);
        b.attention(q, attended, layer, Reach::Past);
        let weight = matrix(&mut b, &name("o"), hidden, hidden);
        b.linear(attended, weight, None, projected);
        b.add(x, projected, x);
        let norm = vector(&mut b, &name("ffn norm"), hidden);
        b.rms_norm(x, norm, 1e-5, normed);
        for (what, out) in [("gate", gate), ("up", up)] {
            let weight = matrix(&mut b, &name(what), ffn, hidden);
            b.linear(normed, weight, None, out);
        }
        b.glu(Gate::Silu, gate, up, gated);
        let weight = matrix(&mut b, &name("down"), hidden, ffn);
        b.linear(gated, weight, None, projected);
        b.add(x, projected, x);
    }
    let norm = vector(&mut b, "norm", hidden);
    b.begin_head();
    b.rms_norm(x, norm, 1e-5, normed);
    b.linear(normed, embedding, None, logits);
    b.finish()
}

/// The same in fused ops.
#[allow(dead_code, reason = "the benches fuse, the tests do both")]
pub(crate) fn fused(shape: Shape) -> Plan {
    passes::fuse(&plan(shape))
}

/// A tensor's blocks as a file would hold them.
fn tensor_bytes(plan: &Plan, id: TensorId) -> Vec<u8> {
    let tensor = plan.tensor(id);
    let seed = tensor.name.bytes().fold(17, |seed: u64, b| seed.wrapping_mul(31).wrapping_add(b.into()));
    let row = tensor.format.row_bytes(tensor.cols as usize).unwrap();
    let mut bytes = vec![0; row * tensor.rows as usize];
    // Norms and biases are vectors, about 1; a matrix keeps the size of what it multiplies.
    let std = if tensor.rows == 1 { 1.0 } else { 1.0 / (tensor.cols as f32).sqrt() };
    random_blocks(tensor.format, seed, std, &mut bytes).unwrap();
    bytes
}

/// Fills all constants.
pub(crate) fn fill(backend: &WgpuBackend, model: &mut WgpuModel, plan: &Plan) {
    for (i, constant) in backend.constants(model).to_vec().into_iter().enumerate() {
        let mut put = |plane, bytes: &[u8]| backend.write(model, i, plane, 0, bytes).unwrap();
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        match &constant {
            Constant::Matrix { format, cols, pieces } => {
                let row = format.row_bytes(*cols as usize).unwrap();
                let mut bytes = Vec::new();
                for piece in pieces {
                    let of = tensor_bytes(plan, piece.tensor.unwrap());
                    bytes.extend_from_slice(&of[piece.first as usize * row..][..piece.rows as usize * row]);
                }
                let layout = PlaneLayout::new(*format, constant.rows() as usize, *cols as usize).unwrap();
                let (quants, aux) = layout.repack_all(&bytes).unwrap();
                put(Plane::Quants, &words(&quants));
                put(Plane::Aux, &words(&aux));
            }
            Constant::Vector { pieces } => {
                let mut bytes = Vec::new();
                for piece in pieces {
                    match piece.tensor {
                        Some(id) => bytes.extend_from_slice(
                            &tensor_bytes(plan, id)[piece.first as usize * 4..][..piece.rows as usize * 4],
                        ),
                        None => bytes.resize(bytes.len() + piece.rows as usize * 4, 0),
                    }
                }
                put(Plane::Quants, &bytes);
            }
            Constant::Rope { table } => {
                let values = rope_table(&plan.rope_tables[*table as usize], 0, plan.kv.capacity);
                put(Plane::Quants, &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            }
        }
    }
}
