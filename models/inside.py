"""Names of files that a model's own files give: each must be a file of the model's own folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath


def inside(folder: Path, name: str) -> Path | None:
    """Return the file of a folder by its name; None where that leads out of the folder, or to no file.

    A link may lead where the model hub's cache keeps the files of this very model: there a folder
    ``snapshots/REVISION`` is one of links into ``blobs`` beside it.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\\" in name or "\0" in name or PurePosixPath(name).is_absolute() or ".." in parts:
        return None
    path = folder.joinpath(*parts)
    try:
        real, home = path.resolve(strict=True), folder.resolve(strict=True)
    except (OSError, RuntimeError):
        # It is not there, or a link that leads to itself.
        return None
    homes = [home, home.parent.parent / "blobs"] if home.parent.name == "snapshots" else [home]
    return path if real.is_file() and any(real.is_relative_to(one) for one in homes) else None
