"""A language model that learns another one's words: a smaller student, or one that a step has hurt."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional, quiet
from ..told import tell
from .loop import train
from .registry import Context, Done, Finetune, plural

BATCH = 8
"""Held-out texts that are compared together."""
CHECKS = 10
"""How often, over all steps, a student is held against its teacher."""


class Way(NamedTuple):
    """How a student learns.

    Attributes
    ----------
    how : Finetune
    temperature : float
    labels : float
        Share of the loss that comes from the texts themselves.
    patience : int
        Checks without progress that end it.
    lora : (rank, alpha) or None
    """

    how: Finetune
    temperature: float
    labels: float
    patience: int
    lora: tuple[int, float] | None


def teach(
    model: Any,
    teacher: Any,
    way: Way,
    rows: tuple[TrainingRows, NDArray[Any], NDArray[Any]],
    context: Context,
) -> Done:
    """Train a model's module, in place, on what a teacher says comes next in some texts.

    Parameters
    ----------
    teacher : torch.nn.Module
        Nothing of it changes.
    rows : (TrainingRows, int array, int array)
        Texts, and the positions of those held out and of those learned from.
    """
    torch = optional("torch", "distill")
    texts, held, learned = rows
    other = copy.copy(model)
    other.engine = copy.copy(model.engine)
    other.engine.module = teacher.eval()
    encoded = model.inputs.encode(texts.batch, None)
    student = model.runtime.module
    before = sum(p.numel() for p in student.parameters())
    if way.lora is not None:
        model.runtime.module = _with_lora(student, *way.lora)

    def apart(picked: NDArray[np.intp], logits: Any, temperature: float) -> Any:
        arrays = encoded.collate(picked)
        with torch.no_grad():
            wanted = other.runtime.forward(other.runtime.tensors(arrays))
        places = torch.from_numpy(arrays["attention_mask"] == 1).to(logits.device)
        return _distance(logits[places], wanted[places], temperature)

    from .finetune import next_word_loss

    own = next_word_loss(model, texts, "distill.labels") if way.labels else None

    def loss(logits: Any, picked: NDArray[np.intp]) -> Any:
        chosen = learned[picked]
        value = apart(chosen, logits, way.temperature)
        if own is not None:
            value = (1 - way.labels) * value + way.labels * own(logits, chosen)
        return value

    best = _Best(_checker(model, held, encoded, apart), way, model)
    part = TrainingRows(texts.batch.take(learned), None, None, texts.about)
    # Before the first step it may be as near as it gets.
    best.look(0)
    only = (lambda name: "lora_" in name) if way.lora is not None else None
    steps = train(model, loss, part, way.how, context, "distill", stop=best, only=only)
    best.take()
    if way.lora is not None:
        with quiet():
            model.runtime.module = model.runtime.module.merge_and_unload().eval()
    found = {
        "steps": steps, "batch": way.how.batch, "best": best.step, "held": f"{len(held):,}",
        "before": f"{best.first:.3g}", "after": f"{best.least:.3g}",
        "what": plural(before, "{n} parameter", "{n} parameters"),
    }  # fmt: skip
    told = (
        tell(
            "a model of {what} trained on the teacher's next words by a LoRA adapter of rank {rank}, merged, "
            "for {steps} steps of {batch} texts, best at step {best}: on {held} held-out texts it lies "
            "{after} nats from the teacher, {before} before",
            **found, rank=way.lora[0],
        )
        if way.lora is not None
        else tell(
            "a student of {what} trained on the teacher's next words for {steps} steps of {batch} texts, "
            "best at step {best}: on {held} held-out texts it lies {after} nats from the teacher, "
            "{before} before",
            **found,
        )
    )  # fmt: skip
    return Done(told, trained_on=texts.about)


class _Best:
    """The weights with which a student came nearest to its teacher; says when to end."""

    def __init__(self, measure: Callable[[], float], way: Way, model: Any) -> None:
        self._measure, self._way, self._model = measure, way, model
        self._every = max(1, way.how.steps // CHECKS)
        self._state: dict[str, Any] = {}
        self._waited = 0
        self.first = self.least = float("inf")
        self.step = 0

    def __call__(self, step: int) -> bool:
        """Whether training is to end after a step."""
        if step % self._every and step != self._way.how.steps:
            return False
        return self.look(step)

    def look(self, step: int) -> bool:
        """Hold the student against its teacher."""
        found = self._measure()
        if not np.isfinite(found):
            raise InputError(f"distill: the student's outputs are NaN or infinite at step {step}; lower lr")
        if step == 0:
            self.first = found
        if found < self.least:
            state = self._model.runtime.module.state_dict()
            self._state = {name: value.detach().clone() for name, value in self._changing(state).items()}
            self.least, self.step, self._waited = found, step, 0
        else:
            self._waited += 1
        return self._waited >= self._way.patience

    def _changing(self, state: dict[str, Any]) -> dict[str, Any]:
        return state if self._way.lora is None else {n: v for n, v in state.items() if "lora_" in n}

    def take(self) -> None:
        """Put the best weights back."""
        self._model.runtime.module.load_state_dict(self._state, strict=False)


def _checker(model: Any, held: NDArray[Any], encoded: Any, apart: Any) -> Callable[[], float]:
    torch = optional("torch", "distill")

    def measure() -> float:
        module = model.runtime.module
        trained = module.training
        module.eval()
        total = 0.0
        with torch.no_grad(), quiet():
            for start in range(0, len(held), BATCH):
                some = held[start : start + BATCH]
                logits = model.runtime.forward(model.runtime.tensors(encoded.collate(some)))
                total += float(apart(some, logits, 1.0)) * len(some)
        module.train(trained)
        return total / len(held)

    return measure


def _distance(logits: Any, wanted: Any, temperature: float) -> Any:
    """Mean Kullback-Leibler divergence of words, times the square of the temperature (G. Hinton 2015)."""
    torch = optional("torch", "distill")
    told = torch.nn.functional.log_softmax(logits.float() / temperature, dim=-1)
    expected = torch.nn.functional.log_softmax(wanted.float() / temperature, dim=-1)
    kl = torch.nn.functional.kl_div(told, expected, reduction="batchmean", log_target=True)
    return kl * temperature**2


def _with_lora(module: Any, rank: int, alpha: float) -> Any:
    """A module with a LoRA adapter at each of its linear layers (E. Hu et al. 2022, ICLR)."""
    peft = optional("peft", "distill.lora", "lora")
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules="all-linear")
    with quiet():
        try:
            return peft.get_peft_model(module, config)
        except ValueError as error:
            raise InputError(f"distill.lora: peft finds no layer to adapt: {error}") from None
