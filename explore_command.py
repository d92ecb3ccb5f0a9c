"""The command that opens a finished run to look at: on this machine, or as one file."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this file to the command line."""
    app.command()(explore)


def explore(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the page as one offline file instead.")
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of this machine; default any that is free.")
    ] = 0,
    language: Annotated[
        str | None, typer.Option("--language", help="en or zh; default as the report is now.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing but errors and the address.")
    ] = False,
) -> None:
    """Look at a run's thresholds, slices and gates in the browser; what is seen there is no audit.

    Every figure of the run is computed anew first, as 'verify' does, which takes a while for many variants.
    """
    from .explore.page import page
    from .explore.payload import opened
    from .explore.server import bound, check_installed, new_token, serve

    if export is not None:
        _check_target(export)
    else:
        check_installed()
    held = None if export is not None else bound(port)
    if not quiet and sys.stderr.isatty():
        typer.echo(f"{run}: its figures are computed anew", err=True)
    result = opened(run)
    text = page(run, result, _language(run, language, result.configuration.get("report", {})))
    if export is not None or held is None:
        _write(Path(str(export)), text)
        if not quiet:
            typer.echo(f"explorer: {export}")
        return
    token = new_token()
    if not quiet:
        typer.echo("explorer: on this machine alone, read-only; interrupt it (Ctrl-C) to end it")
    typer.echo(f"http://127.0.0.1:{held.getsockname()[1]}/{token}/")
    # An interrupt is how it ends.
    with suppress(KeyboardInterrupt):
        serve(text, held, token)


def _language(run: Path, asked: str | None, configured: dict[str, object]) -> str:
    from .audit.store.folder import rendered_as
    from .datasets.errors import InputError
    from .needed import check_report
    from .reports.words.language import TAGS

    language = asked or str({"language": "en", **configured, **rendered_as(run)}["language"])
    if language not in TAGS:
        raise InputError(f"--language: expected one of {', '.join(TAGS)}, got {language!r}")
    check_report(False, language)
    return language


def _check_target(path: Path) -> None:
    """InputError where a page cannot be written, before it is made."""
    from .audit.store.folder import refuse_in_run
    from .datasets.errors import InputError

    if os.path.lexists(path):
        raise InputError(f"--export: {path} exists; choose another file, or remove it")
    if not path.parent.is_dir():
        raise InputError(f"--export: {path}: no folder {path.parent}")
    refuse_in_run(path)


def _write(path: Path, text: str) -> None:
    from .audit.store.folder import swap
    from .datasets.errors import InputError

    try:
        swap(path, text)
    except OSError as error:
        raise InputError(f"--export: {path}: cannot be written: {error.strerror}") from None
