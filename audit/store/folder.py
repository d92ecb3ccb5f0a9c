"""A run's folder: built beside its final place, then renamed, so that it is whole or not there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import IO, Any

from ...datasets.errors import InputError
from ...datasets.json_text import read_object
from ...datasets.read import sha256_file
from ...plain import kind_of, shown

AUDIT, MANIFEST = "audit.json", "MANIFEST.json"
PREDICTIONS, ARTEFACTS = "predictions", "artefacts"
SIGNATURE = "MANIFEST.sig"
RENDERED = "rendered"
"""Key of the manifest: how the pages were rendered last."""
_LOCK = ".lock"
MOST_MANIFEST = 1 << 24
"""Bytes of a manifest: that of a hundred thousand files."""
_SHA256 = re.compile("[0-9a-f]{64}")
_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
"""What has no place in the name of a run's file: control characters, backslashes, drives."""


class OpenRun:
    """A run folder that is being written.

    Attributes
    ----------
    target : Path
        Where it will be.
    folder : Path
        Where its files are until then.
    provenance : dict
        What MANIFEST.json says beside the files' checksums.
    scored : Path
        Where scores are kept on the way; it outlives an audit that is killed or fails, so that the next
        one of the same run goes on from there, and goes when the run is whole.
    """

    def __init__(self, target: Path, folder: Path, overwrite: bool = False) -> None:
        self.target = target
        self.folder = folder
        self.overwrite = overwrite
        self.provenance: dict[str, Any] = {}
        self.scored = target.parent / f".{target.name}.scored"

    def write(self, name: str, text: str) -> None:
        """Write a text file of the run."""
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def predictions(self, variant: str) -> Path:
        """Return where the predictions of a variant are written."""
        folder = self.folder / PREDICTIONS
        folder.mkdir(exist_ok=True)
        return folder / f"{variant}.parquet"

    def finish(self) -> None:
        """Write the manifest and put the folder in its place."""
        artefacts = self.folder / ARTEFACTS
        if artefacts.is_dir() and not any(artefacts.iterdir()):
            # No variant could be made: whoever verifies the run would not know an empty folder.
            artefacts.rmdir()
        self.write(MANIFEST, manifest(self.folder, self.provenance))
        # Last, as a second audit takes a folder without a lock for one that a killed run left.
        (self.folder / _LOCK).unlink()
        old = self.target.with_name(f".{self.target.name}.old")
        try:
            if self.overwrite and self.target.exists():
                shutil.rmtree(old, ignore_errors=True)
                self.target.rename(old)
            self.folder.rename(self.target)
        except OSError as error:
            raise InputError(f"{self.target}: appeared while the audit ran: {error.strerror}") from None
        finally:
            if old.exists() and not self.target.exists():
                old.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.scored, ignore_errors=True)


def files(folder: Path) -> list[str]:
    """Return the files that a run's manifest names, as relative paths in sorted order."""
    return sorted(name for name in walked(folder)[0] if name not in (MANIFEST, SIGNATURE))


def walked(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Go through a folder without following a link, opening a file, or leaving it.

    Returns
    -------
    regular : list of str
        Relative paths of the regular files, sorted.
    odd : dict of str to str
        What else lies there, by its relative path.

    Raises
    ------
    InputError
        A folder cannot be read.
    """
    regular: list[str] = []
    odd: dict[str, str] = {}
    open_ = [folder]
    while open_:
        place = open_.pop()
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
                modes = [entry.stat(follow_symlinks=False).st_mode for entry in found]
        except OSError as error:
            raise InputError(f"{place}: cannot be read: {error.strerror}") from None
        if not found and place != folder:
            odd[_relative(place, folder)] = "an empty folder, which no run has"
        for entry, mode in zip(found, modes, strict=True):
            name = _relative(Path(entry.path), folder)
            if stat.S_ISREG(mode):
                regular.append(name)
            elif stat.S_ISDIR(mode):
                open_.append(Path(entry.path))
            else:
                odd[name] = f"expected regular files alone, got {kind_of(mode)}"
    return sorted(regular), dict(sorted(odd.items()))


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def manifest(folder: Path, provenance: dict[str, Any]) -> str:
    """Return the text of MANIFEST.json: provenance and the sha256 of every file."""
    sums = {name: sha256_file(folder / name) for name in files(folder) if name != _LOCK}
    return manifest_text({**provenance, "files": sums})


def checksum(content: Any) -> str:
    """Return the sha256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def manifest_text(content: dict[str, Any]) -> str:
    """Return a manifest in the one form in which it is written."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


class RunExistsError(InputError):
    """A run folder is there already."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target}: the run folder exists; give another out, or overwrite=True")
        self.target = target


