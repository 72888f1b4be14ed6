//! Whole models: opened from files and folders, and read.

use std::sync::Arc;

use azulejo_formats::gguf::Metadata;
use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ByteSource, BytesSource, FormatError, MmapSource, ModelFile, ModelKind};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};

use crate::files::{Folder, all_types, some_tensors, write_gguf};

/// A safetensors file with tensors of that many F32 weights, all bytes alike.
fn shard(tensors: &[(&str, usize, u8)]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tensors.iter().map(|(_, weights, byte)| vec![*byte; 4 * weights]).collect();
    let views = tensors.iter().zip(&data).map(|((name, weights, _), data)| {
        (name.to_string(), TensorView::new(Dtype::F32, vec![*weights], data).unwrap())
    });
    serialize(views, None).unwrap()
}

fn hugging_face(model: &ModelFile) -> &HfFiles {
    match &model.kind {
        ModelKind::HuggingFace(files) => files,
        other => panic!("{other:?}"),
    }
}

#[test]
fn model_gguf_reads_the_same_from_a_map_and_from_memory() {
    let bytes = write_gguf(&all_types(), &some_tensors());
    let folder = Folder::new("gguf");
    let mapped = ModelFile::open(folder.write("model.gguf", &bytes)).unwrap();
    let memory = ModelFile::from_gguf_bytes(bytes.clone()).unwrap();
    for name in ["token_embd.weight", "experts"] {
        let tensor = mapped.tensor(name).unwrap();
        assert_eq!(tensor, memory.tensor(name).unwrap());
        let expected = &bytes[tensor.offset as usize..][..tensor.bytes as usize];
        for model in [&mapped, &memory] {
            let mut buf = vec![0; expected.len()];
            model.read(tensor, 0..tensor.bytes, &mut buf).unwrap();
            assert_eq!(buf, expected);
            assert_eq!(model.slice(tensor, 5..17), Some(&expected[5..17]));
            // Released pages come back when they are read again.
            model.release(tensor, 0..tensor.bytes);
            assert_eq!(model.slice(tensor, 0..tensor.bytes), Some(expected));
        }
    }
}

#[test]
fn model_ranges_outside_of_a_tensor_are_errors() {
    let model = ModelFile::from_gguf_bytes(write_gguf(&Metadata::default(), &some_tensors())).unwrap();
    let tensor = model.tensor("blk.0.attn_norm.weight").unwrap();
    assert_eq!(tensor.bytes, 28);
    #[allow(clippy::reversed_empty_ranges, reason = "the test is about them")]
    let cases =
        [(0..29, 29), (28..29, 1), (0..28, 27), (9..3, 0), (u64::MAX - 1..u64::MAX, 1), (3..u64::MAX, 8)];
    for (range, buffer) in cases {
        let result = model.read(tensor, range.clone(), &mut vec![0; buffer]);
        assert!(matches!(result, Err(FormatError::TensorRange { .. })), "{range:?}");
    }
    assert_eq!(model.slice(tensor, 20..29), None);
    model.release(tensor, 20..29);
    let error = model.tensor("blk.7.attn_q.weight").unwrap_err();
    assert!(error.to_string().contains("`blk.7.attn_q.weight`"));
    let mut elsewhere = tensor.clone();
    elsewhere.file = 3;
    assert!(model.read(&elsewhere, 0..4, &mut [0; 4]).is_err());
    elsewhere.file = 0;
    elsewhere.offset = u64::MAX - 3;
    assert!(model.read(&elsewhere, 0..4, &mut [0; 4]).is_err());
}

