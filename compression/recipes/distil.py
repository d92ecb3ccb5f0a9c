"""Distillation: a smaller student trained on the teacher's outputs."""

from __future__ import annotations

import copy
from typing import Any, TypeGuard

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...datasets.training import TrainingRows
from ...models.extras import optional, quiet
from ...models.language.changeable import is_language
from ...models.sources import ExportedSource, FactorySource, TransformersSource
from ...models.torch_runtime import TorchRuntime
from ...told import tell
from ..finetune import label_loss, targets
from ..loop import train
from ..registry import Context, Done, Finetune, Params, in_float32, plural, recipe, unpacked
from ..stacks import Kept, as_it_is, counting, evenly, example, stacks, with_changes, without_stack
from ..text_student import Way, teach

HELD_OUT = 0.1
HEADS = ("num_attention_heads", "encoder_attention_heads", "decoder_attention_heads")
KEYS_AND_VALUES = ("num_key_value_heads",)
INNER = (
    "intermediate_size", "n_inner", "hidden_dim", "d_inner", "d_ff", "ffn_dim", "encoder_ffn_dim",
    "decoder_ffn_dim",
)  # fmt: skip
"""What configurations call the width of the feed-forward parts; one left open follows the width."""
CHECK_EVERY = 50


class Lora(Params):
    """An adapter that learns in the place of the weights, and is merged into them."""

    rank: int = Field(8, ge=1, le=1024)
    alpha: float = Field(16.0, gt=0, description="What the adapter adds is multiplied with alpha / rank.")


class Distil(Params):
    """A student and how it learns."""

    layers: int | None = Field(
        None, ge=1, description="Layers of the student; of its encoder and of its decoder."
    )
    width: int | None = Field(None, ge=8, description="Hidden size of the student; its weights start anew.")
    factory: str | None = Field(None, description="package.module:function that returns the student.")
    steps: int = Field(500, ge=1)
    lr: float = Field(1e-4, gt=0)
    batch: int = Field(32, ge=1)
    temperature: float = Field(2.0, gt=0)
    labels: float = Field(0.0, ge=0, le=1, description="Share of the loss that comes from the labels.")
    patience: int = Field(4, ge=1, description="Checks without progress on held-out rows that end it.")
    lora: Lora | None = Field(
        None,
        description="Of a language model: learn by an adapter. Without layers and width the model of the "
        "steps before is taught what the original says.",
    )


@recipe("distill", Distil, language=True)
def distill(model: Any, params: Distil, context: Context) -> Done:
    """Train a student on the teacher's logits (G. Hinton et al. 2015, arXiv:1503.02531), in place of it."""
    torch = optional("torch", "distill")
    in_float32(model, "distill")
    if is_language(model):
        return _of_texts(model, params, context)
    if params.lora is not None:
        raise InputError("distill.lora: is for language models; leave it out")
    rows = context.rows("distill")
    teacher = model.outputs(rows.batch)
    wanted = model.head.logits(torch.from_numpy(teacher)).to(model.runtime.device)
    before = sum(p.numel() for p in model.runtime.module.parameters())
    torch.manual_seed(context.seed)
    student, source = _student(model, params, context)
    model.runtime = TorchRuntime(
        student, model.runtime.device, by_name=source.by_name, autocast=model.runtime.autocast,
        compiled=model.runtime.compiled,
    )  # fmt: skip
    model.source = source
    target = targets(model, rows, "distill") if params.labels else None
    held, learned = _split(rows, context.seed)

    def loss(logits: Any, picked: Any) -> Any:
        chosen = learned[picked]
        value = model.head.distance(logits, wanted[torch.from_numpy(chosen)], params.temperature)
        if target is not None:
            value = (1 - params.labels) * value + params.labels * label_loss(model, logits, target[chosen])
        return value

    best: dict[str, Any] = {"agreement": -1.0, "state": None, "step": 0, "waited": 0}

    def stop(step: int) -> bool:
        if step % CHECK_EVERY and step != params.steps:
            return False
        student.eval()
        found = model.outputs(rows.batch.take(held))
        student.train()
        distance = -float(np.abs(model.head.scores(found) - model.head.scores(teacher[held])).mean())
        if best["state"] is None or distance > best["agreement"]:
            state = {key: value.detach().clone() for key, value in student.state_dict().items()}
            best.update(agreement=distance, state=state, step=step, waited=0)
        else:
            best["waited"] += 1
        return bool(best["waited"] >= params.patience)

    part = TrainingRows(
        rows.batch.take(learned), None, None if rows.weights is None else rows.weights[learned], rows.about
    )
    how = Finetune(steps=params.steps, lr=params.lr, batch=params.batch)
    steps = train(model, loss, part, how, context, "distill", stop=stop)
    if best["state"] is not None:
        student.load_state_dict(best["state"])
    after = sum(p.numel() for p in student.parameters())
    return Done(
        tell(
            "a student of {what} (the teacher has {before}) trained on the teacher's outputs for {steps} "
            "steps of {batch} rows, best at step {best}: its scores lie {distance} from the teacher's on "
            "{held} held-out training rows",
            what=plural(after, "{n} parameter", "{n} parameters"),
            before=f"{before:,}",
            steps=steps,
            batch=params.batch,
            best=best["step"],
            distance=f"{-best['agreement']:.3f}" if model.probability else f"{-best['agreement']:.3g}",
            held=f"{len(held):,}",
        ),
        {"restart": True},
        trained_on=rows.about,
    )


