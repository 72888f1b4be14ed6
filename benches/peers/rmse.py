"""What rounding costs: errors of `azulejo quantize` beside those of llama.cpp's, on the same rows.

usage: python benches/peers/rmse.py AZULEJO LLAMA_QUANTIZE WORK      (packages: gguf, numpy)
AZULEJO is our program, LLAMA_QUANTIZE llama.cpp's, WORK a folder for files (60 MB).

A file has matrices of 512 rows of 2048 weights of three kinds: normal ones; normal ones of which some columns are 8
times as large; and Student's t with 3 degrees of freedom, whose outliers are anywhere. Both programs quantise it, the
gguf package decodes both results, and what is printed is the root mean square of the error over that of the weights:
ours, llama.cpp's, and the ratio. The three matrices are `attn_q`, which every mix leaves in its plain format.
"""

import pathlib
import subprocess
import sys

import gguf
import numpy as np

ROWS, COLS = 512, 2048
# llama.cpp's number for the type of a file, and the format of its plain matrices.
TYPES = {"Q4_0": 2, "Q4_1": 3, "Q5_0": 8, "Q5_1": 9, "Q8_0": 7, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18}


def kinds() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20261121)
    normal = rng.normal(0, 0.02, (ROWS, COLS)).astype(np.float32)
    columns = rng.normal(0, 0.02, (ROWS, COLS)).astype(np.float32)
    columns[:, rng.choice(COLS, COLS // 100, replace=False)] *= 8
    tails = (rng.standard_t(3, (ROWS, COLS)) * 0.012).astype(np.float32)
    return {"normal": normal, "outlier columns": columns, "heavy tails": tails}


def write(path: pathlib.Path, matrices: dict[str, np.ndarray]) -> None:
    out = gguf.GGUFWriter(path, "llama")
    out.add_block_count(len(matrices))
    out.add_context_length(2048)
    out.add_embedding_length(COLS)
    out.add_feed_forward_length(COLS)
    out.add_head_count(16)
    out.add_layer_norm_rms_eps(1e-5)
    for layer, matrix in enumerate(matrices.values()):
        out.add_tensor(f"blk.{layer}.attn_q.weight", matrix)
    small = np.zeros((32, COLS), np.float32)
    for name in ("token_embd.weight", "output.weight"):
        out.add_tensor(name, small)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def errors(path: pathlib.Path, matrices: dict[str, np.ndarray]) -> list[float]:
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    out = []
    for layer, matrix in enumerate(matrices.values()):
        tensor = tensors[f"blk.{layer}.attn_q.weight"]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(matrix.shape)
        error = np.sqrt(np.mean((values.astype(np.float64) - matrix) ** 2))
        out.append(float(error / np.sqrt(np.mean(matrix.astype(np.float64) ** 2))))
    return out


def main() -> None:
    azulejo, llama, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    matrices = kinds()
    source = work / "rows.gguf"
    write(source, matrices)
    print("| |", " | ".join(matrices), "|")
    print("|---|" + "---|" * len(matrices))
    for name, number in TYPES.items():
        ours, theirs = work / f"ours-{name}.gguf", work / f"theirs-{name}.gguf"
        subprocess.run([azulejo, "quantize", source, ours, name, "--quiet"], check=True, stdout=subprocess.DEVNULL)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([llama, source, theirs, str(number)], check=True, **quiet)
        pairs = zip(errors(ours, matrices), errors(theirs, matrices))
        cells = [f"{a:.5f}, {b:.5f}: {a / b:.3f}" for a, b in pairs]
        print(f"| {name} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
