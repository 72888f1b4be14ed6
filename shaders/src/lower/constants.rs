//! What a device keeps of a plan: matrices stacked and cut into shards, vectors, tables.

use azulejo_plan::{Constant, Part, Piece, TensorId};
use azulejo_quant::{BlockFormat, UNIT};

use super::{LowerError, Lowering, Shard, layout};
use crate::kernel::block_piece;
use crate::program::{Bind, BufferClass};

impl Lowering<'_> {
    /// Finds the constant, or makes it and its buffers.
    pub(super) fn constant(&mut self, constant: Constant) -> Result<usize, LowerError> {
        if let Some(at) = self.constants.iter().position(|c| *c == constant) {
            return Ok(at);
        }
        let label = constant.label(self.plan);
        let buffers = match &constant {
            Constant::Matrix { format, cols, .. } => {
                let layout = layout(*format, constant.rows(), *cols, &label)?;
                let quants = self.buffer(&label, layout.quants_bytes, BufferClass::Constant);
                let aux = self.buffer(&format!("{label} (aux)"), layout.aux_bytes, BufferClass::Constant);
                (quants, Some(aux))
            }
            Constant::Vector { .. } => {
                let bytes = constant.rows().next_multiple_of(UNIT as u64) * 4;
                (self.buffer(&label, bytes, BufferClass::Constant), None)
            }
            Constant::Rope { table } => {
                let pairs = self.plan.rope_tables[*table as usize].inverse_frequencies.len() as u64;
                let bytes = u64::from(self.plan.kv.capacity) * pairs * 8;
                (self.buffer(&label, bytes, BufferClass::Constant), None)
            }
        };
        self.constants.push(constant);
        self.constant_buffers.push(buffers);
        Ok(self.constants.len() - 1)
    }

    pub(super) fn vector(&mut self, tensor: TensorId) -> Result<usize, LowerError> {
        let rows = self.plan.tensor(tensor).cols;
        let constant =
            self.constant(Constant::Vector { pieces: vec![Piece { tensor: Some(tensor), first: 0, rows }] })?;
        Ok(self.constant_buffers[constant].0)
    }

    /// The biases of parts, one behind the other, zeros where a part has none; nothing if none has.
    pub(super) fn biases(&mut self, parts: &[Part]) -> Result<Option<usize>, LowerError> {
        if parts.iter().all(|p| p.bias.is_none()) {
            return Ok(None);
        }
        let rows = |p: &Part| self.plan.tensor(p.weight).rows;
        let pieces = parts.iter().map(|p| Piece { tensor: p.bias, first: 0, rows: rows(p) }).collect();
        let constant = self.constant(Constant::Vector { pieces })?;
        Ok(Some(self.constant_buffers[constant].0))
    }

    /// The most rows of a matrix that one binding takes, a multiple of 32 so that pieces begin on whole words.
    pub(super) fn rows_per_shard(&self, tensor: TensorId) -> Result<u64, LowerError> {
        let tensor = self.plan.tensor(tensor);
        let rows = 32;
        let layout = layout(tensor.format, rows, tensor.cols, &tensor.name)?;
        let most = self.limits.binding_bytes / layout.quants_bytes.max(layout.aux_bytes) * rows;
        if most == 0 {
            return Err(LowerError::RowOverLimit {
                tensor: tensor.name.clone(),
                limit: self.limits.binding_bytes,
            });
        }
        Ok(most)
    }

    /// The constants of parts stacked from the top, cut where they are over the limit.
    pub(super) fn stack(&mut self, parts: &[Part]) -> Result<Vec<Shard>, LowerError> {
        let most = self.rows_per_shard(parts[0].weight)?;
        let mut cuts: Vec<Vec<(usize, u64, u64)>> = Vec::new();
        let mut room = 0;
        for (i, part) in parts.iter().enumerate() {
            let rows = self.plan.tensor(part.weight).rows;
            let mut first = 0;
            while first < rows {
                if room == 0 {
                    cuts.push(Vec::new());
                    room = most;
                }
                let taken = room.min(rows - first);
                if let Some(last) = cuts.last_mut() {
                    last.push((i, first, taken));
                }
                first += taken;
                room -= taken;
            }
        }
        cuts.into_iter().map(|pieces| self.shard(parts, pieces)).collect()
    }

    /// The constants of two parts of equal height, each shard with the same rows of both.
    pub(super) fn paired(&mut self, parts: &[Part]) -> Result<Vec<Shard>, LowerError> {
        let rows = self.plan.tensor(parts[0].weight).rows;
        let most = (self.rows_per_shard(parts[0].weight)? / 2).next_multiple_of(32).max(32);
        let mut shards = Vec::new();
        let mut first = 0;
        while first < rows {
            let taken = most.min(rows - first);
            shards.push(self.shard(parts, vec![(0, first, taken), (1, first, taken)])?);
            first += taken;
        }
        Ok(shards)
    }

    pub(super) fn shard(
        &mut self,
        parts: &[Part],
        pieces: Vec<(usize, u64, u64)>,
    ) -> Result<Shard, LowerError> {
        let of = self.plan.tensor(parts[0].weight);
        let constant = self.constant(Constant::Matrix {
            format: of.format,
            cols: of.cols,
            pieces: pieces
                .iter()
                .map(|&(part, first, rows)| Piece { tensor: Some(parts[part].weight), first, rows })
                .collect(),
        })?;
        Ok(Shard { constant, pieces })
    }

    /// True if the parts can stand in one constant and their products in one run of columns.
    pub(super) fn stackable(&self, a: &Part, b: &Part) -> bool {
        let (ta, tb) = (self.plan.tensor(a.weight), self.plan.tensor(b.weight));
        ta.format == tb.format
            && ta.rows.is_multiple_of(8)
            && tb.rows.is_multiple_of(8)
            && a.out.activation == b.out.activation
            && a.out.offset + a.out.width == b.out.offset
    }

    pub(super) fn matrix(&self, constant: usize) -> Vec<Bind> {
        let (quants, aux) = self.constant_buffers[constant];
        let mut binds = vec![Bind { binding: 2, buffer: quants }];
        binds.extend(aux.map(|buffer| Bind { binding: 3, buffer }));
        binds
    }

    pub(super) fn block(&self, constant: usize) -> &'static str {
        match &self.constants[constant] {
            Constant::Matrix { format, .. } => block_piece(*format),
            _ => block_piece(BlockFormat::F32),
        }
    }

    /// Units of a row and of the whole matrix.
    pub(super) fn units(&self, constant: usize) -> (u32, u32) {
        match &self.constants[constant] {
            Constant::Matrix { cols, .. } => {
                let per_row = cols.div_ceil(UNIT as u64);
                (per_row as u32, (per_row * self.constants[constant].rows()) as u32)
            }
            _ => (0, 0),
        }
    }
}
