"""Commands of reports: rendering those of a finished run again, on paper too, and the rules there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from .audit.result import AuditResult


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""
    app.command()(report)
    app.command("regimes")(list_regimes)


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    charts: Annotated[
        bool | None, typer.Option("--charts/--no-charts", help="Draw the charts; default as they are now.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en or zh; default as the report is now.")
    ] = None,
    regime: Annotated[
        list[str] | None,
        typer.Option("--regime", help="Report under a rule too, such as four-fifths; see 'regimes'."),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="key=value, or REGIME.key=value, for --regime.")
    ] = None,
    unsign: Annotated[
        bool, typer.Option("--unsign", help="Remove the signature of a signed run, which would not fit.")
    ] = False,
    pdf: Annotated[
        Path | None,
        typer.Option(
            "--pdf",
            help="Print the report to this file instead, through an installed Chromium; the run stays.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Render a run's reports again from its own files alone, under further rules where asked for."""
    from .api import load_result
    from .audit.again.verify import refuse_forged
    from .audit.regimes.asked import with_asked
    from .audit.store.checksums import check_files, refuse_changed_figures
    from .audit.store.folder import replace
    from .pdf import check_pdf, print_report
    from .reports import render

    if pdf is not None:
        _refuse_changes({"--regime": regime, "--input": inputs, "--unsign": unsign})
        check_pdf(pdf)
    refuse_changed_figures(run, check_files(run))
    result = load_result(run)
    refuse_forged(run, result)
    rendered, unlike = _as_asked(run, result, charts, language)
    regimes, figures = with_asked(run, result, regime or [], inputs or [])
    if pdf is not None:
        print_report(result, pdf, regimes=regimes, **rendered)
        told = [f"report: {pdf}"]
    else:
        pages = render(result, regimes=regimes, tell=tell, **rendered)
        unsigned = replace(run, {**figures, **pages}, rendered=unlike, unsign=unsign)
        told = _written(run, list(pages), regime or [], unsigned)
    for line in [] if quiet else told:
        typer.echo(line)


def _refuse_changes(asked: dict[str, Any]) -> None:
    """InputError for options that change the run, where its report goes to a PDF beside it."""
    from .datasets.errors import InputError

    if given := [name for name, value in asked.items() if value]:
        raise InputError(
            f"--pdf: prints the report of the run as it is, and {given[0]} changes the run; call 'fairweigh "
            f"report' with {given[0]} first, then with --pdf"
        )


def _as_asked(
    run: Path, result: AuditResult, charts: bool | None, language: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a report is to be rendered, by default as last, and what of that is not as configured."""
    from .audit.store.folder import rendered_as
    from .datasets.errors import InputError
    from .needed import check_report
    from .reports.words.language import TAGS

    configured = {"language": "en", "charts": True, **result.configuration.get("report", {})}
    spec = {**configured, **rendered_as(run)}
    charts = bool(spec["charts"]) if charts is None else charts
    language = language or str(spec["language"])
    if language not in TAGS:
        raise InputError(f"--language: expected one of {', '.join(TAGS)}, got {language!r}")
    check_report(charts, language)
    rendered = {"language": language, "charts": charts}
    return rendered, {key: value for key, value in rendered.items() if value != configured[key]}


def _written(run: Path, pages: list[str], regimes: list[str], unsigned: bool) -> list[str]:
    """What is said of pages that were rendered into a run."""
    told = [f"{run}: the signature was removed; sign the run again when it is as you want it"] * unsigned
    told.append(f"report: {run / 'report.html'}")
    for name in regimes:
        own = (f"regimes/{name}.", f"regimes/{name}/")
        told.append(f"{name}: {run / next(file for file in pages if file.startswith(own))}")
    return told


def list_regimes() -> None:
    """List the rules that a run can be reported under, and what each asks for."""
    from .audit.regimes.base import lines
    from .audit.regimes.registry import find, names
    from .guests import load

    load()
    for name in names():
        for line in lines(find(name)):
            typer.echo(line)


def tell(line: str) -> None:
    """Say a line of what did not work, beside what was asked for."""
    from .datasets.errors import shortened

    typer.echo(f"fairweigh: {shortened(line)}", err=True)
