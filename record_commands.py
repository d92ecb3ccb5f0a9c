"""Commands about finished runs on record: signing and verifying them, their history."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .audit.masked import DEFAULT_HISTORY

if TYPE_CHECKING:
    from .audit.result import AuditResult

PASSPHRASE = "FAIRWEIGH_KEY_PASSPHRASE"
"""Environment variable with the passphrase of a private key."""

HISTORY = "FAIRWEIGH_HISTORY"
"""Environment variable with the address of the database where no option says it."""

Run = Annotated[Path, typer.Argument(help="A run folder.")]
Database = Annotated[
    str | None,
    typer.Option("--db", help=f"A SQLAlchemy address; default ${HISTORY}, else {DEFAULT_HISTORY}."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""
    for command in (verify, sign, record, history):
        app.command()(command)


def verify(
    run: Run,
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="The key that must have signed the run: PEM or OpenSSH."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check a run's files and signature, recompute every figure and render every page again."""
    from .audit.store.keys import read_public_key
    from .audit.store.signature import check_signer
    from .reports.words.spoken import visible
    from .verification import verify as verify_run

    key = read_public_key(public_key) if public_key else None
    found = verify_run(run)
    signer = check_signer(run, key, public_key) if key and public_key else []
    wrong = [*found.files, *signer, *found.figures, *found.pages]
    for line in wrong:
        # A stray file may have any name.
        typer.echo(visible(line))
    if wrong:
        told = f"{len(found.files)} files and {len(found.figures)} figures differ"
        told += f", {len(found.pages)} pages are not those of the figures" if found.pages else ""
        told += ", the signature is not the expected one" if signer else ""
        typer.echo(f"{run}: not verified: {told}")
        raise typer.Exit(1)
    if not quiet:
        pages = "every page from the figures" if found.rendered else "the pages were not rendered again"
        typer.echo(f"{run}: every file is as written, every figure follows from the predictions, {pages}")
        typer.echo(f"{run}: not proven by anything here: {'; '.join(found.unproven)}")
        _tell_signature(run, public_key)


def _tell_signature(run: Path, checked_with: Path | None) -> None:
    from .audit.store.signature import can_check, read_signature

    found = read_signature(run)
    if found is None:
        return
    if checked_with:
        told = f"signed with the key of {checked_with}, {found.key.fingerprint}"
    else:
        told = f"signed with the key {found.key.fingerprint}; whose it is was not checked: give --public-key"
        if not can_check():
            needs = 'needs the package cryptography: pip install "fairweigh[sign]"'
            told += f"; nor was the signature, which {needs}"
    name = f"{found.key.comment!r}, " if found.key.comment else ""
    typer.echo(f"{run}: {told}")
    typer.echo(f"{run}: the signer's own words: {name}{found.time}")


