"""Known models' shapes with random weights, one after the other: load, a prompt of 128 tokens, 16 tokens more; and the
greatest memory beside what `azulejo inspect` foretells. On the CPU that is the process's memory less what the program
takes that has nothing to do (`--version`); on a GPU it is what was allocated there.

usage: python3 benches/shapes/run.py [--program target/release/azulejo] [--device cpu] [--quant Q4_K_M] SHAPE ...

Prints a row of a Markdown table for each. Exit 1 if one fails, or takes over 5 % more or less than foretold.
"""

import argparse
import json
import os
import subprocess
import sys

PROMPT, TOKENS = 128, 16


def child(arguments):
    """A command's standard output and the greatest memory that it took, in bytes."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit {process.returncode}")
    return output, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/azulejo")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quant", default="Q4_K_M")
    parser.add_argument("shapes", nargs="+", metavar="SHAPE")
    options = parser.parse_args()

    def inspect(which):
        output, _ = child([options.program, "inspect", *which, "-c", str(PROMPT), "--summary", "--json", "-q"])
        return json.loads(output)

    def bench(which):
        output, taken = child([
            options.program, "bench", *which, "--device", options.device, "--no-bandwidth", "--json", "-q",
            "-p", str(PROMPT), "-n", str(TOKENS), "-r", "1",
        ])
        return json.loads(output), taken

    _, program = child([options.program, "--version"])
    print("| shape | file | foretold | taken | ratio | prompt, tokens/s | decode, tokens/s |", flush=True)
    print("|---|---|---|---|---|---|---|", flush=True)
    failed = False
    for shape in options.shapes:
        which = ["--shape", shape, "--quant", options.quant]
        report, (results, taken) = inspect(which), bench(which)
        foretold = report["memory"]["total_bytes"]
        prompt, decode = (result["avg_ts"] for result in results)
        taken = taken - program if options.device == "cpu" else results[0]["device_bytes"]
        ratio = taken / foretold
        failed |= abs(ratio - 1) > 0.05
        print(
            f"| {shape} {options.quant} | {report['bytes'] / 1e9:.2f} GB | {foretold / 1e9:.2f} GB "
            f"| {taken / 1e9:.2f} GB | {ratio:.3f} | {prompt:.1f} | {decode:.2f} |",
            flush=True,
        )
    sys.exit(failed)


main()
