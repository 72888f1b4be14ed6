//! embed: rows of a table, decoded.

use azulejo_shaders::Run;
use azulejo_shaders::kernels::embed::Params;

use super::Context;
use super::elementwise::rows;
use crate::matrix::Matrix;

pub(crate) fn embed(
    context: Context<'_>,
    params: Params,
    run: Run,
    matrix: Matrix<'_>,
    row: impl Fn(usize) -> u32 + Sync + Send,
    out: &mut [f32],
) {
    let units = params.units_per_row as usize;
    rows(context, run, out, params.out_stride as usize, |token, out| {
        // A table in shards: each writes the rows that it has.
        let row = row(token).wrapping_sub(params.first_row);
        if row < params.rows {
            let out = &mut out[..units * 32];
            matrix.decode_units(row as usize * units, out);
            if params.scale != 1.0 {
                out.iter_mut().for_each(|value| *value *= params.scale);
            }
        }
    });
}
