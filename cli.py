"""The command line: thin, every figure and verdict comes from the rooms below."""

from __future__ import annotations

import gc
import io
import os
import shlex
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from . import gate_commands, record_commands
from ._version import __version__
from .gate_commands import Lenient, leave, say

INTERRUPTED = 130
"""What typer makes of an interrupt."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Audit models for fairness before release, and again after compression.",
)
datasets = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The dataset cards.")
app.add_typer(datasets, name="datasets")
record_commands.register(app)
gate_commands.register(app)

Run = Annotated[Path, typer.Argument(help="A run folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Audit models for fairness before release, and again after compression."""
    if version:
        typer.echo(f"fairweigh {__version__}")
        raise typer.Exit


@app.command()
def audit(
    file: Annotated[Path, typer.Argument(help="The configuration, audit.yaml.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The run folder; default runs/NAME.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key.path=value, over the configuration.")
    ] = None,
    allow_inconclusive: Lenient = False,
    quiet: Quiet = False,
) -> None:
    """Audit a model and write a run folder with its report."""
    from .api import run
    from .audit.masked import masked
    from .progress import reporter

    given = [word for setting in settings or [] for word in ("--set", masked(setting))]
    command = shlex.join(["fairweigh", "audit", str(file), *given])
    with reporter(quiet) as progress:
        result = run(file, out, overrides=settings or [], command=command, progress=progress, tell=_tell)
    if not quiet:
        from .audit.runner import folder_name

        say(result)
        typer.echo(f"report: {(out or Path('runs') / folder_name(result.audit)) / 'report.html'}")
    leave(result.verdict, allow_inconclusive)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The run before.")],
    after: Annotated[Path, typer.Argument(help="The run after, on the same rows.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The run folder to write.")] = None,
    allow_inconclusive: Lenient = False,
    quiet: Quiet = False,
) -> None:
    """Compare the models of two runs on the same rows, into a run folder of its own."""
    from .api import compare as compare_two
    from .api import comparison_folder

    target = out or comparison_folder(before, after)
    command = shlex.join(["fairweigh", "compare", str(before), str(after)])
    result = compare_two(before, after, target, command=command)
    if not quiet:
        say(result)
        typer.echo(f"report: {target / 'report.html'}")
    leave(result.verdict, allow_inconclusive)


@app.command()
def report(
    run: Run,
    charts: Annotated[
        bool | None, typer.Option("--charts/--no-charts", help="Draw the charts; default as configured.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en or zh; default as configured.")
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
    quiet: Quiet = False,
) -> None:
    """Render a run's reports again from its own files alone, under further rules where asked for."""
    from .api import load_result
    from .audit.folder import AUDIT, replace
    from .audit.regimes.asked import with_asked
    from .audit.verify import check_files, refuse_forged
    from .datasets.errors import InputError
    from .reports import render
    from .reports.language import TAGS

    changed = check_files(run)
    for line in changed:
        if line.startswith(f"{AUDIT}:"):
            raise InputError(f"{run}: {line}")
    result = load_result(run)
    if not changed:
        # Changed files are found by whoever checks them; what the manifest names must not be passed on.
        refuse_forged(run, result)
    spec = result.configuration.get("report", {})
    if charts is None:
        charts = bool(spec.get("charts", True))
    language = language or str(spec.get("language", "en"))
    if language not in TAGS:
        raise InputError(f"--language: expected one of {', '.join(TAGS)}, got {language!r}")
    regimes, figures = with_asked(run, result, regime or [], inputs or [], changed)
    pages = render(result, charts=charts, language=language, regimes=regimes)
    signed = replace(run, {**figures, **pages}, unsign=unsign)
    if not quiet:
        if signed:
            typer.echo(f"{run}: the signature was removed; sign the run again when it is as you want it")
        typer.echo(f"report: {run / 'report.html'}")
        for name in regime or []:
            typer.echo(f"{name}: {run / next(file for file in pages if file.startswith(f'regimes/{name}.'))}")


@app.command("regimes")
def list_regimes() -> None:
    """List the rules that a run can be reported under, and what each asks for."""
    from .audit.regimes.base import MODULES, find, lines

    for name in MODULES:
        for line in lines(find(name)):
            typer.echo(line)


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="A table: CSV, Parquet, Feather or JSON lines.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")] = Path("audit.yaml"),
) -> None:
    """Write a commented audit.yaml from a table's columns."""
    from .audit.start import write_start

    write_start(data, out)
    typer.echo(f"{out}: look through it, then run: fairweigh audit {out}")


@app.command()
def schema(
    result: Annotated[bool, typer.Option("--result", help="That of audit.json instead.")] = False,
    policy: Annotated[bool, typer.Option("--policy", help="That of a policy instead.")] = False,
) -> None:
    """Print the JSON Schema of audit.yaml."""
    import json

    if result and policy:
        raise typer.BadParameter("one of --result and --policy")
    if policy:
        from .audit.policy import policy_schema

        content: dict[str, Any] = policy_schema()
    elif result:
        from .audit.result import AuditResult

        content = AuditResult.model_json_schema()
    else:
        from .audit.config import json_schema

        content = json_schema()
    typer.echo(json.dumps(content, indent=2))


@datasets.command("list")
def list_cards() -> None:
    """List the dataset cards."""
    from .datasets import card as cards

    for name in cards.names():
        typer.echo(cards.summary(name))


@datasets.command("show")
def show_card(name: Annotated[str, typer.Argument(help="Name of a card.")]) -> None:
    """Print a dataset card: source, licence, columns, known defects."""
    from .datasets import card as cards

    typer.echo(cards.show(name))


@datasets.command("fetch")
def fetch_card(name: Annotated[str, typer.Argument(help="Name of a card.")]) -> None:
    """Find a data set's files, downloading those that are not here yet."""
    from .datasets.card import card
    from .datasets.fetch import fetch

    for path in fetch(card(name)):
        typer.echo(path)


def _tell(line: str) -> None:
    typer.echo(f"fairweigh: {line}", err=True)


def main() -> NoReturn:
    """Run the command line; what the user can mend is one line and exit code 2."""
    # The process is short and makes many small objects at once; looking for cycles only costs time.
    gc.disable()
    # Threads of numerical libraries that wait by spinning take the processor from those that work, wherever
    # others compute on the same machine: training a boosted model took ten times as long. Read when loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A slice's name may not be writable on this terminal; a verdict must not fail over that.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        from .datasets.errors import InputError

        if isinstance(error, InputError):
            _stop(str(error))
        # Bad usage; typer's versions differ in where the class of these errors lives.
        message = getattr(error, "format_message", None)
        if message is None:
            # A fault of ours; it must not leave with the exit code of a failed gate.
            traceback.print_exc()
            _stop(f"internal error: {type(error).__name__}; please report it with the lines above")
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            sys.exit(2)
        _stop(f"{message()} (see 'fairweigh --help')")
    if code == INTERRUPTED:
        _stop("interrupted; no run was written")
    sys.exit(code if isinstance(code, int) else 0)


def _stop(message: str) -> NoReturn:
    line = " ".join(message.split())
    print(f"fairweigh: {line}", file=sys.stderr)
    gate_commands.annotate(line)
    sys.exit(2)
