//! Valid files with something changed: never a panic, and what is read keeps to the file.

use azulejo_formats::ParseStep;
use azulejo_formats::gguf::Gguf;
use azulejo_formats::safetensors::Safetensors;
use proptest::prelude::*;

use crate::files::{all_types, parse_gguf, some_tensors, write_gguf};

/// Parses, and checks that the tensors are in the file.
fn check_gguf(bytes: &[u8]) {
    if let Ok(gguf) = parse_gguf(bytes) {
        for tensor in &gguf.tensors {
            assert!(tensor.offset + tensor.bytes <= bytes.len() as u64);
            assert!(tensor.offset >= gguf.data_offset);
            let cols = usize::try_from(tensor.cols()).unwrap();
            let row = tensor.format.row_bytes(cols).unwrap() as u64;
            assert_eq!(row * tensor.rows(), tensor.bytes);
        }
    }
}

fn check_safetensors(bytes: &[u8]) {
    if let Ok(ParseStep::Done(parsed)) = Safetensors::parse(bytes, bytes.len() as u64) {
        for tensor in &parsed.tensors {
            assert!(tensor.offset + tensor.bytes <= bytes.len() as u64);
        }
    }
}

fn safetensors_file() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[7; 32]);
    bytes
}

/// Each bit of the header flipped, one at a time.
#[test]
fn mutated_single_bits_never_panic() {
    let gguf = write_gguf(&all_types(), &some_tensors());
    let header = parse_gguf(&gguf).unwrap().data_offset as usize;
    let safetensors = safetensors_file();
    for bit in 0..header * 8 {
        let mut bytes = gguf.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        check_gguf(&bytes);
    }
    for bit in 0..safetensors.len() * 8 {
        let mut bytes = safetensors.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        check_safetensors(&bytes);
    }
}

/// A change: where (as a part of the file), and the bytes written there.
fn changes() -> impl Strategy<Value = Vec<(f64, Vec<u8>)>> {
    let interesting = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..9),
        any::<u64>().prop_map(|value| value.to_le_bytes().to_vec()),
        (0..64u32).prop_map(|bit| (1u64 << bit).to_le_bytes().to_vec()),
        (0..16u32).prop_map(|value| value.to_le_bytes().to_vec()),
        Just(vec![0xff; 8]),
    ];
    prop::collection::vec((0.0..1.0f64, interesting), 1..6)
}

fn change(bytes: &mut [u8], part: usize, changes: &[(f64, Vec<u8>)]) {
    for (place, new) in changes {
        let at = (place * part as f64) as usize;
        for (old, new) in bytes[at..].iter_mut().zip(new) {
            *old = *new;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn mutated_gguf_never_panics(changes in changes(), cut in prop::option::of(0.0..1.0f64)) {
        let mut bytes = write_gguf(&all_types(), &some_tensors());
        let header = bytes.len() - 1500;
        change(&mut bytes, header, &changes);
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        check_gguf(&bytes);
        // The same bytes as the start of a larger file.
        prop_assert!(!matches!(Gguf::parse(&bytes, 1 << 45), Ok(ParseStep::NeedBytes(n)) if n > 512 << 20));
    }

    #[test]
    fn mutated_safetensors_never_panics(changes in changes()) {
        let mut bytes = safetensors_file();
        let len = bytes.len();
        change(&mut bytes, len, &changes);
        check_safetensors(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_gguf(&bytes);
        check_safetensors(&bytes);
        check_gguf(&[b"GGUF\x03\0\0\0", &bytes[..]].concat());
    }
}
