//! From a file's bytes to a back-end's constants, in pieces of at most 1 MiB.
//!
//! [`Loading`] lists what is to be read, without reading: natively the pieces come from a mapped file, in a browser
//! from ranges. A piece's bytes are repacked and written, then forgotten, so that host memory never holds a model.

use std::ops::Range;
use std::sync::Arc;

use azulejo_formats::ModelFile;
use azulejo_plan::{Backend, Constant, Plan, TensorId, rope_table};
use azulejo_quant::{BlockFormat, PackedRows, Plane, PlaneLayout, decode};

use crate::{Engine, EngineError};

/// The most bytes of a piece, but for a few very long rows.
const PIECE_BYTES: u64 = 1 << 20;
/// Rows of a piece are a multiple of this, so that each plane's part of it begins and ends on a whole word.
const ROWS: u64 = 32;

/// A piece: bytes of a tensor, and where they go.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The constant.
    pub constant: usize,
    /// The tensor, if the piece needs one.
    pub tensor: Option<TensorId>,
    /// The bytes of the tensor.
    pub bytes: Range<u64>,
    /// The first row (of a matrix or a table) or element (of a vector) that the piece fills.
    pub first: u64,
    /// How many rows or elements.
    pub rows: u64,
}

/// A prepared plan whose constants are being filled, in any order.
pub struct Loading<B: Backend> {
    backend: Arc<B>,
    model: B::Model,
    plan: Plan,
    loads: Vec<Load>,
    filled: Vec<bool>,
    scratch: Vec<u8>,
}

impl<B: Backend> std::fmt::Debug for Loading<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let filled = self.filled.iter().filter(|filled| **filled).count();
        write!(f, "Loading({filled} of {} pieces)", self.loads.len())
    }
}

impl<B: Backend> Loading<B> {
    /// Makes room for the plan's constants, and fills those that need no tensor.
    pub fn new(backend: Arc<B>, plan: Plan) -> Result<Self, EngineError> {
        let model = backend.prepare(&plan).map_err(EngineError::backend)?;
        let loads = loads(&plan, backend.constants(&model));
        let filled = vec![false; loads.len()];
        let mut loading = Self { backend, model, plan, loads, filled, scratch: Vec::new() };
        for index in 0..loading.loads.len() {
            if loading.loads[index].tensor.is_none() {
                loading.fill(index, &[])?;
            }
        }
        Ok(loading)
    }

    /// The pieces.
    pub fn loads(&self) -> &[Load] {
        &self.loads
    }

