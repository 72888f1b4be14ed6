//! The cases: those of `gemm`.

use super::{KERNEL, gemm, shape};
use crate::cases::{narrowed, with_probes};
use crate::check::Case;

pub(super) fn cases() -> Vec<Case> {
    let cases = (gemm::KERNEL.cases)().into_iter().map(|case| {
        let name = case.name.replacen(gemm::KERNEL.name, KERNEL.name, 1);
        narrowed(case, name, |setup| {
            setup.call.kernel = &KERNEL;
            let rows = gemm::Params::of(&setup.call).rows;
            (setup.call.variant, setup.call.grid) = shape(setup.call.variant.pieces.clone(), rows);
        })
    });
    with_probes(cases.collect(), &["gemm_narrow_q4_0_bias_add_out_add"])
}
