//! The cases.

use azulejo_quant::BlockFormat;

use super::{KERNEL, Params};
use crate::cases::{case, lower, many_columns, padded, some_columns, with_probes};
use crate::check::Case;
use crate::kernel::{Run, Variant, block_piece};
use crate::program::Extent;

#[derive(Clone)]
struct Shape {
    topic: String,
    format: BlockFormat,
    pieces: Vec<&'static str>,
    rows: u32,
    cols: u32,
    /// The row of the chunk that is the input.
    row: Option<u32>,
}

pub(super) fn cases() -> Vec<Case> {
    let shape = |topic: &str, format, pieces: &[&'static str], rows, cols| Shape {
        topic: topic.to_owned(),
        format,
        pieces: pieces.to_vec(),
        rows,
        cols,
        row: None,
    };
    let mut shapes = Vec::new();
    for format in BlockFormat::ALL {
        shapes.push(shape("ragged_rows", format, &["input_plain", "out_store"], 37, some_columns(format)));
        let pieces = ["input_norm", "bias_add", "out_store"];
        shapes.push(shape("norm_bias_wide", format, &pieces, 6, many_columns(format)));
    }
    for format in [BlockFormat::F32, BlockFormat::Q4_K] {
        for input in ["input_plain", "input_norm"] {
            for bias in ["bias_none", "bias_add"] {
                for out in ["out_store", "out_add", "out_accumulate"] {
                    let mut pieces = vec![input, bias, out];
                    pieces.retain(|p| *p != "bias_none");
                    shapes.push(shape(&pieces.join("_"), format, &pieces, 5, some_columns(format)));
                }
            }
        }
    }
    shapes.push(shape("one_row", BlockFormat::Q8_0, &["input_plain", "out_store"], 1, 32));
    shapes.push(shape("row_of_chunk", BlockFormat::F16, &["input_norm", "out_store"], 9, 33));
    shapes.push(shape("many_rows", BlockFormat::Q5_1, &["input_plain", "out_store"], 1025, 32));
    if let Some(shape) = shapes.iter_mut().find(|s| s.topic == "row_of_chunk") {
        shape.row = Some(2);
    }
    let probes = [
        "gemv_f16_ragged_rows",
        "gemv_q4_0_ragged_rows",
        "gemv_q8_0_ragged_rows",
        "gemv_q4_k_input_norm_out_store",
        "gemv_q6_k_ragged_rows",
        "gemv_f32_input_plain_bias_add_out_accumulate",
    ];
    with_probes(shapes.into_iter().map(of).collect(), &probes)
}

fn of(shape: Shape) -> Case {
    let mut pieces = vec![block_piece(shape.format)];
    pieces.extend(&shape.pieces);
    let variant = Variant::of(&pieces);
    let has = move |piece: &str| pieces.contains(&piece);
    case(format!("gemv_{}_{}", lower(shape.format), shape.topic), &KERNEL, variant, move |inputs| {
        let Shape { format, rows, cols, row, .. } = shape;
        let (units_per_row, units) = inputs.matrix(format, rows, cols);
        let x = inputs.rows(row.map_or(1, |row| row + 2), cols);
        inputs.floats(4, &x);
        if has("input_norm") {
            let weight = inputs.rows(1, cols);
            inputs.floats(5, &weight);
        }
        // The output, the residual and the bias are some columns of something wider.
        let (out_offset, residual_offset, bias_offset) = (3, 5, 2);
        if has("bias_add") {
            let bias = inputs.rows(1, bias_offset + rows);
            inputs.floats(6, &bias);
        }
        if has("out_add") {
            let residual = inputs.rows(1, residual_offset + rows + 1);
            inputs.floats(7, &residual);
        }
        let out = inputs.rows(1, out_offset + rows + 4);
        inputs.output_floats(8, &out);
        let params = Params {
            cols,
            rows,
            units_per_row,
            units,
            x_stride: padded(cols),
            x_row: u32::from(row.is_some()),
            out_offset,
            residual_offset,
            bias_offset,
            eps: 1e-5,
        };
        // A row that x_row says to leave alone is there to be left alone.
        let run = Run { position: 7, tokens: 1, row: row.unwrap_or(3), unused: 0 };
        (params.words(), [Extent::Fixed(rows.div_ceil(4)), Extent::Fixed(1)], run)
    })
}