    /// The bytes of all of them.
    pub fn bytes(&self) -> u64 {
        self.loads.iter().map(|l| l.bytes.end - l.bytes.start).sum()
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    pub fn backend(&self) -> &Arc<B> {
        &self.backend
    }

    /// The prepared plan.
    pub fn model(&self) -> &B::Model {
        &self.model
    }

    /// Repacks a piece's bytes, as many as [`Load::bytes`] is long, and writes them.
    pub fn fill(&mut self, index: usize, bytes: &[u8]) -> Result<(), EngineError> {
        let load = self.loads[index].clone();
        fill(&*self.backend, &mut self.model, &self.plan, &load, bytes, &mut self.scratch)?;
        self.filled[index] = true;
        Ok(())
    }

    /// Writes rows over and over to a piece of a matrix: its row i is `packed`'s row `(from + i) % packed.rows()`.
    ///
    /// # Errors
    /// [`EngineError::NoMatrix`]; [`EngineError::Quant`]: the matrix' rows are of another format or length, or `from` isn't
    /// where the rows can be cut; what the back-end says.
    pub fn fill_repeated(&mut self, index: usize, packed: &PackedRows, from: u64) -> Result<(), EngineError> {
        let Load { constant, tensor, first, rows, .. } = self.loads[index].clone();
        let label = tensor.map_or(String::new(), |t| self.plan.tensor(t).name.clone());
        let quant = |source| EngineError::Quant { tensor: label.clone(), source };
        let what = &self.backend.constants(&self.model)[constant];
        let Constant::Matrix { format, cols, .. } = what else { return Err(EngineError::NoMatrix { index }) };
        let layout = PlaneLayout::new(*format, what.rows() as usize, *cols as usize).map_err(quant)?;
        let mut failed = None;
        let write = |plane, offset, bytes: &[u8]| {
            if failed.is_none() {
                failed = self.backend.write(&mut self.model, constant, plane, offset, bytes).err();
            }
        };
        layout.repeat_rows(first, rows, packed, from, write).map_err(quant)?;
        if let Some(error) = failed {
            return Err(EngineError::backend(error));
        }
        self.filled[index] = true;
        Ok(())
    }

    /// Fills all pieces from the file. `progress` is told the bytes done and the bytes in all after each; false stops
    /// it with [`EngineError::Cancelled`].
    pub fn fill_from(
        &mut self,
        file: &ModelFile,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), EngineError> {
        let total = self.bytes();
        let (mut buffer, mut done) = (Vec::new(), 0);
        for index in 0..self.loads.len() {
            let Load { tensor, bytes, .. } = self.loads[index].clone();
            if let Some(tensor) = tensor {
                let info = file.tensor(&self.plan.tensor(tensor).name)?;
                match file.slice(info, bytes.clone()) {
                    Some(slice) => self.fill(index, slice)?,
                    None => {
                        buffer.resize((bytes.end - bytes.start) as usize, 0);
                        file.read(info, bytes.clone(), &mut buffer)?;
                        self.fill(index, &buffer)?;
                    }
                }
                file.release(info, bytes.clone());
            }
            done += bytes.end - bytes.start;
            if !progress(done, total) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(())
    }

    /// The engine, if every piece was filled; else [`EngineError::NotFilled`].
    pub fn finish(self) -> Result<Engine<B>, EngineError> {
        let missing = self.filled.iter().filter(|filled| !**filled).count();
        if missing > 0 {
            return Err(EngineError::NotFilled { missing, pieces: self.loads.len() });
        }
        Ok(Engine { backend: self.backend, model: self.model, plan: self.plan })
    }
}

/// All pieces of a model's constants.
fn loads(plan: &Plan, constants: &[Constant]) -> Vec<Load> {
    let mut loads = Vec::new();
    for (constant, what) in constants.iter().enumerate() {
        match what {
            Constant::Matrix { format, cols, pieces } => {
                let row_bytes = format.row_bytes(*cols as usize).unwrap_or(0) as u64;
                let most = (PIECE_BYTES / row_bytes.max(1) / ROWS * ROWS).max(ROWS);
                let mut first = 0;
                for piece in pieces {
                    let mut done = 0;
                    while done < piece.rows {
                        let rows = most.min(piece.rows - done);
                        let from = (piece.first + done) * row_bytes;
                        let bytes = from..from + rows * row_bytes;
                        loads.push(Load { constant, tensor: piece.tensor, bytes, first, rows });
                        first += rows;
                        done += rows;
                    }
                }
            }
            Constant::Vector { pieces } => {
                let mut first = 0;
                for piece in pieces {
                    let bytes = piece.tensor.map_or(0, |t| {
                        plan.tensor(t).format.row_bytes(piece.rows as usize).unwrap_or(0) as u64
                    });
                    loads.push(Load {
                        constant,
                        tensor: piece.tensor,
                        bytes: 0..bytes,
                        first,
                        rows: piece.rows,
                    });
                    first += piece.rows;
                }
            }
            Constant::Rope { table } => {
                let pairs = plan.rope_tables[*table as usize].inverse_frequencies.len() as u64;
                let most = (PIECE_BYTES / (pairs * 8).max(1)).max(1);
                let capacity = u64::from(plan.kv.capacity);
                let mut first = 0;
                while first < capacity {
                    let rows = most.min(capacity - first);
                    loads.push(Load { constant, tensor: None, bytes: 0..0, first, rows });
                    first += rows;
                }
            }
        }
    }
    loads
}

/// Repacks a piece's bytes and writes them.
fn fill<B: Backend>(
    backend: &B,
    model: &mut B::Model,
    plan: &Plan,
    load: &Load,
    bytes: &[u8],
    scratch: &mut Vec<u8>,
) -> Result<(), EngineError> {
    let constant = backend.constants(model)[load.constant].clone();
    let label = load.tensor.map_or(String::new(), |t| plan.tensor(t).name.clone());
    let quant = |source| EngineError::Quant { tensor: label.clone(), source };
    match constant {
        Constant::Matrix { format, cols, .. } => {
            let layout = PlaneLayout::new(format, constant.rows() as usize, cols as usize).map_err(quant)?;
            let mut failed = None;
            layout
                .repack_rows(load.first, load.rows, bytes, scratch, |plane, offset, bytes| {
                    if failed.is_none() {
                        failed = backend.write(model, load.constant, plane, offset, bytes).err();
                    }
                })
                .map_err(quant)?;
            failed.map_or(Ok(()), |e| Err(EngineError::backend(e)))
        }
        Constant::Vector { .. } => {
            let Some(tensor) = load.tensor else { return Ok(()) };
            let mut values = vec![0.0f32; load.rows as usize];
            let format: BlockFormat = plan.tensor(tensor).format;
            decode(format, bytes, &mut values).map_err(quant)?;
            plan.tensor(tensor).change.apply(&mut values);
            write_floats(backend, model, load.constant, load.first * 4, &values)
        }
        Constant::Rope { table } => {
            let table = &plan.rope_tables[table as usize];
            let row_bytes = table.inverse_frequencies.len() as u64 * 8;
            let values = rope_table(table, load.first as u32, load.rows as u32);
            write_floats(backend, model, load.constant, load.first * row_bytes, &values)
        }
    }
}

fn write_floats<B: Backend>(
    backend: &B,
    model: &mut B::Model,
    constant: usize,
    offset: u64,
    values: &[f32],
) -> Result<(), EngineError> {
    backend
        .write(model, constant, Plane::Quants, offset, bytemuck::cast_slice(values))
        .map_err(EngineError::backend)
}
