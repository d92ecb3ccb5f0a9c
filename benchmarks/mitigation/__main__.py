"""Mitigation: fairweigh beside fairlearn, AIF360 and OxonFair on the same rows, and the speed of its search.

Run as ``python benchmarks/mitigation`` with $FAIRWEIGH_DATA set. Every tool gets the same training rows,
the same validation rows (a fifth of the training rows, where rules are fitted), the same encoded features and
the same fitted model. The decisions of all of them on the held-out rows are audited as a table of predictions
by `fairweigh.run`, so that each figure and each interval comes from one code. Variants of fairweigh are made
by `compression.make`, as an audit makes them; that a whole audit gives the same figures is asserted once.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path

from reweighing import check_weights
from settings import MODELS, settings, tasks
from speed import speed
from table import check_whole_audit, table_of
from threadpoolctl import threadpool_limits


def main() -> None:
    """Run the benchmark; ``--speed`` prints the times alone."""
    warnings.simplefilter("ignore")
    # AIF360 tells on import what it could do with more packages.
    logging.disable(logging.WARNING)
    # On cores that are shared, threads that wait for each other take ten times as long as one.
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        every = tasks(Path(folder))
        speed(every[0])
        if "--speed" in sys.argv[1:]:
            return
        check_weights()
        for task in every:
            for name, (estimator, params) in MODELS.items():
                for setting in settings(task, estimator, params):
                    found = table_of(task, name, setting)
                    if task.title == "COMPAS":
                        check_whole_audit(setting, found)


if __name__ == "__main__":
    main()
