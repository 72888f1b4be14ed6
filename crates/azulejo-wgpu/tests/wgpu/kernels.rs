//! The kernels one by one.

use azulejo_quant::{BlockFormat, PlaneLayout, decode, random_blocks};
use azulejo_shaders::check::Executor;
use azulejo_shaders::kernel::{Run, block_piece};
use azulejo_shaders::{Bind, Call, Extent, Variant, kernels};

use crate::{nmse, tiers};

#[test]
fn gemv_agrees_with_decoded_weights_in_every_format_and_tier() {
    for backend in tiers() {
        for format in BlockFormat::ALL {
            let (rows, cols) = (7, if format.block_len() == 256 { 512 } else { 96 });
            let mut blocks = vec![0; rows * format.row_bytes(cols).unwrap()];
            random_blocks(format, 5, 0.1, &mut blocks).unwrap();
            let mut weights = vec![0.0; rows * cols];
            decode(format, &blocks, &mut weights).unwrap();
            let x: Vec<f32> = (0..cols).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            let layout = PlaneLayout::new(format, rows, cols).unwrap();
            let (quants, aux) = layout.repack_all(&blocks).unwrap();
            let params = kernels::gemv::Params {
                cols: cols as u32,
                rows: rows as u32,
                units_per_row: layout.units_per_row as u32,
                units: layout.units as u32,
                x_stride: cols as u32,
                x_row: 0,
                out_offset: 0,
                residual_offset: 0,
                bias_offset: 0,
                eps: 0.0,
            };
            let call = Call {
                kernel: &kernels::gemv::KERNEL,
                variant: Variant::of(&[block_piece(format), "input_plain", "out_store"]),
                params: params.words(),
                binds: [2, 3, 4, 8]
                    .into_iter()
                    .zip(0..)
                    .map(|(binding, buffer)| Bind { binding, buffer })
                    .collect(),
                grid: [Extent::Fixed(2), Extent::Fixed(1)],
                label: "test".to_owned(),
            };
            let mut buffers = vec![quants, aux, x.iter().map(|v| v.to_bits()).collect(), vec![0; 8]];
            let run = Run { position: 0, tokens: 1, row: 0, unused: 0 };
            (&backend).execute(&call, run, &mut buffers).unwrap();
            let got: Vec<f32> = buffers[3][..rows].iter().map(|w| f32::from_bits(*w)).collect();
            let product = |row: &[f32]| row.iter().zip(&x).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32;
            let want: Vec<f32> = weights.chunks(cols).map(product).collect();
            let error = nmse(&got, &want);
            assert!(error < 1e-10, "{} {}: {error:e}", backend.tier().name(), format.name());
        }
    }
}
