//! A Llama-like plan with made-up weights, for the tests and the example.

use azulejo_cpu::{CpuBackend, CpuError, CpuModel};
use azulejo_plan::{
    Backend, Change, Constant, Gate, KvCache, KvType, Plan, PlanBuilder, Reach, RopeLayout, RopeTable,
    Tensor, TensorId, rope_table,
};
use azulejo_quant::{BlockFormat, Plane, PlaneLayout, random_blocks};

/// The sizes of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: u32,
    pub(crate) hidden: u32,
    pub(crate) ffn: u32,
    pub(crate) heads: u32,
    pub(crate) kv_heads: u32,
    pub(crate) head_size: u32,
    pub(crate) vocabulary: u32,
    pub(crate) capacity: u32,
    pub(crate) chunk: u32,
    pub(crate) output_rows: u32,
    pub(crate) format: BlockFormat,
    /// Of the head and the embedding.
    pub(crate) head_format: BlockFormat,
    pub(crate) kv: KvType,
    pub(crate) rope: RopeLayout,
    pub(crate) has_bias: bool,
}

/// The plan of a shape, unfused.
pub(crate) fn plan(s: Shape) -> Plan {
    let kv = KvCache {
        layers: s.layers,
        kv_heads: s.kv_heads,
        head_size: s.head_size,
        capacity: s.capacity,
        k: s.kv,
        v: s.kv,
    };
    let inverse_frequencies =
        (0..s.head_size / 2).map(|i| 1e4f32.powf(-2.0 * i as f32 / s.head_size as f32)).collect();
    let table = RopeTable { inverse_frequencies, magnitude: 1.0 };
    let mut b = PlanBuilder::new("test", s.heads, kv, s.rope, vec![table], s.chunk, s.output_rows);
    let matrix = |b: &mut PlanBuilder, name: String, format, rows: u32, cols: u32| -> TensorId {
        b.tensor(Tensor { name, format, rows: rows.into(), cols: cols.into(), change: Change::NONE })
    };
    let vector = |b: &mut PlanBuilder, name: String, cols: u32| {
        b.tensor(Tensor { name, format: BlockFormat::F32, rows: 1, cols: cols.into(), change: Change::NONE })
    };
    let (q_width, kv_width) = (s.heads * s.head_size, s.kv_heads * s.head_size);
    let x = b.activation("x", s.hidden);
    let normed = b.activation("normed", s.hidden);
    let qkv = b.activation("qkv", q_width + 2 * kv_width);
    let attended = b.activation("attended", q_width);
    let projected = b.activation("projected", s.hidden);
    let halves = b.activation("halves", 2 * s.ffn);
    let gated = b.activation("gated", s.ffn);
    let q = b.columns(qkv, 0, q_width);
    let k = b.columns(qkv, q_width, kv_width);
    let v = b.columns(qkv, q_width + kv_width, kv_width);
    let gate = b.columns(halves, 0, s.ffn);
    let up = b.columns(halves, s.ffn, s.ffn);
    let eps = 1e-5;
    let embedding = matrix(&mut b, "embedding".to_owned(), s.head_format, s.vocabulary, s.hidden);
    b.embed(embedding, 1.0, x);
    for layer in 0..s.layers {
        let name = |what: &str| format!("{what}.{layer}");
        let weight = vector(&mut b, name("norm1"), s.hidden);
        b.rms_norm(x, weight, eps, normed);
        for (what, out) in [("q", q), ("k", k), ("v", v)] {
            let weight = matrix(&mut b, name(what), s.format, out.width, s.hidden);
            let bias = s.has_bias.then(|| vector(&mut b, name(&format!("{what}_bias")), out.width));
            b.linear(normed, weight, bias, out);
        }
        b.rope_kv(q, k, v, layer, 0);
        b.attention(q, attended, layer, Reach::Past);
        let weight = matrix(&mut b, name("o"), s.format, s.hidden, q_width);
        b.linear(attended, weight, None, projected);
        b.add(x, projected, x);
        let weight = vector(&mut b, name("norm2"), s.hidden);
        b.rms_norm(x, weight, eps, normed);
        for (what, out) in [("gate", gate), ("up", up)] {
            let weight = matrix(&mut b, name(what), s.format, out.width, s.hidden);
            b.linear(normed, weight, None, out);
        }
        b.glu(Gate::Silu, gate, up, gated);
        let weight = matrix(&mut b, name("down"), s.format, s.hidden, s.ffn);
        b.linear(gated, weight, None, projected);
        b.add(x, projected, x);
    }
    let weight = vector(&mut b, "norm".to_owned(), s.hidden);
    let head = matrix(&mut b, "head".to_owned(), s.head_format, s.vocabulary, s.hidden);
    let logits = b.logits(s.vocabulary);
    b.begin_head();
    b.rms_norm(x, weight, eps, normed);
    b.linear(normed, head, None, logits);
    b.finish()
}

/// The file's bytes of a tensor, made up from its name.
fn made_up(tensor: &Tensor) -> Vec<u8> {
    let seed =
        tensor.name.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
    let row = tensor.format.row_bytes(tensor.cols as usize).unwrap();
    let mut bytes = vec![0u8; row * tensor.rows as usize];
    if tensor.name.starts_with("norm") {
        bytes.copy_from_slice(&1f32.to_le_bytes().repeat(tensor.cols as usize));
    } else {
        let std = if tensor.name == "embedding" { 1.0 } else { 1.0 / (tensor.cols as f32).sqrt() };
        random_blocks(tensor.format, seed, std, &mut bytes).unwrap();
    }
    bytes
}

/// Prepares a plan and fills its constants.
pub(crate) fn load(backend: &CpuBackend, plan: &Plan) -> Result<CpuModel, CpuError> {
    let mut model = backend.prepare(plan)?;
    let constants = backend.constants(&model).to_vec();
    for (i, constant) in constants.iter().enumerate() {
        match constant {
            Constant::Rope { table } => {
                let rows = rope_table(&plan.rope_tables[*table as usize], 0, plan.kv.capacity);
                let bytes: Vec<u8> = rows.iter().flat_map(|f| f.to_le_bytes()).collect();
                backend.write(&mut model, i, Plane::Quants, 0, &bytes)?;
            }
            Constant::Vector { pieces } => {
                let mut at = 0;
                for piece in pieces {
                    if let Some(tensor) = piece.tensor {
                        let bytes = made_up(plan.tensor(tensor));
                        let bytes = &bytes[piece.first as usize * 4..][..piece.rows as usize * 4];
                        backend.write(&mut model, i, Plane::Quants, at, bytes)?;
                    }
                    at += piece.rows * 4;
                }
            }
            Constant::Matrix { format, cols, pieces } => {
                let layout = PlaneLayout::new(*format, constant.rows() as usize, *cols as usize).unwrap();
                let mut all = Vec::new();
                for piece in pieces {
                    let bytes = made_up(plan.tensor(piece.tensor.unwrap()));
                    let row = layout.file_row_bytes;
                    all.extend_from_slice(&bytes[piece.first as usize * row..][..piece.rows as usize * row]);
                }
                let mut result = Ok(());
                layout
                    .repack_rows(0, constant.rows(), &all, &mut Vec::new(), |plane, offset, bytes| {
                        if result.is_ok() {
                            result = backend.write(&mut model, i, plane, offset, bytes);
                        }
                    })
                    .unwrap();
                result?;
            }
        }
    }
    Ok(model)
}