#[test]
fn model_folder_of_one_file() {
    let folder = Folder::new("single");
    folder.write("config.json", r#"{"architectures": ["LlamaForCausalLM"], "hidden_size": 64}"#);
    folder.write("generation_config.json", r#"{"eos_token_id": [2, 7]}"#);
    folder.write("tokenizer.json", "{}");
    let path = folder.write("model.safetensors", shard(&[("a", 3, 1), ("b", 5, 2)]));
    for path in [folder.path().to_owned(), path, folder.path().join("config.json")] {
        let model = ModelFile::open(path).unwrap();
        let files = hugging_face(&model);
        assert_eq!(files.config["hidden_size"], 64);
        assert_eq!(files.generation_config.as_ref().unwrap()["eos_token_id"][1], 7);
        assert_eq!(files.tokenizer_json.as_deref(), Some(&b"{}"[..]));
        assert!(files.chat_templates.is_empty());
        assert_eq!(model.slice(model.tensor("b").unwrap(), 16..20), Some(&[2u8; 4][..]));
    }
    folder.write("chat_template.jinja", "{{ x }}");
    std::fs::create_dir(folder.path().join("additional_chat_templates")).unwrap();
    folder.write("additional_chat_templates/tool_use.jinja", "{{ y }}");
    folder.write("additional_chat_templates/README.md", "no template");
    let model = ModelFile::open(folder.path()).unwrap();
    let templates: Vec<_> = hugging_face(&model).chat_templates.iter().collect();
    let expected = [("default", "{{ x }}"), ("tool_use", "{{ y }}")];
    assert!(templates.iter().map(|(name, source)| (name.as_str(), source.as_str())).eq(expected));
    let bare = HfFiles::beside(&folder.path().join("tokenizer.json")).unwrap();
    assert_eq!(&bare, hugging_face(&model));
}

#[test]
fn model_folder_of_shards() {
    let folder = Folder::new("shards");
    folder.write("config.json", "{}");
    folder.write("1.safetensors", shard(&[("a", 3, 1)]));
    folder.write("2.safetensors", shard(&[("b", 5, 2), ("c", 1, 3)]));
    let index =
        |map: &str| folder.write("model.safetensors.index.json", format!(r#"{{"weight_map":{{{map}}}}}"#));
    index(r#""a":"1.safetensors","b":"2.safetensors","c":"2.safetensors""#);
    let model = ModelFile::open(folder.path()).unwrap();
    assert_eq!(model.tensor("c").unwrap().file, 1);
    assert_eq!(model.slice(model.tensor("c").unwrap(), 0..4), Some(&[3u8; 4][..]));

    let error = |text: &str| {
        let error = ModelFile::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(std::error::Error::source(&error).is_none(), "whoever tells of sources says it twice");
    };
    index(r#""a":"2.safetensors","b":"2.safetensors","c":"1.safetensors""#);
    error("tensor `c` isn't in `1.safetensors`");
    index(r#""a":"1.safetensors","d":"1.safetensors","c":"2.safetensors""#);
    error("tensor `d` isn't in `1.safetensors`");
    index(r#""a":"1.safetensors","b":"3.safetensors""#);
    error("3.safetensors is missing: download all the shards");
    folder.write("3.safetensors", shard(&[("a", 1, 1), ("b", 1, 1)]));
    error("tensor `a` is in two shards");
}

#[test]
fn model_folders_that_cannot_be_opened_say_why() {
    let folder = Folder::new("broken");
    let error = |text: &str| {
        let error = ModelFile::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    error("config.json is missing");
    folder.write("config.json", "[1]");
    error("config.json: not the JSON");
    folder.write("config.json", "{");
    error("config.json: not the JSON");
    folder.write("config.json", "{}");
    error("no model.safetensors");
    folder.write("pytorch_model.bin", "");
    error("pickles");
    folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    error("Git LFS pointer");
    folder.write("model.safetensors", "");
    error("empty file");
}

#[test]
fn model_files_that_cannot_be_opened_say_why() {
    let folder = Folder::new("files");
    let error = |path: &std::path::Path, text: &str| {
        let error = ModelFile::open(path).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    error(&folder.path().join("no.gguf"), "there is no such file");
    error(&folder.write("a.gguf", ""), "an empty file");
    error(&folder.write("b.gguf", "<!doctype html><title>404</title>"), "b.gguf: not a GGUF file");
}

/// The I64 buffers of some checkpoints are there, but nobody needs them.
#[test]
fn model_tensor_of_an_unsupported_type_is_an_error_when_asked_for() {
    let ids = [0; 16];
    let bytes = serialize([("ids", TensorView::new(Dtype::I64, vec![2], &ids).unwrap())], None).unwrap();
    let source: Arc<dyn ByteSource> = Arc::new(BytesSource::new(bytes));
    let model =
        ModelFile::from_hugging_face(HfFiles::default(), None, vec![("x".to_owned(), source)]).unwrap();
    let error = model.tensor("ids").unwrap_err();
    assert!(error.is_unsupported());
    assert!(error.to_string().contains("tensor `ids` is stored as I64"));
}

#[test]
fn source_reads_outside_of_the_file_are_errors() {
    let folder = Folder::new("source");
    let mapped = MmapSource::open(&folder.write("x", [1, 2, 3, 4, 5])).unwrap();
    let empty = MmapSource::open(&folder.write("empty", [])).unwrap();
    let memory = BytesSource::new(vec![1, 2, 3, 4, 5]);
    for source in [&mapped as &dyn ByteSource, &memory] {
        let mut buf = [0; 3];
        source.read_at(2, &mut buf).unwrap();
        assert_eq!(buf, [3, 4, 5]);
        for offset in [3, 6, u64::MAX] {
            assert_eq!(
                source.read_at(offset, &mut buf).unwrap_err().kind(),
                std::io::ErrorKind::UnexpectedEof
            );
        }
        assert_eq!((source.slice(3..6), source.slice(1..2)), (None, Some(&[2u8][..])));
        source.release(3..6);
        source.release(0..0);
        source.release(1..5);
    }
    assert_eq!(empty.len(), 0);
    assert!(empty.read_at(0, &mut [0]).is_err());
    empty.release(0..1);
    assert!(MmapSource::open(folder.path()).is_err());
}
