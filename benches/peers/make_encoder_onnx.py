"""Writes a BERT encoder as ONNX, as Transformers.js runs it, for measuring onnxruntime-web beside azulejo.

usage: python benches/peers/make_encoder_onnx.py HF_FOLDER FOLDER
       (packages: onnx 1.23.2, onnxruntime 1.32.0, safetensors 0.8.0, numpy 2.4.6)
FOLDER, which belongs outside the repository, gets what a hub's ONNX copy of the model has: config.json, tokenizer.json,
tokenizer_config.json, onnx/model.onnx in F32, and onnx/model_quantized.onnx, the same with dynamic quantisation to 8 bits
(onnxruntime's own, with its usual settings), which is what Transformers.js takes on the CPU when nothing is said.
The graph is what an export of the PyTorch model comes to: MatMul, Add, LayerNormalization, Softmax, Gelu by Erf.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file


def build(folder: pathlib.Path) -> onnx.ModelProto:
    config = json.loads((folder / "config.json").read_text())
    weights = {name.removeprefix("bert."): array.astype(np.float32) for name, array in load_file(folder / "model.safetensors").items()
               if array.dtype.kind == "f"}
    hidden, heads, epsilon = config["hidden_size"], config["num_attention_heads"], config["layer_norm_eps"]
    assert config["hidden_act"] == "gelu", config["hidden_act"]
    nodes, constants = [], []

    def constant(name: str, array: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(array, name))
        return name

    def node(operator: str, inputs: list[str], output: str, **attributes) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(name: str, x: str) -> str:
        product = node("MatMul", [x, constant(f"{name}.weight.T", np.ascontiguousarray(weights[f"{name}.weight"].T))], f"{name}.product")
        return node("Add", [product, constant(f"{name}.bias", weights[f"{name}.bias"])], f"{name}.sum")

    def norm(name: str, x: str) -> str:
        parameters = [constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return node("LayerNormalization", [x, *parameters], f"{name}.norm", epsilon=epsilon)

    split = constant("split", np.array([0, 0, heads, hidden // heads], dtype=np.int64))
    join = constant("join", np.array([0, 0, hidden], dtype=np.int64))
    scale = constant("scale", np.array((hidden / heads) ** -0.5, dtype=np.float32))
    one, least = constant("one", np.array(1, dtype=np.float32)), constant("least", np.array(-3.4e38, dtype=np.float32))
    half, root = constant("half", np.array(0.5, dtype=np.float32)), constant("root", np.array(2**0.5, dtype=np.float32))

    words = node("Gather", [constant("words", weights["embeddings.word_embeddings.weight"]), "input_ids"], "embedded")
    types = node("Gather", [constant("types", weights["embeddings.token_type_embeddings.weight"]), "token_type_ids"], "typed")
    shape = node("Shape", ["input_ids"], "shape")
    length = node("Gather", [shape, constant("second", np.array([1], dtype=np.int64))], "length")
    zero, axis = constant("zero", np.array([0], dtype=np.int64)), constant("axis", np.array([0], dtype=np.int64))
    places = node("Slice", [constant("places", weights["embeddings.position_embeddings.weight"]), zero, length, axis], "placed")
    x = norm("embeddings.LayerNorm", node("Add", [node("Add", [words, types], "words+types"), places], "embeddings"))

    wide = node("Unsqueeze", ["attention_mask", constant("axes", np.array([1, 2], dtype=np.int64))], "mask.wide")
    mask = node("Mul", [node("Sub", [one, node("Cast", [wide], "mask.float", to=TensorProto.FLOAT)], "mask.not"), least], "mask")
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}"

        def heads_of(part: str, order: list[int]) -> str:
            parts = node("Reshape", [linear(f"{at}.attention.self.{part}", x), split], f"{at}.{part}.heads")
            return node("Transpose", [parts], f"{at}.{part}", perm=order)

        query, value, key = heads_of("query", [0, 2, 1, 3]), heads_of("value", [0, 2, 1, 3]), heads_of("key", [0, 2, 3, 1])
        scores = node("Mul", [node("MatMul", [query, key], f"{at}.scores"), scale], f"{at}.scaled")
        shares = node("Softmax", [node("Add", [scores, mask], f"{at}.masked")], f"{at}.shares", axis=-1)
        mixed = node("Transpose", [node("MatMul", [shares, value], f"{at}.mixed")], f"{at}.turned", perm=[0, 2, 1, 3])
        output = linear(f"{at}.attention.output.dense", node("Reshape", [mixed, join], f"{at}.joined"))
        x = norm(f"{at}.attention.output.LayerNorm", node("Add", [output, x], f"{at}.attended"))
        inner = linear(f"{at}.intermediate.dense", x)
        erf = node("Add", [node("Erf", [node("Div", [inner, root], f"{at}.root")], f"{at}.erf"), one], f"{at}.erf+1")
        gelu = node("Mul", [node("Mul", [inner, erf], f"{at}.twice"), half], f"{at}.gelu")
        x = norm(f"{at}.output.LayerNorm", node("Add", [linear(f"{at}.output.dense", gelu), x], f"{at}.fed"))
    nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))

    size = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, size) for name in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*size, hidden])]
    model = helper.make_model(helper.make_graph(nodes, "bert", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def main() -> None:
    source, out = map(pathlib.Path, sys.argv[1:3])
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, out / name)
    onnx.save(build(source), out / "onnx/model.onnx")
    quantize_dynamic(out / "onnx/model.onnx", out / "onnx/model_quantized.onnx", weight_type=QuantType.QInt8)


main()
