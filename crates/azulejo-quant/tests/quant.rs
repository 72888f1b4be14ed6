//! Tests of the block formats: against GGUF's own code, against known blocks, and planes against file blocks.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use azulejo_quant::{
    BlockFormat, EncodeError, PackedRows, Plane, PlaneLayout, QuantError, decode, encode,
    encode_with_importance, ggml_type_name, random_blocks,
};

/// A matrix of made-up blocks in its file's layout.
fn random_matrix(format: BlockFormat, rows: usize, cols: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; rows * format.row_bytes(cols).unwrap()];
    random_blocks(format, seed, 0.05, &mut bytes).unwrap();
    bytes
}

fn decoded(format: BlockFormat, bytes: &[u8]) -> Vec<f32> {
    let mut out = vec![f32::NAN; bytes.len() / format.block_bytes() * format.block_len()];
    decode(format, bytes, &mut out).unwrap();
    out
}

/// The records of fixtures/reference.bin (see make_reference.py): name, blocks, weights.
fn reference() -> Vec<(String, Vec<u8>, Vec<f32>)> {
    records(include_bytes!("fixtures/reference.bin"))
}

fn records(mut rest: &[u8]) -> Vec<(String, Vec<u8>, Vec<f32>)> {
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (name, tail) = rest.split_at(8);
        rest = tail;
        let mut array = || {
            let (length, tail) = rest.split_at(4);
            let (bytes, tail) = tail.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
            rest = tail;
            bytes.to_vec()
        };
        let (blocks, values) = (array(), array());
        let values = values.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        records.push((String::from_utf8(name.to_vec()).unwrap().trim().to_owned(), blocks, values));
    }
    records
}

#[test]
fn reference_blocks_decode_to_the_same_bits() {
    let mut seen = 0;
    for (name, blocks, weights) in reference() {
        let Some(format) = BlockFormat::from_name(&name) else { continue };
        assert_eq!(decoded(format, &blocks), weights, "{format}");
        seen += 1;
    }
    assert_eq!(seen, BlockFormat::ALL.len());
}

