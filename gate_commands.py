"""Commands of gates: judging a finished run, checking configurations and policies, planning rows."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from .audit.result import AuditResult

EXIT = {"pass": 0, "no verdict": 0, "fail": 1, "error": 2, "inconclusive": 3}

MOST_SUMMARY = 2**20
"""Bytes of a step's summary; of a larger one GitHub shows nothing."""

Lenient = Annotated[
    bool, typer.Option("--allow-inconclusive", help="Exit with 0 when the verdict is inconclusive.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""
    for command in (gate, check, plan):
        app.command()(command)


def gate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Gates for many models; default the run's own.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="The run of an earlier release, for change gates.")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key", help="The key that must have signed the run and the baseline: PEM or OpenSSH."
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write a comment for a pull request here.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write SARIF 2.1.0 here.")] = None,
    allow_inconclusive: Lenient = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Judge a finished run, whose files must be as they were written, and exit with the verdict's code.

    Every figure is computed anew from the run's predictions; those in its files are not believed.

    In a GitHub workflow the gates that do not pass are annotations, and the summary of the step is written.
    """
    from .audit.again.by_policy import judge_run
    from .audit.again.finished import read_result
    from .audit.again.gate_places import gate_places
    from .audit.again.verify import not_given, said_otherwise
    from .audit.store.folder import refuse_in_run
    from .reports.plain.annotations import render_annotations
    from .reports.plain.junit import render_junit
    from .reports.plain.markdown import render_markdown
    from .reports.plain.sarif import render_sarif

    for file in (junit, markdown, sarif):
        if file is not None:
            refuse_in_run(file)
    if public_key is not None:
        _refuse_unsigned([run, *([baseline] if baseline is not None else [])], public_key)
    result = judge_run(run, policy, baseline)
    if policy is None and (wrong := said_otherwise(read_result(run), result)):
        typer.echo(f"fairweigh: {run}: {not_given(wrong)}; what follows is what they give", err=True)
    places = gate_places(result)
    if junit is not None:
        _write(junit, render_junit(result))
    if markdown is not None:
        _write(markdown, render_markdown(result))
    if sarif is not None:
        _write(sarif, render_sarif(result, places))
    if not quiet:
        say(result)
        if _on_github():
            typer.echo(render_annotations(result, places), nl=False)
            _add_summary(render_markdown(result))
    leave(result, allow_inconclusive, quiet)


def _refuse_unsigned(runs: list[Path], public_key: Path) -> None:
    """InputError where a run was not signed with a key: a forged baseline misleads as a forged run does."""
    from .audit.store.keys import read_public_key
    from .audit.store.signature import check_signer
    from .datasets.errors import InputError

    key = read_public_key(public_key)
    for run in runs:
        wrong = check_signer(run, key, public_key)
        if wrong:
            raise InputError(f"{run}: {'; '.join(wrong)}")


def check(
    files: Annotated[list[Path], typer.Argument(help="Configurations (audit.yaml) and policies.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Check that configurations and policies are valid, without reading any data."""
    from .audit.check import check_file
    from .datasets.errors import InputError

    wrong = []
    for file in files:
        try:
            told = check_file(file)
        except InputError as error:
            wrong.append(str(error))
        else:
            if not quiet:
                typer.echo(f"{file}: {told}")
    for line in wrong[:-1]:
        typer.echo(f"fairweigh: {line}", err=True)
    if wrong:
        raise InputError(wrong[-1])


def plan(
    limit: Annotated[str, typer.Option(help="Of the gate: 0.1, '<= 0.1', '>= 80 %'.")],
    rate: Annotated[float, typer.Option(help="True rate of the reference; of every slice for a value.")],
    gap: Annotated[
        float | None, typer.Option(help="True difference, slice - reference; default none.")
    ] = None,
    ratio: Annotated[
        float | None, typer.Option(help="In place of --gap: true ratio, slice / reference.")
    ] = None,
    slices: Annotated[int, typer.Option(help="Compared slices, the reference aside.")] = 1,
    reference_times: Annotated[float, typer.Option(help="Rows of the reference per row of a slice.")] = 1.0,
    power: Annotated[float, typer.Option(help="Chance that the gate decides as the truth is.")] = 0.8,
    confidence: Annotated[float, typer.Option(help="Of the gate.")] = 0.95,
    compare: Annotated[str, typer.Option(help="value, difference or ratio.")] = "difference",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how many rows a gate on a rate needs, before there are any."""
    import json

    from . import planner

    planned = planner.plan(
        limit, rate, gap=gap, ratio=ratio, slices=slices, reference_times=reference_times, power=power,
        confidence=confidence, compare=compare,  # type: ignore[arg-type]
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(planned.to_dict(), indent=2))
        return
    typer.echo(planned)
    typer.echo(
        "Rows are those in the metric's denominator: of a true positive rate, those of a positive label."
    )
    if planned.rows_per_slice is not None and planned.rows_per_slice < planner.MIN_SIZE:
        typer.echo(
            f"A gate leaves out slices with fewer than min_size of them, {planner.MIN_SIZE} unless set."
        )
    for line in ("", *planner.table(planned)):
        typer.echo(line)


def say(result: AuditResult) -> None:
    """Print a result; on GitHub so that nothing in it is taken for a command of the workflow."""
    from .reports.plain.text import render_text

    text = render_text(result)
    if _on_github():
        token = secrets.token_hex(16)
        text = f"::stop-commands::{token}\n{text}\n::{token}::"
    typer.echo(text)


def leave(result: AuditResult, allow_inconclusive: bool, quiet: bool) -> NoReturn:
    """End with the verdict's exit code; an error is told in a line where nothing else was."""
    code = 0 if result.verdict == "inconclusive" and allow_inconclusive else EXIT[result.verdict]
    if quiet and code == EXIT["error"]:
        line = _not_evaluated(result)
        typer.echo(f"fairweigh: {line}", err=True)
        annotate(line)
    raise typer.Exit(code)


def _not_evaluated(result: AuditResult) -> str:
    """The first gate that could not be evaluated, why, and how many others there are, on one line."""
    from .datasets.errors import number_of, shortened
    from .reports.words.spoken import visible

    found = [gate for gate in result.gates if gate.binding and gate.verdict == "error"]
    first = found[0]
    # A gate may be on a group of variants, of which none was made.
    failed = sorted(result.failed, key=lambda variant: variant.name != first.variant)
    why = "; ".join([first.why.rstrip("."), *(f"{v.name}: {v.why}" for v in failed[:1])])
    more = f"; {number_of(len(found) - 1, 'more gate')} could not be evaluated" if len(found) > 1 else ""
    return shortened(visible(" ".join(f"gate {first.id} could not be evaluated: {why}{more}".split())))


def annotate(error: str) -> None:
    """On GitHub, tell an error beside the change too."""
    if _on_github():
        typer.echo(f"::error title=fairweigh::{error.replace('%', '%25')}")


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _write(file: Path, text: str) -> None:
    """Write a file at once, so that an error leaves none or the old one; what is no file is written to."""
    from .audit.store.folder import swap
    from .datasets.errors import InputError

    try:
        if file.exists() and not file.is_file():
            # A device or a named pipe: a file in its place would be no answer to its reader.
            with file.open("w", encoding="utf-8") as stream:
                stream.write(text)
        else:
            swap(file, text)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from None


def _add_summary(text: str) -> None:
    from .datasets.errors import InputError

    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            if file.tell() + len(text.encode()) >= MOST_SUMMARY:
                typer.echo("fairweigh: GITHUB_STEP_SUMMARY has no room left; it is not written", err=True)
                return
            file.write(text + "\n")
    except OSError as error:
        raise InputError(f"GITHUB_STEP_SUMMARY: {path}: cannot be written: {error.strerror}") from None
