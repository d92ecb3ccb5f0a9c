"""Variants made elsewhere: what each is, loaded, and held to the task of the original."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.memory import PLACE
from ...datasets.suites import SUITES
from ...models.folder import local_folder, weights_of
from ...models.foreign import one_line
from ...models.given import folder_kind, given_transformers
from ...models.graphs import stored_kinds
from ...models.images import ImageInputs
from ...models.language.given import files_of_language
from ...models.language.load import language_model
from ...models.language.vocabulary import check_alike, vocabulary_of
from ...models.onnx_runtime import OnnxRuntime
from ...models.rules import unruled
from ...models.texts import TextInputs
from ...models.token_classes import TokenInputs
from ...told import tell
from ..config import (
    AnySpec,
    CallableSpec,
    Config,
    EndpointSpec,
    GivenVariant,
    GraphSpec,
    Pixels,
    TorchSpec,
    TransformersSpec,
    VariantSpec,
    first_problem,
    given_kind,
    is_language,
)
from ..config.language import FOLDERS
from ..masked import masked
from ..progress import Progress
from ..result import Failed
from .inputs import load_model

PROBE_TEXTS = 256
"""Texts whose tokens are compared."""
_PLAIN = re.compile(r"(label_)?\d+|true|false", re.I)
"""Names of labels that say nothing but their places."""


@dataclass(frozen=True)
class Loaded:
    """A given variant that can be scored.

    Attributes
    ----------
    model : Model
    files : list of Path
        That hold it; none for a callable, for predictions and for what Python gave.
    """

    model: Any
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Variants:
    """Given variants that came from Python.

    Attributes
    ----------
    models : mapping of str to object
    dtypes : mapping, optional
        The pandas types of the rows, where these came from Python too.
    """

    models: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Mapping[str, Any] | None = None


def load_given(
    config: Config,
    data: EvaluationSet,
    wanted: GivenVariant,
    original: Any,
    given: Any,
    dtypes: Mapping[str, Any] | None,
    progress: Progress,
) -> Loaded:
    """Load a variant of a model.

    Parameters
    ----------
    original : Model
        What it stands beside.
    given
        The variant as Python gave it, if it did.

    Raises
    ------
    InputError
        It is not there, cannot be read, or is a model of another task.
    """
    assert config.model is not None
    model: Any
    path = wanted.path
    kind, original_place = given_kind(wanted), config.model.place
    if kind is None:
        kind, path = folder_kind(Path(str(path)), original_place)
        if kind == "transformers" and is_language(config.model):
            kind = config.model.resolved if config.model.resolved in FOLDERS else "causal-lm"
        wanted = wanted.model_copy(update={"path": path})
    try:
        spec = _as_trained(wanted.as_model(config.model, kind), config.model, original)
    except ValidationError as error:
        # What a folder is shows only now: the keys that its kind needs could not be asked for before.
        raise InputError(f"{path}: a folder of {kind}: {first_problem(error, AnySpec)}") from None
    if kind == "transformers" and given is None:
        model, files = given_transformers(spec, _in_order_of(original, data), original_place, config.seed)
    elif is_language(spec) and given is None:
        mean = config.suite is not None and SUITES[config.suite].mean
        if wanted.score is None and (way := getattr(unruled(original), "way", None)) is not None:
            # Kinds have defaults of their own, and what is asked otherwise cannot be compared.
            spec = spec.model_copy(update={"score": way})
        model = language_model(spec, data, config.seed, mean, original_place)
        files = files_of_language(model, spec.place)
    else:
        if isinstance(spec, (TorchSpec, GraphSpec, EndpointSpec)):
            data = _in_order_of(original, data)
        found = load_model(config.model_copy(update={"model": spec}), data, given, progress, dtypes)
        assert found is not None
        model, files = found, files_of(found, spec) if given is None else []
    if wanted.positive is None:
        _named_alike(model, original)
    if wanted.features is None and unruled(original).learned:
        unruled(model).name_columns(unruled(original).columns)
    return Loaded(model, files)


def _in_order_of(original: Any, data: EvaluationSet) -> EvaluationSet:
    """The data with the classes of the original in its order, which outputs without names have kept.

    Those that occur in the data may be fewer, and say nothing of the order.
    """
    head = getattr(unruled(original), "head", None)
    if head is None or not head.classes or _unnamed(head.classes) or data.classes or data.labels:
        return data
    named = copy.copy(data)
    named.classes, named.outcome = head.classes, copy.copy(data.outcome)
    if named.outcome is not None:
        named.outcome.classes = head.classes  # type: ignore[attr-defined]
    return named


def _as_trained(spec: AnySpec, of_model: AnySpec, original: Any) -> AnySpec:
    """The keys of a variant, with what the original's own files say and its file cannot."""
    base = unruled(original)
    inputs = getattr(base, "inputs", None)
    more: dict[str, Any] = {}
    if is_language(spec):
        return spec
    if isinstance(spec, (GraphSpec, EndpointSpec)) and isinstance(inputs, TextInputs):
        more = {"text": inputs.text, "text_pair": inputs.pair, "max_length": inputs.max_length}
    elif isinstance(spec, (TorchSpec, GraphSpec, EndpointSpec)) and isinstance(inputs, ImageInputs):
        more = _as_seen(spec, inputs)
    elif isinstance(spec, (TorchSpec, CallableSpec, EndpointSpec, GraphSpec)) and not isinstance(
        inputs, TextInputs
    ):
        features = list(getattr(base, "columns", []))
        more = {"features": features} if features and of_model.resolved != "predictions" else {}
    more = {key: value for key, value in more.items() if value is not None and getattr(spec, key) is None}
    return spec.model_copy(update=more) if more else spec


