//! A safetensors file, parsed whole and in growing prefixes, and an index of shards.
#![no_main]

use azulejo_formats::ParseStep;
use azulejo_formats::safetensors::{Safetensors, ShardIndex};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file_len = data.len() as u64;
    match Safetensors::parse(data, file_len) {
        Ok(ParseStep::NeedBytes(wanted)) => panic!("{wanted} bytes of {file_len} are wanted"),
        Ok(ParseStep::Done(parsed)) => {
            for tensor in parsed.tensors {
                assert!(tensor.offset.checked_add(tensor.bytes).is_some_and(|end| end <= file_len));
            }
        }
        Err(_) => {}
    }
    let mut have = 0;
    while let Ok(ParseStep::NeedBytes(wanted)) = Safetensors::parse(&data[..have], file_len) {
        assert!(wanted > have as u64 && wanted <= file_len);
        have = wanted as usize;
    }
    if let Ok(index) = ShardIndex::parse(data) {
        assert!(index.shards().iter().all(|name| !name.contains('/')));
    }
});
