//! Guesses what a file is that isn't a model file, so that the error can say what went wrong.

/// What a file seems to be, by its first bytes (64 are enough), in words for an error message.
pub fn looks_like(start: &[u8]) -> &'static str {
    let text_start = start.trim_ascii_start();
    let begins = |text: &str| {
        text_start.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
    };
    if start.is_empty() {
        "an empty file"
    } else if begins("<!doctype") || begins("<html") || begins("<head") {
        "an HTML page: the download got a web page (a login or an error) in place of the file"
    } else if begins("<?xml") {
        "an XML document: the download probably got an error message in place of the file"
    } else if begins("version https://git-lfs") {
        "a Git LFS pointer: run `git lfs pull` to get the file itself"
    } else if start.starts_with(b"GGUF") {
        "GGUF"
    } else if start.starts_with(b"FUGG") {
        "GGUF with its magic reversed, as a big-endian writer makes it: convert it to little-endian"
    } else if [b"tjgg", b"fmgg", b"lmgg"].iter().any(|magic| start.starts_with(*magic)) {
        "a GGML file from before GGUF: convert the model again"
    } else if start.starts_with(b"PK\x03\x04") {
        "a zip archive (PyTorch checkpoints are such): use GGUF or safetensors"
    } else if start.starts_with(b"\x80\x02") || start.starts_with(b"\x80\x04") {
        "a Python pickle: use GGUF or safetensors"
    } else if start.starts_with(b"\x1f\x8b") || start.starts_with(b"\x28\xb5\x2f\xfd") {
        "a compressed file: decompress it first"
    } else if start.starts_with(b"\x89HDF") {
        "an HDF5 file: use GGUF or safetensors"
    } else if start.len() > 8 && start[8] == b'{' && start[5..8] == [0; 3] {
        "safetensors: open the folder that it is in"
    } else if start.iter().all(|byte| *byte == 0) {
        "zeros: an unfinished download"
    } else if text_start.first() == Some(&b'{') {
        "a JSON document"
    } else {
        "neither GGUF nor anything else that is known"
    }
}
