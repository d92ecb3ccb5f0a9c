"""The variants beside the original: made here, loaded or read, then scored and described."""

from __future__ import annotations

import errno
import gc
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...models.base import Model
from ...told import tell
from ..config import GivenVariant
from ..config.ladder import ORIGINAL
from ..result import Failed
from ..verdict.judge import Entry
from .inputs import given_model
from .scorer import Scorer, described
from .scoring import sample
from .self_flips import SAMPLE_ROWS
from .training import learning

if TYPE_CHECKING:
    from ...compression.fresh import FreshProcesses
    from .given import Variants
    from .prices import Prices
    from .workshop import Workshop


def others(
    scorer: Scorer,
    model: Model,
    original: Entry,
    variants: Mapping[str, Any],
    dtypes: Mapping[str, Any] | None,
    fresh: FreshProcesses | None,
) -> tuple[list[Entry], list[Failed]]:
    """Make or load, score and describe every variant; the original comes first, with its cost.

    Parameters
    ----------
    original : Entry
        The original as it was scored, without its cost.
    variants : mapping
        Given variants from Python, by name.
    dtypes
        The pandas types of the rows from Python.
    fresh : FreshProcesses, optional
        That load what is made here.

    Returns
    -------
    (list of Entry, list of Failed)
        Those that were scored, and those that could not be.
    """
    columns = _columns_given(scorer)
    _check_features(scorer)
    if not scorer.config.competes:
        # All of them are predictions, in columns of the table or in tables of their own.
        told_of = [_predicted(scorer, wanted) for wanted in scorer.config.variants]
        unread = [entry for entry in told_of if isinstance(entry, Failed)]
        return [original, *(entry for entry in told_of if isinstance(entry, Entry))], unread
    # These bring the libraries of models with them.
    from .given import Variants, failed_given, files_of, unpriced
    from .prices import Prices
    from .workshop import Workshop

    given = Variants(variants, dtypes)
    # A variant may decide by the sensitive features, or draw by the id, where the original does not.
    read = [*model.columns, *scorer.data.sensitive, *([scorer.data.id] if scorer.data.id else [])]
    rows = sample(scorer.open(), read, SAMPLE_ROWS)
    planned, notes = scorer.config.planned, scorer.data.notes
    learned = learning(scorer.config, model, scorer.table, notes) if planned else (None, None)
    files = files_of(model, scorer.config.model) if scorer.config.model else []
    with ExitStack() as closing:
        collect = closing.enter_context(_collecting())
        place = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="fairweigh-")))
        prices = Prices(scorer.config, model, rows, place, scorer.progress, fresh, files, scorer.judged)
        cost, flips = prices.original_cost()
        told = original.model | ({"cost": unpriced(prices.unpriced)} if prices.unpriced else {})
        entries = [replace(original, model=told, cost=cost, self_flips=flips or original.self_flips)]
        shop = Workshop(prices, learned, scorer.data, scorer.folder.folder, collect)
        made, broken = _made(scorer, shop)
        entries += made
        for wanted in scorer.config.variants:
            if wanted in columns:
                entry = _predicted(scorer, wanted)
                if isinstance(entry, Failed):
                    broken.append(entry)
                else:
                    entries.append(entry)
                continue
            scorer.progress(f"loading: {wanted.name}", 0, None)
            try:
                entries.append(_given(scorer, wanted, model, prices, given))
            except OSError as error:
                # A full disk is no fault of the variant, and would be the next one's too.
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise
                broken.append(failed_given(wanted, error))
                scorer.forget(wanted.name)
            except Exception as error:
                # A stranger's model goes through libraries of its own: whatever breaks there is its row.
                broken.append(failed_given(wanted, error))
                scorer.forget(wanted.name)
            collect()
    return entries, broken


def _made(scorer: Scorer, shop: Workshop) -> tuple[list[Entry], list[Failed]]:
    """The variants that are made here."""
    from .workshop import failed

    wanted = {p.name: p for p in scorer.config.planned}
    entries: list[Entry] = []
    broken: list[Failed] = []
    for made in shop.variants():
        if isinstance(made, Failed):
            broken.append(made)
            continue
        try:
            truncated = scorer.score(made.name, made.model)
        except InputError as error:
            broken.append(failed(wanted[made.name], error, scorer.config))
            scorer.forget(made.name)
            continue
        # Its fresh process has worked while it was scored, and it is timed when both are done.
        done = shop.finished(made)
        if isinstance(done, Failed):
            broken.append(done)
            scorer.forget(made.name)
            continue
        told = {**described(done.model, truncated), "path": done.recipe.artefact}
        kind = "mitigated" if "mitigated" in done.recipe.groups else "compressed"
        start = wanted[done.name].on
        parent = ORIGINAL if start == "original" else start
        entries.append(
            Entry(done.name, told, kind, done.recipe, done.cost, done.self_flips, parent)  # type: ignore[arg-type]
        )
        del made, done
    if scorer.config.mitigations and not any(e.kind == "mitigated" for e in entries):
        names = {p.name for p in scorer.config.planned} - {c.name for c in scorer.config.compressions}
        first = next(f for f in broken if f.name in names)
        why = first.why.removeprefix(f"{first.name}: ")
        raise InputError(f"mitigations: none could be made; {first.name}: {why}")
    return entries, broken


