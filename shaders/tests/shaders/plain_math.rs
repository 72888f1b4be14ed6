//! The twins against formulas written out once more, over dense f32 matrices, so that a twin isn't only compared with
//! a shader that shares its mistakes.

use azulejo_quant::{BlockFormat, PlaneLayout, decode, random_blocks};
use azulejo_shaders::check::{Executor, TwinExecutor};
use azulejo_shaders::kernel::block_piece;
use azulejo_shaders::{Bind, Call, Extent, Kernel, Run, Variant, kernels};
use half::f16;

/// Made-up numbers between -1 and 1.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1u32 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}

/// A call whose buffers are put together by hand.
struct Bench {
    buffers: Vec<Vec<u32>>,
    binds: Vec<Bind>,
}

impl Bench {
    fn new() -> Self {
        Self { buffers: Vec::new(), binds: Vec::new() }
    }

    fn words(mut self, binding: u32, words: &[u32]) -> Self {
        self.binds.push(Bind { binding, buffer: self.buffers.len() });
        self.buffers.push(words.to_vec());
        self
    }

    fn floats(self, binding: u32, floats: &[f32]) -> Self {
        self.words(binding, bytemuck::cast_slice(floats))
    }

    fn run(
        mut self,
        kernel: &'static Kernel,
        pieces: &[&'static str],
        params: Vec<u32>,
        run: Run,
        heads: u32,
    ) -> Self {
        let call = Call {
            kernel,
            variant: Variant::of(pieces),
            params,
            binds: self.binds.clone(),
            grid: [Extent::Fixed(heads), Extent::Fixed(1)],
            label: String::new(),
        };
        TwinExecutor.execute(&call, run, &mut self.buffers).unwrap();
        self
    }

    fn result(&self, binding: u32) -> &[f32] {
        bytemuck::cast_slice(self.result_words(binding))
    }

    fn result_words(&self, binding: u32) -> &[u32] {
        &self.buffers[self.binds.iter().find(|b| b.binding == binding).unwrap().buffer]
    }
}

/// A made-up matrix: its planes, and its weights as they are without them.
fn matrix(format: BlockFormat, rows: usize, cols: usize) -> (Vec<u32>, Vec<u32>, Vec<f32>) {
    let layout = PlaneLayout::new(format, rows, cols).unwrap();
    let mut blocks = vec![0; rows * layout.file_row_bytes];
    random_blocks(format, 42, 0.3, &mut blocks).unwrap();
    let (quants, aux) = layout.repack_all(&blocks).unwrap();
    let mut dense = vec![0.0; rows * cols];
    decode(format, &blocks, &mut dense).unwrap();
    (quants, aux, dense)
}

fn padded(values: &[f32]) -> Vec<f32> {
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(32), 0.0);
    values
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    let most = want.iter().fold(0.0f64, |most, w| most.max(w.abs()));
    for (i, (&got, want)) in got.iter().zip(want).enumerate() {
        assert!((f64::from(got) - want).abs() <= 2e-6 * most, "element {i}: {got} instead of {want}");
    }
}

fn f(value: f32) -> f64 {
    f64::from(value)
}

#[test]
fn twin_agrees_with_plain_math_gemv() {
    for format in BlockFormat::ALL {
        let (rows, cols) = (5, if format.is_float() { 45 } else { 256 });
        let (quants, aux, dense) = matrix(format, rows, cols);
        let mut numbers = Numbers(1);
        let (x, norm, bias, residual) =
            (numbers.many(cols), numbers.many(cols), numbers.many(rows), numbers.many(rows));
        let eps = 0.01;
        let units_per_row = cols.div_ceil(32) as u32;
        let params = kernels::gemv::Params {
            cols: cols as u32,
            rows: rows as u32,
            units_per_row,
            units: units_per_row * rows as u32,
            x_stride: cols.next_multiple_of(32) as u32,
            x_row: 0,
            out_offset: 1,
            residual_offset: 0,
            bias_offset: 0,
            eps,
        };
        let done = Bench::new()
            .words(2, &quants)
            .words(3, &aux)
            .floats(4, &padded(&x))
            .floats(5, &padded(&norm))
            .floats(6, &bias)
            .floats(7, &residual)
            .floats(8, &[9.0; 8])
            .run(
                &kernels::gemv::KERNEL,
                &[block_piece(format), "input_norm", "bias_add", "out_add"],
                params.words(),
                Run { tokens: 1, ..Run::default() },
                2,
            );
        let squares: f64 = x.iter().map(|&x| f(x) * f(x)).sum();
        let root = (squares / cols as f64 + f(eps)).sqrt();
        let want: Vec<f64> = (0..rows)
            .map(|r| {
                let products = (0..cols).map(|c| f(dense[r * cols + c]) * (f(x[c]) / root * f(norm[c])));
                f(residual[r]) + f(bias[r]) + products.sum::<f64>()
            })
            .collect();
        assert_close(&done.result(8)[1..=rows], &want);
        assert_eq!((done.result(8)[0], done.result(8)[rows + 1]), (9.0, 9.0));
    }
}

