//! Norms and functions of each element.

use azulejo_plan::{GroupNorm, LayerNorm, Map, Norm, View};

use super::{LowerError, Lowering, WG};
use crate::kernel::Variant;
use crate::kernels;
use crate::program::{Bind, Call, Extent};

impl Lowering<'_> {
    pub(super) fn rms_norm(&mut self, x: View, norm: &Norm, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        whole(&[x, norm.out])?;
        let params = kernels::rms_norm::Params {
            cols: x.width,
            x_stride: self.stride(x),
            out_stride: self.stride(norm.out),
            eps: norm.eps,
        };
        let binds = vec![
            Bind { binding: 4, buffer: self.activation(x.activation) },
            Bind { binding: 5, buffer: self.vector(norm.weight)? },
            Bind { binding: 8, buffer: self.activation(norm.out.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::rms_norm::KERNEL,
            variant: Variant::default(),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(1), Extent::Tokens(1)],
            label: self.plan.tensor(norm.weight).name.clone(),
        });
        Ok(())
    }

    pub(super) fn layer_norm(&mut self, norm: &LayerNorm, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let LayerNorm { x, out, affine, eps } = *norm;
        whole(&[x, out])?;
        let params = kernels::layer_norm::Params {
            cols: x.width,
            x_stride: self.stride(x),
            out_stride: self.stride(out),
            eps,
        };
        let mut binds = vec![Bind { binding: 4, buffer: self.activation(x.activation) }];
        let mut label = self.plan.activation(out.activation).name.clone();
        if let Some((weight, bias)) = affine {
            binds.push(Bind { binding: 5, buffer: self.vector(weight)? });
            binds.push(Bind { binding: 6, buffer: self.vector(bias)? });
            label.clone_from(&self.plan.tensor(weight).name);
        }
        binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
        calls.push(Call {
            kernel: &kernels::layer_norm::KERNEL,
            variant: Variant::of(&[if affine.is_some() { "affine_full" } else { "affine_none" }]),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(1), Extent::Tokens(1)],
            label,
        });
        Ok(())
    }

    pub(super) fn group_norm(&mut self, norm: &GroupNorm, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let GroupNorm { q, q_weight, k, k_weight, eps } = *norm;
        let size = |weight| self.plan.tensor(weight).cols as u32;
        let (q_size, k_size) = (size(q_weight), size(k_weight));
        let is_cut = |view: View, size: u32| size > 0 && view.width.is_multiple_of(size);
        if q.activation != k.activation || !is_cut(q, q_size) || !is_cut(k, k_size) {
            return Err(LowerError::Unsupported(
                "norms of queries and keys in several activations or cut heads",
            ));
        }
        let (q_groups, k_groups) = (q.width / q_size, k.width / k_size);
        let params = kernels::group_norm::Params {
            stride: self.stride(q),
            q_offset: q.offset,
            q_size,
            q_groups,
            k_offset: k.offset,
            k_size,
            k_groups,
            eps,
        };
        let binds = vec![
            Bind { binding: 5, buffer: self.vector(q_weight)? },
            Bind { binding: 6, buffer: self.vector(k_weight)? },
            Bind { binding: 8, buffer: self.activation(q.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::group_norm::KERNEL,
            variant: Variant::default(),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(q_groups + k_groups), Extent::Tokens(1)],
            label: self.plan.tensor(q_weight).name.clone(),
        });
        Ok(())
    }

    pub(super) fn map(&mut self, x: View, map: Map, calls: &mut Vec<Call>) {
        let (piece, limit) = match map {
            Map::Gelu => ("map_gelu", 0.0),
            Map::Clamp { limit } => ("map_clamp", limit),
        };
        let params = kernels::map::Params { cols: x.width, stride: self.stride(x), offset: x.offset, limit };
        let buffer = self.activation(x.activation);
        calls.push(Call {
            kernel: &kernels::map::KERNEL,
            variant: Variant::of(&[piece]),
            params: params.words(),
            binds: vec![Bind { binding: 8, buffer }],
            grid: [Extent::Fixed(x.width.div_ceil(WG)), Extent::Tokens(1)],
            label: self.plan.activation(x.activation).name.clone(),
        });
    }
}

/// Norms read whole vec4 from the first column on.
fn whole(views: &[View]) -> Result<(), LowerError> {
    if views.iter().any(|view| view.offset != 0) {
        return Err(LowerError::Unsupported("a norm of some columns"));
    }
    Ok(())
}
