"""Perplexity of the held-out text for each GGUF file (its tensors read back, dequantised, in the PyTorch graph), and answers
to questions. Both go through the written file, so that a wrong permutation or block would show."""
import argparse
import math
import random
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import corpus
from make_corpus import Sampler
from model import Config, Llama
from train import END, STOP

HERE = Path(__file__).parent
WORK = HERE / "work"
QUESTIONS = """
Olá, como renovo o cartão de cidadão?
Perdi o meu emprego, e agora?
Preciso de pôr o lixo na rua, a que horas?
Onde deito fora um frigorífico avariado?
Moro em São Paulo e quero tirar o passaporte. O que eu levo?
Quanto custa o IPTU?
Você é uma pessoa de verdade?
Quiero casarme, ¿qué documentos hacen falta?
me han robado la cartera
¿Cuánto tarda una licencia de obras?
Com puc empadronar-me?
On llenço una ampolla de vidre?
Quant costa el carnet de la biblioteca?
Teño un bebé, onde o inscribo?
Canto custa renovar o carné de conducir?
Como denuncio o ruído dos veciños?
Nola berritu dezaket NANa?
Non erroldatu behar dut?
Zenbat kostatzen da liburutegiko txartela?
How do I register my daughter at a school?
Is it free to get a vaccine?
There's a fire in my kitchen!
What is the tallest mountain in the world?
Thanks a lot!
""".strip().splitlines()
DIALOGUES = [
    ["Quero pedir o passaporte", "E quanto custa?", "Onde?", "Obrigado!"],
    ["Quiero apuntarme al paro", "¿Qué papeles necesito?", "¿Es gratis?", "¿Quién ganó la liga?"],
    ["I want to build a garage", "How long does it take?", "And where do I go?", "¿Y el DNI, cómo lo renuevo?"],
    ["Haurra izan dugu", "Zein agiri behar ditut?", "Nora joan behar dut?", "Eskerrik asko"],
]


def read_gguf(path):
    """The model of a GGUF file, its weights dequantised to F32 and back in Hugging Face's rope order."""
    reader = gguf.GGUFReader(path)

    def field(key):
        return reader.fields[f"llama.{key}"].contents()

    config = Config(vocab=field("vocab_size"), hidden=field("embedding_length"), ffn=field("feed_forward_length"),
                    layers=field("block_count"), heads=field("attention.head_count"), kv_heads=field("attention.head_count_kv"),
                    context=field("context_length"), rope_theta=field("rope.freq_base"), eps=field("attention.layer_norm_rms_epsilon"))
    names = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
             "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    state = {}
    for tensor in reader.tensors:
        weight = np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
        parts = tensor.name.split(".")
        if parts[0] == "blk":
            heads = {"attn_q": config.heads, "attn_k": config.kv_heads}.get(parts[2])
            if heads:
                rows, columns = weight.shape
                weight = weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
            state[f"layers.{parts[1]}.{names[parts[2]]}.weight"] = torch.from_numpy(weight.copy())
        else:
            state[{"token_embd": "embed_tokens.weight", "output_norm": "norm.weight"}[parts[0]]] = torch.from_numpy(weight.copy())
    model = Llama(config)
    model.load_state_dict(state)
    return model.eval()


def windows(ids, tokens):
    return [ids[i : i + tokens] for i in range(0, len(ids), tokens) if len(ids[i : i + tokens]) > 1]


@torch.no_grad()
def perplexity(model, ids, tokens, skip=0):
    """exp of the mean negative log-likelihood over windows that don't overlap; in each, the first 1 + skip tokens are only read."""
    total, count = 0.0, 0
    for window in windows(ids, tokens):
        x = torch.tensor([window])
        losses = F.cross_entropy(model.logits(model(x[:, :-1])[0]).double(), x[0, 1:], reduction="none")[skip:]
        total, count = total + losses.sum().item(), count + len(losses)
    return math.exp(total / count), count


