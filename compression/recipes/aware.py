"""Quantisation-aware fine-tuning: a model learns with the rounding of int8, and is stored in int8 then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...told import tell
from ..exchange import exchange, turn
from ..finetune import fine_tune
from ..registry import Context, Done, Finetune, listed_layers, recipe, unpacked
from .int8_dynamic import PER_BATCH, in_int8, plan, quantise_dynamic

NAME = "qat"
SEVEN_BITS = 127


class Aware(Finetune):
    """Fine-tuning with fake quantisation, then torch's dynamic int8."""

    per_channel: bool = Field(False, description="One scale per output channel rather than per layer.")


@recipe(NAME, Aware, rebuild=quantise_dynamic)
def qat(model: Any, params: Aware, context: Context) -> Done:
    """Fine-tune with the weights and activations of Linear layers rounded as int8 will, then quantise."""
    rows = context.rows(NAME)
    record = plan(model, context, NAME, per_channel=params.per_channel, embeddings=False)
    unpacked(model, NAME)
    # torch has no fake quantisation of recurrent layers: they stay in float32, as they are trained.
    record["recurrent"] = record["unbiased"] = []
    module = model.runtime.module
    turn(module, record)
    layers = _linear(module, record["spared"])
    listed_layers(layers, "Linear layer", NAME)
    with rounded(module, layers, params.per_channel) as learning:
        # What a step before has pruned stays zero.
        masks = [(one.weight, one.weight != 0) for one in learning if one.weight.any()]
        _, words = fine_tune(model, params, context, masks, NAME)
    try:
        quantise_dynamic(module, {**record, "turned": []})
    except (RuntimeError, NotImplementedError, AssertionError, ValueError, TypeError) as error:
        raise InputError(f"{NAME}: torch cannot do this here: {one_line(error)}") from None
    notes = [tell("Weights and inputs of these layers were rounded to int8 as they were trained."), PER_BATCH]
    return Done(words, record=record, notes=notes, recount=in_int8, trained_on=rows.about)


def _linear(module: Any, spared: Sequence[str]) -> list[Any]:
    """The layers that torch's dynamic int8 takes."""
    torch = optional("torch", NAME)
    return [m for n, m in module.named_modules() if type(m) is torch.nn.Linear and n not in spared]


@contextmanager
def rounded(module: Any, layers: Sequence[Any], per_channel: bool) -> Iterator[list[Any]]:
    """Round weights and inputs of some Linear layers as dynamic int8 does; gradients pass straight through.

    Within, they are torch's own layers for that (``torch.ao.nn.qat.dynamic``), which are given; afterwards
    they are Linear layers again, with the weights that they have then.

    References
    ----------
    B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", 2018, section 3.
    """
    torch = optional("torch", NAME)
    learning: list[Any] = []
    with quiet():
        settings = _settings(torch, per_channel)
        for old in layers:
            old.qconfig = settings
            one = torch.ao.nn.qat.dynamic.Linear.from_float(old).train(old.training)
            del old.qconfig
            one.register_forward_pre_hook(_rounds(settings.activation()))
            learning.append(one)
    exchange(module, layers, learning)
    try:
        yield learning
    finally:
        for old, one in zip(layers, learning, strict=True):
            old.weight, old.bias = one.weight, one.bias
            old.train(one.training)
        exchange(module, learning, layers)


def _settings(torch: Any, per_channel: bool) -> Any:
    """Fake quantisers with the scales that `quantize_dynamic` will choose: of the numbers as they are now."""
    ao = torch.ao.quantization
    observer, scheme, more = (
        (ao.MovingAveragePerChannelMinMaxObserver, torch.per_channel_symmetric, {"ch_axis": 0})
        if per_channel
        else (ao.MovingAverageMinMaxObserver, torch.per_tensor_symmetric, {})
    )
    weight = ao.FakeQuantize.with_args(
        observer=observer, quant_min=-128, quant_max=127, dtype=torch.qint8, qscheme=scheme,
        averaging_constant=1, **more,
    )  # fmt: skip
    # On x86 the kernels give activations seven bits, lest sums of products overflow.
    activation = ao.default_dynamic_fake_quant.with_args(quant_max=SEVEN_BITS)
    return ao.QConfig(activation=activation, weight=weight)


def _rounds(quantiser: Any) -> Any:
    def hook(part: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (quantiser(given[0]), *given[1:])

    return hook
