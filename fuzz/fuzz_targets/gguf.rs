//! A GGUF file: parsed whole and in growing prefixes, then its tensors read and decoded.
#![no_main]

use azulejo_formats::gguf::Gguf;
use azulejo_formats::{ModelFile, ParseStep};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file_len = data.len() as u64;
    let whole = Gguf::parse(data, file_len);
    assert!(!matches!(whole, Ok(ParseStep::NeedBytes(_))), "more bytes than the file has are wanted");
    let mut have = 0;
    while let Ok(ParseStep::NeedBytes(wanted)) = Gguf::parse(&data[..have], file_len) {
        assert!(wanted > have as u64 && wanted <= file_len);
        have = wanted as usize;
    }
    // As the start of a file of a terabyte.
    let _ = Gguf::parse(data, 1 << 40);
    let Ok(model) = ModelFile::from_gguf_bytes(data.to_vec()) else { return };
    for tensor in model.tensors.values() {
        let bytes = model.slice(tensor, 0..tensor.bytes).expect("tensors are in the file");
        let row = tensor.format.row_bytes(tensor.cols() as usize).expect("rows are whole blocks");
        // A row of a megabyte at most, so that speed stays the same.
        if row <= 1 << 20 {
            let mut out = vec![0.0; tensor.cols() as usize];
            azulejo_quant::decode(tensor.format, &bytes[..row], &mut out).expect("lengths fit");
        }
    }
});
