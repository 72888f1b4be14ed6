//! `compare`, `eval needle` and `eval last-word`: what they find out, and that it is right.

use crate::support::{azulejo, golden, scratch};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/azulejo-demo.gguf");
const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/train/heldout.txt");

#[test]
fn compare_of_a_model_with_itself_is_nothing() {
    let run = ["compare", DEMO, DEMO, "-f", TEXT, "-c", "64", "--chunks", "5", "--json"];
    let found = azulejo(&run).json();
    let divergence = &found["kl_divergence"];
    assert_eq!((&divergence["mean"], &divergence["max"]), (&0.0.into(), &0.0.into()), "{found}");
    assert_eq!((&found["top1_agreement"], &found["perplexity_ratio"]), (&1.0.into(), &1.0.into()));
    assert_eq!(found["scored"], 5 * 31);
    // The perplexity is that of the command of that name.
    let alone =
        azulejo(&["perplexity", "-m", DEMO, "-f", TEXT, "-c", "64", "--chunks", "5", "--json"]).json();
    let (a, b) = (found["a"]["perplexity"].as_f64().unwrap(), alone["perplexity"].as_f64().unwrap());
    assert!((a - b).abs() < 1e-9 * a, "{a}, {b}");
    let text = azulejo(&run[..run.len() - 1]);
    assert!(text.out.contains("KL divergence") && text.out.contains("100.000 %"), "{}", text.out);
}

#[test]
fn compare_refuses_models_of_other_tokens() {
    let other = golden("llama-gqa");
    let done = azulejo(&["compare", DEMO, &other, "-f", TEXT, "-c", "64", "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
    assert!(done.err.contains("different tokens"), "{}", done.err);
    let done = azulejo(&["compare", DEMO, "/no/such.gguf", "-f", TEXT, "--json"]);
    assert_eq!(done.error_code(), "io");
    let short = scratch("compare").join("short.txt");
    std::fs::write(&short, "a few words").unwrap();
    let done = azulejo(&["compare", DEMO, DEMO, "-f", short.to_str().unwrap(), "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
}

#[test]
fn needle_has_a_place_for_each_length_and_depth() {
    let folder = scratch("needle");
    let picture = folder.join("map.svg");
    let args = ["eval", "needle", "-m", DEMO, "--lengths", "128,256", "--depths", "0,50,100", "-n", "8"];
    let image = ["--image", picture.to_str().unwrap()];
    let found = azulejo(&[&args[..], &image[..], &["--json"]].concat()).json();
    let places = found["places"].as_array().unwrap();
    assert_eq!(places.len(), 6);
    for place in places {
        let (tokens, length) = (place["tokens"].as_u64().unwrap(), place["length"].as_u64().unwrap());
        // As long as was asked for, but for the last sentence that didn't fit.
        assert!(tokens <= length && tokens + 40 > length, "{place}");
        assert!((0.0..=1.0).contains(&place["score"].as_f64().unwrap()), "{place}");
    }
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert_eq!(svg.matches("<rect x=").count(), 6);
    let table = azulejo(&args).out;
    assert_eq!(table.lines().count(), 4, "{table}");
}

/// A needle that the model says by itself is found; one of words that it doesn't say isn't.
#[test]
fn needle_scores_are_the_words_in_the_answer() {
    let hay = scratch("needle-hay").join("hay.txt");
    std::fs::write(&hay, "The office is open. The square is quiet.").unwrap();
    let ask = [
        "--question",
        "How do I renew my identity card?",
        "--instruction",
        "Hello.",
        "--needle",
        "It rains.",
    ];
    let run = |expected: &str| {
        let place = ["--lengths", "64", "--depths", "50", "-n", "24", "--haystack", hay.to_str().unwrap()];
        let args =
            [&["eval", "needle", "-m", DEMO, "--json", "--expected", expected][..], &ask, &place].concat();
        azulejo(&args).json()["places"][0].clone()
    };
    let place = run("zebra");
    assert_eq!(place["score"], 0.0);
    let said = place["answer"].as_str().unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(run(&said)["score"], 1.0, "{said}");
    assert_eq!(run(&format!("{said} zebra"))["score"], 0.5, "{said}");
}

#[test]
fn needle_refuses_what_makes_no_sense() {
    for args in [
        &["--depths", "50,101"][..],
        &["--lengths", "8"],
        &["--expected", "..."],
        &["--lengths", "64-1"],
        &["--haystack", "/dev/null"],
    ] {
        let done = azulejo(&[&["eval", "needle", "-m", DEMO][..], args].concat());
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}: {}", done.err);
    }
    let done = azulejo(&["eval", "needle", "-m", DEMO, "--lengths", "4096", "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
    assert_eq!(azulejo(&["eval"]).code, 2);
}

/// A word that the model says is right, another one is not.
#[test]
fn last_word_is_what_the_model_says_first() {
    const PROMPT: &str = "Make an appointment at the office that";
    let raw = ["generate", "-m", DEMO, "-p", PROMPT, "--raw", "--temp", "0", "-n", "10", "-q"];
    let answer = azulejo(&raw).out;
    let file = scratch("last-word").join("texts.jsonl");
    let example = |word: &str| serde_json::json!({ "text": PROMPT, "word": word }).to_string();
    let said = answer.split_whitespace().next().unwrap().replace(['.', ',', '?', '!'], "");
    std::fs::write(&file, [example(&said), example("zebra"), example(&said)].join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let run = ["eval", "last-word", "-m", DEMO, "-f", file, "--text-field", "text", "--word-field", "word"];
    let found = azulejo(&[&run[..], &["--json"]].concat()).json();
    assert_eq!((&found["right"], &found["examples"]), (&2.into(), &3.into()), "{said}: {answer}");
    let text = azulejo(&[&run[..], &["--limit", "1"]].concat());
    assert_eq!(text.out, "1 of 1 last words: 100.00 %\n");
    let done = azulejo(&run[..6]);
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{}", done.err);
    assert!(done.err.contains("line 1") && done.err.contains("--text-field"), "{}", done.err);
}
