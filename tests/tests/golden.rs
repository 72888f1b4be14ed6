//! Agreement with Hugging Face transformers on tiny models.

use std::ops::ControlFlow;

use azulejo::{Code, EmbedOptions, EncodeOptions, Model, ModelOptions, Output, Pooling, Session};
use azulejo_tests::{Golden, GoldenEncoder, golden_encoders, goldens, keep, relative_error};

use crate::devices;

/// What of a reference's logits a back-end may be off: the references' own rounding is about 1e-6, and so are Q8_0's
/// products, which are of f32 natively.
const TOLERANCE: f64 = 1e-5;

fn check(golden: &Golden, device: &str, options: &ModelOptions) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in &golden.paths {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = format!("{} ({file}) on {device}", golden.name);
        let all = options.clone().all_logits(true);
        let model = Model::open(path, &all).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut session = model.session().expect("a session");
        let mut logits = Vec::new();
        session.logits(&golden.tokens, keep(&mut logits)).expect("logits");
        let error = relative_error(&logits, &golden.logits);
        println!("{name}: logits off by {error:.1e}");
        // A GGUF's weights are the folder's: those of the folder are numbers that the file's format can hold.
        if error.is_nan() || error > TOLERANCE {
            wrong.push(format!("{name}: logits off by {error:.1e}, {TOLERANCE:.0e} is allowed"));
        }
        let greedy = session.greedy_tokens(&golden.tokens, golden.greedy.len()).expect("tokens");
        if greedy != golden.greedy {
            wrong.push(format!("{name}: goes on with {greedy:?}, the reference with {:?}", golden.greedy));
        }
    }
    wrong
}

