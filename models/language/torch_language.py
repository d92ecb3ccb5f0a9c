"""A transformers model with its tokenizer: what all language models of torch share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from ..budget import out_of_memory
from ..device import device_for
from ..extras import optional, quiet
from ..foreign import foreign
from ..sources import TransformersSource, transformers_module
from ..texts import UNLIMITED, tokenizer_from
from .engine import Floats
from .tokenised import Tokenised, check_vocabulary

Made = TypeVar("Made")

FAILED = "model: it failed on a batch of prompts"


class TorchLanguage:
    """A language model of transformers on a device.

    Parameters
    ----------
    module : transformers model
    tokenizer : transformers tokenizer
    source : TransformersSource or None
        Where the module can be built again.
    sha256 : str
        Of its weights.
    spec
        What ``model:`` says: path, chat, context, batch_tokens, device.

    Attributes
    ----------
    chat : bool
        Whether prompts go through the model's chat template.
    truncated : int
        Prompts so far that lost their beginning.
    """

    kind = ""
    scores = True

    def __init__(
        self, module: Any, tokenizer: Any, source: TransformersSource | None, sha256: str, spec: Any
    ) -> None:
        self.device = device_for(spec.device)
        self.module, self.tokenizer = module.to(self.device).eval(), tokenizer
        self.source, self.sha256, self.path = source, sha256, str(spec.path)
        self.batch_tokens, self.truncated = int(spec.batch_tokens), 0
        with foreign(f"model.path: {self.path} has no table of tokens that can be read"):
            table = module.get_input_embeddings()
            # One in few bits tells how many rows it has, and holds no plain tensor.
            rows = int(getattr(table, "num_embeddings", 0) or table.weight.shape[0])
        check_vocabulary(tokenizer, rows)
        self.words = Tokenised(tokenizer, spec.chat or "auto", self.context_of(spec.context))
        self.vocabulary = int(getattr(module.config.get_text_config(), "vocab_size", rows))
        self.chat = self.words.chat
        self.takes = frozenset(inspect.signature(module.forward).parameters)

    def around(self, module: Any) -> Self:
        """The same engine around another module of its kind; nothing is kept that was found of its own."""
        spec = SimpleNamespace(
            path=self.path, chat="on" if self.chat else "off", context=self.words.context,
            batch_tokens=self.batch_tokens, device=self.device,
        )  # fmt: skip
        return type(self)(module, self.tokenizer, self.source, self.sha256, spec)

    def context_of(self, given: int | None) -> int | None:
        """Tokens that the model reads at most: as many as it has positions for, or fewer that are asked for.

        Raises
        ------
        InputError
            More are asked for.
        """
        own = positions_of(self.module.config)
        if given is not None and own is not None and given > own:
            raise InputError(
                f"model.context: expected at most {own:,} tokens, as the model has, got {given:,}"
            )
        return own if given is None else given

    @property
    def pad(self) -> int:
        """The token that fills batches, which nothing sees: of many models that of an end."""
        for token in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token is not None and token < self.vocabulary:
                return int(token)
        return 0

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a text, of the model and of its tokenizer."""
        generation = getattr(self.module, "generation_config", None)
        told = [
            getattr(generation, "eos_token_id", None),
            getattr(self.module.config.get_text_config(), "eos_token_id", None),
            self.tokenizer.eos_token_id,
        ]
        found: set[int] = set()
        for one in told:
            found.update(one if isinstance(one, (list, tuple)) else [] if one is None else [one])
        return frozenset(int(token) for token in found)

    def forward(self, *, cache: Any = None, keeping: bool = False, keep: int = 0, **inputs: Any) -> Any:
        """Call the module.

        Parameters
        ----------
        cache : transformers Cache, optional
            Of the tokens before; extended.
        keeping : bool
            Whether a cache is wanted.
        keep : int
            Positions at the end whose logits are wanted; 0: of all.
        **inputs : array or tensor
        """
        given = {name: self.tensor(value) for name, value in inputs.items() if value is not None}
        if "use_cache" in self.takes:
            given["use_cache"] = keeping or cache is not None
        if cache is not None:
            given[self._cache_name] = cache
        if keep and "logits_to_keep" in self.takes:
            given["logits_to_keep"] = keep
        out = self.module(**given)
        if keep and out.logits.shape[1] > keep:
            out.logits = out.logits[:, -keep:]
        return out

    @property
    def _cache_name(self) -> str:
        """Versions of the library name it differently."""
        return "cache" if "cache" in self.takes else "past_key_values"

    def kept(self, out: Any) -> Any:
        """The cache that a call has left."""
        cache = getattr(out, self._cache_name, None)
        if cache is None:
            raise ValueError("it keeps nothing of the tokens that it has read")
        return cache

    def tensor(self, value: Any) -> Any:
        """An array as a tensor on the model's device."""
        torch = optional("torch", "a language model")
        if isinstance(value, np.ndarray):
            return torch.from_numpy(value).to(self.device)
        return value

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the module: quietly, without gradients, and what it throws is told in one line."""
        torch = optional("torch", "a language model")
        with torch.inference_mode(), quiet(), foreign(FAILED):
            try:
                yield
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                raise InputError(
                    f"model.batch_tokens: a batch of {self.batch_tokens:,} tokens does not fit into the "
                    f"memory of {self.device}; expected fewer"
                ) from None

    def describe(self) -> dict[str, Any]:
        """What the report says of the model."""
        return {
            "kind": self.kind, "path": self.path, "sha256": self.sha256,
            "architecture": type(self.module).__name__, "dtype": str(self.module.dtype).partition(".")[2],
            **self.words.describe(),
        }  # fmt: skip

    def identity(self) -> dict[str, Any] | None:
        """What its answers depend on."""
        told = {name: value for name, value in TorchLanguage.describe(self).items() if name != "path"}
        return {**told, "chat": self.chat, "config": self.source and self.source.identity()}


def told_by(logits: Any, picked: tuple[Any, Any, Any]) -> NDArray[np.float32]:
    """Log-probability of some tokens: softmax over all tokens of the position, in float32.

    Parameters
    ----------
    logits : tensor of shape (rows, positions, vocabulary)
    picked : three int arrays of shape (tokens,)
        Row, position and token.

    Raises
    ------
    InputError
        It is no number.
    """
    import torch

    rows, places, tokens = (torch.as_tensor(part, device=logits.device) for part in picked)
    # Row by row, as a copy of them all in float32 may be large.
    total = torch.stack([torch.logsumexp(row.float(), -1) for row in logits])
    found = logits[rows, places, tokens].float() - total[rows, places]
    if not bool(torch.isfinite(found).all()):
        raise InputError("model: expected finite logits, got NaN or infinity")
    return cast(NDArray[np.float32], found.cpu().numpy())


def summed(values: Any, places: NDArray[np.int64], size: int) -> Floats:
    """Sums of values by place."""
    return np.bincount(places, np.asarray(values, np.float64), size).astype(np.float64)


def positions_of(config: Any) -> int | None:
    """Tokens that a model has positions for; None where it says no number."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(found) if found and 0 < found < UNLIMITED else None


def loaded(make: Callable[..., Made], task: str, spec: Any, seed: int) -> Made:
    """Read a folder's weights and tokenizer, and make an engine of them."""
    path = str(spec.path)
    module, source, sha256 = transformers_module(path, task, seed, spec.dtype)
    return make(module, tokenizer_from(path), source, sha256, spec)
