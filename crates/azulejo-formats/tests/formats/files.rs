//! Files for the tests: valid ones by the crate's writer, and headers written field by field.

use std::path::{Path, PathBuf};

use azulejo_formats::ParseStep;
use azulejo_formats::gguf::{Array, Gguf, GgufError, Metadata, Value, Writer, WriterTensor};
use azulejo_quant::BlockFormat;

/// A GGUF header written field by field, right or wrong.
#[derive(Clone, Default)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl Raw {
    /// Magic, version 3, and the two counts.
    pub(crate) fn start(tensors: u64, entries: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(3).u64(tensors).u64(entries)
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn string(self, text: &str) -> Self {
        self.u64(text.len() as u64).bytes(text.as_bytes())
    }

    /// A tensor info; dimensions as in the file, columns first.
    pub(crate) fn tensor(mut self, name: &str, dims: &[u64], ggml_type: u32, offset: u64) -> Self {
        self = self.string(name).u32(dims.len() as u32);
        for dim in dims {
            self = self.u64(*dim);
        }
        self.u32(ggml_type).u64(offset)
    }

    /// Padding to 32 bytes, and that many bytes of data.
    pub(crate) fn data(mut self, bytes: usize) -> Self {
        self.0.resize(self.0.len().next_multiple_of(32) + bytes, 7);
        self
    }

    pub(crate) fn parse(&self) -> Result<Gguf, GgufError> {
        parse_gguf(&self.0)
    }
}

/// Parses a whole file, in one call and in steps, which must agree.
pub(crate) fn parse_gguf(bytes: &[u8]) -> Result<Gguf, GgufError> {
    let file_len = bytes.len() as u64;
    let whole = Gguf::parse(bytes, file_len).map(|step| match step {
        ParseStep::Done(gguf) => gguf,
        ParseStep::NeedBytes(wanted) => panic!("{wanted} bytes are wanted of a file of {file_len}"),
    });
    let mut have = 0;
    let stepped = loop {
        match Gguf::parse(&bytes[..have], file_len) {
            Ok(ParseStep::NeedBytes(wanted)) => {
                assert!(
                    wanted > have as u64 && wanted <= file_len,
                    "{wanted} wanted at {have} of {file_len}"
                );
                have = wanted as usize;
            }
            Ok(ParseStep::Done(gguf)) => break Ok(gguf),
            Err(error) => break Err(error),
        }
    };
    // Compared as text, since NaN differs from itself.
    assert_eq!(format!("{whole:?}"), format!("{stepped:?}"));
    whole
}

/// Metadata with a value of each type.
pub(crate) fn all_types() -> Metadata {
    let mut metadata = Metadata::default();
    let values: [(&str, Value); 16] = [
        ("general.architecture", "llama".into()),
        ("a.u8", 200u8.into()),
        ("a.i8", (-100i8).into()),
        ("a.u16", 60_000u16.into()),
        ("a.i16", (-30_000i16).into()),
        ("a.u32", 4_000_000_000u32.into()),
        ("a.i32", (-2_000_000_000i32).into()),
        ("a.f32", 1e-5f32.into()),
        ("a.bool", true.into()),
        ("a.u64", (u64::MAX - 1).into()),
        ("a.i64", (i64::MIN + 1).into()),
        ("a.f64", 0.1f64.into()),
        ("a.string", "olá, açúcar".into()),
        ("list.string", vec!["a".to_owned(), String::new(), "ç".to_owned()].into()),
        (
            "list.nested",
            vec![Array::U32(vec![1, 2]), Array::String(vec![]), Array::Array(vec![Array::I8(vec![-1])])]
                .into(),
        ),
        ("empty", Value::String(String::new())),
    ];
    for (key, value) in values {
        metadata.insert(key, value);
    }
    let lists: [(&str, Value); 11] = [
        ("list.u8", vec![0u8, 255].into()),
        ("list.i8", vec![-128i8].into()),
        ("list.u16", vec![65_535u16].into()),
        ("list.i16", vec![-32_768i16].into()),
        ("list.u32", vec![u32::MAX, 0].into()),
        ("list.i32", vec![i32::MIN, 0, 1].into()),
        ("list.f32", vec![0.5f32, -1000.0].into()),
        ("list.bool", vec![true, false].into()),
        ("list.u64", vec![u64::MAX].into()),
        ("list.i64", vec![i64::MIN].into()),
        ("list.f64", vec![1e300f64].into()),
    ];
    for (key, value) in lists {
        metadata.insert(key, value);
    }
    metadata
}

/// Tensors of several formats and ranks.
pub(crate) fn some_tensors() -> Vec<WriterTensor> {
    let tensor = |name: &str, format, shape: &[u64]| WriterTensor {
        name: name.to_owned(),
        format,
        shape: shape.to_vec(),
    };
    vec![
        tensor("token_embd.weight", BlockFormat::Q4_0, &[5, 64]),
        tensor("blk.0.attn_norm.weight", BlockFormat::F32, &[7]),
        tensor("blk.0.attn_q.weight", BlockFormat::Q6_K, &[3, 256]),
        tensor("experts", BlockFormat::F16, &[2, 3, 5]),
    ]
}

/// A whole file; byte i of the data (without padding) is i modulo 251.
pub(crate) fn write_gguf(metadata: &Metadata, tensors: &[WriterTensor]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), metadata, tensors).unwrap();
    let bytes: usize = tensors.iter().map(tensor_bytes).sum();
    let data: Vec<u8> = (0..bytes).map(|i| (i % 251) as u8).collect();
    // Pieces that end inside of tensors.
    for piece in data.chunks(37) {
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn tensor_bytes(tensor: &WriterTensor) -> usize {
    let cols = *tensor.shape.last().unwrap() as usize;
    let rows: u64 = tensor.shape[..tensor.shape.len() - 1].iter().product();
    tensor.format.row_bytes(cols).unwrap() * rows as usize
}

/// A folder that goes away at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("azulejo-formats-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
