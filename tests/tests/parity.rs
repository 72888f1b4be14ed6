//! The same greedy tokens on every back-end, in every weight format.
//!
//! Where the two best logits are within 1e-3 of each other, rounding may decide: from there on the back-ends go on
//! from the first one's tokens, and how often it happened is printed.

use azulejo::{BlockFormat, KvType, Model, ModelOptions};
use azulejo_formats::ModelFile;
use azulejo_tests::{DECODERS, Shape, keep, random_decoder, random_llama_file, relative_error};

use crate::devices;

const TOKENS: usize = 64;
/// Best logits closer than this are a tie.
const TIE: f32 = 1e-3;

const SHAPE: Shape = Shape { layers: 2, hidden: 256, ffn: 512, heads: 4, kv_heads: 2, vocabulary: 1000 };

/// How the tokens of a back-end compare with those of another.
#[derive(Default)]
struct Comparison {
    compared: usize,
    ties: usize,
}

/// The two best logits of a row: their difference, and the indices.
fn best_two(row: &[f32]) -> (f32, usize, usize) {
    let best = |skip: Option<usize>| {
        (0..row.len())
            .filter(|i| Some(*i) != skip)
            .max_by(|a, b| row[*a].total_cmp(&row[*b]))
            .expect("a vocabulary")
    };
    let first = best(None);
    let second = best(Some(first));
    (row[first] - row[second], first, second)
}

/// Compares the logits of every position of `tokens`, as they are without a prompt's own part.
fn compare(name: &str, model: &Model, tokens: &[u32], want: &[f32], tolerance: f64) -> Comparison {
    let mut session = model.session().expect("a session");
    let mut logits = Vec::new();
    session.logits(tokens, keep(&mut logits)).expect("logits");
    let error = relative_error(&logits, want);
    assert!(error < tolerance, "{name}: logits off by {error:.1e}; {tolerance:.0e} is allowed");
    let width = want.len() / tokens.len();
    let mut comparison = Comparison::default();
    for (got, want) in logits.chunks(width).zip(want.chunks(width)) {
        let ((gap, first, _), (_, other, _)) = (best_two(want), best_two(got));
        comparison.compared += 1;
        if first != other {
            assert!(gap < TIE, "{name}: token {other} instead of {first}, {gap} apart");
            comparison.ties += 1;
        }
    }
    comparison
}

fn check(name: &str, file: &ModelFile, prompt: &[u32], tolerance: f64) {
    check_on(&devices::all(), TOKENS, name, file, prompt, tolerance);
}

