//! Safetensors headers, right and wrong.

use std::collections::HashMap;

use azulejo_formats::ParseStep;
use azulejo_formats::safetensors::{IndexError, Safetensors, SafetensorsError, ShardIndex};
use azulejo_quant::BlockFormat;
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

/// A file with that header and that many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

/// Parses a whole file, in one call and in steps, which must agree.
fn parse(bytes: &[u8]) -> Result<Safetensors, SafetensorsError> {
    let file_len = bytes.len() as u64;
    let whole = Safetensors::parse(bytes, file_len).map(|step| match step {
        ParseStep::Done(done) => done,
        ParseStep::NeedBytes(wanted) => panic!("{wanted} of {file_len}"),
    });
    let mut have = 0;
    let stepped = loop {
        match Safetensors::parse(&bytes[..have], file_len) {
            Ok(ParseStep::NeedBytes(wanted)) if wanted > have as u64 && wanted <= file_len => {
                have = wanted as usize
            }
            Ok(ParseStep::NeedBytes(wanted)) => panic!("{wanted} wanted at {have} of {file_len}"),
            Ok(ParseStep::Done(done)) => break Ok(done),
            Err(error) => break Err(error),
        }
    };
    // An empty file's start isn't at hand at first.
    assert_eq!(whole.is_ok(), stepped.is_ok());
    whole
}

#[test]
fn safetensors_of_the_reference_writer_are_read() {
    let data: Vec<u8> = (0..200).collect();
    let view = |dtype, shape: &[usize], range: std::ops::Range<usize>| {
        TensorView::new(dtype, shape.to_vec(), &data[range]).unwrap()
    };
    let tensors = [
        ("a.weight", view(Dtype::F32, &[3, 5], 0..60)),
        ("b", view(Dtype::BF16, &[7], 60..74)),
        ("c", view(Dtype::F16, &[2, 3, 4], 80..128)),
        ("ids", view(Dtype::I64, &[1, 4], 128..160)),
        ("scalar", view(Dtype::F32, &[], 160..164)),
    ];
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = serialize(tensors.clone(), Some(metadata)).unwrap();
    let parsed = parse(&bytes).unwrap();
    assert_eq!(parsed.metadata["format"], "pt");
    assert_eq!(parsed.unsupported.iter().collect::<Vec<_>>(), [(&"ids".to_owned(), &"I64".to_owned())]);
    assert_eq!(parsed.tensors.len(), 4);
    for (name, view) in tensors.iter().filter(|(name, _)| *name != "ids") {
        let tensor = parsed.tensors.iter().find(|tensor| tensor.name == *name).unwrap();
        assert_eq!(tensor.shape, view.shape().iter().map(|dim| *dim as u64).collect::<Vec<_>>());
        assert_eq!(&bytes[tensor.offset as usize..][..tensor.bytes as usize], view.data());
    }
    assert_eq!(parsed.tensors.iter().find(|tensor| tensor.name == "b").unwrap().format, BlockFormat::BF16);
    for cut in 0..bytes.len() {
        assert!(parse(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn safetensors_bad_headers_are_errors() {
    let error = |header: &str, data, text: &str| {
        let error = parse(&file(header, data)).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    let tensor = |shape: &str, start: u64, end: u64| {
        format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    };
    let one = |shape, start, end| format!(r#"{{"w":{}}}"#, tensor(shape, start, end));
    let two = |first: &str, second: &str| {
        format!(r#"{{"{first}":{},"{second}":{}}}"#, tensor("[2]", 0, 8), tensor("[2]", 4, 12))
    };

    assert!(parse(&file(&one("[2, 2]", 0, 16), 16)).is_ok());
    error(&one("[2, 2]", 0, 12), 12, "takes 16 bytes, and its offsets are 0..12");
    error(&one("[2, 2]", 0, 16), 15, "which has 15 bytes");
    error(&one("[2]", 8, 0), 16, "tensor `w`");
    error(&one("[2]", u64::MAX - 7, u64::MAX), 16, "tensor `w`");
    error(&one("[4294967296, 4294967296]", 0, 16), 16, "overflows");
    error(&one("[-1]", 0, 16), 16, "tensor `w`");
    error(&one("[2]", 4, 12), 12, "bytes 0..4");
    error(&one("[2]", 0, 8), 12, "bytes 8..12");
    error(&two("a", "b"), 12, "tensors `a` and `b` overlap");
    error(&two("a", "a"), 12, "tensor `a` comes twice");
    error(r#"{"w":{"dtype":"F32","shape":[2]}}"#, 8, "tensor `w`");
    error(r#"{"w":3}"#, 0, "tensor `w`");
    error(r#"{"__metadata__":{"a":1}}"#, 0, "isn't valid");
    error(r#"{"#, 0, "isn't valid");
    error("{\"\u{1}\":{}}", 0, "isn't valid");
    error("[1, 2, 3, 4]", 0, "not a safetensors file");
    error("{}", 3, "bytes 0..3");
    assert!(parse(&file("{}   ", 0)).unwrap().tensors.is_empty());
}

#[test]
fn safetensors_header_length_is_bounded_by_the_file() {
    for length in [u64::MAX, 1 << 60, 200_000_000, 40] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{\"a\": 1}");
        let error = parse(&bytes).unwrap_err();
        assert!(
            matches!(error, SafetensorsError::HeaderLength { header_len, .. } if header_len == length),
            "{error}"
        );
        if length > 100_000_000 {
            assert!(Safetensors::parse(&bytes, 1 << 62).is_err());
        }
    }
    assert!(matches!(
        parse(b"GGUF\x03\0\0\0\x01\0\0\0"),
        Err(SafetensorsError::WrongStart { looks_like: "GGUF" })
    ));
    assert!(parse(b"").unwrap_err().to_string().contains("empty file"));
}

#[test]
fn safetensors_index_names_shards_in_the_same_folder() {
    let index = ShardIndex::parse(br#"{"metadata":{"total_size":1},"weight_map":{"a":"2.safetensors","b":"1.safetensors","c":"2.safetensors"}}"#);
    assert_eq!(index.unwrap().shards(), ["1.safetensors", "2.safetensors"]);
    for name in ["../x.safetensors", "/etc/passwd", "a/b", "", "..", "c:x", "a\\\\b", "a\\u0000b"] {
        let json = format!(r#"{{"weight_map":{{"a":"{name}"}}}}"#);
        let error = ShardIndex::parse(json.as_bytes()).unwrap_err();
        assert!(matches!(error, IndexError::ShardName { .. }), "{name}: {error}");
    }
    assert!(matches!(ShardIndex::parse(b"{}"), Err(IndexError::Json { .. })));
}
