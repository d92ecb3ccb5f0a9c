"""The command line: thin, every figure and verdict comes from the rooms below."""

from __future__ import annotations

import gc
import io
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from . import explore_command, gate_commands, record_commands, report_commands, start_commands
from ._version import __version__
from .gate_commands import Lenient, leave, say
from .report_commands import tell

INTERRUPTED = 130
"""What typer makes of an interrupt."""
_UNDONE = {
    "audit": "no run was written",
    "compare": "no run was written",
    "gate": "no verdict was reached",
    "verify": "nothing was verified",
    "report": "the run is whole",
    "init": "no configuration was written",
}
"""What an interrupt leaves undone, by command; of the others it is not told."""
_begun: list[str] = []
"""The command that was called, and what an interrupt of it leaves where that is not what `_UNDONE` says."""
TRACEBACK = "FAIRWEIGH_TRACEBACK"
"""Set in the environment, it shows where an error came from."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Audit models for fairness before release, and again after compression.",
)
datasets = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The dataset cards and suites.")
app.add_typer(datasets, name="datasets")
record_commands.register(app)
report_commands.register(app)
gate_commands.register(app)
explore_command.register(app)

Run = Annotated[Path, typer.Argument(help="A run folder.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Audit models for fairness before release, and again after compression."""
    _begun[:] = [context.invoked_subcommand or ""]
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
    from .api import run_settings
    from .audit.config import read
    from .audit.masked import masked
    from .audit.runner import folder_name
    from .progress import reporter

    given = [word for setting in settings or [] for word in ("--set", masked(setting))]
    command = shlex.join(["fairweigh", "audit", str(file), *given])
    config = read(file, settings or [], option="--set")
    target = out or Path("runs") / folder_name(config.audit)
    with _written(target), reporter(quiet) as progress:
        result = run_settings(config, target, command=command, progress=progress, tell=tell)
    if not quiet:
        say(result)
        typer.echo(f"report: {target / 'report.html'}")
    leave(result, allow_inconclusive, quiet)


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
    with _written(target):
        result = compare_two(before, after, target, command=command, tell=tell)
    if not quiet:
        say(result)
        typer.echo(f"report: {target / 'report.html'}")
    leave(result, allow_inconclusive, quiet)


def _audit_at_once(file: Path) -> None:
    """Audit what 'init' wrote; an interrupt is then one of the audit."""
    _begun[:] = ["audit"]
    audit(file)


start_commands.register(app, _audit_at_once)


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
        from .audit.verdict.policy import policy_schema

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
    """List the dataset cards and the suites."""
    from .datasets import card as cards
    from .datasets import suite_card
    from .datasets.suites import SUITES

    for name in cards.names():
        typer.echo(cards.summary(name))
    for suite in SUITES.values():
        typer.echo(suite_card.summary(suite))


@datasets.command("show")
def show_card(name: Annotated[str, typer.Argument(help="Name of a card or a suite.")]) -> None:
    """Print a dataset card, or what is known of a suite: source, licence, columns, known defects."""
    from .datasets import card as cards
    from .datasets import suite_card
    from .datasets.errors import InputError
    from .datasets.read import nearest
    from .datasets.suites import SUITES

    if name not in {*SUITES, *cards.names()}:
        raise InputError(
            f"no dataset card or suite '{name}'{nearest(name, [*SUITES, *cards.names()])}".rstrip()
        )
    typer.echo(suite_card.show(SUITES[name]) if name in SUITES else cards.show(name))


@datasets.command("fetch")
def fetch_card(name: Annotated[str, typer.Argument(help="Name of a card.")]) -> None:
    """Find a data set's files, downloading those that are not here yet."""
    from .datasets.card import card
    from .datasets.errors import InputError
    from .datasets.fetch import fetch
    from .datasets.suites import SUITES

    if name in SUITES:
        place = f"$FAIRWEIGH_DATA/{SUITES[name].folder}/"
        raise InputError(
            f"{name}: a suite's file is not fetched; put it where data.path says, or into {place}"
        )
    for path in fetch(card(name)):
        typer.echo(path)


@contextmanager
def _written(target: Path) -> Iterator[None]:
    """Note where an interrupt comes too late to keep a new run from being written."""
    there = os.path.lexists(target)
    try:
        yield
    except KeyboardInterrupt:
        if not there and os.path.lexists(target):
            _begun.append(f"the run was written before: {target}")
        raise


def main() -> NoReturn:
    """Run the command line; what the user can mend is one line and exit code 2."""
    # The process is short and makes many small objects at once; looking for cycles only costs time.
    gc.disable()
    # Threads of numerical libraries that wait by spinning take the processor from those that work, wherever
    # others compute on the same machine: training a boosted model took ten times as long. Read when loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Batches are freed as soon as they are counted; other pools give their pages back each time.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _reserve()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A slice's name may not be writable on this terminal; a verdict must not fail over that.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _commands()(standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException as error:
        # What is not caught, such as a library's panic or SystemExit, would leave as a failed gate does.
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        if type(error).__name__ == "NoArgsIsHelpError":
            with suppress(OSError):
                error.show()  # type: ignore[attr-defined]
            _leave(2)
        _stop(_told(error))
    if code == INTERRUPTED:
        _stop(_interrupted())
    _leave(code if isinstance(code, int) else 0)


@cache
def _commands() -> Any:
    """What typer makes of the functions above, once where a process runs several commands."""
    return get_command(app)


def _interrupted() -> str:
    """What is said of an interrupt: what it left undone."""
    command, *told = _begun or [""]
    return "; ".join(filter(None, ["interrupted", *(told or [_UNDONE.get(command, "")])]))


def _reserve() -> None:
    """Take the places of standard streams that came closed: no file may get their numbers.

    They can be written to, and fail when that is to reach its place: what is said there is lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDONLY), mode, encoding="utf-8"))


def _told(error: BaseException) -> str:
    """What is said of an error on its one line."""
    from .audit.store.folder import RunExistsError
    from .datasets.errors import InputError

    if isinstance(error, RunExistsError):
        return f"{error.target}: the run folder exists; choose another with -o, or remove it"
    if isinstance(error, InputError):
        return str(error)
    # Bad usage; typer's versions differ in where the class of these errors lives.
    message = getattr(error, "format_message", None)
    if message is not None:
        return f"{message()} (see 'fairweigh --help')"
    if isinstance(error, SystemExit) and isinstance(error.__context__, OSError):
        # What typer makes of a reader that has gone.
        error = error.__context__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'standard output'}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "out of memory"
    text = " ".join(str(error).split())
    return (
        f"internal error: {type(error).__name__}: {text[:300]}; please report it with what "
        f"{TRACEBACK}=1 makes it print"
    )


def _stop(message: str) -> NoReturn:
    from .datasets.errors import shortened
    from .reports.words.spoken import visible

    # A name from a stranger's table may hold what moves a terminal's cursor or turns text round.
    line = visible(shortened(" ".join(message.split())))
    # Where even this cannot be written the exit code still tells.
    with suppress(OSError):
        print(f"fairweigh: {line}", file=sys.stderr, flush=True)
        gate_commands.annotate(line)
    _leave(2)


def _leave(code: int) -> NoReturn:
    """End with a code; 2 where what was said has not reached its place, for which Python has its own."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            told, code = code == 2, 2
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            if number == 1 and not told:
                with suppress(OSError):
                    print(f"fairweigh: standard output: {error.strerror}", file=sys.stderr, flush=True)
    # At its end Python looks through all objects for cycles, which goes with the process anyway.
    gc.freeze()
    sys.exit(code)