#[test]
fn twin_agrees_with_plain_math_gemm() {
    let (rows, cols, tokens, above) = (6, 64, 3, 2);
    let (quants, aux, dense) = matrix(BlockFormat::Q5_0, rows, cols);
    let mut numbers = Numbers(2);
    let (x, before) = (numbers.many(tokens * cols), numbers.many(tokens * 32));
    let params = kernels::gemm::Params {
        rows: (rows - above) as u32,
        units_per_row: 2,
        units: 2 * rows as u32,
        first_row: above as u32,
        x_stride: cols as u32,
        out_stride: 32,
        out_offset: 3,
        residual_stride: 0,
        residual_offset: 0,
        bias_offset: 0,
    };
    let done = Bench::new().words(2, &quants).words(3, &aux).floats(4, &x).floats(8, &before).run(
        &kernels::gemm::KERNEL,
        &["block_q5_0", "out_accumulate"],
        params.words(),
        Run { tokens: tokens as u32, ..Run::default() },
        1,
    );
    for t in 0..tokens {
        let want: Vec<f64> = (above..rows)
            .map(|r| {
                let sum: f64 = (0..cols).map(|c| f(dense[r * cols + c]) * f(x[t * cols + c])).sum();
                f(before[t * 32 + 3 + r - above]) + sum
            })
            .collect();
        assert_close(&done.result(8)[t * 32 + 3..t * 32 + 3 + rows - above], &want);
        assert_eq!(done.result(8)[t * 32..t * 32 + 3], before[t * 32..t * 32 + 3]);
    }
}

#[test]
fn twin_agrees_with_plain_math_gemv_glu() {
    for gate in ["gate_silu", "gate_gelu"] {
        gemv_glu(gate);
    }
}

fn gemv_glu(gate: &'static str) {
    let (rows, cols) = (3, 256);
    let (quants, aux, dense) = matrix(BlockFormat::Q3_K, 2 * rows, cols);
    let mut numbers = Numbers(3);
    let (x, bias) = (numbers.many(cols), numbers.many(2 * rows));
    let params = kernels::gemv_glu::Params {
        cols: cols as u32,
        rows: rows as u32,
        units_per_row: 8,
        units: 16 * rows as u32,
        out_offset: 0,
        gate_bias_offset: 0,
        up_bias_offset: rows as u32,
        eps: 0.0,
    };
    let done = Bench::new()
        .words(2, &quants)
        .words(3, &aux)
        .floats(4, &x)
        .floats(6, &bias)
        .floats(8, &[0.0; 4])
        .run(
            &kernels::gemv_glu::KERNEL,
            &["block_q3_k", gate, "input_plain", "bias_add"],
            params.words(),
            Run::default(),
            2,
        );
    let product = |r: usize| f(bias[r]) + (0..cols).map(|c| f(dense[r * cols + c]) * f(x[c])).sum::<f64>();
    let want: Vec<f64> = (0..rows)
        .map(|r| {
            let x = product(r);
            // Both are x times a logistic function.
            let slope = if gate == "gate_silu" {
                x
            } else {
                (8.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)
            };
            x / (1.0 + (-slope).exp()) * product(rows + r)
        })
        .collect();
    assert_close(&done.result(8)[..rows], &want);
}

#[test]
fn twin_agrees_with_plain_math_embed() {
    let (rows, cols) = (5, 40);
    let (quants, aux, dense) = matrix(BlockFormat::F16, rows, cols);
    let params = kernels::embed::Params {
        units_per_row: 2,
        units: 10,
        first_row: 100,
        rows: 5,
        out_stride: 64,
        base: 0,
        scale: 2.0,
    };
    let done = Bench::new()
        .words(2, &quants)
        .words(3, &aux)
        .words(4, &[104, 99, 101, 105])
        .floats(8, &[7.0; 256])
        .run(&kernels::embed::KERNEL, &["block_f16"], params.words(), Run { tokens: 4, ..Run::default() }, 1);
    let out = done.result(8);
    let doubled: Vec<f32> = dense.iter().map(|weight| 2.0 * weight).collect();
    assert_eq!(out[..cols], doubled[4 * cols..]);
    assert_eq!(out[cols..64], [0.0; 24]);
    assert_eq!(out[64..128], [7.0; 64], "a row of another shard is left alone");
    assert_eq!(out[128..128 + cols], doubled[cols..2 * cols]);
    assert_eq!(out[192..], [7.0; 64]);
}