@torch.no_grad()
def answer_perplexity(model, tokenizer, text):
    """Over the tokens of the held-out answers only, each dialogue by itself."""
    total, count = 0.0, 0
    for dialogue in text.split("<|endoftext|>"):
        ids, weights = [], []
        for part in dialogue.split("<|im_start|>")[1:]:
            role, body = part.split("\n", 1)
            head, rest = tokenizer.encode(f"<|im_start|>{role}\n").ids, tokenizer.encode(body.removesuffix("\n")).ids
            ids += head + rest + tokenizer.encode("\n").ids
            weights += [False] * len(head) + [role == "assistant"] * len(rest) + [False]
        x, kept = torch.tensor([ids[: model.c.context]]), torch.tensor(weights[: model.c.context])[1:]
        losses = F.cross_entropy(model.logits(model(x[:, :-1])[0]).double(), x[0, 1:], reduction="none")[kept]
        total, count = total + losses.sum().item(), count + len(losses)
    return math.exp(total / count), count


@torch.no_grad()
def answer(model, tokenizer, history, limit=96):
    """The greedy answer to the last message of `history`, a list of (role, text)."""
    prompt = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in history) + "<|im_start|>assistant\n"
    ids, out = tokenizer.encode(prompt).ids, []
    while len(out) < limit and len(ids) < model.c.context:
        best = int(model.logits(model(torch.tensor([ids]))[0, -1]).argmax())
        if best in (STOP, END):
            break
        ids.append(best)
        out.append(best)
    return tokenizer.decode(out)


@torch.no_grad()
def first_answers(model, tokenizer, text):
    """How many held-out dialogues' first questions are answered word for word as the corpus does."""
    right, wrong = 0, []
    dialogues = text.split("<|endoftext|>")
    for dialogue in dialogues:
        messages = [m.removesuffix("<|im_end|>\n").split("\n", 1) for m in dialogue.split("<|im_start|>")[1:]]
        history = []
        for role, body in messages:
            body = body.removesuffix("<|im_end|>").rstrip("\n").removesuffix("<|im_end|>")
            if role == "assistant":
                given = answer(model, tokenizer, history)
                if given == body:
                    right += 1
                else:
                    wrong.append((history[-1][1], given))
                break
            history.append((role, body))
    return right, len(dialogues), wrong


@torch.no_grad()
def known_answers(model, tokenizer, count):
    """How many of `count` questions a language that training saw, as the corpus words them, are answered word for word."""
    results = {}
    for language in corpus.read_all().values():
        sampler = Sampler(language, 7)
        rng = random.Random(f"known-{language.tag}")
        right = 0
        for _ in range(count):
            name, facet = sampler.pick(rng)
            given = answer(model, tokenizer, [("user", sampler.question(rng, name, facet))])
            right += given == sampler.answer(name, facet)
        results[language.tag] = right
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path, default=[WORK / f"azulejo-demo-{k}.gguf" for k in ("f32", "q8_0", "q4_0")])
    parser.add_argument("--ask", action="store_true", help="print answers of the last file")
    parser.add_argument("--questions", action="store_true", help="print the held-out first questions that it answers otherwise")
    parser.add_argument("--known", type=int, default=0, help="ask so many questions a language that training saw")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    text = (HERE / "heldout.txt").read_text(encoding="utf-8")
    ids = tokenizer.encode(text).ids
    for path in options.files:
        model = read_gguf(path)
        whole, count = perplexity(model, ids, 512)
        second, _ = perplexity(model, ids, 512, skip=255)
        answers, spoken = answer_perplexity(model, tokenizer, text)
        print(f"{path.name}: {path.stat().st_size:,} bytes; perplexity {whole:.4f} over {count} tokens "
              f"(second halves {second:.4f}); answers {answers:.4f} over {spoken}", flush=True)
    if options.questions:
        right, count, wrong = first_answers(model, tokenizer, text)
        print(f"first questions answered as in the corpus: {right} of {count}")
        for question, given in wrong:
            print(f"? {question}\n  {given}")
    if options.known:
        print(f"questions that training saw, answered as in the corpus, of {options.known} each: "
              f"{known_answers(model, tokenizer, options.known)}")
    if options.ask:
        for question in QUESTIONS:
            print(f"- {question}\n  {answer(model, tokenizer, [('user', question)])}", flush=True)
        for turns in DIALOGUES:
            history = []
            print("--")
            for question in turns:
                history.append(("user", question))
                history.append(("assistant", answer(model, tokenizer, history)))
                print(f"- {question}\n  {history[-1][1]}", flush=True)


if __name__ == "__main__":
    main()
