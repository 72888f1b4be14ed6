//! The cases.

use azulejo_quant::BlockFormat;

use super::{KERNEL, Params};
use crate::cases::{case, lower, many_columns, padded, some_columns, step, with_probes};
use crate::check::Case;
use crate::kernel::{Variant, block_piece};
use crate::program::Extent;

#[derive(Clone)]
struct Shape {
    topic: String,
    format: BlockFormat,
    pieces: Vec<&'static str>,
    /// Rows of the matrix above those that are multiplied.
    above: u32,
    rows: u32,
    cols: u32,
    tokens: u32,
}

pub(super) fn cases() -> Vec<Case> {
    let shape = |topic: &str, format, rows, cols, tokens| {
        let pieces = vec!["out_store"];
        Shape { topic: topic.to_owned(), format, pieces, above: 0, rows, cols, tokens }
    };
    let mut shapes = Vec::new();
    for format in BlockFormat::ALL {
        shapes.push(shape("ragged", format, 37, some_columns(format), 33));
    }
    for format in [BlockFormat::F32, BlockFormat::Q4_0] {
        for bias in ["bias_none", "bias_add"] {
            for out in ["out_store", "out_add", "out_accumulate"] {
                let mut pieces = vec![bias, out];
                pieces.retain(|p| *p != "bias_none");
                let topic = pieces.join("_");
                shapes.push(Shape { pieces, above: 3, ..shape(&topic, format, 34, some_columns(format), 3) });
            }
        }
    }
    shapes.push(shape("one_token", BlockFormat::F16, 33, 32, 1));
    shapes.push(shape("one_row", BlockFormat::BF16, 1, 31, 3));
    shapes.push(shape("wide", BlockFormat::Q6_K, 70, many_columns(BlockFormat::Q6_K), 37));
    with_probes(shapes.into_iter().map(of).collect(), &["gemm_q4_0_bias_add_out_add", "gemm_q4_k_ragged"])
}

fn of(shape: Shape) -> Case {
    let mut pieces = vec![block_piece(shape.format)];
    pieces.extend(&shape.pieces);
    case(
        format!("gemm_{}_{}", lower(shape.format), shape.topic),
        &KERNEL,
        Variant::of(&pieces),
        move |inputs| {
            let Shape { format, above, rows, cols, tokens, .. } = shape;
            let (units_per_row, units) = inputs.matrix(format, above + rows + above, cols);
            let x = inputs.rows(tokens, cols);
            inputs.floats(4, &x);
            let (out_offset, residual_offset, bias_offset) = (3, 5, 2);
            if pieces.contains(&"bias_add") {
                let bias = inputs.rows(1, bias_offset + rows);
                inputs.floats(6, &bias);
            }
            let residual_width = residual_offset + rows + 1;
            if pieces.contains(&"out_add") {
                let residual = inputs.rows(tokens, residual_width);
                inputs.floats(7, &residual);
            }
            let out_width = out_offset + rows + 4;
            // Room for one more token than the step has.
            let out = inputs.rows(tokens + 1, out_width);
            inputs.output_floats(8, &out);
            let params = Params {
                rows,
                units_per_row,
                units,
                first_row: above,
                x_stride: padded(cols),
                out_stride: padded(out_width),
                out_offset,
                residual_stride: padded(residual_width),
                residual_offset,
                bias_offset,
            };
            (params.words(), [Extent::Fixed(rows.div_ceil(32)), Extent::Tokens(32)], step(11, tokens))
        },
    )
}
