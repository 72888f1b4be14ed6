"""Trains the model. Resumable: work/checkpoint.pt holds model, optimiser, step and place in the data.

The stages are parts of --steps, so a run is fixed by --steps and --seed; neither may change when it is resumed."""
import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from model import Config, Llama

WORK = Path(__file__).parent / "work"
END, START, STOP = 0, 1, 2
# Stages, as parts of all steps.
PROMPTS = 0.125  # until here questions are learned too; then only answers count, which also spares half of the output matrix's work
SECOND = 0.5  # from here work/train-2.jsonl is read in place of work/train-1.jsonl
FINAL = 0.9  # from here rows are 512 tokens instead of 256, and weights are rounded to Q4_0 in the forward pass
# Learning rate at a part of all steps, straight lines between.
RATE = ((0, 0.0), (0.025, 1.2e-3), (0.5, 1.2e-3), (0.75, 8e-4), (0.9, 2e-4), (1, 1e-5))
PROMPT_WEIGHT = 0.15  # questions carry slips and are only lightly learned; answers count in full


def encode(tokenizer, name):
    """Each dialogue of a file as (ids, loss weights), ending in <|endoftext|>."""
    dialogues = []
    for line in open(WORK / name, encoding="utf-8"):
        ids, weights = [], []
        for role, text in json.loads(line):
            head = tokenizer.encode(f"<|im_start|>{role}\n").ids
            body = tokenizer.encode(text).ids + [STOP]
            tail = tokenizer.encode("\n").ids
            weight = 1.0 if role == "assistant" else PROMPT_WEIGHT
            ids += head + body + tail
            weights += [PROMPT_WEIGHT] * len(head) + [weight] * len(body) + [PROMPT_WEIGHT] * len(tail)
        dialogues.append((np.array(ids + [END], np.int16), np.array(weights + [PROMPT_WEIGHT], np.float32)))
    return dialogues


class Rows:
    """Packs whole dialogues into rows; each row begins with a dialogue, the last one is cut. `place` counts dialogues read."""

    def __init__(self, dialogues, seed, place=0):
        self.dialogues, self.seed, self.place = dialogues, seed, place
        self.epoch, self.order = -1, []

    def next(self):
        epoch, index = divmod(self.place, len(self.dialogues))
        if epoch != self.epoch:
            self.epoch, self.order = epoch, list(range(len(self.dialogues)))
            random.Random(self.seed + epoch).shuffle(self.order)
        self.place += 1
        return self.dialogues[self.order[index]]

    def batch(self, rows, tokens):
        ids = np.zeros((rows, tokens + 1), np.int64)
        weights = np.zeros((rows, tokens + 1), np.float32)
        dialogue = np.zeros((rows, tokens + 1), np.int64)
        for r in range(rows):
            filled = 0
            while filled <= tokens:
                row, weight = self.next()
                take = min(len(row), tokens + 1 - filled)
                ids[r, filled : filled + take], weights[r, filled : filled + take] = row[:take], weight[:take]
                dialogue[r, filled : filled + take] = self.place
                filled += take
        return torch.from_numpy(ids), torch.from_numpy(weights), torch.from_numpy(dialogue[:, :tokens])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--steps", type=int, default=9600)
    parser.add_argument("--batch-tokens", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--stop-after", type=int, help="stop at this step, to be resumed")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    tokenizer = Tokenizer.from_file(str(WORK / "tokenizer.json"))
    config = Config(vocab=tokenizer.get_vocab_size(), layers=options.layers)
    model = Llama(config)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}],
                                  betas=(0.9, 0.98), fused=True)
    step, place, spent = 0, 0, 0.0
    checkpoint = WORK / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["secs"]
        place = saved["place"]
        print(f"resumed at step {step}", flush=True)

    second, final, prompts = (int(part * options.steps) for part in (SECOND, FINAL, PROMPTS))
    rows = Rows(encode(tokenizer, "train-1.jsonl" if step < second else "train-2.jsonl"), options.seed, place)

    def save():
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "place": rows.place,
                    "secs": spent, "config": config.to_dict(), "options": vars(options)}, WORK / "checkpoint.tmp")
        (WORK / "checkpoint.tmp").rename(checkpoint)

    mean, since = None, time.time()
    while step < options.steps and step != options.stop_after:
        if step == second:
            rows = Rows(encode(tokenizer, "train-2.jsonl"), options.seed)
        tokens = 512 if step >= final else 256
        model.round_weights(step >= final)
        rate = float(np.interp((step + 1) / options.steps, *zip(*RATE)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        ids, weights, dialogue = rows.batch(options.batch_tokens // tokens, tokens)
        targets, weight = ids[:, 1:].reshape(-1), weights[:, 1:].reshape(-1)
        if prompts <= step < final:
            keep = (weight == 1).nonzero().squeeze(1)
            targets, weight = targets[keep], weight[keep]
        else:
            keep = slice(None)
        # A token sees its own dialogue only: with the others of its row in sight, the model learns very slowly which words of a
        # question matter. The final part shows the whole row, as a long conversation would.
        mask = None
        if step < final:
            mask = ((dialogue[:, :, None] == dialogue[:, None, :]) & torch.ones(tokens, tokens, dtype=torch.bool).tril())[:, None]
        logits = model.logits(model(ids[:, :-1], mask).reshape(-1, config.hidden)[keep])
        losses = F.cross_entropy(logits, targets, reduction="none")
        loss = (losses * weight).sum() / weight.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        answers = losses.detach()[weight == 1].mean().item()
        mean = answers if mean is None else 0.95 * mean + 0.05 * answers
        if step % 20 == 0:
            now = time.time()
            spent, since = spent + now - since, now
            print(f"step {step} answers {mean:.4f} loss {loss.item():.4f} rate {rate:.2e} {spent:.0f} s", flush=True)
        if step % options.save_every == 0:
            save()
    save()


if __name__ == "__main__":
    main()
