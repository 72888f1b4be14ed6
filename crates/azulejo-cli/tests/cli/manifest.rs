//! `manifest`: what pages check downloads by.

use sha2::{Digest, Sha256};

use crate::support::{azulejo, golden, scratch};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn manifest_hashes_are_those_of_the_chunks() {
    let folder = scratch("manifest");
    let (file, manifest) = (folder.join("m.gguf"), folder.join("m.gguf.azulejo.json"));
    std::fs::copy(golden("llama-gqa/model-f32.gguf"), &file).unwrap();
    let done = azulejo(&["manifest", file.to_str().unwrap(), "--chunk-bytes", "65536"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.len() > 65536 && bytes.len() % 65536 != 0, "more than one chunk, the last one shorter");
    let hashes: Vec<_> = bytes.chunks(65536).map(|c| Sha256::digest(c).to_vec()).collect();
    let wanted: Vec<String> = hashes.iter().map(|h| hex(h)).collect();
    assert_eq!(read["chunks"], serde_json::json!(wanted));
    assert_eq!(read["root"], hex(&Sha256::digest(hashes.concat())));
    assert_eq!(read["bytes"], bytes.len());
    assert_eq!(read["file"], "m.gguf");
    assert!(read["memory"]["weights"].as_u64().unwrap() > 0);
    assert!(read["parts"].is_null());
}

#[test]
fn manifest_of_a_split_model_is_that_of_its_parts_one_behind_the_other() {
    let folder = scratch("manifest-split");
    let prefix = folder.join("m");
    let model = golden("llama-gqa/model-f32.gguf");
    let split = azulejo(&["split", &model, "-o", prefix.to_str().unwrap(), "--max-tensors", "7"]);
    assert_eq!(split.code, 0, "{}", split.err);
    let mut parts: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    assert!(parts.len() > 2, "{parts:?}");
    // Any part stands for all.
    let done = azulejo(&["manifest", parts[1].to_str().unwrap(), "--chunk-bytes", "65536"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let manifest = format!("{}.azulejo.json", parts[1].display());
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let files: Vec<Vec<u8>> = parts.iter().map(|part| std::fs::read(part).unwrap()).collect();
    let lengths: Vec<usize> = files.iter().map(Vec::len).collect();
    assert_eq!(read["parts"], serde_json::json!(lengths));
    assert_eq!(read["file"], parts[0].file_name().unwrap().to_str().unwrap());
    let hashes: Vec<_> = files.concat().chunks(65536).map(|c| Sha256::digest(c).to_vec()).collect();
    assert_eq!(read["root"], hex(&Sha256::digest(hashes.concat())));
    assert_eq!(read["chunks"].as_array().unwrap().len(), hashes.len());
}

#[test]
fn manifest_of_no_model_is_an_error_and_writes_nothing() {
    let folder = scratch("manifest-bad");
    let file = folder.join("text.gguf");
    std::fs::write(&file, "no model").unwrap();
    let done = azulejo(&["manifest", file.to_str().unwrap()]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.err.contains("text.gguf"), "{}", done.err);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}
