//! What a back-end keeps of a model: matrices and vectors assembled from the file's tensors, and rope tables.

use azulejo_quant::BlockFormat;

use crate::{Plan, RopeTable, TensorId};

/// Some rows of a tensor (some elements of a vector).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// The tensor; none stands for zeros.
    pub tensor: Option<TensorId>,
    /// The first row (element).
    pub first: u64,
    /// How many.
    pub rows: u64,
}

/// A constant of a prepared plan, which a loader fills piece by piece ([`crate::Backend::write`]).
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Rows of tensors of one format and width, one below the other, in unit planes.
    Matrix {
        /// The format of all pieces.
        format: BlockFormat,
        /// Columns, before padding.
        cols: u64,
        /// What it is made of, from the top.
        pieces: Vec<Piece>,
    },
    /// Vectors one after the other, as f32, whatever they are in the file; zeros behind them.
    Vector {
        /// What it is made of.
        pieces: Vec<Piece>,
    },
    /// `[capacity][pairs][cos, sin]` of one of the plan's rope tables.
    Rope {
        /// Which table.
        table: u32,
    },
}

impl Constant {
    /// Rows of a matrix, elements of a vector; 0 for a table.
    pub fn rows(&self) -> u64 {
        match self {
            Constant::Matrix { pieces, .. } | Constant::Vector { pieces } => {
                pieces.iter().map(|p| p.rows).sum()
            }
            Constant::Rope { .. } => 0,
        }
    }

    /// A word for traces and errors: the tensors it is made of.
    pub fn label(&self, plan: &Plan) -> String {
        match self {
            Constant::Matrix { pieces, .. } | Constant::Vector { pieces } => {
                let names: Vec<&str> = pieces
                    .iter()
                    .map(|p| p.tensor.map_or("zeros", |t| plan.tensor(t).name.as_str()))
                    .collect();
                names.join("+")
            }
            Constant::Rope { table } => format!("rope table {table}"),
        }
    }
}

/// Rows `[first, first + rows)` of a rope table: for each position and pair, cosine and sine.
///
/// The angle is the f32 product of position and inverse frequency, as Hugging Face transformers computes it; its
/// cosine and sine are taken in f64, since a GPU's are only good near zero.
pub fn rope_table(table: &RopeTable, first: u32, rows: u32) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows as usize * table.inverse_frequencies.len() * 2);
    for position in first..first + rows {
        for &frequency in &table.inverse_frequencies {
            let angle = f64::from(position as f32 * frequency);
            let (sin, cos) = angle.sin_cos();
            out.push((cos * f64::from(table.magnitude)) as f32);
            out.push((sin * f64::from(table.magnitude)) as f32);
        }
    }
    out
}