#[test]
fn reference_weights_encode_to_the_same_bits() {
    let mut seen = 0;
    for (name, blocks, weights) in reference() {
        let Some(name) = name.strip_prefix('>') else { continue };
        let format = BlockFormat::from_name(name).unwrap();
        let mut out = vec![0; blocks.len()];
        encode(format, &weights, &mut out).unwrap();
        assert_eq!(out, blocks, "{format}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}

/// Without importance the K formats are llama-quantize's to the bit (fixtures/make_k_reference.py).
#[test]
fn reference_weights_encode_to_the_bits_of_llama_quantize() {
    let records = records(include_bytes!("fixtures/k_reference.bin"));
    assert_eq!(records.len(), 3);
    for (name, blocks, weights) in records {
        let format = BlockFormat::from_name(&name[1..]).unwrap();
        let mut out = vec![0; blocks.len()];
        encode(format, &weights, &mut out).unwrap();
        assert_eq!(out, blocks, "{format}");
    }
}

/// Sizes a block as in ggml's table of types.
#[test]
fn format_sizes_are_those_of_ggml() {
    let sizes = [4, 2, 2, 18, 20, 22, 24, 34, 84, 110, 144, 176, 210];
    for (format, size) in BlockFormat::ALL.into_iter().zip(sizes) {
        assert_eq!(format.block_bytes(), size, "{format}");
        assert_eq!(BlockFormat::from_name(&format.name().to_lowercase()), Some(format));
        assert_eq!(BlockFormat::from_ggml_type(format.ggml_type()), Some(format));
        assert_eq!(ggml_type_name(format.ggml_type()), Some(format.name()));
        assert_eq!(format.is_float(), format.block_len() == 1);
        assert_eq!(format.row_bytes(512), Some(512 / format.block_len() * size));
    }
    assert_eq!(BlockFormat::Q4_0.row_bytes(33), None);
    assert_eq!(BlockFormat::Q4_K.row_bytes(32), None);
    assert_eq!(BlockFormat::F32.row_bytes(usize::MAX), None);
    assert_eq!(BlockFormat::from_ggml_type(16), None);
    assert_eq!(ggml_type_name(16), Some("IQ2_XXS"));
    assert_eq!(ggml_type_name(4_000_000), None);
    assert_eq!(BlockFormat::Q4_K.bits_per_weight(), 4.5);
    assert_eq!(format!("{:>6}", BlockFormat::Q4_K), "  Q4_K");
}

/// Blocks made by hand, all zero but for the fields named: each tells one weight's place.
mod known_blocks {
    use super::*;

    const ONE: [u8; 2] = [0x00, 0x3c]; // 1.0 as f16
    const TWO: [u8; 2] = [0x00, 0x40];

    /// A block with `d` and perhaps `dmin` there, and bytes set one by one.
    fn block(format: BlockFormat, d_at: usize, min_at: Option<usize>, bytes: &[(usize, u8)]) -> Vec<f32> {
        let mut block = vec![0; format.block_bytes()];
        block[d_at..d_at + 2].copy_from_slice(&ONE);
        if let Some(at) = min_at {
            block[at..at + 2].copy_from_slice(&TWO);
        }
        for (at, byte) in bytes {
            block[*at] = *byte;
        }
        decoded(format, &block)
    }

    fn assert_only(weights: &[f32], rest: f32, set: &[(usize, f32)]) {
        for (index, weight) in weights.iter().enumerate() {
            let expected = set.iter().find(|(at, _)| *at == index).map_or(rest, |(_, w)| *w);
            assert_eq!(*weight, expected, "weight {index}");
        }
    }

    #[test]
    fn q2_k() {
        // Group 9 = second half of 128..160: scale 3, min 1; weight 144 + 5 is bits 0..2 of byte 32 + 16 + 5.
        let weights = block(BlockFormat::Q2_K, 80, Some(82), &[(9, 0x13), (16 + 32 + 16 + 5, 0b10)]);
        for (index, weight) in weights.iter().enumerate() {
            let expected = match index {
                149 => 3.0 * 2.0 - 2.0,
                144..160 => -2.0,
                _ => 0.0,
            };
            assert_eq!(*weight, expected, "weight {index}");
        }
    }

    #[test]
    fn q3_k() {
        // Scales of 0 are -32, and quants of 0 are -4 without their mask bit: 128 everywhere.
        // Group 10 (weights 160..176): high nibble of scale byte 2 = 5, upper bits (10 / 4 = 2) of byte 8 + 2 = 2.
        let scale = 5.0 + 32.0 - 32.0;
        let weights = block(
            BlockFormat::Q3_K,
            108,
            None,
            &[(96 + 2, 5 << 4), (96 + 8 + 2, 2 << 4), (3, 1 << 5), (32 + 32 + 3, 3 << 2)],
        );
        for (index, weight) in weights.iter().enumerate() {
            let expected = match index {
                163 => scale * (3.0 + 4.0 - 4.0),
                160..176 => scale * -4.0,
                _ => 128.0,
            };
            assert_eq!(*weight, expected, "weight {index}");
        }
    }

    #[test]
    fn q4_k() {
        // Unit 1: scale 7, min 3 in the first bytes; unit 6: scale 33 = 1 | 2 << 4, min 18 = 2 | 1 << 4, split.
        let bytes = [
            (4 + 1, 7),
            (8 + 1, 3),
            (12 + 2, 0x21),
            (4 + 2, 2 << 6),
            (8 + 2, 1 << 6),
            (16 + 31, 0xf0),
            (16 + 96, 0x09),
        ];
        let weights = block(BlockFormat::Q4_K, 0, Some(2), &bytes);
        for (index, weight) in weights.iter().enumerate() {
            let expected = match index {
                63 => 7.0 * 15.0 - 6.0,
                32..64 => -6.0,
                192 => 33.0 * 9.0 - 36.0,
                193..224 => -36.0,
                _ => 0.0,
            };
            assert_eq!(*weight, expected, "weight {index}");
        }
    }

    #[test]
    fn q5_k() {
        // Unit 3 (weights 96..128, high nibbles of bytes 32..64): scale 2; weight 2 of it has its fifth bit.
        let bytes = [(4 + 3, 2), (16 + 2, 1 << 3), (48 + 32 + 2, 0x60)];
        let weights = block(BlockFormat::Q5_K, 0, Some(2), &bytes);
        assert_only(&weights, 0.0, &[(98, 2.0 * (16.0 + 6.0))]);
    }

    #[test]
    fn q6_k() {
        // Group 15 (weights 240..256): scale -3; weight 255 is the high nibble of ql 64 + 32 + 31 and the upper bits
        // (3) of qh 32 + 31.
        let bytes = [(192 + 15, -3i8 as u8), (64 + 32 + 31, 0x50), (128 + 32 + 31, 0b01 << 6)];
        let weights = block(BlockFormat::Q6_K, 208, None, &bytes);
        for (index, weight) in weights.iter().enumerate() {
            let expected = match index {
                255 => -3.0 * (16.0 + 5.0 - 32.0),
                240.. => 96.0,
                _ => 0.0,
            };
            assert_eq!(*weight, expected, "weight {index}");
        }
    }
}

/// Widths with an odd number of units or superblocks a row; ragged ones for floats.
fn widths(format: BlockFormat) -> [usize; 3] {
    match format.block_len() {
        1 => [1, 77, 128],
        32 => [32, 96, 160],
        _ => [256, 768, 1024],
    }
}

#[test]
fn planes_decode_to_the_bits_of_the_file() {
    for format in BlockFormat::ALL {
        for (seed, cols) in widths(format).into_iter().enumerate() {
            let rows = 5;
            let bytes = random_matrix(format, rows, cols, seed as u64);
            let file = decoded(format, &bytes);
            let layout = PlaneLayout::new(format, rows, cols).unwrap();
            let (quants, aux) = layout.repack_all(&bytes).unwrap();
            assert_eq!((quants.len() * 4) as u64, layout.quants_bytes);
            assert_eq!((aux.len() * 4) as u64, layout.aux_bytes);
            for row in 0..rows {
                for k in 0..layout.units_per_row {
                    let unit = layout.decode_unit(&quants, &aux, row * layout.units_per_row + k);
                    for (j, weight) in unit.into_iter().enumerate() {
                        let col = k * 32 + j;
                        // A float row's padding is zero. +0 and -0 are the same weight.
                        let expected = if col < cols { file[row * cols + col] } else { 0.0 };
                        assert_eq!(weight, expected, "{format} {rows}x{cols}, row {row}, column {col}");
                    }
                }
            }
        }
    }
}

#[test]
fn planes_hand_out_every_byte_once_in_pieces_of_any_size() {
    for format in BlockFormat::ALL {
        for cols in widths(format) {
            let rows = 7u64;
            let bytes = random_matrix(format, rows as usize, cols, 3);
            let layout = PlaneLayout::new(format, rows as usize, cols).unwrap();
            let whole = layout.repack_all(&bytes).unwrap();
            for piece in [1, 2, 3, 4, 7] {
                let piece = piece * layout.row_granularity();
                let mut planes =
                    [vec![None; layout.quants_bytes as usize], vec![None; layout.aux_bytes as usize]];
                let mut scratch = vec![0xaa; 1000];
                // From the last piece to the first, since the order is free.
                for first in (0..rows as usize).step_by(piece as usize).rev().map(|first| first as u64) {
                    let n = piece.min(rows - first);
                    let at = first as usize * layout.file_row_bytes;
                    let src = &bytes[at..at + n as usize * layout.file_row_bytes];
                    layout
                        .repack_rows(first, n, src, &mut scratch, |plane, offset, bytes| {
                            assert!(
                                offset % 4 == 0 && bytes.len() % 4 == 0,
                                "{format} {cols}: {offset}, {}",
                                bytes.len()
                            );
                            let plane = &mut planes[if plane == Plane::Quants { 0 } else { 1 }];
                            for (slot, byte) in
                                plane[offset as usize..offset as usize + bytes.len()].iter_mut().zip(bytes)
                            {
                                assert_eq!(slot.replace(*byte), None, "{format} {cols}: a byte came twice");
                            }
                        })
                        .unwrap();
                }
                for (plane, whole) in planes.into_iter().zip([&whole.0, &whole.1]) {
                    let plane: Vec<u8> =
                        plane.into_iter().map(|byte| byte.expect("every byte comes")).collect();
                    let whole: Vec<u8> = whole.iter().flat_map(|word| word.to_le_bytes()).collect();
                    assert!(plane == whole, "{format} {cols} in pieces of {piece}");
                }
            }
        }
    }
}

#[test]
fn planes_of_repeated_rows_are_those_of_the_rows_written_out() {
    for format in BlockFormat::ALL {
        for cols in widths(format) {
            let (rows, repeated) = (23u64, 6u64);
            let few = random_matrix(format, repeated as usize, cols, 5);
            let packed = PackedRows::new(format, repeated as usize, cols, &few).unwrap();
            assert_eq!(packed.rows(), repeated);
            let layout = PlaneLayout::new(format, rows as usize, cols).unwrap();
            for from in [0, 2, 4, 8] {
                let row = |i: u64| {
                    &few[((from + i) % repeated) as usize * layout.file_row_bytes..][..layout.file_row_bytes]
                };
                let whole: Vec<u8> = (0..rows).flat_map(|i| row(i).to_vec()).collect();
                let whole = layout.repack_all(&whole).unwrap();
                let (mut quants, mut aux) =
                    (vec![0xaa; layout.quants_bytes as usize], vec![0xaa; layout.aux_bytes as usize]);
                for first in [0, 8, 16] {
                    let n = (rows - first).min(8);
                    let put = |plane, offset: u64, bytes: &[u8]| {
                        let plane = if plane == Plane::Quants { &mut quants } else { &mut aux };
                        plane[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                    };
                    layout.repeat_rows(first, n, &packed, from + first, put).unwrap();
                }
                let words = |bytes: &[u8]| -> Vec<u32> {
                    bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
                };
                // What weights don't fill is nobody's.
                let units = layout.units as usize;
                let (quants, aux) = (words(&quants), words(&aux));
                for unit in 0..units {
                    assert_eq!(
                        layout.decode_unit(&quants, &aux, unit),
                        layout.decode_unit(&whole.0, &whole.1, unit),
                        "{format} {cols} from {from}: unit {unit}"
                    );
                }
            }
        }
    }
}

#[test]
fn planes_refuse_other_rows_to_repeat() {
    let of = |format, cols| PackedRows::new(format, 4, cols, &random_matrix(format, 4, cols, 1)).unwrap();
    let layout = PlaneLayout::new(BlockFormat::Q4_0, 8, 96).unwrap();
    let repeat =
        |packed: &PackedRows, first, n, from| layout.repeat_rows(first, n, packed, from, |_, _, _| {});
    let right = of(BlockFormat::Q4_0, 96);
    assert_eq!(repeat(&right, 0, 8, 2), Ok(()));
    assert!(matches!(repeat(&right, 0, 8, 1), Err(QuantError::RowsMisaligned { first: 1, .. })));
    assert!(matches!(repeat(&right, 6, 4, 0), Err(QuantError::RowsOutOfRange { .. })));
    for other in [of(BlockFormat::Q4_0, 64), of(BlockFormat::Q8_0, 96)] {
        assert!(matches!(repeat(&other, 0, 8, 0), Err(QuantError::OtherRows { .. })));
    }
    let odd = PackedRows::new(BlockFormat::Q4_0, 3, 96, &random_matrix(BlockFormat::Q4_0, 3, 96, 1));
    assert!(matches!(odd, Err(QuantError::RowsMisaligned { .. })));
}

#[test]
fn planes_are_as_large_as_the_file() {
    for format in BlockFormat::ALL {
        let layout = PlaneLayout::new(format, 16, 2048).unwrap();
        let aux_of_floats = if format.is_float() { 16 } else { 0 };
        let file = 16 * format.row_bytes(2048).unwrap() as u64;
        assert_eq!(layout.quants_bytes + layout.aux_bytes, file + aux_of_floats, "{format}");
    }
}

#[test]
fn planes_of_odd_rows_have_a_granularity_of_two() {
    let granularity = |format, cols| PlaneLayout::new(format, 6, cols).unwrap().row_granularity();
    assert_eq!(granularity(BlockFormat::Q4_0, 96), 2);
    assert_eq!(granularity(BlockFormat::Q4_0, 64), 1);
    assert_eq!(granularity(BlockFormat::Q4_1, 96), 1);
    assert_eq!(granularity(BlockFormat::Q6_K, 768), 2);
    assert_eq!(granularity(BlockFormat::Q6_K, 512), 1);
    assert_eq!(granularity(BlockFormat::Q4_K, 768), 1);
    assert_eq!(granularity(BlockFormat::F16, 77), 1);
}

#[test]
fn planes_refuse_bad_shapes_and_pieces() {
    let new = PlaneLayout::new;
    assert_eq!(new(BlockFormat::F32, 0, 4), Err(QuantError::Empty { rows: 0, cols: 4 }));
    assert_eq!(new(BlockFormat::F32, 4, 0), Err(QuantError::Empty { rows: 4, cols: 0 }));
    assert_eq!(
        new(BlockFormat::Q6_K, 3, 320),
        Err(QuantError::PartialBlock { format: BlockFormat::Q6_K, cols: 320 })
    );
    assert!(matches!(new(BlockFormat::F32, usize::MAX, 1), Err(QuantError::TooLarge { .. })));
    assert!(matches!(new(BlockFormat::Q8_0, usize::MAX / 32, 1 << 20), Err(QuantError::TooLarge { .. })));

    let layout = new(BlockFormat::Q4_0, 5, 32).unwrap();
    let repack =
        |first, n, bytes: usize| layout.repack_rows(first, n, &vec![0; bytes], &mut Vec::new(), |_, _, _| {});
    assert_eq!(repack(4, 1, 18), Ok(()));
    assert_eq!(repack(5, 0, 0), Ok(()));
    assert_eq!(repack(1, 4, 72), Err(QuantError::RowsMisaligned { first: 1, count: 4, granularity: 2 }));
    assert_eq!(repack(0, 3, 54), Err(QuantError::RowsMisaligned { first: 0, count: 3, granularity: 2 }));
    assert_eq!(repack(4, 2, 36), Err(QuantError::RowsOutOfRange { first: 4, count: 2, rows: 5 }));
    assert_eq!(
        repack(2, u64::MAX, 36),
        Err(QuantError::RowsOutOfRange { first: 2, count: u64::MAX, rows: 5 })
    );
    assert!(matches!(repack(0, 2, 35), Err(QuantError::WrongLength { expected: 36, got: 35, .. })));
}

#[test]
fn codec_refuses_wrong_lengths() {
    let mut out = [0.0; 32];
    assert!(matches!(decode(BlockFormat::Q4_0, &[0; 17], &mut out), Err(QuantError::WrongLength { .. })));
    assert!(matches!(decode(BlockFormat::Q4_0, &[0; 36], &mut out), Err(QuantError::WrongLength { .. })));
    assert!(matches!(
        encode(BlockFormat::Q8_0, &out, &mut [0; 35]),
        Err(EncodeError::Quant(QuantError::WrongLength { .. }))
    ));
    assert!(matches!(
        random_blocks(BlockFormat::Q2_K, 1, 1.0, &mut [0; 85]),
        Err(QuantError::WrongLength { .. })
    ));
    assert_eq!(decode(BlockFormat::Q4_0, &[], &mut []), Ok(()));
}

#[test]
fn encode_refuses_what_it_cannot_write() {
    let mut weights = [0.5; 256];
    let mut out = [0; 144];
    let format = BlockFormat::Q4_0;
    weights[37] = f32::NAN;
    assert_eq!(encode(format, &weights, &mut out), Err(EncodeError::NotFinite { index: 37, format }));
    weights[37] = -7e4;
    assert_eq!(encode(format, &weights, &mut out), Err(EncodeError::OutOfRange { index: 37, format }));
    let mut floats = [0; 512];
    assert!(matches!(
        encode(BlockFormat::F16, &weights, &mut floats),
        Err(EncodeError::OutOfRange { index: 37, .. })
    ));
    assert_eq!(encode(BlockFormat::BF16, &weights, &mut floats), Ok(()));
    let weights = [0.5; 256];
    let with = |importance: &[f32]| encode_with_importance(format, &weights, importance, &mut [0; 144]);
    assert_eq!(with(&[1.0; 128]), Ok(()));
    assert!(matches!(with(&[1.0; 160]), Err(EncodeError::Quant(QuantError::WrongLength { .. }))));
    assert!(matches!(with(&[1.0; 16]), Err(EncodeError::Quant(QuantError::WrongLength { .. }))));
    assert!(matches!(with(&[]), Err(EncodeError::Quant(QuantError::WrongLength { .. }))));
    let mut importance = [1.0; 256];
    importance[5] = -1.0;
    assert_eq!(with(&importance), Err(EncodeError::Importance { column: 5 }));
    importance[5] = f32::INFINITY;
    assert_eq!(with(&importance), Err(EncodeError::Importance { column: 5 }));
}

/// Weights as matrices have them: normal ones, and with outliers in some columns.
fn rows(outliers: bool) -> Vec<f32> {
    let mut bytes = vec![0; 4 * 1024 * 64];
    random_blocks(BlockFormat::F32, 21, 0.02, &mut bytes).unwrap();
    let mut weights = decoded(BlockFormat::F32, &bytes);
    if outliers {
        weights.iter_mut().enumerate().filter(|(i, _)| i % 97 == 5).for_each(|(_, w)| *w *= 8.0);
    }
    weights
}

fn rmse(a: &[f32], b: &[f32], counts: impl Fn(usize) -> f32) -> f64 {
    let squares = a.iter().zip(b).enumerate().map(|(i, (a, b))| f64::from((a - b).powi(2) * counts(i)));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

/// Root mean square of the error over that of the weights, on normal weights and on outliers. The bounds are 2 % above
/// what was reached when benches/peers/rmse.py found it to be no worse than llama.cpp's.
#[test]
fn encode_round_trips_within_bounds() {
    let bounds = [
        (BlockFormat::Q2_K, 0.264, 0.286),
        (BlockFormat::Q3_K, 0.1425, 0.191),
        (BlockFormat::Q4_0, 0.0834, 0.138),
        (BlockFormat::Q4_1, 0.0774, 0.0957),
        (BlockFormat::Q4_K, 0.0715, 0.0895),
        (BlockFormat::Q5_0, 0.0413, 0.069),
        (BlockFormat::Q5_1, 0.0374, 0.0463),
        (BlockFormat::Q5_K, 0.0361, 0.0452),
        (BlockFormat::Q6_K, 0.0176, 0.0260),
        (BlockFormat::Q8_0, 0.00517, 0.00866),
    ];
    for (format, normal, outliers) in bounds {
        for (weights, bound) in [(rows(false), normal), (rows(true), outliers)] {
            let mut out = vec![0; format.row_bytes(weights.len()).unwrap()];
            encode(format, &weights, &mut out).unwrap();
            let zeros = vec![0.0; weights.len()];
            let error = rmse(&weights, &decoded(format, &out), |_| 1.0) / rmse(&weights, &zeros, |_| 1.0);
            assert!(error < bound, "{format}: {error:.5}, {bound} is allowed");
        }
    }
}

/// What counts more is kept better: the weighted error falls, in every format that has a choice.
#[test]
fn encode_with_importance_lowers_the_error_that_counts() {
    let cols = 1024;
    let importance: Vec<f32> = (0..cols).map(|c| if c % 7 == 0 { 30.0 } else { 0.1 }).collect();
    let weights = rows(true);
    let counts = |i: usize| importance[i % cols];
    for format in BlockFormat::ALL {
        let mut plain = vec![0; format.row_bytes(weights.len()).unwrap()];
        let mut weighted = plain.clone();
        encode(format, &weights, &mut plain).unwrap();
        encode_with_importance(format, &weights, &importance, &mut weighted).unwrap();
        let error = |bytes: &[u8]| rmse(&weights, &decoded(format, bytes), counts);
        if format.is_float() || format == BlockFormat::Q8_0 {
            assert!(plain == weighted, "{format}");
        } else {
            let ratio = error(&weighted) / error(&plain);
            assert!(ratio < 0.97, "{format}: {ratio}");
        }
        // No column counts: all do alike, and nothing is divided by zero.
        let zeros = vec![0.0; cols];
        encode_with_importance(format, &weights, &zeros, &mut weighted).unwrap();
        assert!(decoded(format, &weighted).iter().all(|w| w.is_finite()), "{format}");
    }
}

/// Rows that are easy to get wrong: all zero, all alike, of one sign, tiny, huge, one weight alone.
#[test]
fn encode_of_odd_rows_is_finite_and_near() {
    let mut alone = [0.0; 256];
    alone[200] = 3.0;
    let ramp: [f32; 256] = std::array::from_fn(|i| 5.0 + i as f32 / 64.0);
    let cases: [(&str, [f32; 256]); 8] = [
        ("zero", [0.0; 256]),
        ("alike", [0.25; 256]),
        ("alike below zero", [-0.25; 256]),
        ("ramp", ramp),
        ("ramp below zero", ramp.map(|w| -w)),
        ("tiny", ramp.map(|w| w * 1e-7)),
        ("huge", ramp.map(|w| w * 6000.0)),
        ("alone", alone),
    ];
    for format in BlockFormat::ALL {
        for (name, weights) in &cases {
            let mut out = vec![0; format.row_bytes(256).unwrap()];
            encode(format, weights, &mut out).unwrap();
            let back = decoded(format, &out);
            assert!(back.iter().all(|w| w.is_finite()), "{format}, {name}");
            let peak = weights.iter().fold(0f32, |peak, w| peak.max(w.abs()));
            // Below an f16's least step, a block format has nothing but zero.
            let slack = if peak < 1e-5 {
                peak
            } else {
                peak * 0.6 / 2f32.powf(format.bits_per_weight().min(8.0) - 2.0)
            };
            for (w, v) in weights.iter().zip(&back) {
                assert!((w - v).abs() <= slack * 1.01, "{format}, {name}: {w} became {v}");
            }
        }
    }
}

/// The largest error of a round trip, against the step between quants.
#[test]
fn encode_errors_are_within_half_a_step() {
    let mut bytes = vec![0; 4 * 32 * 50];
    random_blocks(BlockFormat::F32, 11, 0.02, &mut bytes).unwrap();
    let weights = decoded(BlockFormat::F32, &bytes);
    // Steps as a part of the largest magnitude; twice that for formats whose range is from minimum to maximum. The
    // weight opposite the peak may be clipped by a whole step in Q4_0 and Q5_0 (range -8..=7). And the f16 scale is off by up to
    // 2^-11 of itself, which is 0.06 of a step at 127.
    let cases = [
        (BlockFormat::F16, 1e-3),
        (BlockFormat::BF16, 8e-3),
        (BlockFormat::Q8_0, 0.57 / 127.0),
        (BlockFormat::Q5_1, 2.0 * 0.52 / 31.0),
        (BlockFormat::Q5_0, 1.01 / 16.0),
        (BlockFormat::Q4_1, 2.0 * 0.52 / 15.0),
        (BlockFormat::Q4_0, 1.01 / 8.0),
    ];
    for (format, bound) in cases {
        let mut out = vec![0; format.row_bytes(weights.len()).unwrap()];
        encode(format, &weights, &mut out).unwrap();
        for (before, after) in weights.chunks(32).zip(decoded(format, &out).chunks(32)) {
            let peak = before.iter().fold(0f32, |peak, w| peak.max(w.abs()));
            for (w, v) in before.iter().zip(after) {
                assert!((w - v).abs() <= bound * peak, "{format}: {w} became {v}, peak {peak}");
            }
        }
    }
}

#[test]
fn random_blocks_have_the_mean_and_deviation_asked_for() {
    for format in BlockFormat::ALL {
        for std in [0.02f32, 1.0] {
            let mut bytes = vec![0; format.row_bytes(256 * 400).unwrap()];
            random_blocks(format, 5, std, &mut bytes).unwrap();
            let weights = decoded(format, &bytes);
            let n = weights.len() as f64;
            let mean = weights.iter().map(|w| f64::from(*w)).sum::<f64>() / n;
            let deviation =
                (weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / n - mean * mean).sqrt();
            assert!(mean.abs() < 0.03 * f64::from(std), "{format}: mean {mean}");
            let ratio = deviation / f64::from(std);
            assert!((0.95..1.05).contains(&ratio), "{format}: deviation {ratio} of {std}");
            let mut again = vec![0; bytes.len()];
            random_blocks(format, 5, std, &mut again).unwrap();
            assert!(bytes == again);
            random_blocks(format, 6, std, &mut again).unwrap();
            assert!(bytes != again);
        }
    }
}
