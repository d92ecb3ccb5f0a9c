"""Distillation: a smaller student trained on the teacher's outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional
from ..models.runtimes import TorchRuntime
from ..models.sources import FactorySource, TransformersSource
from ..told import tell
from .finetune import label_loss, targets
from .loop import train
from .recipes import Context, Done, Finetune, Params, in_float32, plural, recipe
from .shrink import evenly, layer_list

HELD_OUT = 0.1
CHECK_EVERY = 50


class Distil(Params):
    """A student and how it learns."""

    layers: int | None = Field(None, ge=1, description="Encoder layers of the student.")
    width: int | None = Field(None, ge=8, description="Hidden size of the student; its weights start anew.")
    factory: str | None = Field(None, description="package.module:function that returns the student.")
    steps: int = Field(500, ge=1)
    lr: float = Field(1e-4, gt=0)
    batch: int = Field(32, ge=1)
    temperature: float = Field(2.0, gt=0)
    labels: float = Field(0.0, ge=0, le=1, description="Share of the loss that comes from the labels.")
    patience: int = Field(4, ge=1, description="Checks without progress on held-out rows that end it.")


@recipe("distill", Distil)
def distill(model: Any, params: Distil, context: Context) -> Done:
    """Train a student on the teacher's logits (G. Hinton et al. 2015, arXiv:1503.02531), in place of it."""
    torch = optional("torch", "distill")
    in_float32(model, "distill")
    rows = context.rows("distill")
    teacher = model.outputs(rows.batch)
    wanted = model.head.logits(torch.from_numpy(teacher)).to(model.runtime.device)
    before = sum(p.numel() for p in model.runtime.module.parameters())
    torch.manual_seed(context.seed)
    student, source = _student(model, params)
    model.runtime = TorchRuntime(
        student, model.runtime.device, by_name=source.by_name, autocast=model.runtime.autocast,
        compiled=model.runtime.compiled,
    )  # fmt: skip
    model.source = source
    target = targets(model, rows, "distill") if params.labels else None
    held, learned = _split(rows, context.seed)

    def loss(logits: Any, picked: Any) -> Any:
        chosen = learned[picked]
        value = _distance(logits, wanted[torch.from_numpy(chosen)], params.temperature, model.head.exclusive)
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
            distance=f"{-best['agreement']:.3f}",
            held=f"{len(held):,}",
        ),
        {"restart": True},
        trained_on=rows.about,
    )


def _split(rows: TrainingRows, seed: int) -> tuple[Any, Any]:
    """Positions of the held-out training rows and of those that are learned from."""
    order = np.random.default_rng(seed).permutation(rows.batch.num_rows)
    count = max(1, int(len(order) * HELD_OUT))
    if len(order) < 2:
        raise InputError(f"distill: expected at least two training rows, got {len(order)}")
    return np.sort(order[:count]), np.sort(order[count:])


def _distance(logits: Any, wanted: Any, temperature: float, exclusive: bool) -> Any:
    import torch.nn.functional as f

    if not exclusive:
        return f.binary_cross_entropy_with_logits(logits / temperature, (wanted / temperature).sigmoid())
    soft = f.log_softmax(logits / temperature, dim=1)
    told = f.log_softmax(wanted / temperature, dim=1)
    return f.kl_div(soft, told, reduction="batchmean", log_target=True) * temperature**2


def _student(model: Any, params: Distil) -> tuple[Any, Any]:
    if params.factory is not None:
        source = FactorySource(params.factory)
        return source.skeleton(), source
    if not isinstance(model.source, TransformersSource):
        raise InputError("distill.factory: a torch model needs the function that returns its student")
    if params.layers is None and params.width is None:
        raise InputError("distill: expected layers, width or factory, to say what the student is")
    config = model.source.config
    changes: dict[str, Any] = {}
    if params.layers is not None:
        if params.layers > config["num_hidden_layers"]:
            raise InputError(
                f"distill.layers: expected at most the teacher's {config['num_hidden_layers']}, "
                f"got {params.layers}"
            )
        changes["num_hidden_layers"] = params.layers
    if params.width is not None:
        size = config["hidden_size"] // config["num_attention_heads"]
        if params.width % size or params.width > config["hidden_size"]:
            raise InputError(
                f"distill.width: expected a multiple of {size} up to {config['hidden_size']}, got "
                f"{params.width}"
            )
        changes["hidden_size"] = params.width
        changes["num_attention_heads"] = params.width // size
        changes["intermediate_size"] = config["intermediate_size"] * params.width // config["hidden_size"]
    narrowed = model.source.with_config(**changes)
    student = narrowed.skeleton()
    if params.width is None or params.width == config["hidden_size"]:
        _inherit(student, model.runtime.module)
    return student, narrowed


def _inherit(student: Any, teacher: Any) -> None:
    """Start the student from the teacher's embeddings, head, and evenly chosen layers."""
    name, layers = layer_list(student) or ("", [])
    _, taught = layer_list(teacher) or ("", [])
    chosen = evenly(len(taught), len(layers))
    state = {}
    for key, value in teacher.state_dict().items():
        if name and key.startswith(f"{name}."):
            position, _, rest = key.removeprefix(f"{name}.").partition(".")
            if int(position) in chosen:
                state[f"{name}.{chosen.index(int(position))}.{rest}"] = value
        else:
            state[key] = value
    student.load_state_dict(state)
