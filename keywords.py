"""An audit whose configuration is given as keyword arguments, with data and model from Python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .api import run_settings
from .audit.config import KEPT, Config, Data, read
from .audit.progress import Progress, silent
from .audit.unknown import unknown
from .datasets.errors import InputError
from .datasets.memory import as_table, caller_dtypes
from .models.memory import spec_of, told_variants
from .result import Result

TOP = tuple(name for name in Config.model_fields if name not in ("audit", "data", "model"))
OF_MODEL = ("text",)
"""Keys of both data and model that mean the model's; of the others, such as ``id``, the data's is meant."""
SECTIONS: dict[str, tuple[str, ...]] = {
    # The others' are written in a mapping.
    "data": tuple(name for name in Data.model_fields if name not in OF_MODEL),
    "model": tuple(name for name in KEPT if name in OF_MODEL or name not in Data.model_fields),
}
ALL = {"data": tuple(Data.model_fields), "model": tuple(KEPT)}


class Audit:
    """An audit to be run: ``audit.yaml`` as keyword arguments.

    The keys of ``data:`` and ``model:`` stand beside the others, as each name belongs to one of them
    (``id``, ``path``, ``positive`` and ``negative`` are those of the data, ``text`` is that of the model).

    Parameters
    ----------
    audit : str
        Its name; the run's folder is called so.
    data : table, path or mapping
        A pandas, polars or pyarrow table; the path of a file; or the content of ``data:``.
    model : optional
        A callable, a fitted scikit-learn classifier, a torch module, a transformers pipeline; or the content
        of ``model:``. Without one, and without ``score`` or ``decision``, the labels are audited.
    **settings
        Every other key: ``label``, ``sensitive``, ``positive``, ``id``, ``weight``, ``bins`` ... of the data;
        ``threshold``, ``features``, ``score``, ``decision``, ``text`` ... of the model; ``variants`` as a
        list, or a mapping as `fairweigh.run` takes it; and ``slices``, ``metrics``, ``gates``,
        ``compressions``, ``mitigations``, ``report``, ``confidence``, ``seed`` ...

    Raises
    ------
    InputError
        Wrong or unknown keys, no table, no model. Columns are looked for when it runs.

    Examples
    --------
    >>> from fairweigh import Audit
    >>> from fairweigh.datasets.synthetic import lending
    >>> hired = Audit(
    ...     "lending", lending(n=500, seed=1), label="repaid", sensitive=["sex"],
    ...     decision="approved", metrics=["selection_rate"],
    ... )
    >>> hired.config.data.sensitive
    ['sex']
    """

    def __init__(self, audit: str, data: Any, model: Any = None, **settings: Any) -> None:
        content: dict[str, Any] = {"audit": audit}
        sections = {"data": _data(data), "model": dict(model) if isinstance(model, Mapping) else {}}
        for key, value in settings.items():
            place = _place(key)
            if place is None:
                content[key] = value
            elif key in sections[place]:
                raise InputError(f"Audit: {key!r} is given twice, by itself and in {place}")
            else:
                sections[place][key] = value
        self.table = None if isinstance(data, (Mapping, str, Path)) else as_table(data)
        self.model = None if isinstance(model, Mapping) else model
        self.dtypes = caller_dtypes(data) if self.table is not None and self.model is not None else None
        if self.model is not None:
            sections["model"] |= spec_of(self.model)
        self.variants: dict[str, Any] = {}
        if isinstance(content.get("variants"), Mapping):
            content["variants"], self.variants = told_variants(content["variants"])
        content["data"] = sections["data"]
        if sections["model"]:
            content["model"] = sections["model"]
        with _told_in_python():
            self.config = read(content, rows_given=self.table is not None)

    def run(
        self, out: str | Path | None = None, *, overwrite: bool = False, progress: Progress = silent
    ) -> Result:
        """Run it and write its run folder, as `fairweigh.run` does.

        Parameters
        ----------
        out : path, optional
            The run folder, which must not exist; default ``runs/NAME``, with a number behind it where that
            is taken.
        overwrite : bool
            Replace a finished run that is there.
        progress : callable, optional
            Called with a stage, the rows done and their total.

        Raises
        ------
        InputError
            Bad data or model; nothing is written.
        """
        with _told_in_python():
            return run_settings(
                self.config,
                out,
                overwrite=overwrite,
                data=self.table,
                model=self.model,
                variants=self.variants,
                dtypes=self.dtypes,
                progress=progress,
            )

    def __repr__(self) -> str:
        rows = f"{len(self.table):,} rows" if self.table is not None else "data by name"
        return f"Audit({self.config.audit!r}, {rows}, {len(self.config.gates)} gates)"


@contextmanager
def _told_in_python() -> Iterator[None]:
    """Name the keyword that mends an error, where the error names a key of ``audit.yaml``."""
    try:
        yield
    except InputError as error:
        error.args = (_KEY.sub(_keyword, str(error)),)
        raise


_KEY = re.compile(r"\b(data|model)\.([a-z_]+)(\.\w+)?(?![\w/])(: (?=[\[{])|:)?")


def _keyword(found: re.Match[str]) -> str:
    """``positive=`` of ``data.positive``; what Python can only say in a mapping is written as one."""
    section, key, rest, colon = found.groups()
    if key not in ALL[section]:
        return found.group()
    if key in SECTIONS[section]:
        name, equals = f"{key}{rest or ''}", "=" if not rest else ""
        return f"{name}{equals}" if colon != ":" else f"{name}:"
    return f"{section}={{'{key}': ...}}" + (":" if colon == ":" else "")


def _data(given: Any) -> dict[str, Any]:
    if isinstance(given, (str, Path)):
        return {"path": str(given)}
    return dict(given) if isinstance(given, Mapping) else {}


def _place(key: str) -> str | None:
    """The section that a key belongs to; None for the top."""
    if key in TOP:
        return None
    for section, keys in SECTIONS.items():
        if key in keys:
            return section
    known = [*TOP, *SECTIONS["data"], *SECTIONS["model"]]
    raise InputError(f"Audit: {unknown(key, known, 'key')}")