def _as_seen(spec: TorchSpec | GraphSpec | EndpointSpec, inputs: ImageInputs) -> dict[str, Any]:
    """The keys by which a variant reads images as the original does, but for what it says itself."""
    told: dict[str, Any] = {"image": inputs.image}
    if not (spec.processor or spec.shape or spec.pixels):
        told |= inputs.reader.keys()
    pixels = told.get("pixels")
    return told | ({"pixels": Pixels(**pixels)} if pixels else {})


def files_of(model: Any, spec: AnySpec) -> list[Path]:
    """The files that hold a model, where it is of files."""
    base = unruled(model)
    if spec.place is None or spec.resolved == "predictions":
        return []
    if is_language(spec):
        return files_of_language(base, spec.place)
    runtime = getattr(base, "runtime", None)
    found = getattr(runtime, "files", None) or getattr(getattr(runtime, "graph", None), "files", None)
    if found:
        return list(found)
    path = Path(spec.place)
    if isinstance(spec, VariantSpec):
        from ...compression.files import weights_file

        return [weights_file(path)]
    if isinstance(spec, TransformersSpec):
        folder = local_folder(spec.path) if spec.path != PLACE else None
        return weights_of(folder, f"model.path: {spec.path}") if folder is not None else []
    return [path] if path.is_file() else []


def _named_alike(model: Any, original: Any) -> None:
    """Give outputs without names the original's: an exported graph has kept their order alone."""
    mine = unruled(model)
    one, other = _heads(mine, unruled(original))
    if one is None or other is None:
        return
    if len(one.labels) == len(other.labels) and _unnamed(one.labels) and not _unnamed(other.labels):
        mine.head = one.like(other)


def _unnamed(labels: Sequence[str]) -> bool:
    return all(_PLAIN.fullmatch(name) for name in labels)


def check_same_task(original: Any, given: Any, rows: pa.RecordBatch | None) -> None:
    """Hold a variant to the task of the original: the same labels, columns and tokens.

    Parameters
    ----------
    rows : pyarrow.RecordBatch or None
        Some of the audited rows, with the columns that the variant reads.

    Raises
    ------
    InputError
        It is another model: says what was expected and what came.
    """
    one, other = unruled(original), unruled(given)
    mine, theirs = (getattr(model, "task", "binary") for model in (one, other))
    if mine != theirs:
        raise InputError(f"another model: expected one of the task {mine}, got one of {theirs}")
    if hasattr(one, "engine") or hasattr(other, "engine"):
        if not (hasattr(one, "engine") and hasattr(other, "engine")):
            raise InputError("another model: expected a language model, as the original is")
        check_alike(one, other, rows)
        return
    _check_labels(one.labels, other.labels)
    _check_positive(one, other)
    _check_columns(one, other)
    mine, theirs = getattr(one, "inputs", None), getattr(other, "inputs", None)
    if isinstance(mine, TextInputs) and isinstance(theirs, TextInputs):
        _check_special_tokens(mine.tokenizer, theirs.tokenizer)
        if rows is not None:
            _check_tokens(mine, theirs, rows)
    if isinstance(mine, TokenInputs) and isinstance(theirs, TokenInputs):
        _check_special_tokens(mine.tokenizer, theirs.tokenizer)
        if rows is not None:
            _check_sub_words(mine, theirs, rows)


def _check_labels(mine: list[str] | None, theirs: list[str] | None) -> None:
    if mine is None or theirs is None:
        return
    plain = _unnamed(mine) or _unnamed(theirs)
    # One output says as much of two classes as two outputs do.
    alike = max(len(mine), 2) == max(len(theirs), 2) if plain else _folded(mine) == _folded(theirs)
    if not alike:
        raise InputError(
            f"another model: expected the original's labels {listed(mine)}, got {listed(theirs)}"
        )


def _heads(*models: Any) -> list[Any]:
    """What reads each model's outputs; None of a model that has no such part."""
    return [getattr(model, "head", None) for model in models]


def _check_positive(one: Any, other: Any) -> None:
    one, other = _heads(one, other)
    if one is None or other is None:
        return
    mine, theirs = one.chosen, other.chosen
    if not (_unnamed(one.labels) or _unnamed(other.labels)) and _folded(mine) != _folded(theirs):
        raise InputError(
            f"its positive label is {listed(theirs)}, expected {listed(mine)} as in the original; set "
            "positive"
        )


