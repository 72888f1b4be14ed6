"""The Llama graph in plain PyTorch, with Hugging Face's weight names, and Q4_0 rounding for the last part of training."""
import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    vocab: int = 4096
    hidden: int = 256
    ffn: int = 768
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    context: int = 512
    rope_theta: float = 10000.0
    eps: float = 1e-5

    @property
    def head_dim(self):
        return self.hidden // self.heads

    def to_dict(self):
        return asdict(self)


def q4_0(weight):
    """The weight as Q4_0 stores it: blocks of 32 along a row, an f16 scale of (the largest value, with its sign) / -8.
    The gradient passes straight through."""
    with torch.no_grad():
        blocks = weight.reshape(-1, 32)
        largest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
        scale = largest / -8
        inverse = torch.where(scale == 0, torch.zeros_like(scale), 1 / scale)
        quants = torch.trunc(blocks * inverse + 8.5).clamp(0, 15) - 8
        rounded = (quants * scale.half().float()).reshape(weight.shape)
    return weight + (rounded - weight).detach()


class Linear(nn.Linear):
    """A linear layer without bias that can be told to compute with its weight rounded to Q4_0."""
    rounded = False

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x):
        return F.linear(x, q4_0(self.weight) if self.rounded else self.weight)


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.q_proj = Linear(c.hidden, c.heads * c.head_dim)
        self.k_proj = Linear(c.hidden, c.kv_heads * c.head_dim)
        self.v_proj = Linear(c.hidden, c.kv_heads * c.head_dim)
        self.o_proj = Linear(c.heads * c.head_dim, c.hidden)

    def forward(self, x, cos, sin, mask):
        batch, tokens, _ = x.shape

        def heads(y, count):
            return y.view(batch, tokens, count, self.c.head_dim).transpose(1, 2)

        def rotate(y):  # half-split, as Hugging Face's weights expect
            low, high = y.chunk(2, -1)
            return y * cos + torch.cat((-high, low), -1) * sin

        q = rotate(heads(self.q_proj(x), self.c.heads))
        k = rotate(heads(self.k_proj(x), self.c.kv_heads))
        v = heads(self.v_proj(x), self.c.kv_heads)
        group = self.c.heads // self.c.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(y.transpose(1, 2).reshape(batch, tokens, -1))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = Linear(c.hidden, c.ffn)
        self.up_proj = Linear(c.hidden, c.ffn)
        self.down_proj = Linear(c.ffn, c.hidden)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RmsNorm(c.hidden, c.eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RmsNorm(c.hidden, c.eps)
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocab, c.hidden)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.norm = RmsNorm(c.hidden, c.eps)
        inverse = c.rope_theta ** (-torch.arange(0, c.head_dim, 2).float() / c.head_dim)
        angles = torch.outer(torch.arange(c.context).float(), inverse).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                narrow = math.sqrt(2 * c.layers) if name.endswith(("o_proj.weight", "down_proj.weight")) else 1
                nn.init.normal_(parameter, std=0.02 / narrow if "embed" in name else 1 / math.sqrt(parameter.shape[1]) / narrow)

    def forward(self, ids, mask=None):
        """(batch, tokens) ids -> (batch, tokens, hidden), ready for `logits`. A boolean `mask` (batch, 1, tokens, tokens) says
        which tokens each one sees; without it, all before it and itself."""
        x = self.embed_tokens(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x)

    def logits(self, x):
        """(..., hidden) -> (..., vocab); the output matrix is the embedding's."""
        return F.linear(x, self.embed_tokens.weight)

    def round_weights(self, rounded):
        for module in self.modules():
            if isinstance(module, Linear):
                module.rounded = rounded