def _of_texts(model: Any, params: Distil, context: Context) -> Done:
    """Train a language model on what its teacher says comes next in the texts of ``model.train``."""
    torch = optional("torch", "distill")
    unpacked(model, "distill")
    rows = context.rows("distill")
    torch.manual_seed(context.seed)
    anew = params.lora is None or bool(params.layers or params.width or params.factory)
    if not anew and (context.untouched or context.original is None):
        raise InputError(
            "distill.lora: the model would be its own teacher; put a step before it that changes the model, "
            "or set layers or width"
        )
    teacher = (model if anew else context.original).runtime.module
    if anew:
        student, source = _student(model, params, context)
        if (ends := getattr(teacher, "generation_config", None)) is not None:
            student.generation_config = ends
        model.runtime.module, model.source = student.to(model.runtime.device), source
    how = Finetune(steps=params.steps, lr=params.lr, batch=params.batch)
    lora = None if params.lora is None else (params.lora.rank, params.lora.alpha)
    way = Way(how, params.temperature, params.labels, params.patience, lora)
    done = teach(model, teacher, way, (rows, *_split(rows, context.seed)), context)
    if anew:
        done.record["restart"] = True
    return done


def _split(rows: TrainingRows, seed: int) -> tuple[Any, Any]:
    """Positions of the held-out training rows and of those that are learned from."""
    order = np.random.default_rng(seed).permutation(rows.batch.num_rows)
    count = max(1, int(len(order) * HELD_OUT))
    if len(order) < 2:
        raise InputError(f"distill: expected at least two training rows, got {len(order)}")
    return np.sort(order[:count]), np.sort(order[count:])


def _student(model: Any, params: Distil, context: Context) -> tuple[Any, Any]:
    if params.factory is not None:
        source = FactorySource(params.factory)
        return source.skeleton(), source
    if isinstance(model.source, ExportedSource):
        raise InputError("distill.factory: an exported program needs the function that returns its student")
    if not isinstance(model.source, TransformersSource):
        raise InputError("distill.factory: a torch model needs the function that returns its student")
    if params.layers is None and params.width is None:
        raise InputError("distill: expected layers, width or factory, to say what the student is")
    kept: Kept = {} if params.layers is None else _layers(model, params.layers, context)
    changes = counting(model, kept, "distill.layers")
    narrower = {} if params.width is None else _narrower(model, params.width)
    narrowed = with_changes(as_it_is(model), {**changes, **narrower})
    student = narrowed.skeleton()
    if narrower:
        _check(model, student, context)
    else:
        _inherit(student, model.runtime.module, kept)
    return student, narrowed


def _layers(model: Any, wanted: int, context: Context) -> Kept:
    """Which of the teacher's layers the student begins with; of an encoder and a decoder, so many of each."""
    found = stacks(model, context)
    longest = max((len(part) for part in found.values()), default=0)
    if not found:
        raise InputError(f"distill.layers: {without_stack(model)}")
    if wanted > longest:
        raise InputError(f"distill.layers: expected at most the teacher's {longest}, got {wanted}")
    return {name: evenly(len(part), wanted) for name, part in found.items() if len(part) > wanted}


def _narrower(model: Any, width: int) -> dict[str, Any]:
    """The settings of a narrower model: heads of the same size, all other widths in proportion."""
    config = as_it_is(model).config
    called = getattr(type(model.runtime.module.config), "attribute_map", {})
    hidden = called.get("hidden_size", "hidden_size")
    old = config.get(hidden)
    heads = {
        key: config[key] for key in (called.get(name, name) for name in HEADS) if _counts(config.get(key))
    }
    if not _counts(old) or not heads:
        raise InputError("distill.width: the model's configuration names no hidden size and number of heads")
    size = old // max(heads.values())
    if width % size or width > old:
        raise InputError(f"distill.width: expected a multiple of {size} up to {old}, got {width}")
    changes = {key: value for key, value in config.items() if key.endswith("hidden_size") and value == old}
    changes = dict.fromkeys({hidden, *changes}, width)
    inner = {key: config[key] for key in INNER if _counts(config.get(key))}
    groups = {key: config[key] for key in KEYS_AND_VALUES if _counts(config.get(key))}
    return {
        **changes,
        **{key: max(1, value * width // old) for key, value in {**heads, **inner, **groups}.items()},
    }


def _counts(value: Any) -> TypeGuard[int]:
    return type(value) is int and value > 0


def _check(model: Any, student: Any, context: Context) -> None:
    """InputError where the narrower model does not run."""
    other = copy.copy(model.runtime)
    other.module, other._call = student.to(model.runtime.device).eval(), None
    torch = optional("torch", "distill")
    try:
        with torch.inference_mode(), quiet():
            other.forward(example(model, context))
    except Exception as error:
        # Sizes that do not go together make a module fail as its own code does.
        raise InputError(
            f"distill.width: a {type(student).__name__} of this width does not run, as sizes of its "
            "configuration do not go together then"
        ) from error


def _inherit(student: Any, teacher: Any, kept: Kept) -> None:
    """Start the student from the teacher's embeddings, head, and the chosen layers."""
    state = {}
    for key, value in teacher.state_dict().items():
        name = next((name for name in kept if key.startswith(f"{name}.")), None)
        if name is None:
            state[key] = value
            continue
        position, _, rest = key.removeprefix(f"{name}.").partition(".")
        if int(position) in kept[name]:
            state[f"{name}.{kept[name].index(int(position))}.{rest}"] = value
    try:
        student.load_state_dict(state)
    except RuntimeError:
        raise InputError(
            "distill.layers: a step before has made layers narrower than the model's configuration says; put "
            "distill before it"
        ) from None