fn check_on(
    devices: &[(String, ModelOptions)],
    count: usize,
    name: &str,
    file: &ModelFile,
    prompt: &[u32],
    tolerance: f64,
) {
    let load = |options: &ModelOptions| {
        let options = options.clone().all_logits(true);
        Model::from_file(file, &options, &mut |_, _| true).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    let (first, options) = &devices[0];
    let reference = load(options);
    let mut session = reference.session().expect("a session");
    let greedy = session.greedy_tokens(prompt, count).expect("tokens");
    let tokens: Vec<u32> = prompt.iter().chain(&greedy[..count - 1]).copied().collect();
    let mut logits = Vec::new();
    session.logits(&tokens, keep(&mut logits)).expect("logits");
    // What was chosen token by token is what the logits of the whole say.
    let width = logits.len() / tokens.len();
    for (i, row) in logits.chunks(width).enumerate().skip(prompt.len() - 1) {
        let (gap, best, _) = best_two(row);
        let chosen = greedy[i + 1 - prompt.len()] as usize;
        assert!(chosen == best || gap < TIE, "{name} on {first}: chose {chosen}, the whole says {best}");
    }
    for (device, options) in &devices[1..] {
        let model = load(options);
        let name = format!("{name} on {device}");
        let comparison = compare(&name, &model, &tokens, &logits, tolerance);
        let mut session = model.session().expect("a session");
        let own = session.greedy_tokens(prompt, count).expect("tokens");
        let same = own.iter().zip(&greedy).take_while(|(a, b)| a == b).count();
        if same < count {
            let (gap, ..) = best_two(&logits[(prompt.len() - 1 + same) * width..][..width]);
            assert!(gap < TIE, "{name}: parts from the CPU's answer at token {same}, {gap} apart");
        }
        println!(
            "{name}: {} positions, {} near-ties decided otherwise, same answer for {same} of {count} tokens",
            comparison.compared, comparison.ties
        );
    }
}

#[test]
fn parity_of_every_weight_format() {
    for format in BlockFormat::ALL {
        let file = random_llama_file(SHAPE, |_| format);
        // The CPU multiplies quantised weights by 16-bit activations, 3e-5 of the greatest of each block.
        check(format.name(), &file, &[1, 5, 9, 700, 33], if format.is_float() { 2e-5 } else { 5e-4 });
    }
}

#[test]
fn parity_of_every_architecture_in_every_weight_format() {
    const SMALL: Shape = Shape { layers: 1, hidden: 256, ffn: 256, heads: 4, kv_heads: 2, vocabulary: 300 };
    let devices = devices::all();
    let ends = [devices[0].clone(), devices[devices.len() - 1].clone()];
    // Llama's are above.
    for architecture in &DECODERS[1..] {
        for format in BlockFormat::ALL {
            let file = ModelFile::from_gguf_bytes(random_decoder(architecture, SMALL, |_| format));
            let file = file.expect("what the writer writes can be read");
            let name = format!("{architecture} {}", format.name());
            check_on(
                &ends,
                16,
                &name,
                &file,
                &[1, 5, 9, 200, 33],
                if format.is_float() { 2e-5 } else { 5e-4 },
            );
        }
    }
}

#[test]
fn parity_of_mixed_formats() {
    let file = random_llama_file(SHAPE, |name| match name {
        n if n.contains("attn_v") || n.contains("ffn_down") => BlockFormat::Q6_K,
        n if n.contains("ffn_gate") => BlockFormat::Q5_0,
        "output.weight" => BlockFormat::Q8_0,
        _ => BlockFormat::Q4_K,
    });
    check("mixed", &file, &[1, 5, 9], 5e-4);
}

#[test]
fn parity_of_caches() {
    let file = random_llama_file(SHAPE, |_| BlockFormat::F32);
    let devices = devices::all();
    let prompt = [1, 5, 9, 700, 33, 999];
    let logits = |k, v| {
        let options = devices[0].1.clone().kv_types(k, v).all_logits(true);
        let model = Model::from_file(&file, &options, &mut |_, _| true).expect("a model");
        let mut logits = Vec::new();
        model.session().expect("a session").logits(&prompt, keep(&mut logits)).expect("logits");
        logits
    };
    let exact = logits(KvType::F32, KvType::F32);
    use KvType::{F16, Q4_0, Q8_0};
    for (k, v, far) in [(F16, F16, 1e-3), (Q8_0, Q8_0, 2e-2), (Q8_0, Q4_0, 0.3), (Q4_0, Q4_0, 0.3)] {
        let (name, error) = (format!("{}/{}", k.name(), v.name()), relative_error(&logits(k, v), &exact));
        println!("{name}: logits {error:.1e} from those of a cache in f32");
        assert!(error < far, "{name}: logits off by {error:.1e}; {far:.0e} is allowed");
        let devices: Vec<_> =
            devices.iter().map(|(device, o)| (device.clone(), o.clone().kv_types(k, v))).collect();
        // What lies between two steps goes to either, and a step of 4 bits is a large one.
        check_on(&devices, 32, &name, &file, &prompt, if k == F16 { 2e-4 } else { 5e-3 });
    }
}

#[test]
fn a_cache_of_blocks_takes_heads_of_whole_blocks() {
    let shape = Shape { heads: 16, kv_heads: 16, ..SHAPE };
    let file = random_llama_file(shape, |_| BlockFormat::F32);
    let options = devices::all()[0].1.clone().kv_types(KvType::Q8_0, KvType::F32);
    let error = Model::from_file(&file, &options, &mut |_, _| true).map(|_| ()).expect_err("heads of 16");
    let text = error.to_string();
    assert!(text.contains("q8_0") && text.contains("32") && text.contains("16"), "{text}");
}

#[test]
fn parity_of_the_embedded_model() {
    let file = Model::embedded_file().expect("the embedded model");
    let tokenizer = azulejo::tokenizer_from_file(&file).expect("its tokenizer");
    let options = azulejo::EncodeOptions { add_special: true, parse_special: true };
    let prompt = "<|im_start|>user\nComo renovo o cartão de cidadão?<|im_end|>\n<|im_start|>assistant\n";
    check("embedded", &file, &tokenizer.encode(prompt, options).expect("tokens"), 5e-4);
}

#[test]
fn parity_of_shards() {
    let file = random_llama_file(SHAPE, |_| BlockFormat::Q4_0);
    let whole = Model::from_file(&file, &devices::all()[1].1, &mut |_, _| true).expect("a model");
    // 32 rows of 512 columns take 8 KiB in Q4_0: the output matrix is cut in several, QKV and the gate in two.
    let whole_options = devices::all().swap_remove(1).1;
    let mut small = whole_options.context(64).chunk(8);
    small.checks.binding_bytes = Some(64 << 10);
    let cut = Model::from_file(&file, &small, &mut |_, _| true).expect("a model");
    let prompt = [1, 5, 9, 700, 33, 999];
    let tokens =
        |model: &Model| model.session().expect("a session").greedy_tokens(&prompt, 32).expect("tokens");
    assert_eq!(tokens(&whole), tokens(&cut));
}
