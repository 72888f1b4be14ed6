//! `bench`, `inspect`, `devices`.

use std::io::Write;

use crate::support::{azulejo, finish, golden, model, program};

#[test]
fn bench_json_has_the_keys_that_scripts_read() {
    let args = [
        "bench",
        "-m",
        &model(),
        "-p",
        "8,16",
        "-n",
        "4",
        "-d",
        "0,8",
        "-r",
        "3",
        "--no-bandwidth",
        "--json",
    ];
    let results = azulejo(&args).json();
    let results = results.as_array().unwrap();
    let tests: Vec<_> = results
        .iter()
        .map(|r| (r["n_prompt"].as_u64(), r["n_gen"].as_u64(), r["n_depth"].as_u64()))
        .collect();
    let want = [(8, 0, 0), (16, 0, 0), (0, 4, 0), (8, 0, 8), (16, 0, 8), (0, 4, 8)];
    assert_eq!(tests, want.map(|(p, n, d)| (Some(p), Some(n), Some(d))));
    for result in results {
        for key in ["avg_ts", "stddev_ts", "avg_ns", "stddev_ns", "n_threads", "model_size", "model_n_params"]
        {
            assert!(result[key].is_number(), "{key}: {result}");
        }
        for key in ["model_filename", "model_type", "backends", "type_k", "type_v", "device", "tier"] {
            assert!(result[key].is_string(), "{key}: {result}");
        }
        assert_eq!(result["samples_ns"].as_array().unwrap().len(), 3);
        let mean =
            result["samples_ts"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).sum::<f64>() / 3.0;
        assert!((mean / result["avg_ts"].as_f64().unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(result["gb_per_s"].is_number(), result["n_gen"] == 4);
        assert!(result["bandwidth_share"].is_null() && result["bandwidth_share_reason"].is_string());
    }
}

#[test]
fn bench_prints_a_table_or_rows() {
    let args = ["bench", "-m", &model(), "-p", "8", "-n", "4", "-r", "1", "--no-bandwidth"];
    let table = azulejo(&args);
    assert_eq!(table.code, 0, "{}", table.err);
    let lines: Vec<&str> = table.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", table.out);
    assert!(lines.iter().all(|l| l.starts_with("| ") && l.ends_with(" |") && l.matches('|').count() == 11));
    assert!(lines[2].contains("| pp8 |") && lines[3].contains("| tg4 |"), "{}", table.out);
    let csv = azulejo(&[&args[..], &["-o", "csv"]].concat());
    assert_eq!(csv.out.lines().count(), 3);
    let lines = azulejo(&[&args[..], &["-o", "jsonl"]].concat());
    assert!(
        lines
            .out
            .lines()
            .all(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["avg_ts"].is_number())
    );
    assert_eq!(azulejo(&["bench", "-m", &model(), "-p", "0", "-n", "0"]).code, 2);
    assert_eq!(azulejo(&["bench", "-m", &model(), "-p", "1-9+0"]).code, 2);
}

#[test]
fn bench_uses_the_whole_context_and_no_more() {
    // The golden models have 128 positions.
    let run = |p: &str, n: &str, d: &str| {
        azulejo(&["bench", "-m", &model(), "-p", p, "-n", n, "-d", d, "-r", "1", "--no-bandwidth", "--json"])
    };
    assert_eq!(run("128", "128", "0").json().as_array().unwrap().len(), 2);
    assert_eq!(run("0", "100", "28").json().as_array().unwrap().len(), 1);
    assert_eq!(run("129", "0", "0").error_code(), "invalid_argument");
}

#[test]
fn bench_unknown_shapes_and_types_are_named() {
    let shape = azulejo(&["bench", "--shape", "gpt-9"]);
    assert_eq!(shape.code, 2);
    assert!(shape.err.contains("gpt-9") && shape.err.contains("salamandra-2b"), "{}", shape.err);
    let quant = azulejo(&["bench", "--shape", "ttl-160m", "--quant", "Q9"]);
    assert_eq!(quant.code, 2);
    assert!(quant.err.contains("Q9") && quant.err.contains("Q4_K_M"), "{}", quant.err);
}

#[test]
fn inspect_shows_a_file_without_loading_it() {
    for name in ["llama-gqa", "llama-gqa/model-f32.gguf"] {
        let path = golden(name);
        let json = azulejo(&["inspect", "-m", &path, "-c", "64", "-ctk", "f32", "--json"]).json();
        assert_eq!(json["tensors"].as_array().unwrap().len(), 21);
        assert_eq!(
            (json["parameters"].as_u64(), json["types"]["F32"]["tensors"].as_u64()),
            (Some(35_488), Some(21))
        );
        assert_eq!(
            (json["config"]["layers"].as_u64(), json["config"]["kv_heads"].as_u64()),
            (Some(2), Some(2))
        );
        // 2 layers of 16 keys of 4 bytes and as many values of 2.
        assert_eq!(json["memory"]["kv_bytes_per_token"], 2 * 16 * (4 + 2));
        assert_eq!(json["memory"]["kv_bytes"], 64 * 2 * 16 * (4 + 2));
        assert_eq!(json["memory"]["weights_bytes"], 4 * 35_488);
        let text = azulejo(&["inspect", &path]);
        assert_eq!((text.code, text.err.as_str()), (0, ""));
        for part in ["2 layers of 32", "288 x 32", "BOS 0 <|begin|>", "35.49 K"] {
            assert!(text.out.contains(part), "{part}: {}", text.out);
        }
    }
}

#[test]
fn inspect_plan_lists_the_calls_of_a_token() {
    let text = azulejo(&["inspect", &model(), "--plan"]);
    assert_eq!(text.code, 0, "{}", text.err);
    let json = azulejo(&["inspect", &model(), "--plan", "--json"]).json();
    let calls = json["plan"]["calls"].as_array().unwrap();
    assert_eq!(json["plan"]["dispatches"], calls.len());
    assert_eq!(text.out.lines().count(), calls.len() + 1);
    assert_eq!(text.out.lines().last(), Some(format!("{} dispatches a decoded token", calls.len()).as_str()));
    for (line, call) in text.out.lines().zip(calls) {
        assert!(
            line.contains(call["kernel"].as_str().unwrap()) && line.contains(call["label"].as_str().unwrap())
        );
    }
    let unfused = azulejo(&["inspect", &model(), "--plan", "--no-fuse", "--json"]).json();
    assert!(unfused["plan"]["dispatches"].as_u64() > json["plan"]["dispatches"].as_u64());
}

#[test]
fn devices_has_at_least_the_cpu() {
    let json = azulejo(&["devices", "--json"]).json();
    assert!(json["cpu"]["threads"].as_u64().unwrap() > 0);
    assert!(json["gpus"].is_array());
    assert!(["cpu", "wgpu"].contains(&json["auto"].as_str().unwrap()));
    let text = azulejo(&["devices"]);
    assert!(text.code == 0 && text.out.starts_with("cpu "), "{text:?}");
}

/// Mesa's RADV lists a GPU that runs nothing, if it is asked to: one that is there and can't be opened.
#[test]
fn devices_that_cannot_be_opened_are_passed_over() {
    let driver = "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json";
    if !std::path::Path::new(driver).exists() {
        // Not by println!, which shows only where a test fails.
        let _ = writeln!(std::io::stderr(), "not run: devices that can't be opened: there is no {driver}");
        return;
    }
    let run = |args: &[&str]| {
        let mut command = program(args);
        command.env("RADV_FORCE_FAMILY", "navi21").env("NODEVICE_SELECT", "1");
        finish(command)
    };
    let seen = run(&["devices", "--json"]).json();
    let gpus = seen["gpus"].as_array().unwrap();
    let null = gpus.iter().find(|gpu| gpu["name"].as_str().unwrap().contains("Null")).unwrap();
    assert!(null["problem"].as_str().unwrap().contains("can't be opened"), "{null}");
    assert_eq!(seen["auto"], "cpu", "a GPU that can't be opened and software are no reason to leave the CPU");
    assert!(run(&["devices"]).out.contains("passed over"));
    for device in ["auto", "wgpu"] {
        let done = run(&["generate", "--device", device, "-p", "a", "-n", "2", "--temp", "0"]);
        assert_eq!(done.code, 0, "{device}: {}", done.err);
        assert!(done.err.contains("Null hardware"), "{device}: {}", done.err);
    }
    let number = null["device"].as_str().unwrap();
    let done = run(&["generate", "--device", number, "-p", "a", "-n", "2", "--json"]);
    assert_eq!(done.error_code(), "no_device", "what was asked for by its number is not replaced");
}
