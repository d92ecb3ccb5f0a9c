"""The audit and its renderers put together: what ``fairweigh.run`` and the command line call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .audit.again.finished import read_result
from .audit.config import Config, ReportSpec, read
from .audit.progress import Progress, silent
from .audit.regimes.files import read_regimes
from .audit.runner import audit, folder_name
from .audit.store.folder import free_folder, open_run
from .datasets.memory import as_table, caller_dtypes
from .models.memory import spec_of, told_variants
from .needed import check_report
from .record.keep import keeping, warned
from .result import Result

if TYPE_CHECKING:
    from .audit.again.saved_variant import LoadedVariant


def run(
    config: str | Path | Mapping[str, Any],
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    overrides: Sequence[str] = (),
    data: Any = None,
    model: Any = None,
    variants: Mapping[str, Any] | None = None,
    command: str | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = warned,
) -> Result:
    """Run an audit and write its run folder, reports included.

    Parameters
    ----------
    config : path or mapping
        ``audit.yaml`` or its content.
    out : path, optional
        The run folder, which must not exist; default ``runs/NAME``, or the first that is free of
        ``runs/NAME-2``, ``runs/NAME-3`` and so on.
    overwrite : bool
        Replace a finished run that is there, once the new one is whole; default ``runs/NAME`` then.
    overrides : sequence of str
        ``key.path=value`` settings.
    data : pandas, polars or pyarrow table, optional
        Rows to audit in place of the file ``data.path``, which the configuration then need not name. The
        index of a pandas frame is left out.
    model : optional
        Model in place of the configured one: a callable (pandas frame of features to scores or decisions), a
        fitted scikit-learn classifier, a torch module (float features or pixels to logits), or a transformers
        pipeline for text-classification or image-classification. What applies to it stays as configured, such
        as ``threshold``, ``features`` or ``text``. Where the configured one is a variant that is the rule of
        a callable, a callable gives the scores that it cuts.
    variants : mapping, optional
        Variants that were made elsewhere, by name, beside those of the configuration: an object as for
        ``model``, the path of a file or folder, or a mapping with the keys of an entry of ``variants:``.
    command : str, optional
        How to reproduce the run, for its report.
    progress : callable, optional
        Called with a stage, the rows done and their total.
    tell : callable, optional
        Called with a line for what did not work once the run was written, such as its history; default a
        warning.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        Bad configuration, data or model, and nothing is written; or a history that is ``required`` could not
        be written, and the run is whole.
    """
    given = spec_of(model) if model is not None else None
    entries, objects = told_variants(variants or {})
    settings = read(config, overrides, rows_given=data is not None, model=given, variants=entries)
    told = command or (f"fairweigh.run({str(config)!r})" if not isinstance(config, Mapping) else "")
    return run_settings(
        settings, out, overwrite=overwrite, data=data, model=model, variants=objects, command=told,
        progress=progress, tell=tell,
    )  # fmt: skip


def run_settings(
    settings: Config,
    out: str | Path | None,
    *,
    overwrite: bool = False,
    data: Any = None,
    model: Any = None,
    variants: Mapping[str, Any] | None = None,
    dtypes: Mapping[str, Any] | None = None,
    command: str = "",
    progress: Progress = silent,
    tell: Callable[[str], None] = warned,
) -> Result:
    """Run an audit whose configuration has been read; as `run` otherwise.

    ``dtypes`` are those of the caller's frame where ``data`` is an Arrow table that was made of it.
    """
    from .reports import render

    asked = settings.history
    check_report(settings.report.charts, settings.report.language)
    keep = keeping(asked.url if asked else None, bool(asked and asked.required), settings.track)
    table = as_table(data) if data is not None else None
    if dtypes is None and data is not None and (model is not None or variants):
        dtypes = caller_dtypes(data)
    target = _place(out, Path("runs") / folder_name(settings.audit), overwrite)
    with open_run(target, overwrite) as folder:
        result = audit(
            settings, folder, table=table, given=model, variants=variants or {}, dtypes=dtypes,
            command=command, progress=progress,
        )  # fmt: skip
        progress("writing reports", 0, None)
        spec = settings.report
        regimes = read_regimes(folder.folder)
        pages = render(result, charts=spec.charts, language=spec.language, regimes=regimes, tell=tell)
        for name, text in pages.items():
            folder.write(name, text)
    for line in keep(target, result):
        tell(line)
    return Result.of(result, target)


def _place(out: str | Path | None, usual: Path, overwrite: bool) -> Path:
    if out is not None:
        return Path(out)
    return usual if overwrite else free_folder(usual)


def compare(
    before: str | Path,
    after: str | Path,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    command: str | None = None,
    tell: Callable[[str], None] = warned,
) -> Result:
    """Compare the models of two runs on the same rows into a run folder of its own, reports included.

    Parameters
    ----------
    before, after : path
        Finished runs; their rows are matched by id.
    out : path, optional
        The new run folder, which must not exist; default ``runs/BEFORE-to-AFTER``, with a number behind it
        where that is taken.
    overwrite : bool
        Replace a finished run that is there.
    command : str, optional
        How to reproduce the comparison, for its report.
    tell : callable, optional
        Called with a line for what the report could not show, such as charts; default a warning.

    Raises
    ------
    InputError
        Not two runs of the same data; nothing is written.
    """
    from .audit.again.compare_runs import compare_runs
    from .reports import render

    target = _place(out, comparison_folder(before, after), overwrite)
    told = command or f"fairweigh.compare({str(before)!r}, {str(after)!r})"
    with open_run(target, overwrite) as folder:
        result = compare_runs(Path(before), Path(after), folder, told)
        spec = ReportSpec.model_validate(result.configuration.get("report", {}))
        check_report(spec.charts, spec.language)
        pages = render(result, charts=spec.charts, language=spec.language, tell=tell)
        for name, text in pages.items():
            folder.write(name, text)
    return Result.of(result, target)


def comparison_folder(before: str | Path, after: str | Path) -> Path:
    """Where the comparison of two runs is written by default."""
    name = f"{Path(before).resolve().name}-to-{Path(after).resolve().name}"
    return Path("runs") / folder_name(name)


def load_variant(
    path: str | Path,
    *,
    device: str = "cpu",
    factory: str | None = None,
    model: Callable[[Any], Any] | None = None,
    trusted: Sequence[str] = (),
) -> LoadedVariant:
    """Load a variant's artefact from a run, to decide with it.

    Parameters
    ----------
    path : path
        Its folder, such as ``runs/NAME/artefacts/VARIANT``.
    device : str
        For a torch model: cpu, cuda or cuda:N.
    factory : str, optional
        ``package.module:function`` that builds its torch module: code that is run, so it must be named.
    model : callable, optional
        Where the artefact is the rule of a callable: that callable. Without it the scores are read from a
        column of the table, which ``columns`` of the result names.
    trusted : sequence of str
        Types that its skops file may hold, such as ``lightgbm.sklearn.LGBMClassifier``: loading them runs
        their code.

    Raises
    ------
    InputError
        Not an artefact, one that holds types that are not trusted, one that wants another factory, or one
        that scores by itself and a ``model``.
    """
    from .audit.again.saved_variant import LoadedVariant
    from .audit.making.artefacts import load

    return LoadedVariant(load(Path(path), device, (factory,) if factory else (), model, trusted))


def load_result(run: str | Path) -> Result:
    """Read the result of a finished run from its ``audit.json``.

    Raises
    ------
    InputError
        Not a run folder, or one of another schema version.
    """
    return Result.of(read_result(Path(run)), run)
