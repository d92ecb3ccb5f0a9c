"""Fewer distinct weights: each tensor's values replaced by those of a small codebook."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..models.extras import optional
from ..told import tell
from .recipes import Context, Done, Params, in_float32, listed_layers, plural, recipe

SAMPLE = 100_000
"""Weights of a tensor that the codebook is fitted to; all weights are then assigned to it."""


class Share(Params):
    """k-means codebooks."""

    clusters: int = Field(16, ge=2, le=4096, description="Distinct values per tensor.")
    embeddings: bool = Field(True, description="Embedding tables too.")


@recipe("share-weights", Share)
def share_weights(model: Any, params: Share, context: Context) -> Done:
    """Replace the weights of each layer by the nearest of k-means centroids (S. Han et al. 2016, ICLR)."""
    torch = optional("torch", "share-weights")
    in_float32(model, "share-weights")
    kinds: tuple[type, ...] = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d)
    if params.embeddings:
        kinds += (torch.nn.Embedding,)
    chosen: list[tuple[str, Any]] = [
        (f"{name}.weight", part)
        for name, part in model.runtime.module.named_modules()
        if isinstance(part, kinds) and _size(part) > 4 * params.clusters
    ]
    listed_layers(chosen, "layer with enough weights to share", "share-weights")
    books = {}
    for number, (name, part) in enumerate(chosen):
        weight = part.weight
        context.progress("sharing weights", number, len(chosen))
        flat = weight.detach().cpu().numpy().ravel()
        shared = _shared(flat, params.clusters, context.seed)
        with torch.no_grad():
            weight.copy_(torch.from_numpy(shared.reshape(weight.shape)))
        books[name] = params.clusters
    total = sum(_size(part) for _, part in chosen)
    return Done(
        tell(
            "{what} of {what_in} to {n} values each",
            what=plural(total, "{n} weight", "{n} weights"),
            what_in=plural(len(chosen), "{n} tensor", "{n} tensors"),
            n=params.clusters,
        ),
        {"codebooks": books},
        [tell("Stored as codes of a codebook; in memory, and in time, the model is as before.")],
    )


def _size(part: Any) -> int:
    return int(part.weight.numel())


def _shared(flat: NDArray[np.float32], clusters: int, seed: int) -> NDArray[np.float32]:
    from sklearn.cluster import KMeans

    draw = np.random.default_rng(seed)
    some = flat if len(flat) <= SAMPLE else draw.choice(flat, SAMPLE, replace=False)
    # Quantiles are a good start in one dimension, and make the result repeat itself.
    start = np.unique(np.quantile(some, (np.arange(clusters) + 0.5) / clusters).astype(np.float32))
    fitted = KMeans(len(start), init=start[:, None], n_init=1, random_state=seed).fit(some[:, None])
    centres = np.sort(fitted.cluster_centers_.ravel().astype(np.float32))
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, flat)
    return centres[nearest]
