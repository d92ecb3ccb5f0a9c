"""A run logged to MLflow: an experiment per audit, a run per release.

The server is that of ``MLFLOW_TRACKING_URI``, else a file beside you, ``sqlite:///mlflow.db``; the experiment
is that of ``MLFLOW_EXPERIMENT_NAME``, else it has the audit's name.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from .tracking import Logged

DEFAULT = "sqlite:///mlflow.db"
PER_CALL = 500
"""Figures that a server takes at once; its limit is 1,000."""
LONGEST_TAG = 5000


def log(run: Logged) -> None:
    """Log a run; what the client raises is the caller's to tell."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, RunTag

    client = MlflowClient(tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT)
    experiment = _experiment(client, os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.audit)
    moment = round(datetime.fromisoformat(run.created).timestamp() * 1000)
    made = client.create_run(experiment, start_time=moment, run_name=run.release).info.run_id
    status = "FAILED"
    try:
        figures = [Metric(name, value, moment, 0) for name, value in run.figures.items()]
        for start in range(0, len(figures), PER_CALL):
            client.log_batch(made, metrics=figures[start : start + PER_CALL])
        tags = [RunTag(f"fairweigh.{name}", text[:LONGEST_TAG]) for name, text in run.tags.items()]
        for start in range(0, len(tags), 100):
            client.log_batch(made, tags=tags[start : start + 100])
        for file in run.files:
            client.log_artifact(made, str(file))
        status = "FINISHED"
    finally:
        client.set_terminated(made, status)


def _experiment(client: Any, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            # Another run may just have made it.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)