def free_folder(target: Path) -> Path:
    """Return this place for a run, or with the first number behind its name that is free: NAME-2, NAME-3."""
    numbered = (target.with_name(f"{target.name}-{number}") for number in count(2))
    return next(place for place in chain([target], numbered) if not os.path.lexists(place))


def refuse_in_run(path: Path) -> None:
    """InputError for what is to be written inside a finished run: it would then be as if it was changed."""
    inside = Path(os.path.realpath(path.parent))
    for folder in (inside, *inside.parents):
        if (folder / MANIFEST).is_file() and (folder / AUDIT).is_file():
            raise InputError(
                f"{path}: the run {folder} stays as it was written; choose a place outside of it"
            )


def _check_replaceable(target: Path) -> None:
    """InputError for what is no finished run, and for a signed one: somebody put a name to it."""
    if target.is_symlink() or not (target / MANIFEST).is_file():
        raise InputError(f"{target}: overwrite: expected a finished run there, or nothing")
    if (target / SIGNATURE).exists():
        raise InputError(f"{target}: overwrite: the run there is signed; remove it by hand if that is meant")


@contextmanager
def open_run(target: Path, overwrite: bool = False) -> Iterator[OpenRun]:
    """Open a new run folder at ``target``; on any error nothing is left of it.

    What a killed run left beside its place is cleared away first.

    Parameters
    ----------
    overwrite : bool
        A finished run that is there is replaced once the new one is whole.

    Raises
    ------
    RunExistsError
        The folder exists, and is not to be overwritten.
    InputError
        It is to be, and is no run or a signed one; it cannot be written, or another audit is writing it.
    """
    try:
        taken = target.exists() or target.is_symlink()
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    if taken and not overwrite:
        raise RunExistsError(target)
    if taken:
        _check_replaceable(target)
    refuse_in_run(target)
    made = [p for p in (target.parent, *target.parent.parents) if not p.exists()]
    staging = target.parent / f".{target.name}.partial"
    lock = None
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            lock = _claim(staging, target)
            run = OpenRun(target, staging, overwrite)
            yield run
            run.finish()
        except OSError as error:
            reason = error.strerror or " ".join(str(error).split())
            place = Path(str(error.filename))
            if (
                isinstance(error.filename, str)
                and place not in staging.parents
                and staging.name not in place.parts
            ):
                # A file that the audit reads, not one that it writes.
                raise InputError(f"{place}: cannot be used: {reason}") from None
            raise InputError(f"{target}: cannot be written: {reason}") from None
    except BaseException:
        if lock is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
        raise
    finally:
        if lock is not None:
            lock.close()


