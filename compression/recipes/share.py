"""Fewer distinct weights: each tensor's values replaced by those of a small codebook."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...models.extras import optional
from ...told import tell
from ..recount import values, zeros
from ..registry import UNTAUGHT, Context, Done, Params, in_float32, listed_layers, plural, recipe, unpacked
from ..structure import structure_of

SAMPLE = 100_000
"""Weights of a tensor that the codebook is fitted to; all weights are then assigned to it."""


class Share(Params):
    """k-means codebooks."""

    clusters: int = Field(16, ge=2, le=4096, description="Distinct values per tensor.")
    embeddings: bool = Field(True, description="Embedding tables too.")


@recipe("share-weights", Share, language=True, tasks=UNTAUGHT)
def share_weights(model: Any, params: Share, context: Context) -> Done:
    """Replace the weights of each layer by the nearest of k-means centroids (S. Han et al. 2016, ICLR)."""
    torch = optional("torch", "share-weights")
    in_float32(model, "share-weights")
    unpacked(model, "share-weights")
    told = structure_of(model, context.sample, "share-weights")
    chosen = [
        weight.name
        for weight in told.values()
        if weight.multiplied
        and (params.embeddings or weight.operation != "embedding")
        and weight.size > 4 * params.clusters
    ]
    listed_layers(chosen, "layer with enough weights to share", "share-weights")
    for number, name in enumerate(chosen):
        weight = model.runtime.module.get_parameter(name)
        context.progress("sharing weights", number, len(chosen))
        shared = _shared(weight.detach().cpu().numpy().ravel(), params.clusters, context.seed)
        with torch.no_grad():
            weight.copy_(torch.from_numpy(shared.reshape(weight.shape)))

    def recount(made: Any) -> str:
        total = zeros(made, chosen)[1]
        return tell(
            "{what} of {what_in} to at most {n} values each",
            what=plural(total, "{n} weight", "{n} weights"),
            what_in=plural(len(chosen), "{n} tensor", "{n} tensors"),
            n=values(made, chosen),
        )

    return Done(
        record={"codebooks": dict.fromkeys(chosen, params.clusters)},
        notes=[tell("Stored as codes of a codebook; in memory, and in time, the model is as before.")],
        recount=recount,
    )


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
