//! Running the program, and the golden models it is run on.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// The result, of a run that went well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// The code of an error in JSON, of a run that went wrong and printed no result.
    pub(crate) fn error_code(&self) -> String {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{}", self.err);
        let line = self.err.lines().last().unwrap();
        let error: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        error["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// The program, with nothing of the surroundings.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azulejo"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AZULEJO_")) {
        command.env_remove(name);
    }
    command.args(args).env("AZULEJO_DEVICE", "cpu").env("AZULEJO_THREADS", "2");
    command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn finish(mut command: Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the program.
pub(crate) fn azulejo(args: &[&str]) -> Done {
    finish(program(args))
}

/// Runs the program with something on its stdin.
pub(crate) fn piped(args: &[&str], input: &str) -> Done {
    let mut child = program(args).stdin(Stdio::piped()).spawn().unwrap();
    // A program that doesn't read its input is not an error here.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A golden model: a tiny Llama with random weights.
pub(crate) fn golden(name: &str) -> String {
    format!("{}/../../tests/fixtures/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The one that most tests use.
pub(crate) fn model() -> String {
    golden("llama-gqa")
}

/// A place for a test's files.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What transformers made of a golden model.
pub(crate) struct Expected {
    pub(crate) prompt: String,
    pub(crate) tokens: Vec<u32>,
    pub(crate) greedy: Vec<u32>,
    pub(crate) logits: Vec<f32>,
}

/// The floats of a tensor in a safetensors file, and its shape.
pub(crate) fn floats(bytes: &[u8], name: &str) -> (Vec<f32>, Vec<usize>) {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32);
    let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    (values, tensor.shape().to_vec())
}

pub(crate) fn expected(name: &str) -> Expected {
    let bytes = std::fs::read(golden(&format!("{name}/expected.safetensors"))).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let ids = |name: &str| {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    Expected {
        prompt: metadata.metadata().as_ref().unwrap()["prompt"].clone(),
        tokens: ids("tokens"),
        greedy: ids("greedy"),
        logits: floats(&bytes, "logits").0,
    }
}

/// The numbers of a JSON array.
pub(crate) fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

pub(crate) fn list(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}
