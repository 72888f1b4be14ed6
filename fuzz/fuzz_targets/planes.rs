//! Any bytes as blocks of any format: the file's decode and the planes' must agree.
#![no_main]

use azulejo_quant::{BlockFormat, PlaneLayout, UNIT, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [format, blocks_per_row, blocks @ ..] = data else { return };
    let format = BlockFormat::ALL[usize::from(*format) % BlockFormat::ALL.len()];
    let cols = usize::from(*blocks_per_row) * format.block_len();
    let rows = blocks.len() / format.row_bytes(cols).expect("whole blocks").max(1);
    let Ok(layout) = PlaneLayout::new(format, rows, cols) else { return };
    let blocks = &blocks[..rows * layout.file_row_bytes];
    let mut file = vec![0.0; rows * cols];
    decode(format, blocks, &mut file).expect("lengths fit");
    let (quants, aux) = layout.repack_all(blocks).expect("lengths fit");
    for (row, weights) in file.chunks(cols).enumerate() {
        for (k, weights) in weights.chunks(UNIT).enumerate() {
            let unit = layout.decode_unit(&quants, &aux, row * layout.units_per_row + k);
            for (weight, expected) in unit.into_iter().zip(weights) {
                // An infinite scale gives NaN in one order of operations and an infinity in the other.
                assert!(weight == *expected || !expected.is_finite() || !weight.is_finite());
            }
        }
    }
});
