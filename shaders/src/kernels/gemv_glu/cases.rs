//! The cases.

use azulejo_quant::BlockFormat;

use super::{KERNEL, Params};
use crate::cases::{case, lower, many_columns, some_columns, step, with_probes};
use crate::check::Case;
use crate::kernel::{Variant, block_piece};
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for format in BlockFormat::ALL {
        cases.push(of("odd_rows", format, vec!["gate_silu", "input_plain"], 7, some_columns(format)));
    }
    for format in [BlockFormat::F32, BlockFormat::Q6_K] {
        for input in ["input_plain", "input_norm"] {
            for bias in ["bias_none", "bias_add"] {
                let mut pieces = vec!["gate_silu", input, bias];
                pieces.retain(|p| *p != "bias_none");
                cases.push(of(&pieces[1..].join("_"), format, pieces, 34, many_columns(format)));
            }
        }
    }
    cases.push(of("gelu", BlockFormat::Q8_0, vec!["gate_gelu", "input_norm"], 9, 96));
    cases.push(of("one_row", BlockFormat::Q8_0, vec!["gate_silu", "input_norm"], 1, 64));
    with_probes(cases, &["gemv_glu_q4_k_odd_rows"])
}

fn of(topic: &str, format: BlockFormat, choices: Vec<&'static str>, rows: u32, cols: u32) -> Case {
    let mut pieces = vec![block_piece(format)];
    pieces.extend(&choices);
    case(format!("gemv_glu_{}_{topic}", lower(format)), &KERNEL, Variant::of(&pieces), move |inputs| {
        let (units_per_row, units) = inputs.matrix(format, 2 * rows, cols);
        let x = inputs.rows(1, cols);
        inputs.floats(4, &x);
        if pieces.contains(&"input_norm") {
            let weight = inputs.rows(1, cols);
            inputs.floats(5, &weight);
        }
        let (out_offset, gate_bias_offset, up_bias_offset) = (1, 2, rows + 5);
        if pieces.contains(&"bias_add") {
            let bias = inputs.rows(1, up_bias_offset + rows);
            inputs.floats(6, &bias);
        }
        let out = inputs.rows(1, out_offset + rows + 2);
        inputs.output_floats(8, &out);
        let params = Params {
            cols,
            rows,
            units_per_row,
            units,
            out_offset,
            gate_bias_offset,
            up_bias_offset,
            eps: 1e-6,
        };
        (params.words(), [Extent::Fixed(rows.div_ceil(2)), Extent::Fixed(1)], step(3, 1))
    })
}
