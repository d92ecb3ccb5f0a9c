"""What a variant costs, and how far it is itself when it is asked again."""

from __future__ import annotations

from pydantic import Field

from .part import Part
from .text import Text


class Timing(Part):
    """Latency of one batch, interleaved with the original's and a second copy of the original."""

    batch: int = Field(description="Rows in the batch.")
    rounds: int
    p50_ms: float
    p95_ms: float
    ratio: float = Field(description="Median over the rounds of this variant's time / the original's.")
    ratio_low: float = Field(description="2.5 % quantile of the rounds' ratios.")
    ratio_high: float = Field(description="97.5 % quantile of the rounds' ratios.")
    null_low: float = Field(description="The same quantiles for the second copy of the original.")
    null_high: float
    saving: bool = Field(description="The ratio lies below the null's spread.")


class Generation(Part):
    """How fast a language model writes one text, interleaved with the original and a second copy of it."""

    prompt_tokens: int | None = Field(None, description="Of the prompt; null where the runtime does not say.")
    new_tokens: int = Field(description="Tokens that were written, at most.")
    rounds: int
    first_token_ms: float = Field(
        description="Median time to the first token: reading the prompt, and one token."
    )
    prefill_tokens_per_second: float | None = Field(
        None, description="prompt_tokens / time to the first token."
    )
    decode_tokens_per_second: float = Field(description="Of every further token.")
    ratio: float = Field(
        description="Median over the rounds of this variant's time per further token / the original's."
    )
    ratio_low: float = Field(description="2.5 % quantile of the rounds' ratios.")
    ratio_high: float = Field(description="97.5 % quantile of the rounds' ratios.")
    null_low: float = Field(description="The same quantiles for the second copy of the original.")
    null_high: float


class Cost(Part):
    """What a variant costs to store and to run; ratios are to the original of the same run."""

    stored_bytes: int | None = Field(
        None,
        description="Weights as the artefact stores them; a shipped codec loads them. Null for a model that "
        "is served elsewhere.",
    )
    dense_bytes: int | None = Field(None, description="The same weights stored densely in their own types.")
    sparse_bytes: int | None = Field(None, description="The same weights in the cheapest sparse encoding.")
    tensor_bytes: int | None = Field(
        None, description="Of stored_bytes, those of tensors; the others are names, shapes and a graph."
    )
    sparse_theoretical: bool = Field(description="True where the artefact does not store that encoding.")
    resident_bytes: int | None = Field(None, description="Bytes of the loaded weights (unique storages).")
    process_bytes: int | None = Field(
        None, description="Growth of a fresh process's resident set on loading."
    )
    peak_bytes: int | None = Field(None, description="Peak resident set of a fresh process while scoring.")
    device_bytes: int | None = Field(
        None, description="The most that torch took of a CUDA device in a fresh process while scoring."
    )
    parameters: int | None = Field(
        None, description="Null where its weights cannot be counted; notes say why."
    )
    nonzero: int | None = None
    flops_per_row: float | None = None
    flops_method: Text = ""
    timings: list[Timing] = Field(default_factory=list)
    rows_per_second: float | None = Field(None, description="At the audit's batch.")
    generation: Generation | None = Field(None, description="Of a language model that writes.")
    kv_bytes_per_token: int | None = Field(
        None,
        description="Keys and values that a language model keeps for each token, from its configuration.",
    )
    storage: float | None = Field(1.0, description="stored_bytes / the original's.")
    compute: float = Field(
        1.0,
        description="Latency ratio at the audit's batch; 1 where it is no saving beyond the null's spread.",
    )
    memory: float | None = Field(None, description="resident_bytes / the original's.")
    notes: list[Text] = Field(default_factory=list)


class SelfFlips(Part):
    """A variant against itself in batches of another composition: the floor under every flip rate."""

    rows: int
    flips: int
    rate: float
    low: float
    high: float
    largest_score_change: float | None = None
    batching: Text = Field(description="How the second scoring was batched.")
