#!/usr/bin/env bash
# What llama.cpp makes of a model: GGUF files to read, and its tokens, greedy text, perplexity and speed to compare with.
#
# usage: benches/peers/peers.sh LLAMA_DIR WORK [TYPE ...]
#   LLAMA_DIR  holds build/bin/llama-{quantize,tokenize,completion,perplexity,bench} and src/convert_hf_to_gguf.py
#   WORK       holds hf/, text.txt and prompt.txt (make_160m.py writes all three); keep it outside the repository
#   TYPE       default: F16 Q8_0 Q4_0 Q4_K_M; also Q4_1 Q5_0 Q5_1 Q2_K Q3_K_M Q5_K_M Q6_K and whatever llama-quantize has
#   environment: PYTHON (with torch, transformers, sentencepiece; default python3), THREADS (2), TOKENS (64, continued),
#   CHUNKS (8, of 512 tokens, for the perplexity), STAGES ("tokenize complete perplexity bench"; the files are always made)
#
# Writes WORK/model-TYPE.gguf and into WORK/results/
#   tokens.json              token ids of text.txt, begin token first
#   complete-TYPE.txt        greedy continuation of prompt.txt (temperature 0, no sampler, f16 cache)
#   perplexity-TYPE.json     {type, perplexity, error, chunks, context}; each chunk is 512 tokens, its first one replaced
#                            by the begin token, and only the predictions of its second half count
#   bench-TYPE.json          llama-bench's own JSON: prompt processing of 512, generation of 64, 3 repetitions
#   machine.txt              processor, load average at the start and the end, llama.cpp's commit
# Made files are kept: remove one to have it made anew. Times are worth something only on an otherwise idle machine.
set -euo pipefail

llama=${1:?usage: peers.sh LLAMA_DIR WORK [TYPE ...]}
work=${2:?usage: peers.sh LLAMA_DIR WORK [TYPE ...]}
shift 2
types=("$@")
[ ${#types[@]} -gt 0 ] || types=(F16 Q8_0 Q4_0 Q4_K_M)
threads=${THREADS:-2} tokens=${TOKENS:-64} chunks=${CHUNKS:-8}
stages=" ${STAGES:-tokenize complete perplexity bench} "
bin=$llama/build/bin
results=$work/results
mkdir -p "$results"

# wanted STAGE FILE: is the stage asked for, and the file not there yet?
wanted() { [[ $stages == *" $1 "* && ! -s $2 ]]; }
# made FILE COMMAND...: the command's standard output becomes FILE, but only if it succeeds.
made() {
  local file=$1
  shift
  basename "$file" >&2
  "$@" > "$file.part" 2> "$file.log" || { tail -n 5 "$file.log" >&2; return 1; }
  mv "$file.part" "$file"
}

{
  echo "start $(date -u +%FT%TZ) load $(cut -d' ' -f1-3 /proc/loadavg)"
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort | uniq -c
  "$bin/llama-completion" --version 2>&1 | grep -E '^(version|built)' || true
} >> "$results/machine.txt"

if [ ! -s "$work/model-F16.gguf" ]; then
  echo "model-F16.gguf" >&2
  "${PYTHON:-python3}" "$llama/src/convert_hf_to_gguf.py" "$work/hf" --outtype f16 --outfile "$work/model-F16.gguf.part" \
    > "$results/convert.log" 2>&1 || { tail -n 5 "$results/convert.log" >&2; exit 1; }
  mv "$work/model-F16.gguf.part" "$work/model-F16.gguf"
fi

if wanted tokenize "$results/tokens.json"; then
  made "$results/tokens.json" "$bin/llama-tokenize" -m "$work/model-F16.gguf" -f "$work/text.txt" --ids --log-disable
fi

for type in "${types[@]}"; do
  model=$work/model-$type.gguf
  if [ ! -s "$model" ]; then
    basename "$model" >&2
    "$bin/llama-quantize" "$work/model-F16.gguf" "$model.part" "$type" "$threads" > "$results/quantize-$type.log" 2>&1
    mv "$model.part" "$model"
  fi
  if wanted complete "$results/complete-$type.txt"; then
    made "$results/complete-$type.txt" "$bin/llama-completion" -m "$model" -f "$work/prompt.txt" -n "$tokens" \
      --temp 0 --samplers temperature --seed 1 -t "$threads" -c 1024 -no-cnv --no-display-prompt --no-warmup \
      --ignore-eos < /dev/null
  fi
  if wanted perplexity "$results/perplexity-$type.json"; then
    log=$results/perplexity-$type.log
    echo "perplexity-$type.json" >&2
    "$bin/llama-perplexity" -m "$model" -f "$work/text.txt" -c 512 --chunks "$chunks" -t "$threads" > "$log" 2>&1
    # "Final estimate: PPL = 12.3456 +/- 0.12345"
    sed -nE "s|.*Final estimate: PPL = ([0-9.]+) \+/- ([0-9.]+).*|{\"type\": \"$type\", \"perplexity\": \1, \"error\": \2, \"chunks\": $chunks, \"context\": 512}|p" \
      "$log" > "$results/perplexity-$type.json"
  fi
  if wanted bench "$results/bench-$type.json"; then
    made "$results/bench-$type.json" "$bin/llama-bench" -m "$model" -p 512 -n 64 -r 3 -t "$threads" -o json
  fi
done

echo "end $(date -u +%FT%TZ) load $(cut -d' ' -f1-3 /proc/loadavg)" >> "$results/machine.txt"