#[test]
fn golden_logits_and_tokens_agree_with_transformers() {
    let goldens = goldens();
    assert!(goldens.len() >= 20, "only {} golden models", goldens.len());
    let mut wrong = Vec::new();
    for (device, options) in devices::all() {
        for golden in &goldens {
            wrong.extend(check(golden, &device, &options));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn golden_unfused_plans_agree_too() {
    let (device, mut options) = devices::all().swap_remove(1);
    options.checks.fuse = false;
    let wrong: Vec<String> = goldens().iter().flat_map(|g| check(g, &device, &options)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn embedded(session: &mut Session, texts: &[Vec<u32>], pooling: Pooling) -> Vec<Vec<f32>> {
    let mut rows = Vec::new();
    let keep = |i: usize, row: &[f32]| {
        assert_eq!(i, rows.len(), "texts come in their order");
        rows.push(row.to_vec());
        ControlFlow::Continue(())
    };
    session.embed(texts, &EmbedOptions::new().pooling(pooling), keep).expect("embeddings");
    rows
}

fn check_encoder(golden: &GoldenEncoder, device: &str, options: &ModelOptions) {
    let name = format!("{} on {device}", golden.folder.display());
    let load = |options: ModelOptions| {
        Model::open(&golden.folder, &options).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    let model = load(options.clone().output(Output::Hidden));
    let special = EncodeOptions { add_special: true, parse_special: true };
    // One session, texts of different lengths, and the first of them again.
    let mut session = model.session().expect("a session");
    for text in golden.texts.iter().chain(&golden.texts[..1]) {
        let tokens = model.tokenizer().expect("a tokenizer").encode(&text.text, special).expect("tokens");
        assert_eq!(tokens, text.tokens, "{name}");
        let hidden = embedded(&mut session, std::slice::from_ref(&tokens), Pooling::None).remove(0);
        let error = relative_error(&hidden, &text.hidden);
        println!("{name}: hidden states off by {error:.1e}");
        assert!(error < TOLERANCE, "{name}: hidden states off by {error:.1e}");

        let width = hidden.len() / tokens.len();
        let mean: Vec<f32> = (0..width)
            .map(|column| text.hidden.iter().skip(column).step_by(width).sum::<f32>() / tokens.len() as f32)
            .collect();
        for (pooling, row) in [(Pooling::Mean, &mean[..]), (Pooling::Cls, &text.hidden[..width])] {
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            let want: Vec<f32> = row.iter().map(|v| v / length).collect();
            let error =
                relative_error(&embedded(&mut session, std::slice::from_ref(&tokens), pooling)[0], &want);
            assert!(error < TOLERANCE, "{name}: {pooling:?} off by {error:.1e}");
        }
    }
    // Texts of all lengths at once are each what it is alone.
    let batch: Vec<Vec<u32>> = [3, 1, usize::MAX, 5, 2]
        .into_iter()
        .zip(golden.texts.iter().cycle())
        .map(|(most, text)| text.tokens[..text.tokens.len().min(most)].to_vec())
        .collect();
    for pooling in [Pooling::None, Pooling::Mean] {
        for (text, together) in batch.iter().zip(embedded(&mut session, &batch, pooling)) {
            let alone = embedded(&mut session, std::slice::from_ref(text), pooling).remove(0);
            let error = relative_error(&together, &alone);
            assert!(error < 1e-5, "{name}: {} tokens in a batch off by {error:.1e}", text.len());
        }
    }
    if golden.texts[0].logits.is_none() {
        let error = Model::open(&golden.folder, options).expect_err("there is no head");
        assert!(error.to_string().contains("no head that fills masks"), "{error}");
        return;
    }
    let all = load(options.clone().all_logits(true));
    let one = load(options.clone());
    for text in &golden.texts {
        let want = text.logits.as_ref().expect("each text has logits");
        let width = want.len() / text.tokens.len();
        let mut logits = Vec::new();
        all.session().expect("a session").logits(&text.tokens, keep(&mut logits)).expect("logits");
        let error = relative_error(&logits, want);
        println!("{name}: logits off by {error:.1e}");
        assert!(error < TOLERANCE, "{name}: logits off by {error:.1e}");
        let mut session = one.session().expect("a session");
        for place in [3, 0, text.tokens.len() - 1] {
            let logits = session.logits_of(&text.tokens, place).expect("logits");
            let error = relative_error(&logits, &want[place * width..][..width]);
            assert!(error < TOLERANCE, "{name}: logits of token {place} off by {error:.1e}");
        }
        // The same, one token after the other, as for a vocabulary too large for all at once.
        let mut logits = Vec::new();
        session_logits(&one, &text.tokens, &mut logits);
        assert!(relative_error(&logits, want) < TOLERANCE, "{name}: logits one by one");
    }
    let error = one.session().expect("a session").greedy_tokens(&golden.texts[0].tokens, 2);
    assert_eq!(error.expect_err("an encoder doesn't go on").code(), Code::Unsupported);
}

fn session_logits(model: &Model, tokens: &[u32], logits: &mut Vec<f32>) {
    model.session().expect("a session").logits(tokens, keep(logits)).expect("logits");
}

/// Vectors as sentence-transformers gives them, from the folder and from GGUF files of it, which know no prompts and no
/// length.
fn check_sentences(golden: &GoldenEncoder, device: &str, options: &ModelOptions) {
    for path in [&golden.folder].into_iter().chain(&golden.ggufs) {
        let is_gguf = path != &golden.folder;
        let name = format!("{} on {device}", path.display());
        let file = azulejo::open_file(path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let of_file = EmbedOptions::of(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        let of_folder =
            EmbedOptions::of(&azulejo::open_file(&golden.folder).expect("a folder")).expect("modules");
        assert_eq!(of_file.pooling, of_folder.pooling, "{name}");
        assert_eq!(is_gguf, of_file.prompts.is_empty(), "{name}");
        let model = Model::open(path, &options.clone().output(Output::Hidden)).expect("a model");
        let mut session = model.session().expect("a session");
        let mut cut = 0;
        for sentence in &golden.sentences {
            let tokenizer = model.tokenizer().expect("a tokenizer");
            let prompt = sentence.prompt.as_deref();
            let (tokens, is_cut) = of_folder.encode(tokenizer, &sentence.text, prompt).expect("tokens");
            cut += usize::from(is_cut);
            let mut vector = Vec::new();
            session.embed(&[tokens], &of_file, keep(&mut vector)).expect("a vector");
            let error = relative_error(&vector, &sentence.vector);
            println!("{name}: {:?}: off by {error:.1e}", sentence.text);
            assert!(error < TOLERANCE, "{name}: {:?} ({prompt:?}): off by {error:.1e}", sentence.text);
        }
        assert!(cut > 0, "{name}: no text is too long");
    }
}

#[test]
fn golden_encoders_agree_with_transformers() {
    let goldens = golden_encoders();
    assert!(goldens.len() >= 5, "only {} golden encoders", goldens.len());
    let mut sentences = 0;
    for (device, options) in devices::all() {
        for golden in &goldens {
            check_encoder(golden, &device, &options);
            if !golden.sentences.is_empty() {
                sentences += 1;
                check_sentences(golden, &device, &options);
            }
            let mut unfused = options.clone();
            unfused.checks.fuse = false;
            check_encoder(golden, &format!("{device}, unfused"), &unfused);
        }
    }
    assert!(sentences >= 2, "models of sentence-transformers were checked {sentences} times");
}

#[test]
fn golden_hidden_states_of_a_decoder_give_its_logits() {
    // The hidden state is what the output matrix multiplies: with a tied one, the embedding of a token.
    let folder = azulejo_tests::fixtures().join("golden/llama-tied");
    for (device, options) in devices::all() {
        let golden = goldens().into_iter().find(|g| g.name == "llama-tied").expect("it is in the tree");
        let options = options.output(Output::Hidden).chunk(7);
        let model = Model::open(&folder, &options).expect("a model");
        let mut session = model.session().expect("a session");
        let hidden = embedded(&mut session, std::slice::from_ref(&golden.tokens), Pooling::None).remove(0);
        let bytes = std::fs::read(folder.join("model.safetensors")).expect("weights");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let table = file.tensor("model.embed_tokens.weight").expect("embeddings");
        let table: Vec<f32> = table.data().as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
        let width = model.config().hidden as usize;
        let logits: Vec<f32> = hidden
            .chunks(width)
            .flat_map(|h| table.chunks(width).map(move |t| t.iter().zip(h).map(|(t, h)| t * h).sum::<f32>()))
            .collect();
        let error = relative_error(&logits, &golden.logits);
        assert!(error < TOLERANCE, "on {device}: off by {error:.1e}");
    }
}
