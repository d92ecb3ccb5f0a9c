"""A run logged for TensorBoard: event files in ``tensorboard/AUDIT/RELEASE``, written by its own package.

The folder is that of ``FAIRWEIGH_TENSORBOARD``, else ``tensorboard``. Neither torch nor tensorflow is used.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from .tracking import Logged

FOLDER = "FAIRWEIGH_TENSORBOARD"


def log(run: Logged) -> None:
    """Write a run's event file."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    moment = datetime.fromisoformat(run.created).timestamp()
    folder = Path(os.environ.get(FOLDER) or "tensorboard") / _name(run.audit) / _name(run.release)
    writer = EventFileWriter(str(folder))

    def add(summary: Any) -> None:
        writer.add_event(Event(wall_time=moment, step=0, summary=summary))

    try:
        for name, value in run.figures.items():
            add(scalar_pb(name, value))
        add(text_pb("summary", run.summary))
        add(text_pb("tags", _table(run.tags)))
        add(text_pb("report", f"The whole report: {run.files[0].resolve()}"))
    finally:
        writer.close()


def _name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.") or "run"


def _table(tags: dict[str, str]) -> str:
    rows = [f"| {name} | {text.replace('|', '/')} |" for name, text in tags.items()]
    return "\n".join(["| tag | |", "|---|---|", *rows])
