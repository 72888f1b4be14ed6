//! Split GGUF models.

use azulejo_formats::gguf::{Gguf, GgufError, Metadata, SplitName, WriterTensor, merge};
use azulejo_formats::{FormatError, ModelFile, ModelKind};

use crate::files::{Folder, parse_gguf, some_tensors, tensor_bytes, write_gguf};

/// A model in as many parts as there are tensors, the third without any.
fn parts() -> Vec<Vec<u8>> {
    let tensors = some_tensors();
    let groups: [&[WriterTensor]; 3] = [&tensors[..1], &tensors[1..], &[]];
    let part = |(index, group): (usize, &&[WriterTensor])| {
        let mut metadata = Metadata::default();
        metadata.insert("split.no", index as u16);
        metadata.insert("split.count", 3u16);
        metadata.insert("split.tensors.count", tensors.len() as i32);
        if index == 0 {
            metadata.insert("general.architecture", "llama");
        }
        write_gguf(&metadata, group)
    };
    groups.iter().enumerate().map(part).collect()
}

fn parsed(parts: &[Vec<u8>]) -> Vec<Gguf> {
    parts.iter().map(|bytes| parse_gguf(bytes).unwrap()).collect()
}

#[test]
fn split_names_count_from_one() {
    let name = SplitName::parse("a-b-00002-of-00003.gguf").unwrap();
    assert_eq!((name.prefix.as_str(), name.index, name.count), ("a-b", 1, 3));
    assert_eq!(name.all(), ["a-b-00001-of-00003.gguf", "a-b-00002-of-00003.gguf", "a-b-00003-of-00003.gguf"]);
    for other in [
        "a.gguf",
        "a-00000-of-00003.gguf",
        "a-00004-of-00003.gguf",
        "a-1-of-3.gguf",
        "a-00001-of-00003.bin",
        "a-+0001-of-00003.gguf",
    ] {
        assert_eq!(SplitName::parse(other), None, "{other}");
    }
}

#[test]
fn split_parts_become_one_model() {
    let whole = merge(parsed(&parts())).unwrap();
    let files: Vec<usize> = whole.tensors.iter().map(|tensor| tensor.file).collect();
    assert_eq!(files, [0, 1, 1, 1]);
    assert_eq!(whole.metadata.get_str("general.architecture"), Ok("llama"));
    let single = parse_gguf(&write_gguf(&Metadata::default(), &some_tensors())).unwrap();
    assert_eq!(merge(vec![single.clone()]), Ok(single));
}

#[test]
fn split_parts_that_do_not_belong_together_are_errors() {
    let parts = parsed(&parts());
    let error = |parts: Vec<Gguf>, text: &str| {
        let error = merge(parts).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    };
    error(vec![], "no part was given");
    error(parts[..2].to_vec(), "there are 3 parts");
    error(vec![parts[0].clone()], "there are 3 parts");
    error(vec![parts[1].clone(), parts[0].clone(), parts[2].clone()], "number 2: give the parts in order");
    error(vec![parts[0].clone(), parts[1].clone(), parts[1].clone()], "in order");
    let mut fewer = parts.clone();
    fewer[1].tensors.pop();
    error(fewer, "4 tensors; the parts have 3");
    let mut twice = parts.clone();
    twice[1].tensors[0].name = twice[0].tensors[0].name.clone();
    assert!(matches!(merge(twice), Err(GgufError::DuplicateTensor { .. })));
}

#[test]
fn split_model_opens_from_any_part() {
    let folder = Folder::new("split");
    let parts = parts();
    let paths: Vec<_> = (1..=3)
        .zip(&parts)
        .map(|(number, bytes)| folder.write(&format!("m-{number:05}-of-00003.gguf"), bytes))
        .collect();
    for path in &paths {
        let model = ModelFile::open(path).unwrap();
        assert_eq!((model.tensors.len(), model.sources.len()), (4, 3));
        assert!(
            matches!(&model.kind, ModelKind::Gguf(metadata) if metadata.get("general.architecture").is_some())
        );
        let tensor = model.tensor("experts").unwrap();
        let mut buf = [0; 9];
        model.read(tensor, 3..12, &mut buf).unwrap();
        let before: usize = some_tensors()[1..3].iter().map(tensor_bytes).sum();
        assert_eq!(buf.map(usize::from), std::array::from_fn(|i| (before + 3 + i) % 251));
    }
    std::fs::remove_file(&paths[1]).unwrap();
    let error = ModelFile::open(&paths[0]).unwrap_err();
    assert!(matches!(&error, FormatError::MissingFile { file, .. } if file.contains("00002")), "{error}");
    let renamed = folder.write("renamed.gguf", &parts[0]);
    assert!(matches!(ModelFile::open(renamed), Err(FormatError::MissingFile { .. })));
    assert!(matches!(ModelFile::from_gguf_bytes(parts[0].clone()), Err(FormatError::Gguf { .. })));
}
