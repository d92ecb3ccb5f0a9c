"""A run logged to Weights & Biases, offline unless ``WANDB_MODE`` says otherwise.

Offline runs lie in ``wandb/``; ``wandb sync`` sends them. The project is that of ``WANDB_PROJECT``, else
``fairweigh``; the audit is the run's group, the release its name.
"""

from __future__ import annotations

import os
import re

from .tracking import Logged


def log(run: Logged) -> None:
    """Log a run; what the client raises is the caller's to tell."""
    import wandb

    quiet = wandb.Settings(
        silent=True, console="off", save_code=False, disable_git=True, disable_job_creation=True,
        x_disable_stats=True, x_disable_meta=True,
    )  # fmt: skip
    made = wandb.init(
        mode=os.environ.get("WANDB_MODE") or "offline",  # type: ignore[arg-type]
        project=os.environ.get("WANDB_PROJECT") or "fairweigh",
        group=run.audit,
        name=run.release,
        job_type="fairness audit",
        config=run.tags,
        settings=quiet,
    )
    ended = 1
    try:
        made.log(run.figures)
        kept = wandb.Artifact(_name(f"{run.audit}-{run.release}"), type="fairness-report", metadata=run.tags)
        for file in run.files:
            kept.add_file(str(file))
        made.log_artifact(kept)
        ended = 0
    finally:
        made.finish(exit_code=ended)


def _name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:128] or "run"