def _folded(labels: Sequence[str]) -> set[str]:
    return {label.casefold() for label in labels}


def _check_columns(one: Any, other: Any) -> None:
    """A variant may read fewer of the original's columns, and no others."""
    mine, theirs = list(one.columns), list(other.columns)
    odd = [name for name in theirs if name not in mine]
    if odd and one.learned and other.learned:
        raise InputError(
            f"another model: it reads {listed(odd)}, expected columns of the original: {listed(mine, 8)}"
        )


def _check_special_tokens(mine: Any, theirs: Any) -> None:
    expected, found = _special(mine), _special(theirs)
    odd = [name for name in sorted({*expected, *found}) if expected.get(name) != found.get(name)]
    if odd:
        one, other = (tokens.get(odd[0], ("none", None)) for tokens in (expected, found))
        raise InputError(
            f"its tokenizer differs: expected the original's {odd[0]} {one[0]!r}, number {one[1]}, got "
            f"{other[0]!r} number {other[1]}"
        )


def _special(tokenizer: Any) -> dict[str, tuple[str, int]]:
    """Token and number of each special token by its role."""
    roles = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    named = {role: getattr(tokenizer, role, None) for role in roles}
    return {r: (str(t), tokenizer.convert_tokens_to_ids(str(t))) for r, t in named.items() if t is not None}


def _check_tokens(mine: TextInputs, theirs: TextInputs, rows: pa.RecordBatch) -> None:
    """The same tokens of the same texts, cut at the same length."""
    if mine.columns != theirs.columns:
        raise InputError(
            f"another model: expected the texts of {listed(mine.columns)}, got {listed(theirs.columns)}"
        )
    some = rows.slice(0, PROBE_TEXTS)
    one, other = (inputs.encode(some, None) for inputs in (mine, theirs))
    ids = [encoded.flat["input_ids"] for encoded in (one, other)]  # type: ignore[attr-defined]
    starts = [encoded.starts for encoded in (one, other)]  # type: ignore[attr-defined]
    for row in range(some.num_rows):
        a, b = (ids[k][starts[k][row] : starts[k][row + 1]] for k in (0, 1))
        if not np.array_equal(a, b):
            what = f"{len(a)} tokens, got {len(b)}" if len(a) != len(b) else f"the tokens {_few(a, b)}"
            text = one_line(ValueError(str(some.column(mine.text)[row].as_py())))[:40]
            raise InputError(f"its tokenizer differs: of the text {text!r} the original makes {what}")


def _check_sub_words(mine: TokenInputs, theirs: TokenInputs, rows: pa.RecordBatch) -> None:
    """The same sub-words of the same sentences, in the same windows."""
    some = rows.slice(0, PROBE_TEXTS)
    one, other = (inputs.encode(some, None).every for inputs in (mine, theirs))
    for a, b in zip(one, other, strict=False):
        if a.ids != b.ids:
            text = " ".join(some.column(mine.tokens)[a.sentence].as_py())[:40]
            raise InputError(
                f"its tokenizer differs: of the sentence {text!r} the original makes {len(a.ids)} sub-words, "
                f"got {len(b.ids)}"
                if len(a.ids) != len(b.ids)
                else f"its tokenizer differs: of the sentence {text!r} the original makes the sub-words "
                f"{_few(np.array(a.ids), np.array(b.ids))}"
            )


def _few(mine: Any, theirs: Any) -> str:
    place = int(np.flatnonzero(mine != theirs)[0])
    return f"{mine[place : place + 3].tolist()} where it makes {theirs[place : place + 3].tolist()}"


def origin(wanted: GivenVariant, loaded: Loaded) -> dict[str, Any]:
    """What the report says of where a variant came from; passwords of addresses are left out."""
    told: dict[str, Any] = {"given": masked(wanted.path or wanted.function or wanted.endpoint or "in memory")}
    base = unruled(loaded.model)
    runtime = getattr(base, "runtime", None)
    if hasattr(base, "engine"):
        known = vocabulary_of(base.engine)
        told["vocabulary"] = (
            tell("not known: its runtime does not tell it") if known is None else known.sha256()
        )
    if isinstance(runtime, OnnxRuntime) and (kinds := stored_kinds(runtime.path)):
        told["quantisation"] = kinds
    return told


def unpriced(why: str) -> str:
    """Say why nothing has a cost."""
    return tell("not measured: {why}", why=why)


def failed_given(wanted: GivenVariant, error: Exception) -> Failed:
    """What the report says of a given variant that could not be scored."""
    why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
    # A variant's keys are its own, and what is wrong with it is no fault of the model's.
    keys = "|".join(GivenVariant.model_fields)
    own = re.sub(rf"\bmodel\.(?=(?:{keys})\b)|\bmodel\.(?=\w+:)|^model: ", "", why)
    return Failed(name=wanted.name, steps=[], why=own)
