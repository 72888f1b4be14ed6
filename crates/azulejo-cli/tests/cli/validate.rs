//! `validate`: what it checks, what it reports.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use serde_json::Value;

use crate::support::{azulejo, finish, program, scratch};

/// The report of a device, with a shape for which there is no time.
fn report(device: &str) -> Value {
    let folder = scratch(&format!("validate-{device}"));
    let to = folder.to_str().unwrap();
    let done =
        azulejo(&["validate", "--device", device, "-o", to, "--seconds", "0", "--shapes", "llama-3.2-1b"]);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (json, markdown) = (read("report.json"), read("report.md"));
    assert_eq!(done.code, 0, "{}\n{}", done.err, done.out);
    assert_eq!(done.out.trim_end(), markdown.trim_end());
    let not_run = "- llama-3.2-1b Q4_K_M, llama-3.2-1b Q4_0, llama-3.2-1b Q8_0: all of it: the time was over";
    assert!(markdown.contains(not_run), "{markdown}");
    serde_json::from_str(&json).unwrap()
}

fn assert_right(report: &Value, backend: &str, tiers: usize) {
    assert_eq!(report["passed"], true, "{}", report["problems"]);
    assert_eq!(report["device"]["backend"], backend);
    assert!(report["kernels"]["cases"].as_u64().unwrap() >= 300, "{}", report["kernels"]);
    assert_eq!(report["kernels"]["failed"].as_array().unwrap().len(), 0);
    let models = report["models"].as_array().unwrap();
    assert!(models.len() >= 10 * tiers, "{} models", models.len());
    assert!(models.iter().all(|model| model["tokens"].as_u64().unwrap() >= 16));
    assert_ne!(report["commit"], "");
}

#[test]
fn validate_finds_the_cpu_right() {
    assert_right(&report("cpu"), "cpu", 1);
}

#[test]
fn validate_finds_the_gpu_right_in_every_tier() {
    let report = report("wgpu");
    let tiers = report["kernels"]["passes"].as_array().unwrap().len();
    assert!(tiers >= 1);
    assert_right(&report, "wgpu", tiers);
}

#[test]
fn validate_measures_a_shape_and_names_those_that_are_not_there() {
    let args = [
        "validate",
        "--device",
        "cpu",
        "--only",
        "speed",
        "--seconds",
        "600",
        "--shapes",
        "ttl-160m",
        "--quant",
        "Q4_0",
        "--json",
    ];
    let report = azulejo(&args).json();
    let tests = report["speed"][0]["tests"].as_array().unwrap();
    let names: Vec<&str> = tests.iter().map(|test| test["test"].as_str().unwrap()).collect();
    assert_eq!(names, ["tg32", "pp512", "tg32 @ d1024"]);
    assert!(tests.iter().all(|test| test["tokens_per_second"].as_f64().unwrap() > 0.0));
    // Two operations a weight and token: those of 12 layers of 768 and 3072, and of the logits once.
    let layers = 12 * (4 * 768 * 768 + 3 * 768 * 3072) as u64;
    let flops = 2.0 * (layers as f64 + (768 * 32_000) as f64 / 512.0);
    let found = 1e12 * tests[1]["tflops"].as_f64().unwrap() / tests[1]["tokens_per_second"].as_f64().unwrap();
    assert!((found / flops - 1.0).abs() < 1e-6, "{found} instead of {flops}");
    assert_eq!((&tests[0]["tflops"], &tests[0]["joules_per_token"]), (&Value::Null, &Value::Null));
    let why = report["device"]["energy_not_measured"].as_str().unwrap();
    assert!(why.contains("NVIDIA"), "{why}");
    // Only speed was asked for.
    assert_eq!(
        (&report["parts"], &report["kernels"]["cases"]),
        (&serde_json::json!(["speed"]), &serde_json::json!(0))
    );
    let done = azulejo(&["validate", "--device", "cpu", "--shapes", "no-such", "--json"]);
    assert!(done.code == 2 && done.err.contains("salamandra-2b"), "{}", done.err);
}

