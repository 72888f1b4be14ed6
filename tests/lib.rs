//! What the tests share: golden models and made-up ones.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use azulejo_formats::ModelFile;
use azulejo_formats::gguf::{Array, Metadata, Value, Writer, WriterTensor};
use azulejo_quant::{BlockFormat, random_blocks};

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A golden model: where it is, and what the reference makes of it.
#[derive(Debug)]
pub struct Golden {
    /// The folder's name.
    pub name: String,
    /// The Hugging Face folder, and a GGUF of the same model where there is one.
    pub paths: Vec<PathBuf>,
    /// The tokens that the reference evaluated.
    pub tokens: Vec<u32>,
    /// Its logits, `[tokens, vocabulary]`.
    pub logits: Vec<f32>,
    /// The tokens that it goes on with, greedily.
    pub greedy: Vec<u32>,
}

/// All golden models.
///
/// # Panics
/// If the fixtures can't be read.
pub fn goldens() -> Vec<Golden> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(fixtures().join("golden"))
        .expect("the golden models are in the tree")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders.iter().map(|folder| golden(folder)).collect()
}

fn golden(folder: &Path) -> Golden {
    let bytes =
        std::fs::read(folder.join("expected.safetensors")).expect("each golden model has its expectation");
    let expected =
        safetensors::SafeTensors::deserialize(&bytes).expect("the expectation is a safetensors file");
    let words = |name: &str| -> Vec<[u8; 4]> {
        let tensor = expected.tensor(name).expect("the expectation is complete");
        tensor.data().chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]]).collect()
    };
    let tokens = |name: &str| words(name).into_iter().map(u32::from_le_bytes).collect();
    let mut paths = vec![folder.to_owned()];
    for name in ["model-f32.gguf", "model-f16.gguf", "model-q8_0.gguf"] {
        paths.extend(Some(folder.join(name)).filter(|p| p.exists()));
    }
    Golden {
        name: folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        paths,
        tokens: tokens("tokens"),
        logits: words("logits").into_iter().map(f32::from_le_bytes).collect(),
        greedy: tokens("greedy"),
    }
}

/// A golden encoder, and what the reference makes of two texts.
#[derive(Debug)]
pub struct GoldenEncoder {
    /// The folder.
    pub folder: PathBuf,
    /// GGUF files of the same model, if there are some.
    pub ggufs: Vec<PathBuf>,
    /// The texts.
    pub texts: Vec<GoldenText>,
    /// What sentence-transformers makes of texts, if it is a model of that.
    pub sentences: Vec<GoldenSentence>,
}

/// A text, the name of its prompt, and its vector.
#[derive(Debug)]
pub struct GoldenSentence {
    /// The text.
    pub text: String,
    /// The prompt's name.
    pub prompt: Option<String>,
    /// The vector, `[hidden]`.
    pub vector: Vec<f32>,
}

/// What the reference makes of a text.
#[derive(Debug)]
pub struct GoldenText {
    /// The text.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// The last layer's output, `[tokens, hidden]`.
    pub hidden: Vec<f32>,
    /// The head's, `[tokens, vocabulary]`, if there is one.
    pub logits: Option<Vec<f32>>,
}

/// All golden encoders.
///
/// # Panics
/// If the fixtures can't be read.
pub fn golden_encoders() -> Vec<GoldenEncoder> {
    let folders =
        std::fs::read_dir(fixtures().join("encoders")).expect("the golden encoders are in the tree");
    let mut folders: Vec<PathBuf> =
        folders.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(golden_encoder).collect()
}