def sign(
    run: Run,
    key: Annotated[Path, typer.Option("--key", help="The Ed25519 private key: PEM or OpenSSH.")],
    comment: Annotated[
        str | None, typer.Option("--comment", help="Whose key it is; default what KEY.pub calls it.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Sign a run's manifest, and with it every file of the run."""
    from .audit.again.verify import check_files
    from .audit.store.folder import SIGNATURE
    from .audit.store.keys import read_private_key
    from .audit.store.signature import refuse_signed
    from .audit.store.signature import sign as sign_run
    from .datasets.errors import InputError

    refuse_signed(run)
    changed = check_files(run)
    if changed:
        raise InputError(f"{run}: not as it was written, so not signed: {'; '.join(changed)}")
    made = sign_run(run, read_private_key(key, lambda: _passphrase(key)), comment)
    if not quiet:
        typer.echo(f"{run / SIGNATURE}: signed with the key {made.named}")


def _passphrase(key: Path) -> str:
    from .datasets.errors import InputError

    told = os.environ.get(PASSPHRASE)
    if told:
        return told
    if not sys.stdin.isatty():
        raise InputError(f"{key}: the key is encrypted; set its passphrase in {PASSPHRASE}")
    return str(typer.prompt(f"Passphrase of {key}", hide_input=True, err=True))


def record(
    run: Run,
    db: Database = None,
    track: Annotated[
        list[str] | None,
        typer.Option("--track", help="Tell mlflow, tensorboard or wandb of it instead; may be repeated."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Record a finished run in a history, or tell trackers of it, where its audit did not or could not."""
    from .api import load_result
    from .audit.again.verify import check_files, refuse_forged
    from .audit.masked import HIDDEN
    from .datasets.errors import InputError
    from .record.database import engine
    from .record.history import record as record_run

    changed = check_files(run)
    if changed:
        raise InputError(f"{run}: not as it was written, so not recorded: {'; '.join(changed)}")
    result = load_result(run)
    refuse_forged(run, result)
    if sum(v.kind == "original" for v in result.variants) > 1:
        raise InputError(f"{run}: compares two runs; a history is of runs of one model")
    if track:
        _track(run, result, track)
    if track and not db:
        return
    configured = (result.configuration.get("history") or {}).get("url")
    where = "--db" if db else "history"
    if not db and HIDDEN in (configured or "") and os.environ.get(HISTORY):
        # The run keeps its address without the password; the environment's is one that works.
        configured, where = None, HISTORY
    new = record_run(engine(db or configured or _default_history(), where), run, result)
    if not quiet:
        typer.echo(f"{run}: recorded" if new else f"{run}: was recorded before")


def _track(run: Path, result: AuditResult, names: list[str]) -> None:
    from .datasets.errors import InputError
    from .record.tracking import TRACKERS, trackers
    from .record.tracking import track as track_run

    for name in names:
        if name not in TRACKERS:
            raise InputError(f"--track: expected one of {', '.join(TRACKERS)}, got {name!r}")
    failed = track_run(run, result, trackers(names))
    if failed:
        raise InputError("; ".join(failed))


def history(
    model: Annotated[str, typer.Argument(help="The audit's name, 'audit:' in its audit.yaml.")],
    db: Database = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this metric or disparity; may be repeated.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", help="Only this variant; default what decides.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write charts to this HTML file too.")] = None,
    runs: Annotated[
        Path | None,
        typer.Option("--runs", help="Folder of runs whose reports the page refers to; default runs."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Of the page: en or zh; default en.")
    ] = None,
) -> None:
    """Print and chart a model's figures over its releases, and which broke a limit first."""
    from .datasets.errors import InputError
    from .record.database import DatabaseError, NotRecordedError
    from .record.show import history as read_history
    from .record.terminal import marks_for

    if html is None and (runs is not None or language is not None):
        raise InputError("history: --runs and --language are of the page; expected --html with them")
    _check_language(language or "en")
    try:
        found = read_history(model, db or _default_history(), metric or [], variant)
    except (NotRecordedError, DatabaseError) as error:
        other = f"{error}; --db ADDRESS names another database, as {HISTORY} in the environment does"
        raise InputError(f"--db: {error}" if db else other) from None
    if html is not None:
        _write(html, found.html(language=language or "en", reports=_reports(runs, html)))
    for line in found.lines(marks_for(sys.stdout.encoding)):
        typer.echo(line)
    if html is not None:
        typer.echo(f"charts: {html}")


def _check_language(language: str) -> None:
    from .datasets.errors import InputError
    from .needed import check_report
    from .reports.words.language import TAGS

    if language not in TAGS:
        raise InputError(f"--language: expected one of {', '.join(TAGS)}, got {language!r}")
    check_report(False, language)


def _reports(runs: Path | None, page: Path) -> dict[str, str]:
    """Reports that the page refers to: those of a folder that was named, or of `runs` where that is there."""
    from .record.run_reports import run_reports

    usual = Path("runs")
    if runs is None and not usual.is_dir():
        return {}
    return run_reports(runs or usual, page)


def _default_history() -> str:
    return os.environ.get(HISTORY) or DEFAULT_HISTORY


def _write(path: Path, text: str) -> None:
    from .audit.store.folder import swap
    from .datasets.errors import InputError

    try:
        swap(path, text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
