"""Torch modules of the zoo, each made by a function of its name: what `model.factory` imports.

Modules that take numbers read four columns, those of codes three integer columns, those of series tensors
of 12 x 3 and those of pictures tensors of 3 x 16 x 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

CODES = (40, 400, 7)
"""How many codes each of three columns has; 299 and 300 are one number in bfloat16."""


def _seeded(make: Any, spread: float = 2.0, seed: int = 0) -> Any:
    """A module of random weights, wide enough that it decides."""
    torch.manual_seed(seed)
    module = make()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(spread if parameter.dim() > 1 else 1)
    return module.eval()


def _mlp(outputs: int, *end: nn.Module) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, outputs), *end
    )


def one_logit() -> nn.Module:
    return _seeded(lambda: _mlp(1))


def two_logits() -> nn.Module:
    return _seeded(lambda: _mlp(2))


def three_classes() -> nn.Module:
    return _seeded(lambda: _mlp(3), seed=4)


def sigmoid() -> nn.Module:
    return _seeded(lambda: _mlp(1, nn.Sigmoid()))


def softmax() -> nn.Module:
    return _seeded(lambda: _mlp(2, nn.Softmax(dim=1)))


class Recurrent(nn.Module):
    """A recurrent network over a series, and a head on its last state."""

    def __init__(self, kind: Callable[..., nn.RNNBase], layers: int = 2, bias: bool = True) -> None:
        super().__init__()
        # The head is defined first: the order of definition says nothing of what makes the output.
        self.head = nn.Linear(32, 2)
        self.body = kind(3, 32, num_layers=layers, bias=bias, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.body(x)
        return self.head(states[:, -1])


def lstm() -> nn.Module:
    return _seeded(lambda: Recurrent(nn.LSTM), 3.0, seed=1)


def gru() -> nn.Module:
    return _seeded(lambda: Recurrent(nn.GRU), 3.0, seed=1)


def lstm_without_bias() -> nn.Module:
    return _seeded(lambda: Recurrent(nn.LSTM, bias=False), 3.0, seed=1)


def rnn() -> nn.Module:
    """The plain recurrent layer, for which torch has no int8 layer."""
    return _seeded(lambda: Recurrent(nn.RNN), 1.5, seed=1)


class Attending(nn.Module):
    """One layer of torch's own attention over a series; its weights are a parameter and no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(3, 16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = self.widen(x)
        attended, _ = self.attention(wide, wide, wide, need_weights=False)
        return self.head((wide + attended).mean(1))


def multihead_attention() -> nn.Module:
    return _seeded(Attending, 2.5)


def _cnn(norm: Any, *, groups: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), norm(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, groups=groups), norm(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2),
    )  # fmt: skip


def group_norm() -> nn.Module:
    return _seeded(lambda: _cnn(lambda width: nn.GroupNorm(4, width)), 2.5, seed=12)


def _plain_batch_norm(width: int) -> nn.Module:
    return nn.BatchNorm2d(width, affine=False)


def batch_norm_without_affine() -> nn.Module:
    """Batch normalisation that has statistics and no weights."""
    module = _seeded(lambda: _cnn(_plain_batch_norm), 2.5)
    torch.manual_seed(1)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
    return module


def grouped() -> nn.Module:
    """A convolution in four groups."""
    return _seeded(lambda: _cnn(nn.BatchNorm2d, groups=4), 2.5, seed=8)


class Depthwise(nn.Module):
    """Depthwise convolutions whose channels differ a thousandfold, and a pointwise one that evens them out.

    One scale for all channels leaves nothing of the small ones; one scale for each changes little.
    """

    def __init__(self, conv: type[nn.Conv1d | nn.Conv2d | nn.Conv3d] = nn.Conv2d) -> None:
        super().__init__()
        self.widen = conv(3, 16, 1)
        self.depthwise = conv(16, 16, 3, padding=1, groups=16)
        self.pointwise = conv(16, 16, 1)
        self.head = nn.Linear(16, 2)
        ranges = torch.logspace(-1.5, 1.5, 16)
        flat = [1] * (self.depthwise.weight.ndim - 2)
        with torch.no_grad():
            self.depthwise.weight.mul_(ranges.view(-1, 1, *flat))
            self.depthwise.bias.mul_(ranges)
            self.pointwise.weight.div_(ranges.view(1, -1, *flat))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = torch.relu(self.pointwise(self.depthwise(torch.relu(self.widen(x)))))
        return self.head(mixed.flatten(2).mean(2))


def depthwise() -> nn.Module:
    return _seeded(Depthwise, 1.5, seed=1)


class Depthwise1d(Depthwise):
    """The same over a series: a depthwise Conv1d of unequal ranges."""

    def __init__(self) -> None:
        super().__init__(nn.Conv1d)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.transpose(1, 2))


def depthwise_series() -> nn.Module:
    return _seeded(Depthwise1d, 1.5, seed=3)


def weight_norm() -> nn.Module:
    """Linear layers whose weights are computed from a length and a direction."""
    normed = nn.utils.parametrizations.weight_norm
    return _seeded(
        lambda: nn.Sequential(
            normed(nn.Linear(4, 32)), nn.ReLU(), normed(nn.Linear(32, 16)), nn.ReLU(), nn.Linear(16, 2)
        )
    )


class Coded(nn.Module):
    """Embeddings of three columns of integer codes, and an MLP on them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, 8) for size in CODES)
        self.body = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        codes = x.long()
        found = [table(codes[:, i]) for i, table in enumerate(self.tables)]
        return self.body(torch.cat(found, 1))


def coded() -> nn.Module:
    return _seeded(Coded, seed=10)


class TiedCoder(nn.Module):
    """One table of weights that embeds and decodes: a parameter that two layers share."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(4, 32, bias=False)
        self.decode = nn.Linear(32, 4, bias=False)
        self.decode.weight = nn.Parameter(self.encode.weight.T.contiguous())
        self.middle = nn.Linear(4, 4)
        self.again = nn.Linear(4, 4)
        self.again.weight = self.middle.weight
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.again(torch.relu(self.middle(self.decode(torch.relu(self.encode(x)))))))


def tied() -> nn.Module:
    return _seeded(TiedCoder, 1.5, seed=5)