def _claim(staging: Path, target: Path) -> IO[bytes]:
    """Make the staging folder ours; the lock falls with the process, however it ends."""
    if staging.exists():
        with (staging / _LOCK).open("ab") as old:
            try:
                fcntl.flock(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{target}: another audit is writing this run") from None
            shutil.rmtree(staging)
    staging.mkdir()
    lock = (staging / _LOCK).open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read MANIFEST.json of a finished run.

    Raises
    ------
    InputError
        There is none, so that the folder is no run or is still being written; or it is no manifest: not a
        JSON object, without checksums by file, or with a name that is no place inside the folder.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise InputError(f"{folder}: not a run folder (no {MANIFEST})")
    content = read_object(path, MOST_MANIFEST)
    sums = content.get("files")
    if not isinstance(sums, dict):
        raise InputError(f"{path}: expected a mapping with the key files")
    for name, digest in sums.items():
        if not _inside(name):
            raise InputError(f"{path}: files: expected paths inside the run's folder, got {shown(name)}")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise InputError(f"{path}: files: {shown(name)}: expected a sha256, got {shown(digest)}")
    folded: dict[str, str] = {}
    for name in sums:
        if folded.setdefault(name.casefold(), name) != name:
            other = folded[name.casefold()]
            raise InputError(f"{path}: files: {shown(other)} and {shown(name)} differ in case alone")
    return content


def _inside(name: str) -> bool:
    """Whether a name is a plain relative path, the same on every system."""
    steps = name.split("/")
    plain = not _ODD.search(name) and not any(step in ("", ".", "..") for step in steps)
    return plain and name not in (MANIFEST, SIGNATURE)


def rendered_as(folder: Path) -> dict[str, Any]:
    """Return how a run's pages were rendered last, where that was not as configured: language, charts."""
    said = read_manifest(folder).get(RENDERED, {})
    kinds = {"language": str, "charts": bool}
    fits = isinstance(said, dict) and all(isinstance(said.get(k, kind()), kind) for k, kind in kinds.items())
    if not fits:
        raise InputError(f"{folder / MANIFEST}: {RENDERED}: expected a language, and whether with charts")
    return {key: said[key] for key in kinds if key in said}


def replace(
    folder: Path, texts: dict[str, str], *, rendered: dict[str, Any] | None = None, unsign: bool = False
) -> bool:
    """Rewrite some text files of a finished run, and its manifest, each at once.

    Parameters
    ----------
    rendered : dict, optional
        How pages were rendered where that is not as configured, for `rendered_as`.
    unsign : bool
        Remove the run's signature, which would not fit any more.

    Returns
    -------
    bool
        Whether a signature was removed.

    Raises
    ------
    InputError
        The run is signed and ``unsign`` is not set, or it cannot be written.
    """
    content = read_manifest(folder)
    signature = folder / SIGNATURE
    signed = os.path.lexists(signature)
    if signed and not unsign:
        raise InputError(
            f"{folder}: the run is signed, and files written anew would void {SIGNATURE}; with --unsign the "
            "signature is removed first"
        )
    # Only what is written here gets a new checksum: a changed figure must stay a changed one.
    content["files"] |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    if rendered is not None:
        # The files stand last in a manifest.
        sums = content.pop("files")
        content.pop(RENDERED, None)
        content |= {**({RENDERED: rendered} if rendered else {}), "files": sums}
    written: list[tuple[Path, Path]] = []
    try:
        # On a full disk nothing has taken its place yet.
        for name, text in [*texts.items(), (MANIFEST, manifest_text(content))]:
            (folder / name).parent.mkdir(exist_ok=True)
            written.append((_beside(folder / name), folder / name))
            written[-1][0].write_text(text, encoding="utf-8")
        with held_back():
            signature.unlink(missing_ok=True)
            for beside, path in written:
                beside.replace(path)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
    finally:
        for beside, _ in written:
            with suppress(OSError):
                beside.unlink()
    return signed


@contextmanager
def held_back() -> Iterator[None]:
    """Hold an interrupt back until files have taken their places: all of them or none."""
    if threading.current_thread() is not threading.main_thread():
        # Interrupts reach the main thread alone.
        yield
        return
    came: list[int] = []
    before = {n: signal.signal(n, lambda n, _: came.append(n)) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if came:
        signal.raise_signal(came[0])


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def swap(path: Path, text: str) -> None:
    """Write a text file at once: it is the old one or the new one, never a half."""
    beside = _beside(path)
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
