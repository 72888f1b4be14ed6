//! Writes the seeds of the fuzz targets into fuzz/corpus: small valid files, from which mutation goes far.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use azulejo_formats::gguf::{Array, Metadata, Writer, WriterTensor};
use azulejo_quant::{BlockFormat, random_blocks};

fn main() -> Result<(), Box<dyn Error>> {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let corpus = fuzz.join("corpus");
    gguf(&corpus)?;
    safetensors(&corpus)?;
    for (index, format) in BlockFormat::ALL.into_iter().enumerate() {
        let mut blocks = vec![0; format.block_bytes() * 6];
        random_blocks(format, 1, 0.1, &mut blocks)?;
        save(&corpus, "planes", format.name(), &[&[index as u8, 3], &blocks[..]].concat())?;
    }
    let fixtures = fuzz.join("../crates/azulejo-tokenizer/tests/fixtures");
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tokenizer.json") {
            save(&corpus, "tokenizer", name, &fs::read(&path)?)?;
        }
    }
    for kind in 0..64u8 {
        let tokens = "<unk>\n<s>\n</s>\n<0x0A>\n▁\na\nb\nab\n▁ab\naa\nO\nl\nĠ\nĠa\na b\nĠ a\na a";
        save(&corpus, "tokenizer", &format!("lines-{kind}"), &[&[kind], tokens.as_bytes()].concat())?;
    }
    for (name, template) in
        [("chatml", azulejo_tokenizer::CHATML), ("ttl", azulejo_tokenizer::TEENY_TINY_LLAMA)]
    {
        save(&corpus, "chat_template", name, template.as_bytes())?;
    }
    Ok(())
}

fn save(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(corpus.join(target))?;
    fs::write(corpus.join(target).join(name), bytes)
}

fn gguf(corpus: &Path) -> Result<(), Box<dyn Error>> {
    let mut metadata = Metadata::default();
    metadata.insert("general.architecture", "llama");
    metadata.insert("general.alignment", 32u32);
    metadata.insert("llama.rope.freq_base", 1e4f32);
    metadata.insert("split.count", 1u16);
    metadata.insert("tokenizer.ggml.tokens", vec!["<s>".to_owned(), "ç".to_owned()]);
    metadata.insert("tokenizer.ggml.scores", vec![0.0f32, -1.0]);
    metadata.insert("flags", vec![true, false]);
    metadata.insert("nested", Array::Array(vec![Array::U64(vec![1]), Array::Array(vec![])]));
    for formats in [&BlockFormat::ALL[..], &[]] {
        let tensor = |format: &BlockFormat| WriterTensor {
            name: format!("{format}.weight"),
            format: *format,
            shape: vec![2, format.block_len() as u64],
        };
        let tensors: Vec<WriterTensor> = formats.iter().map(tensor).collect();
        let mut writer = Writer::new(Vec::new(), &metadata, &tensors)?;
        for format in formats {
            let mut blocks = vec![0; 2 * format.block_bytes()];
            random_blocks(*format, 1, 0.1, &mut blocks)?;
            writer.write(&blocks)?;
        }
        save(corpus, "gguf", &format!("tensors-{}", tensors.len()), &writer.finish()?)?;
    }
    Ok(())
}

fn safetensors(corpus: &Path) -> std::io::Result<()> {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"i":{"dtype":"I64","shape":[1],"data_offsets":[32,40]}}"#;
    let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[7; 40]].concat();
    save(corpus, "safetensors", "tensors", &file)?;
    save(
        corpus,
        "safetensors",
        "index",
        br#"{"metadata":{"total_size":1},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#,
    )
}