#[test]
fn validate_shows_an_earlier_report_beside_and_refuses_others() {
    let folder = scratch("validate-beside");
    std::fs::create_dir_all(&folder).unwrap();
    let earlier = folder.join("report.json");
    let validate = |text: &str| {
        std::fs::write(&earlier, text).unwrap();
        let shape = ["--seconds", "0", "--shapes", "ttl-160m", "--quant", "Q4_0"];
        let beside =
            ["validate", "--device", "cpu", "--only", "speed", "--beside", earlier.to_str().unwrap()];
        azulejo(&[&beside[..], &shape].concat())
    };
    let report = serde_json::json!({
        "report_version": 1, "unfinished": null, "problems": ["gemv in baseline: wrong"], "commit": "abc",
        "device": { "backend": "cuda", "name": "a card", "driver": "CUDA 99", "memory_gb_per_s": 1000.0 },
        "kernels": { "cases": 77 },
        "speed": [{
            "shape": "ttl-160m", "quant": "Q4_0", "steps": [],
            "tests": [{ "test": "tg32", "tokens_per_second": 4321.5, "joules_per_token": 0.25 }],
        }],
    });
    let done = validate(&report.to_string());
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("| cuda: tokens/s | cuda: J/token |"), "{}", done.out);
    assert!(done.out.contains("| ttl-160m Q4_0 | tg32 | 4321.50 | 0.250 |"), "{}", done.out);
    assert!(done.out.contains("- Beside: cuda on a card: WRONG; 77 cases"), "{}", done.out);
    assert!(done.out.contains("**cuda: gemv in baseline: wrong**"), "{}", done.out);
    for (text, why) in [
        (report.to_string().replace(r#""report_version":1"#, r#""report_version":2"#), "version 2"),
        (report.to_string().replace("tokens_per_second", "tokens"), "a part of it is missing"),
        ("[]".to_owned(), "no report_version"),
        ("{".to_owned(), "isn't JSON"),
    ] {
        let done = validate(&text);
        assert!(done.code == 2 && done.err.contains(why), "{why}: {}", done.err);
    }
    let done = azulejo(&["validate", "--device", "cpu", "--beside", "no-such.json"]);
    assert!(done.code == 2 && done.err.contains("--beside no-such.json"), "{}", done.err);
}

#[test]
fn validate_checks_a_model_of_a_file_beside_the_cpu() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/azulejo-demo.gguf");
    let report = azulejo(&["validate", "--device", "cpu", "--only", "models", "-m", demo, "--json"]).json();
    assert_eq!(report["passed"], true, "{}", report["problems"]);
    let models = report["models"].as_array().unwrap();
    let of_file: Vec<_> = models.iter().filter(|model| model["name"] == "azulejo-demo.gguf").collect();
    assert!(!of_file.is_empty() && of_file.iter().all(|model| model["tokens"].as_u64().unwrap() > 0));
    let done = azulejo(&["validate", "--device", "cpu", "-m", "no-such.gguf"]);
    assert!(done.code == 2 && done.err.contains("--model no-such.gguf"), "{}", done.err);
}

#[test]
fn a_gpu_is_tested_once_before_it_is_trusted() {
    let cache = scratch("self-test");
    let run = || {
        let mut command = program(&["generate", "--device", "wgpu", "-p", "a", "-n", "1", "-v"]);
        command.env("XDG_CACHE_HOME", &cache);
        finish(command)
    };
    let tests = |err: &str| err.lines().filter(|line| line.contains("testing ")).count();
    let first = run();
    assert_eq!((first.code, tests(&first.err)), (0, 1), "{}", first.err);
    let kept = std::fs::read_to_string(cache.join("azulejo/self-tests.txt")).unwrap();
    assert_eq!(kept.lines().count(), 1, "{kept}");
    let second = run();
    assert_eq!((second.code, tests(&second.err)), (0, 0), "{}", second.err);
    // Another driver's line is no passport.
    std::fs::write(cache.join("azulejo/self-tests.txt"), kept.replace("vulkan", "other")).unwrap();
    assert_eq!(tests(&run().err), 1);
}

#[test]
fn validate_of_a_cuda_device_that_is_not_there_says_what_is_missing() {
    // With NVIDIA's driver it's the number that is wrong, without it the driver.
    let done = azulejo(&["validate", "--device", "cuda:99"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{}", done.err);
    assert!(
        done.err.contains("NVIDIA's driver isn't there") || done.err.contains("number 99"),
        "{}",
        done.err
    );
    let done = azulejo(&["generate", "-p", "x", "-n", "1", "--device", "cuda:99", "--json"]);
    assert!(done.code == 1 && done.err.contains("no_device"), "{}", done.err);
}