fn golden_encoder(folder: PathBuf) -> GoldenEncoder {
    let bytes =
        std::fs::read(folder.join("expected.safetensors")).expect("each golden model has its expectation");
    let expected =
        safetensors::SafeTensors::deserialize(&bytes).expect("the expectation is a safetensors file");
    let (_, metadata) =
        safetensors::SafeTensors::read_metadata(&bytes).expect("the expectation is a safetensors file");
    let texts = metadata.metadata().clone().expect("the texts are in the metadata");
    let words = |name: String| -> Option<Vec<[u8; 4]>> {
        Some(expected.tensor(&name).ok()?.data().as_chunks().0.to_vec())
    };
    let floats = |name| Some(words(name)?.into_iter().map(f32::from_le_bytes).collect());
    let text = |i: usize| {
        Some(GoldenText {
            text: texts.get(&format!("text{i}"))?.clone(),
            tokens: words(format!("tokens{i}"))?.into_iter().map(u32::from_le_bytes).collect(),
            hidden: floats(format!("hidden{i}"))?,
            logits: floats(format!("logits{i}")),
        })
    };
    let sentence = |i: usize| {
        let vector = floats(format!("sentence{i}"))?;
        let text = texts.get(&format!("sentence{i}"))?.clone();
        Some(GoldenSentence { text, prompt: texts.get(&format!("prompt{i}")).cloned(), vector })
    };
    let (texts, sentences) = ((0..).map_while(text).collect(), (0..).map_while(sentence).collect());
    let ggufs = ["model-f32.gguf", "model-q8_0.gguf"].map(|name| folder.join(name));
    let ggufs = ggufs.into_iter().filter(|path| path.exists()).collect();
    GoldenEncoder { folder, ggufs, texts, sentences }
}

/// The shape of a made-up model.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Layers.
    pub layers: u32,
    /// Width.
    pub hidden: u32,
    /// Width inside the second half of a layer.
    pub ffn: u32,
    /// Query heads.
    pub heads: u32,
    /// Heads of keys and values.
    pub kv_heads: u32,
    /// Rows of the embedding table.
    pub vocabulary: u32,
}

/// The bytes of a Llama GGUF with random weights, of the format that `format` gives for each matrix; no tokenizer.
///
/// # Panics
/// If the shape can't be written.
pub fn random_llama(shape: Shape, format: impl Fn(&str) -> BlockFormat) -> Vec<u8> {
    random_decoder("llama", shape, format)
}

/// The decoders that [`random_decoder`] knows, by GGUF's names.
pub const DECODERS: [&str; 6] = ["llama", "qwen2", "qwen3", "olmo", "olmo2", "gemma3"];

