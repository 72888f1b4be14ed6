//! GGUF headers, right and wrong.

use azulejo_formats::ParseStep;
use azulejo_formats::gguf::{Gguf, GgufError, Metadata, WriteError, Writer, WriterTensor};
use azulejo_quant::BlockFormat;

use crate::files::{Raw, all_types, parse_gguf, some_tensors, tensor_bytes, write_gguf};

const F32: u32 = 0;
const Q4_0: u32 = 2;

#[test]
fn gguf_round_trip_keeps_everything() {
    let (metadata, tensors) = (all_types(), some_tensors());
    let bytes = write_gguf(&metadata, &tensors);
    let gguf = parse_gguf(&bytes).unwrap();
    assert_eq!((gguf.version, gguf.alignment), (3, 32));
    assert_eq!(gguf.metadata, metadata);
    assert_eq!(gguf.data_offset % 32, 0);
    let mut data = 0;
    for (tensor, written) in gguf.tensors.iter().zip(&tensors) {
        assert_eq!(
            (&tensor.name, tensor.format, &tensor.shape),
            (&written.name, written.format, &written.shape)
        );
        assert_eq!((tensor.offset % 32, tensor.bytes as usize), (0, tensor_bytes(written)));
        for (i, byte) in bytes[tensor.offset as usize..][..tensor.bytes as usize].iter().enumerate() {
            assert_eq!(usize::from(*byte), (data + i) % 251, "{}", tensor.name);
        }
        data += tensor.bytes as usize;
    }
    let experts = &gguf.tensors[3];
    assert_eq!((experts.rows(), experts.cols(), experts.weights()), (6, 5, 30));
    assert_eq!((gguf.tensors[1].rows(), gguf.tensors[1].cols()), (1, 7));
}

#[test]
fn gguf_alignment_is_the_files() {
    for alignment in [1u32, 8, 64, 4096] {
        let mut metadata = Metadata::default();
        metadata.insert("general.alignment", alignment);
        let bytes = write_gguf(&metadata, &some_tensors());
        let gguf = parse_gguf(&bytes).unwrap();
        assert_eq!(gguf.alignment, u64::from(alignment));
        assert!(gguf.tensors.iter().all(|tensor| tensor.offset % gguf.alignment == 0));
    }
    for wrong in [0u32, 3, 48, 1 << 21] {
        let raw = Raw::start(0, 1).string("general.alignment").u32(4).u32(wrong);
        assert_eq!(raw.parse(), Err(GgufError::Alignment { alignment: wrong.into() }));
    }
    let text = Raw::start(0, 1).string("general.alignment").u32(8).string("32");
    assert!(matches!(text.parse(), Err(GgufError::Metadata(_))));
}

#[test]
fn gguf_of_a_vocabulary_only_is_fine() {
    let gguf = parse_gguf(&write_gguf(&all_types(), &[])).unwrap();
    assert!(gguf.tensors.is_empty());
    assert_eq!(Raw::start(0, 0).parse().unwrap().metadata.len(), 0);
}

#[test]
fn gguf_version_2_is_read() {
    let mut bytes = write_gguf(&all_types(), &some_tensors());
    bytes[4] = 2;
    assert_eq!(parse_gguf(&bytes).unwrap().version, 2);
}

#[test]
fn gguf_header_is_parsed_from_a_small_part_of_the_file() {
    let mut bytes = write_gguf(&all_types(), &some_tensors());
    let header = parse_gguf(&bytes).unwrap().data_offset as usize;
    bytes.truncate(header);
    // The file is 1 TiB long, of which only the header is at hand.
    let step = Gguf::parse(&bytes, 1 << 40).unwrap();
    assert!(matches!(step, ParseStep::Done(gguf) if gguf.tensors.len() == 4));
    assert_eq!(Gguf::parse(&[], 1 << 40), Ok(ParseStep::NeedBytes(64 << 10)));
    assert_eq!(Gguf::parse(&bytes[..100], 5000), Ok(ParseStep::NeedBytes(5000)));
}

