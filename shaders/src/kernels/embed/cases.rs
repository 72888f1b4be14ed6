//! The cases.

use azulejo_quant::BlockFormat;

use super::{KERNEL, Params};
use crate::cases::{case, lower, many_columns, padded, some_columns, spans, step, with_probes};
use crate::check::Case;
use crate::kernel::{Variant, block_piece};
use crate::program::Extent;

/// Of a vocabulary of 11; the last is in none.
const TOKENS: [u32; 7] = [3, 0, 10, 7, 8, 3, 1_000];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for format in BlockFormat::ALL {
        cases.push(of("table", format, some_columns(format), 0, 11));
        cases.push(of("wide", format, many_columns(format), 0, 11));
    }
    for format in [BlockFormat::F32, BlockFormat::Q8_0] {
        cases.push(of("first_shard", format, some_columns(format), 0, 8));
        cases.push(of("second_shard", format, some_columns(format), 8, 3));
    }
    for row in ["row_position", "row_fixed"] {
        cases.push(by(row, BlockFormat::F32, 77));
        cases.push(by(row, BlockFormat::Q8_0, 96));
    }
    with_probes(cases, &["embed_q6_k_table"])
}

fn of(topic: &str, format: BlockFormat, cols: u32, first_row: u32, rows: u32) -> Case {
    let variant = Variant::of(&[block_piece(format)]);
    case(format!("embed_{}_{topic}", lower(format)), &KERNEL, variant, move |inputs| {
        let (units_per_row, units) = inputs.matrix(format, rows, cols);
        // One more than the step has.
        let ids = TOKENS.iter().copied().chain([1]).collect();
        inputs.words(4, ids);
        let out = inputs.rows(TOKENS.len() as u32 + 1, cols);
        inputs.output_floats(8, &out);
        let params =
            Params { units_per_row, units, first_row, rows, out_stride: padded(cols), base: 0, scale: 1.5 };
        let grid = [Extent::Fixed(units_per_row.div_ceil(64)), Extent::Tokens(1)];
        (params.words(), grid, step(5, TOKENS.len() as u32))
    })
}

/// Rows that don't depend on the token.
fn by(row: &'static str, format: BlockFormat, cols: u32) -> Case {
    let variant = Variant::of(&[block_piece(format), row]);
    case(format!("embed_{}_{row}", lower(format)), &KERNEL, variant, move |inputs| {
        let (rows, first_row, tokens) = (11, 2, 7);
        let (units_per_row, units) = inputs.matrix(format, rows, cols);
        if row == "row_position" {
            inputs.words(4, spans(&[1, 5, 1]));
        }
        let out = inputs.rows(tokens + 1, cols);
        inputs.output_floats(8, &out);
        // Positions 5, 5 to 9, and 5: the last of the second text is behind the table.
        let params =
            Params { units_per_row, units, first_row, rows, out_stride: padded(cols), base: 4, scale: 1.0 };
        (params.words(), [Extent::Fixed(units_per_row.div_ceil(64)), Extent::Tokens(1)], step(5, tokens))
    })
}
