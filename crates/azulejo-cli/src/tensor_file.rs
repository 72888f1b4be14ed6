//! Safetensors files with one tensor, for results.

use serde_json::json;

/// What stands in front of the tensor's values, F32 `[rows, cols]`: a length, and JSON padded to 8 bytes.
pub(crate) fn header(name: &str, rows: usize, cols: usize) -> Vec<u8> {
    let bytes = rows as u64 * cols as u64 * 4;
    let tensor = json!({ "dtype": "F32", "shape": [rows, cols], "data_offsets": [0, bytes] });
    let mut text = json!({ name: tensor }).to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    let mut head = (text.len() as u64).to_le_bytes().to_vec();
    head.extend_from_slice(text.as_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_file_header_is_whole_words() {
        for rows in [1, 9, 12345] {
            let head = header("logits", rows, 288);
            assert_eq!(head.len() % 8, 0);
            assert_eq!(u64::from_le_bytes(head[..8].try_into().unwrap()) as usize, head.len() - 8);
        }
    }
}
