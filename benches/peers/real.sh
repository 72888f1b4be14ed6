#!/usr/bin/env bash
# Speed on real weights beside llama.cpp, in turns: the models that `cargo xtask real` fetched.
#
# usage: benches/peers/real.sh LLAMA_DIR [ROUNDS]
#   LLAMA_DIR  holds build/bin/llama-bench
#   ROUNDS     default 3; of each the median of two repetitions' means is told
#   environment: THREADS (2), MODELS (target/real/*/*.gguf)
#
# Prints for each model the medians of tokens a second, ours and llama.cpp's, and their ratio. Times are worth something
# only on an otherwise idle machine.
set -euo pipefail

llama=${1:?usage: real.sh LLAMA_DIR [ROUNDS]}
rounds=${2:-3} threads=${THREADS:-2}
read -ra models <<< "${MODELS:-$(echo target/real/*/*.gguf)}"
results=$(mktemp)
trap 'rm -f "$results"' EXIT

for model in "${models[@]}"; do
  [ -e "$model" ] || { echo "$model is missing: cargo xtask real" >&2; exit 2; }
  for _ in $(seq "$rounds"); do
    target/release/azulejo bench -m "$model" --device cpu -t "$threads" -p 512 -n 64 -r 2 --no-bandwidth -o jsonl -q |
      sed 's/^/ours /' >> "$results"
    "$llama/build/bin/llama-bench" -m "$model" -t "$threads" -p 512 -n 64 -r 2 -o jsonl 2> /dev/null |
      sed 's/^/theirs /' >> "$results"
  done
done
python3 - "$results" << 'PYTHON'
import json, statistics, sys
from collections import defaultdict

rates = defaultdict(list)
for line in open(sys.argv[1]):
    whose, result = line.split(" ", 1)
    result = json.loads(result)
    test = f"prompt of {result['n_prompt']}" if result["n_prompt"] else f"decode of {result['n_gen']}"
    rates[result["model_filename"].split("/")[-1], test, whose].append(result["avg_ts"])
for model, test in sorted({key[:2] for key in rates}):
    ours, theirs = (statistics.median(rates[model, test, whose]) for whose in ("ours", "theirs"))
    print(f"{model}, {test}: {ours:.1f} and {theirs:.1f} tokens/s, ratio {ours / theirs:.2f}")
PYTHON