/// Attention in the plainest way: rotated queries and keys of all positions, a whole matrix of scores.
struct Plain {
    heads: usize,
    kv_heads: usize,
    size: usize,
    rotated: usize,
    is_split: bool,
    /// A row a token: queries, keys, values.
    rows: Vec<Vec<f32>>,
}

impl Plain {
    fn new(rope: &str, tokens: usize) -> Self {
        let (heads, kv_heads, size, rotated) = (4, 2, 10, 6);
        let mut numbers = Numbers(4);
        let rows = (0..tokens).map(|_| numbers.many((heads + 2 * kv_heads) * size)).collect();
        Self { heads, kv_heads, size, rotated, is_split: rope == "rope_split", rows }
    }

    fn angle(position: usize, pair: usize) -> f64 {
        position as f64 * [1.0, 0.4, 0.01][pair]
    }

    fn table(&self) -> Vec<f32> {
        let angles = (0..self.rows.len()).flat_map(|p| (0..self.rotated / 2).map(move |i| Self::angle(p, i)));
        angles.flat_map(|a| [a.cos() as f32, a.sin() as f32]).collect()
    }

    /// A head of a token turned by the complex number of its position.
    fn turned(&self, token: usize, at: usize) -> Vec<f64> {
        let mut head: Vec<f64> = self.rows[token][at..at + self.size].iter().map(|&v| f(v)).collect();
        for pair in 0..self.rotated / 2 {
            let (i, j) =
                if self.is_split { (pair, pair + self.rotated / 2) } else { (2 * pair, 2 * pair + 1) };
            let (length, angle) = (head[i].hypot(head[j]), head[j].atan2(head[i]) + Self::angle(token, pair));
            (head[i], head[j]) = (length * angle.cos(), length * angle.sin());
        }
        head
    }

    fn attention(&self, token: usize) -> Vec<f64> {
        let keys = self.heads * self.size;
        let values = keys + self.kv_heads * self.size;
        let mut out = Vec::new();
        for head in 0..self.heads {
            let shared = head / (self.heads / self.kv_heads) * self.size;
            let query = self.turned(token, head * self.size);
            let scores: Vec<f64> = (0..=token)
                .map(|t| {
                    let key = self.turned(t, keys + shared);
                    (0..self.size).map(|i| query[i] * key[i]).sum::<f64>() / (self.size as f64).sqrt()
                })
                .collect();
            let total: f64 = scores.iter().map(|s| s.exp()).sum();
            for i in 0..self.size {
                let weighted =
                    scores.iter().enumerate().map(|(t, s)| s.exp() * f(self.rows[t][values + shared + i]));
                out.push(weighted.sum::<f64>() / total);
            }
        }
        out
    }
}

#[test]
fn twin_agrees_with_plain_math_attention() {
    for rope in ["rope_interleaved", "rope_split"] {
        let plain = Plain::new(rope, 7);
        let (q, kv) = ((plain.heads * plain.size) as u32, (plain.kv_heads * plain.size) as u32);
        let stride = q + 2 * kv;
        // Heads of 10 elements, 16 apart.
        let empty = vec![0.0; 7 * 2 * 16];
        let params = kernels::rope_kv::Params {
            heads: 4,
            kv_heads: 2,
            head_size: 10,
            rotated: 6,
            stride,
            q_offset: 0,
            k_offset: q,
            v_offset: q + kv,
        };
        let step = Run { position: 0, tokens: 7, ..Run::default() };
        let cached = Bench::new()
            .floats(4, &plain.rows.concat())
            .floats(5, &empty)
            .floats(6, &empty)
            .floats(7, &plain.table())
            .run(&kernels::rope_kv::KERNEL, &[rope, "kcache_f32", "vcache_f32"], params.words(), step, 1);
        let params = kernels::attn::Params {
            heads: 4,
            kv_heads: 2,
            head_size: 10,
            q_stride: stride,
            q_offset: 0,
            out_stride: q,
            out_offset: 0,
            scale: 1.0 / 10f32.sqrt(),
            window: u32::MAX,
        };
        let done = Bench::new()
            .floats(4, cached.result(4))
            .floats(5, cached.result(5))
            .floats(6, cached.result(6))
            .floats(8, &vec![0.0; 7 * q as usize])
            .run(&kernels::attn::KERNEL, &["kcache_f32", "vcache_f32"], params.words(), step, 4);
        for token in 0..7 {
            assert_close(
                &done.result(8)[token * q as usize..(token + 1) * q as usize],
                &plain.attention(token),
            );
        }
    }
}

