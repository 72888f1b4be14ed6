"""Writes an ONNX graph of the 160M shape with random 4-bit weights, for measuring onnxruntime-web beside azulejo.

usage: python benches/peers/make_onnx.py FILE.onnx [--accuracy-level LEVEL]      (packages: onnx 1.23.2, numpy 2.4.6)
FILE, which belongs outside the repository, gets about 180 MB.

The graph is of the kind that Transformers.js runs as "q4", and that onnxruntime-genai's model builder writes: every
matrix is a MatMulNBits (blocks of 32 weights, 4 bits, one f32 scale, no zero points: what Q4_0 keeps, too), norms are
(Skip)SimplifiedLayerNormalization, attention is one GroupQueryAttention with rope inside, and the cache goes in as
past_key_values.N and comes out as present.N. Operators: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md.
The shape is that of make_160m.py: 12 layers of 768 / 3072, 12 heads, vocabulary 32,000, untied. Everything is seeded.
"""

import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCAB, HIDDEN, FFN, LAYERS, HEADS, CONTEXT = 32000, 768, 3072, 12, 12, 2048
HEAD = HIDDEN // HEADS
BLOCK, EPSILON, THETA = 32, 1e-6, 10000.0
CONTRIB = "com.microsoft"


class Graph:
    """Nodes and their constants, as they are added."""

    def __init__(self, seed: int, accuracy_level: int):
        self.nodes, self.constants = [], []
        self.random = np.random.default_rng(seed)
        self.accuracy_level = accuracy_level

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain, **attributes))
        return outputs[0]

    def matmul(self, name: str, x: str, columns: int, rows: int, gain: float) -> str:
        """x [batch, sequence, columns] by random weights of `rows` outputs, with a deviation of gain / sqrt(columns)."""
        blocks = columns // BLOCK
        weights = self.random.integers(0, 256, (rows, blocks, BLOCK // 2), dtype=np.uint8)
        # The deviation of the 16 levels, each as likely, is sqrt((16^2 - 1) / 12).
        scales = np.full((rows, blocks), gain / columns**0.5 / 4.61, dtype=np.float32)
        inputs = [x, self.constant(f"{name}.weight", weights), self.constant(f"{name}.scales", scales)]
        size = dict(K=columns, N=rows, bits=4, block_size=BLOCK, accuracy_level=self.accuracy_level)
        return self.node("MatMulNBits", inputs, [name], CONTRIB, **size)

    def norm(self, name: str) -> str:
        return self.constant(f"{name}.weight", (1 + 0.2 * self.random.standard_normal(HIDDEN)).astype(np.float32))

    def add_norm(self, name: str, x: str, skip: str) -> tuple[str, str]:
        """The normalised sum of the two, and the sum."""
        outputs = [name, "", "", f"{name}.sum"]
        self.node("SkipSimplifiedLayerNormalization", [x, skip, self.norm(name)], outputs, CONTRIB, epsilon=EPSILON)
        return name, f"{name}.sum"


def rope_caches(graph: Graph) -> list[str]:
    """Cosines and sines of every position, [context, head / 2]."""
    angles = np.outer(np.arange(CONTEXT), THETA ** (-np.arange(0, HEAD, 2) / HEAD))
    return [graph.constant(f"{f.__name__}_cache", f(angles).astype(np.float32)) for f in (np.cos, np.sin)]


def lengths(graph: Graph) -> list[str]:
    """What GroupQueryAttention wants to know of the attention mask: tokens before the last, and all of them."""
    one, axis = (graph.constant(n, np.array(v, dtype=np.int64)) for n, v in (("one", [1]), ("axis", [1])))
    summed = graph.node("ReduceSum", ["attention_mask", axis], ["mask.sum"], keepdims=0)
    before = graph.node("Sub", [summed, one], ["mask.before"])
    shape = graph.node("Shape", ["attention_mask"], ["mask.shape"])
    total = graph.node("Gather", [shape, graph.constant("second", np.array(1, dtype=np.int64))], ["mask.total"])
    as_int32 = [(before, "seqlens_k"), (total, "total_sequence_length")]
    return [graph.node("Cast", [x], [name], to=TensorProto.INT32) for x, name in as_int32]


def build(seed: int, accuracy_level: int) -> onnx.ModelProto:
    graph = Graph(seed, accuracy_level)
    caches, counts = rope_caches(graph), lengths(graph)
    table = graph.random.standard_normal((VOCAB, HIDDEN), dtype=np.float32)
    total = graph.node("Gather", [graph.constant("embed", table), "input_ids"], ["embedded"])
    normed = graph.node(
        "SimplifiedLayerNormalization", [total, graph.norm("layers.0.input")], ["layers.0.input"], axis=-1, epsilon=EPSILON
    )
    cache = ["batch", HEADS, "past", HEAD]
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])]
    inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "total"]))
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", VOCAB])]
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        qkv = [graph.matmul(f"{name}.{part}_proj", normed, HIDDEN, HIDDEN, 1.0) for part in "qkv"]
        past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        present = [f"present.{layer}.{part}" for part in ("key", "value")]
        inputs += [helper.make_tensor_value_info(p, TensorProto.FLOAT, cache) for p in past]
        cache_after = ["batch", HEADS, "total", HEAD]
        outputs += [helper.make_tensor_value_info(p, TensorProto.FLOAT, cache_after) for p in present]
        heads = dict(num_heads=HEADS, kv_num_heads=HEADS, scale=HEAD**-0.5, do_rotary=1, rotary_interleaved=0)
        attended = graph.node(
            "GroupQueryAttention", [*qkv, *past, *counts, *caches], [f"{name}.attention", *present], CONTRIB, **heads
        )
        out = graph.matmul(f"{name}.o_proj", attended, HIDDEN, HIDDEN, 0.5)
        normed, total = graph.add_norm(f"{name}.post_attention", out, total)
        gate = graph.matmul(f"{name}.gate_proj", normed, HIDDEN, FFN, 1.0)
        up = graph.matmul(f"{name}.up_proj", normed, HIDDEN, FFN, 1.0)
        sigmoid = graph.node("Sigmoid", [gate], [f"{name}.sigmoid"])
        silu = graph.node("Mul", [gate, sigmoid], [f"{name}.silu"])
        product = graph.node("Mul", [silu, up], [f"{name}.product"])
        down = graph.matmul(f"{name}.down_proj", product, FFN, HIDDEN, 0.5)
        following = f"layers.{layer + 1}.input" if layer + 1 < LAYERS else "norm"
        normed, total = graph.add_norm(following, down, total)
    graph.matmul("logits", normed, HIDDEN, VOCAB, 2.5)
    whole = helper.make_graph(graph.nodes, "llama-160m", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(whole, opset_imports=opsets, ir_version=10, producer_name="azulejo-benches")


def main() -> None:
    parser = argparse.ArgumentParser(description="an ONNX graph of the 160M shape (see the file's head)")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--accuracy-level", type=int, default=0, help="of MatMulNBits: 0 leaves activations f32, 4 allows 8 bits")
    parser.add_argument("--seed", type=int, default=160)
    args = parser.parse_args()
    onnx.save(build(args.seed, args.accuracy_level), args.file)
    print(f"{args.file}: {args.file.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
