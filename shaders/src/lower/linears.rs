//! Matrix products, of one token and of many.

use azulejo_plan::{Gate, Linears, Part, Then, View};

use super::{LowerError, Lowering, Phase, TILE, gate_piece};
use crate::kernel::{Kernel, Variant};
use crate::kernels;
use crate::program::{Bind, Call, Extent};

impl Lowering<'_> {
    /// Runs of parts that are stacked.
    pub(super) fn stacks<'l>(&self, linears: &'l Linears) -> Vec<&'l [Part]> {
        linears.parts.chunk_by(|a, b| self.stackable(a, b)).collect()
    }

    pub(super) fn gemv(
        &mut self,
        linears: &Linears,
        phase: Phase,
        calls: &mut Vec<Call>,
    ) -> Result<(), LowerError> {
        let x = linears.x;
        if x.offset != 0 {
            return Err(LowerError::Unsupported("a product of some columns"));
        }
        if let Then::Glu { gate: kind, out } = linears.then {
            let [gate, up] = &linears.parts[..] else {
                return Err(LowerError::Unsupported("a gate of other than two halves"));
            };
            if phase == Phase::Decode && self.stackable(gate, up) {
                return self.gemv_glu(linears, kind, out, calls);
            }
        }
        for parts in self.stacks(linears) {
            let bias = self.biases(parts)?;
            let mut bias_offset = 0;
            for shard in self.stack(parts)? {
                let (units_per_row, units) = self.units(shard.constant);
                let (part, first, _) = shard.pieces[0];
                let rows = self.constants[shard.constant].rows() as u32;
                let mut pieces = vec![self.block(shard.constant)];
                let mut binds = self.matrix(shard.constant);
                binds.push(Bind { binding: 4, buffer: self.activation(x.activation) });
                self.input(linears, &mut pieces, &mut binds)?;
                add_bias(bias, &mut pieces, &mut binds);
                let (out, residual) = self.output(linears, &parts[part], &mut pieces, &mut binds);
                let params = kernels::gemv::Params {
                    cols: x.width,
                    rows,
                    units_per_row,
                    units,
                    x_stride: self.stride(x),
                    x_row: u32::from(phase == Phase::Head && !self.of_one.contains(&x.activation)),
                    out_offset: out.offset + first as u32,
                    residual_offset: residual.offset + first as u32,
                    bias_offset,
                    eps: linears.norm.map_or(0.0, |n| n.eps),
                };
                bias_offset += rows;
                let (kernel, variant, grid) = self.gemv_shape(pieces, rows);
                calls.push(Call {
                    kernel,
                    variant,
                    params: params.words(),
                    binds,
                    grid,
                    label: self.constants[shard.constant].label(self.plan),
                });
            }
        }
        self.gate(linears, calls)
    }

    pub(super) fn gemv_glu(
        &mut self,
        linears: &Linears,
        gate: Gate,
        out: View,
        calls: &mut Vec<Call>,
    ) -> Result<(), LowerError> {
        let parts = &linears.parts;
        let height = self.plan.tensor(parts[0].weight).rows as u32;
        let bias = self.biases(parts)?;
        for shard in self.paired(parts)? {
            let (units_per_row, units) = self.units(shard.constant);
            let (_, first, rows) = shard.pieces[0];
            let mut pieces = vec![self.block(shard.constant)];
            let mut binds = self.matrix(shard.constant);
            binds.push(Bind { binding: 4, buffer: self.activation(linears.x.activation) });
            pieces.push(gate_piece(gate));
            self.input(linears, &mut pieces, &mut binds)?;
            add_bias(bias, &mut pieces, &mut binds);
            binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
            let params = kernels::gemv_glu::Params {
                cols: linears.x.width,
                rows: rows as u32,
                units_per_row,
                units,
                out_offset: out.offset + first as u32,
                gate_bias_offset: first as u32,
                up_bias_offset: height + first as u32,
                eps: linears.norm.map_or(0.0, |n| n.eps),
            };
            let (kernel, variant, grid) = self.gemv_glu_shape(pieces, rows as u32);
            calls.push(Call {
                kernel,
                variant,
                params: params.words(),
                binds,
                grid,
                label: self.constants[shard.constant].label(self.plan),
            });
        }
        Ok(())
    }

    pub(super) fn gemm(&mut self, linears: &Linears, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        if let Some(norm) = &linears.norm {
            self.rms_norm(linears.x, norm, calls)?;
        }
        let x = linears.input();
        if x.offset != 0 {
            return Err(LowerError::Unsupported("a product of some columns"));
        }
        // The constants are those of a decoded token, whichever way it stacked them.
        let paired = matches!(linears.then, Then::Glu { .. })
            && linears.parts.len() == 2
            && self.stackable(&linears.parts[0], &linears.parts[1]);
        for parts in self.stacks(linears) {
            let bias = self.biases(parts)?;
            let shards = if paired { self.paired(parts)? } else { self.stack(parts)? };
            for shard in shards {
                let (units_per_row, units) = self.units(shard.constant);
                let mut above = 0;
                // Pieces whose products stand in one run of columns are one call.
                let of = |p: &(usize, u64, u64)| u64::from(parts[p.0].out.offset) + p.1;
                for run in shard.pieces.chunk_by(|a, b| of(a) + a.2 == of(b)) {
                    let rows: u64 = run.iter().map(|p| p.2).sum();
                    let (part, first, _) = run[0];
                    let before: u64 = parts[..part].iter().map(|p| self.plan.tensor(p.weight).rows).sum();
                    let mut pieces = vec![self.block(shard.constant)];
                    let mut binds = self.matrix(shard.constant);
                    binds.push(Bind { binding: 4, buffer: self.activation(x.activation) });
                    add_bias(bias, &mut pieces, &mut binds);
                    let (out, residual) = self.output(linears, &parts[part], &mut pieces, &mut binds);
                    let params = kernels::gemm::Params {
                        rows: rows as u32,
                        units_per_row,
                        units,
                        first_row: above as u32,
                        x_stride: self.stride(x),
                        out_stride: self.stride(out),
                        out_offset: out.offset + first as u32,
                        residual_stride: self.stride(residual),
                        residual_offset: residual.offset + first as u32,
                        bias_offset: (before + first) as u32,
                    };
                    above += rows;
                    let (kernel, variant, grid) = self.gemm_shape(pieces, rows as u32);
                    calls.push(Call {
                        kernel,
                        variant,
                        params: params.words(),
                        binds,
                        grid,
                        label: self.constants[shard.constant].label(self.plan),
                    });
                }
            }
        }
        self.gate(linears, calls)
    }

    /// The gate over two products that were stored, where there is one.
    fn gate(&mut self, linears: &Linears, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        match linears.then {
            Then::Glu { gate, out } => {
                self.glu(gate, [linears.parts[0].out, linears.parts[1].out], out, calls)
            }
            _ => Ok(()),
        }
    }

    /// The kernel of a matrix and one token, and its grid over `rows` rows.
    fn gemv_shape(&self, pieces: Vec<&'static str>, rows: u32) -> (&'static Kernel, Variant, [Extent; 2]) {
        if self.limits.is_narrow {
            let (variant, grid) = kernels::gemv_narrow::shape(pieces, rows);
            return (&kernels::gemv_narrow::KERNEL, variant, grid);
        }
        let grid = [Extent::Fixed(rows.div_ceil(4)), Extent::Fixed(1)];
        (&kernels::gemv::KERNEL, Variant { pieces, consts: Vec::new() }, grid)
    }

    /// The kernel of a gated pair of matrices and one token, and its grid over `rows` rows of the gate.
    fn gemv_glu_shape(
        &self,
        pieces: Vec<&'static str>,
        rows: u32,
    ) -> (&'static Kernel, Variant, [Extent; 2]) {
        if self.limits.is_narrow {
            let (variant, grid) = kernels::gemv_glu_narrow::shape(pieces, rows);
            return (&kernels::gemv_glu_narrow::KERNEL, variant, grid);
        }
        let grid = [Extent::Fixed(rows.div_ceil(2)), Extent::Fixed(1)];
        (&kernels::gemv_glu::KERNEL, Variant { pieces, consts: Vec::new() }, grid)
    }

    /// The kernel of a matrix and many tokens, and its grid over `rows` rows.
    pub(super) fn gemm_shape(
        &self,
        pieces: Vec<&'static str>,
        rows: u32,
    ) -> (&'static Kernel, Variant, [Extent; 2]) {
        if self.limits.is_narrow {
            let (variant, grid) = kernels::gemm_narrow::shape(pieces, rows);
            return (&kernels::gemm_narrow::KERNEL, variant, grid);
        }
        let grid = [Extent::Fixed(rows.div_ceil(TILE)), Extent::Tokens(TILE)];
        (&kernels::gemm::KERNEL, Variant { pieces, consts: Vec::new() }, grid)
    }

    /// The norm in front of a `gemv`.
    pub(super) fn input(
        &mut self,
        linears: &Linears,
        pieces: &mut Vec<&'static str>,
        binds: &mut Vec<Bind>,
    ) -> Result<(), LowerError> {
        match linears.norm {
            Some(norm) => {
                pieces.push("input_norm");
                binds.push(Bind { binding: 5, buffer: self.vector(norm.weight)? });
            }
            None => pieces.push("input_plain"),
        }
        Ok(())
    }

    /// Where the products of a part go: the output, and the residual (the output where there is none).
    pub(super) fn output(
        &mut self,
        linears: &Linears,
        part: &Part,
        pieces: &mut Vec<&'static str>,
        binds: &mut Vec<Bind>,
    ) -> (View, View) {
        let (out, residual) = match linears.then {
            Then::Add { residual, out } => (out, residual),
            _ => (part.out, part.out),
        };
        match linears.then {
            Then::Add { residual, out } if residual == out => pieces.push("out_accumulate"),
            Then::Add { residual, .. } => {
                pieces.push("out_add");
                binds.push(Bind { binding: 7, buffer: self.activation(residual.activation) });
            }
            _ => pieces.push("out_store"),
        }
        binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
        (out, residual)
    }
}

/// The bias of the products, where there is one.
fn add_bias(bias: Option<usize>, pieces: &mut Vec<&'static str>, binds: &mut Vec<Bind>) {
    if let Some(buffer) = bias {
        pieces.push("bias_add");
        binds.push(Bind { binding: 6, buffer });
    }
}
