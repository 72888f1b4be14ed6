#!/usr/bin/env bash
# The kernels on a GPU of NVIDIA's under compute-sanitizer: reads and writes out of bounds (memcheck), shared memory that two
# threads use without a barrier between (racecheck), barriers that not all threads reach (synccheck). It comes with CUDA's
# toolkit, and slows kernels down tens of times.
#
# usage: benches/gpu/sanitize.sh [PROGRAM] [FOLDER] [SECONDS]
#   PROGRAM  the program (default target/release/azulejo)
#   FOLDER   where memcheck.txt, racecheck.txt and synccheck.txt go (default gpu-sanitize)
#   SECONDS  for each of the three, 300 by default
#
# Exit 1 if one of them finds something or has no time, 2 if compute-sanitizer isn't there.
set -euo pipefail

program=${1:-target/release/azulejo}
folder=${2:-gpu-sanitize}
seconds=${3:-300}

sanitizer=$(command -v compute-sanitizer || true)
if [ -z "$sanitizer" ] && [ -x /usr/local/cuda/bin/compute-sanitizer ]; then
  sanitizer=/usr/local/cuda/bin/compute-sanitizer
fi
if [ -z "$sanitizer" ]; then
  echo "not run: compute-sanitizer is not there; it comes with CUDA's toolkit (package cuda-sanitizer), or put it in PATH" >&2
  exit 2
fi
if [ ! -x "$program" ]; then
  echo "there is no program $program: build it (cargo build --release -p azulejo-cli), or name it" >&2
  exit 2
fi
mkdir -p "$folder"
status=0
for tool in memcheck racecheck synccheck; do
  code=0
  timeout --kill-after=5 "$seconds" "$sanitizer" --tool "$tool" --error-exitcode 99 --log-file "$folder/$tool.txt" \
    "$program" validate --device cuda --only kernels || code=$?
  case $code in
    0) echo "$tool: nothing found" ;;
    99) echo "$tool: errors, named in $folder/$tool.txt" ;;
    124 | 137) echo "$tool: not finished in $seconds s" ;;
    *) echo "$tool: the program's exit code is $code" ;;
  esac
  if [ "$code" -ne 0 ]; then
    status=1
  fi
done
exit "$status"