#[test]
fn gguf_wrong_magic_says_what_the_file_looks_like() {
    let cases: [(&[u8], &str); 12] = [
        (b"<!DOCTYPE html><html>...", "HTML"),
        (b"\n  <html lang=pt>..........", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1", "LFS"),
        (b"PK\x03\x04..........................", "zip"),
        (b"FUGG\0\0\0\x03.......................", "big-endian"),
        (b"tjgg............................", "before GGUF"),
        (b"\x1f\x8b..............................", "compressed"),
        (b"\x80\x02}q.............................", "pickle"),
        (&[0; 64], "unfinished"),
        (b"{\"error\": \"not found\"}", "JSON"),
        (b"\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"}}", "safetensors"),
        (b"", "empty"),
    ];
    for (bytes, word) in cases {
        let error = parse_gguf(bytes).unwrap_err();
        assert!(matches!(error, GgufError::WrongMagic { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn gguf_versions_that_are_not_read_are_errors() {
    let version = |bytes: [u8; 4]| Raw(b"GGUF".to_vec()).bytes(&bytes).u64(0).u64(0).parse();
    assert_eq!(version([1, 0, 0, 0]), Err(GgufError::Version { version: 1 }));
    assert_eq!(version([4, 0, 0, 0]), Err(GgufError::Version { version: 4 }));
    assert_eq!(version([0, 0, 0, 3]), Err(GgufError::BigEndian { version: 3 }));
    assert!(version([0, 0, 0, 3]).unwrap_err().is_unsupported());
}

/// Every cut of a file is an error that tells where, but for cuts in padding that holds nothing.
#[test]
fn gguf_truncated_anywhere_is_an_error() {
    let bytes = write_gguf(&all_types(), &some_tensors());
    let gguf = parse_gguf(&bytes).unwrap();
    let last = gguf.tensors.last().unwrap();
    let end = (last.offset + last.bytes) as usize;
    for cut in 0..end {
        let error = parse_gguf(&bytes[..cut]).expect_err("a part of a file");
        let expected = match error {
            GgufError::WrongMagic { .. } => cut < 4,
            GgufError::OutOfFile { file_len, .. } => file_len == cut as u64,
            GgufError::Truncated { offset, needed, have, .. } => offset + have == cut as u64 && needed > have,
            GgufError::CountTooLarge { .. } => true,
            _ => false,
        };
        assert!(expected, "cut at {cut}: {error}");
    }
    assert!(parse_gguf(&bytes[..end]).is_ok());
}

#[test]
fn gguf_counts_beyond_the_file_are_errors() {
    let huge = 1u64 << 60;
    let is_count = |raw: Raw, huge: u64| {
        let error = raw.parse().unwrap_err();
        assert!(matches!(error, GgufError::CountTooLarge { count, .. } if count == huge), "{error}");
    };
    is_count(Raw::start(huge, 0), huge);
    is_count(Raw::start(0, huge), huge);
    is_count(Raw::start(u64::MAX, u64::MAX), u64::MAX);
    for item_type in 0..13 {
        is_count(Raw::start(0, 1).string("k").u32(9).u32(item_type).u64(huge), huge);
        is_count(Raw::start(0, 1).string("k").u32(9).u32(9).u64(1).u32(item_type).u64(u64::MAX), u64::MAX);
    }
    // Strings have a length rather than a count.
    let is_truncated = |raw: Raw| assert!(matches!(raw.parse(), Err(GgufError::Truncated { .. })));
    is_truncated(Raw::start(0, 1).u64(huge).bytes(&[0; 64]));
    is_truncated(Raw::start(0, 1).string("k").u32(8).u64(u64::MAX));
}

/// A length that the file could hold is no reason to fetch gigabytes.
#[test]
fn gguf_header_of_gigabytes_is_an_error() {
    for start in [
        Raw::start(1 << 30, 0),
        Raw::start(0, 1).u64(1 << 30),
        Raw::start(0, 1).string("k").u32(9).u32(8).u64(1 << 30),
    ] {
        let result = Gguf::parse(&start.bytes(&[0; 64]).0, 1 << 40);
        assert!(matches!(result, Err(GgufError::HeaderTooLarge { .. })), "{result:?}");
    }
}

#[test]
fn gguf_bad_utf8_is_an_error() {
    let wrong: [Raw; 4] = [
        Raw::start(0, 1).u64(2).bytes(&[0xc3, 0x28]).u32(0).bytes(&[1]),
        Raw::start(0, 1).string("k").u32(8).u64(1).bytes(&[0xff]),
        Raw::start(0, 1).string("k").u32(9).u32(8).u64(2).string("a").u64(1).bytes(&[0x80]),
        Raw::start(1, 0).u64(1).bytes(&[0xff]).u32(0).u32(0).u64(0).data(4),
    ];
    for raw in wrong {
        assert!(matches!(raw.parse(), Err(GgufError::InvalidUtf8 { .. })), "{:?}", raw.parse());
    }
}

#[test]
fn gguf_bad_values_are_errors() {
    let entry = || Raw::start(0, 1).string("k");
    let key = || "k".to_owned();
    assert_eq!(
        entry().u32(13).u64(0).parse(),
        Err(GgufError::ValueType { key: key(), value_type: 13, offset: 33 })
    );
    assert!(matches!(
        entry().u32(9).u32(77).u64(0).parse(),
        Err(GgufError::ValueType { value_type: 77, .. })
    ));
    assert_eq!(
        entry().u32(7).bytes(&[2]).parse(),
        Err(GgufError::InvalidBool { key: key(), byte: 2, offset: 37 })
    );
    assert!(matches!(
        entry().u32(9).u32(7).u64(2).bytes(&[1, 9]).parse(),
        Err(GgufError::InvalidBool { byte: 9, .. })
    ));
    let twice = Raw::start(0, 2).string("k").u32(0).bytes(&[1]).string("k").u32(0).bytes(&[1]);
    assert_eq!(twice.parse(), Err(GgufError::DuplicateKey { key: key(), offset: 38 }));
    // 100,000 levels of arrays of one array: an error, not an overflow of the stack.
    let deep = (0..100_000).fold(entry().u32(9), |raw, _| raw.u32(9).u64(1));
    assert!(matches!(deep.u32(0).u64(0).parse(), Err(GgufError::NestedTooDeep { .. })));
}

#[test]
fn gguf_bad_tensors_are_errors() {
    let parse = |raw: Raw| raw.data(1024).parse().unwrap_err();
    let one = |dims: &[u64], ggml_type, offset| parse(Raw::start(1, 0).tensor("w", dims, ggml_type, offset));
    let is = |error: GgufError, text: &str| assert!(error.to_string().contains(text), "{error}");

    is(one(&[8], 16, 0), "tensor `w` is stored as IQ2_XXS (type 16)");
    is(one(&[8], 999, 0), "an unknown type (type 999)");
    assert!(one(&[8], 16, 0).is_unsupported());
    is(one(&[1, 1, 1, 1, 1], F32, 0), "5 dimensions");
    is(one(&[4, 0], F32, 0), "dimension of 0");
    is(one(&[1 << 40, 1 << 40], F32, 0), "overflows");
    is(one(&[u64::MAX], F32, 0), "overflows");
    is(one(&[u64::MAX - 31], Q4_0, 0), "the file ends");
    is(one(&[48, 2], Q4_0, 0), "48 columns aren't whole Q4_0 blocks of 32");
    is(one(&[8], F32, 16), "isn't a multiple of the alignment 32");
    is(one(&[257], F32, 0), "the file ends");
    is(one(&[8], F32, 1024), "the file ends");
    is(one(&[8], F32, u64::MAX - 31), "the file ends");

    let two = |first: &str, second: &str, offset| {
        parse(Raw::start(2, 0).tensor(first, &[16], F32, 32).tensor(second, &[9], F32, offset))
    };
    is(two("a", "a", 96), "tensor `a` comes twice");
    is(two("a", "b", 64), "tensors `a` and `b` overlap");
    is(two("a", "b", 32), "overlap");
    is(two("a", "b", 0), "tensors `b` and `a` overlap");
    let fine = Raw::start(2, 0).tensor("a", &[16], F32, 32).tensor("b", &[8], F32, 0).data(1024);
    assert_eq!(fine.parse().unwrap().tensors[1].offset % 32, 0);
}

#[test]
fn gguf_scalar_tensor_has_one_weight() {
    let gguf = Raw::start(1, 0).tensor("s", &[], F32, 0).data(4).parse().unwrap();
    assert_eq!((gguf.tensors[0].weights(), gguf.tensors[0].bytes), (1, 4));
    assert!(matches!(
        Raw::start(1, 0).tensor("s", &[], Q4_0, 0).data(64).parse(),
        Err(GgufError::Shape { .. })
    ));
}

#[test]
fn gguf_writer_refuses_what_no_reader_takes() {
    let tensor = |name: &str, shape: &[u64]| WriterTensor {
        name: name.to_owned(),
        format: BlockFormat::Q8_0,
        shape: shape.to_vec(),
    };
    let none = Metadata::default();
    let new = |tensors: &[WriterTensor]| Writer::new(Vec::new(), &none, tensors);
    assert!(matches!(new(&[tensor("a", &[33])]), Err(WriteError::Shape { .. })));
    assert!(matches!(new(&[tensor("a", &[0])]), Err(WriteError::Shape { .. })));
    assert!(matches!(new(&[tensor("a", &[1, 1, 1, 1, 32])]), Err(WriteError::Dimensions { dims: 5, .. })));
    assert!(matches!(
        new(&[tensor("a", &[32]), tensor("a", &[32])]),
        Err(WriteError::DuplicateTensor { .. })
    ));
    let huge = 1u64 << 58;
    assert!(matches!(
        new(&[tensor("a", &[huge, 32]), tensor("b", &[huge, 32])]),
        Err(WriteError::Shape { .. })
    ));
    let mut metadata = Metadata::default();
    metadata.insert("general.alignment", 24u32);
    assert!(matches!(Writer::new(Vec::new(), &metadata, &[]), Err(WriteError::Alignment { alignment: 24 })));

    let mut writer = new(&[tensor("a", &[32]), tensor("b", &[32])]).unwrap();
    writer.write(&[0; 40]).unwrap();
    assert!(matches!(writer.finish(), Err(WriteError::MissingData { name, missing: 28 }) if name == "b"));
    let mut writer = new(&[tensor("a", &[32])]).unwrap();
    assert!(matches!(writer.write(&[0; 36]), Err(WriteError::TooMuchData { extra: 2 })));
}