/// The same of another architecture, with its own norms and biases; a window where it may have one.
///
/// # Panics
/// If the shape can't be written.
pub fn random_decoder(architecture: &str, shape: Shape, format: impl Fn(&str) -> BlockFormat) -> Vec<u8> {
    let mut metadata = Metadata::default();
    let s = shape;
    metadata.insert("general.architecture", Value::String(architecture.into()));
    for (key, value) in [
        ("block_count", s.layers),
        ("embedding_length", s.hidden),
        ("feed_forward_length", s.ffn),
        ("attention.head_count", s.heads),
        ("attention.head_count_kv", s.kv_heads),
        ("context_length", 512),
    ] {
        metadata.insert(format!("{architecture}.{key}"), Value::U32(value));
    }
    let eps = if architecture == "olmo" { "layer_norm_epsilon" } else { "layer_norm_rms_epsilon" };
    metadata.insert(format!("{architecture}.attention.{eps}"), Value::F32(1e-5));
    let more = match architecture {
        "olmo" => Some(("attention.clamp_kqv", Value::F32(1.5))),
        "olmo2" | "gemma3" => Some(("attention.sliding_window", Value::U32(6))),
        _ => None,
    };
    if let Some((key, value)) = more {
        metadata.insert(format!("{architecture}.{key}"), value);
    }
    metadata.insert("azulejo.test", Value::Array(Array::U8(vec![1, 2, 3])));
    let head = s.hidden / s.heads;
    let kv = head * s.kv_heads;
    let own: &[(&str, &str, u32)] = match architecture {
        "llama" => &[("attn_norm", "weight", s.hidden), ("ffn_norm", "weight", s.hidden)],
        "qwen2" => &[
            ("attn_norm", "weight", s.hidden),
            ("ffn_norm", "weight", s.hidden),
            ("attn_q", "bias", s.hidden),
            ("attn_k", "bias", kv),
            ("attn_v", "bias", kv),
        ],
        "qwen3" => &[
            ("attn_norm", "weight", s.hidden),
            ("ffn_norm", "weight", s.hidden),
            ("attn_q_norm", "weight", head),
            ("attn_k_norm", "weight", head),
        ],
        "olmo2" => &[
            ("post_attention_norm", "weight", s.hidden),
            ("post_ffw_norm", "weight", s.hidden),
            ("attn_q_norm", "weight", s.hidden),
            ("attn_k_norm", "weight", kv),
        ],
        "gemma3" => &[
            ("attn_norm", "weight", s.hidden),
            ("post_attention_norm", "weight", s.hidden),
            ("ffn_norm", "weight", s.hidden),
            ("post_ffw_norm", "weight", s.hidden),
            ("attn_q_norm", "weight", head),
            ("attn_k_norm", "weight", head),
        ],
        _ => &[],
    };
    let mut tensors = Vec::new();
    let mut add = |name: String, shape: &[u32]| {
        let format = if shape.len() == 1 { BlockFormat::F32 } else { format(&name) };
        tensors.push(WriterTensor { name, format, shape: shape.iter().map(|n| u64::from(*n)).collect() });
    };
    add("token_embd.weight".into(), &[s.vocabulary, s.hidden]);
    for layer in 0..s.layers {
        for (name, shape) in [
            ("attn_q", &[s.hidden, s.hidden]),
            ("attn_k", &[kv, s.hidden]),
            ("attn_v", &[kv, s.hidden]),
            ("attn_output", &[s.hidden, s.hidden]),
            ("ffn_gate", &[s.ffn, s.hidden]),
            ("ffn_up", &[s.ffn, s.hidden]),
            ("ffn_down", &[s.hidden, s.ffn]),
        ] {
            add(format!("blk.{layer}.{name}.weight"), shape);
        }
        for (name, kind, size) in own {
            add(format!("blk.{layer}.{name}.{kind}"), &[*size]);
        }
    }
    if architecture != "olmo" {
        add("output_norm.weight".into(), &[s.hidden]);
    }
    add("output.weight".into(), &[s.vocabulary, s.hidden]);
    let mut writer = Writer::new(Vec::new(), &metadata, &tensors).expect("the shape can be written");
    for (seed, tensor) in (1..).zip(&tensors) {
        let weights: u64 = tensor.shape.iter().product();
        let bytes = weights as usize / tensor.format.block_len() * tensor.format.block_bytes();
        let mut data = vec![0; bytes];
        if tensor.shape.len() == 1 {
            data.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&1.0f32.to_le_bytes()));
        } else {
            // Wide enough that logits spread and near-ties are rare.
            let spread = 2.0 / (tensor.shape[1] as f32).sqrt();
            random_blocks(tensor.format, seed, spread, &mut data).expect("whole blocks");
        }
        writer.write(&data).expect("a vector takes all");
    }
    writer.finish().expect("all tensors are written")
}

/// The same, opened.
///
/// # Panics
/// If it can't be read.
pub fn random_llama_file(shape: Shape, format: impl Fn(&str) -> BlockFormat) -> ModelFile {
    ModelFile::from_gguf_bytes(random_llama(shape, format)).expect("what the writer writes can be read")
}

/// The distance of two vectors over the length of the second.
pub fn relative_error(got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len(), "lengths differ");
    let square = |x: f64| x * x;
    let distance: f64 = got.iter().zip(want).map(|(g, w)| square(f64::from(*g) - f64::from(*w))).sum();
    let length: f64 = want.iter().map(|w| square(f64::from(*w))).sum();
    (distance / length).sqrt()
}

/// Gathers the rows of logits that a session gives.
pub fn keep(all: &mut Vec<f32>) -> impl FnMut(usize, &[f32]) -> ControlFlow<()> {
    |_, rows| {
        all.extend_from_slice(rows);
        ControlFlow::Continue(())
    }
}