def _columns_given(scorer: Scorer) -> list[GivenVariant]:
    """Variants whose predictions stand in the evaluation table itself; InputError where they do not."""
    found = [v for v in scorer.config.variants if v.in_columns and v.path is None]
    for wanted in found:
        try:
            given_model(scorer.config, scorer.data, wanted)
        except InputError as error:
            # Read as a model's, these keys are the variant's own.
            raise InputError(re.sub(r"^model\b", f"variants.{wanted.name}", str(error))) from None
    return found


def _predicted(scorer: Scorer, wanted: GivenVariant) -> Entry | Failed:
    """A variant whose predictions are given; why there is none, where they cannot be read."""
    from .given import Loaded, failed_given, origin

    data = scorer.open()
    try:
        model = given_model(scorer.config, data, wanted)
        truncated = scorer.score(wanted.name, model)
    except InputError as error:
        scorer.forget(wanted.name)
        return failed_given(wanted, error)
    told = _described(scorer, wanted.name, data, model, truncated) | (
        origin(wanted, Loaded(model)) if wanted.path else {}
    )
    return Entry(wanted.name, told, "compressed", parent=ORIGINAL)


def _given(scorer: Scorer, wanted: GivenVariant, original: Model, prices: Prices, given: Variants) -> Entry:
    """A variant that was made elsewhere, loaded, held to the original's task, measured and scored."""
    from .given import check_same_task, load_given, origin

    data = scorer.open()
    held = given.models.get(wanted.name)
    loaded = load_given(scorer.config, data, wanted, original, held, given.dtypes, scorer.progress)
    # A table of predictions that is joined by id is read whole.
    read = dict.fromkeys(c for c in [*original.columns, *loaded.model.columns] if c in data.names)
    rows = None if loaded.model.bound else sample(scorer.open(), list(read), SAMPLE_ROWS)
    check_same_task(original, loaded.model, rows)
    scorer.progress(f"measuring: {wanted.name}", 0, None)
    cost, flips = (None, None) if rows is None else prices.given(loaded, rows)
    truncated = scorer.score(wanted.name, loaded.model)
    told = _described(scorer, wanted.name, data, loaded.model, truncated) | origin(wanted, loaded)
    return Entry(wanted.name, told, "compressed", None, cost, flips, ORIGINAL)


def _described(scorer: Scorer, name: str, data: EvaluationSet, model: Model, cut: int) -> dict[str, Any]:
    """What the report says of a variant; what its table and predictions show is told of the data.

    What the original's predictions show too is told once.
    """
    known = len(data.notes)
    told = described(model, cut)
    notes = scorer.data.notes
    shown = [note for note in data.notes[known:] if note not in notes]
    # What was found of its own table; what the data themselves say is there already.
    notes += data.notes[:known]
    notes += [tell("Variant {variant}: {what}", variant=name, what=note) for note in shown]
    return told


def _check_features(scorer: Scorer) -> None:
    """InputError for a step by a feature that is not audited, before any work on variants."""
    for planned in scorer.config.planned:
        for name, params in planned.named:
            for feature in params.get("by") or []:
                if feature not in scorer.data.sensitive:
                    known = ", ".join(scorer.data.sensitive)
                    raise InputError(
                        f"mitigations: {name}.by: {feature!r} is not an audited sensitive feature; there "
                        f"are {known}"
                    )


@contextmanager
def _collecting() -> Iterator[Callable[[], object]]:
    """Give what collects the garbage of a variant, looking at what came since the last one alone.

    The libraries' own objects, a million of them, and those that recipes bring take most of a second.
    """
    if gc.get_freeze_count():
        # Whoever froze what there was before knows when that ends.
        yield gc.collect
        return

    def collect() -> None:
        gc.collect()
        gc.freeze()

    gc.freeze()
    try:
        yield collect
    finally:
        gc.unfreeze()
