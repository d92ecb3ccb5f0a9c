"""A small network for the synthetic lending table, and its training.

`network` and `student` return modules without learned weights, as fairweigh's ``model.factory`` wants them;
run as a script it trains the network on the training split and writes its weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

FEATURES = ("income", "debt_ratio", "years_employed", "loan_amount", "postcode_risk")
WEIGHTS = Path(__file__).parent / "build" / "lending.safetensors"
EPOCHS, BATCH, SEED = 6, 256, 0


def _layers(width: int) -> nn.Sequential:
    # The first layer brings the features to one scale, by what it saw in training.
    return nn.Sequential(
        nn.BatchNorm1d(len(FEATURES), affine=False), nn.Linear(len(FEATURES), width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2),
    )  # fmt: skip


def network() -> nn.Module:
    """Return the network, two hidden layers of 512 units."""
    return _layers(512)


def student() -> nn.Module:
    """Return a smaller one, two hidden layers of 24 units."""
    return _layers(24)


def train() -> nn.Module:
    """Train the network on the training split of the synthetic lending table."""
    from fairweigh.datasets.card import load

    table = load("synthetic_lending", "train")
    x = torch.tensor([table[name].to_pylist() for name in FEATURES], dtype=torch.float32).T
    y = torch.tensor(table["repaid"].to_pylist())
    torch.manual_seed(SEED)
    module = network()
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = nn.functional.cross_entropy(module(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return module.eval()


if __name__ == "__main__":
    from safetensors.torch import save_file

    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(train().state_dict(), WEIGHTS)
    print(f"{WEIGHTS.relative_to(Path.cwd())}: written")