#[test]
fn twin_agrees_with_plain_math_decode() {
    // Token by token through the cache, and the splits merged; more than one split.
    let plain = Plain::new("rope_interleaved", 259);
    let (q, kv) = ((plain.heads * plain.size) as u32, (plain.kv_heads * plain.size) as u32);
    let mut keys = vec![0u32; 259 * 2 * 16];
    let mut values = vec![0u32; 259 * 2 * 16];
    for (position, row) in plain.rows.iter().enumerate() {
        let params = kernels::attn_decode::Params {
            heads: 4,
            kv_heads: 2,
            head_size: 10,
            rotated: 6,
            q_offset: 0,
            k_offset: q,
            v_offset: q + kv,
            splits: 2,
            scale: 1.0 / 10f32.sqrt(),
            window: u32::MAX,
        };
        let step = Run { position: position as u32, tokens: 1, ..Run::default() };
        let pieces = ["rope_interleaved", "kcache_f32", "vcache_f32"];
        let done = Bench::new()
            .floats(4, row)
            .words(5, &keys)
            .words(6, &values)
            .floats(7, &plain.table())
            .floats(8, &[0.0; 4 * 2 * 12])
            .run(&kernels::attn_decode::KERNEL, &pieces, params.words(), step, 4);
        keys = done.result_words(5).to_vec();
        values = done.result_words(6).to_vec();
        let params =
            kernels::attn_merge::Params { head_size: 10, splits: 2, out_offset: 0, window: u32::MAX };
        let done = Bench::new().floats(4, done.result(8)).floats(8, &[0.0; 40]).run(
            &kernels::attn_merge::KERNEL,
            &[],
            params.words(),
            step,
            4,
        );
        assert_close(done.result(8), &plain.attention(position));
    }
}

#[test]
fn twin_agrees_with_plain_math_f16_cache() {
    let plain = Plain::new("rope_split", 2);
    let params = kernels::rope_kv::Params {
        heads: 4,
        kv_heads: 2,
        head_size: 10,
        rotated: 6,
        stride: 80,
        q_offset: 0,
        k_offset: 40,
        v_offset: 60,
    };
    let done = Bench::new()
        .floats(4, &plain.rows[1])
        .words(5, &[0; 32])
        .words(6, &[0; 32])
        .floats(7, &plain.table())
        .run(
            &kernels::rope_kv::KERNEL,
            &["rope_split", "kcache_f16", "vcache_f16"],
            params.words(),
            Run { position: 1, tokens: 1, ..Run::default() },
            1,
        );
    let halves = |binding| -> Vec<f64> {
        let halves: &[f16] = bytemuck::cast_slice(done.result_words(binding));
        halves.iter().map(|h| h.to_f64()).collect()
    };
    assert!(halves(5)[..32].iter().chain(&halves(6)[..32]).all(|v| *v == 0.0), "position 0 is left alone");
    for head in 0..2 {
        for (i, want) in plain.turned(1, 40 + 10 * head).into_iter().enumerate() {
            let key = halves(5)[32 + 16 * head + i];
            assert!((key - want).abs() <= want.abs() / 2000.0 + 1e-7, "{key} instead of {want}");
        }
        for (i, &want) in plain.rows[1][60 + 10 * head..70 + 10 * head].iter().enumerate() {
            assert_eq!(halves(6)[32 + 16 * head + i], f16::from_f32(want).to_f64());
        }
    }
}

#[test]
fn twin_agrees_with_plain_math_argmax() {
    let mut logits = Numbers(5).many(2500);
    logits[1300] = 4.0;
    logits[2400] = 4.0;
    logits[2] = f32::NAN;
    let chunks = Bench::new().floats(4, &logits).words(8, &[0; 6]).run(
        &kernels::argmax::KERNEL,
        &[],
        kernels::argmax::Params { count: 2500 }.words(),
        Run::default(),
        3,
    );
    let done = Bench::new().words(4, chunks.result_words(8)).words(8, &[5; 4]).run(
        &kernels::argmax_merge::KERNEL,
        &[],
        kernels::argmax_merge::Params { count: 3 }.words(),
        Run::default(),
        1,
    );
    assert_eq!(done.result_words(8), [1300, 5, 5, 5]);
}
