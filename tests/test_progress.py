"""What is said while an audit runs."""

from __future__ import annotations

import pytest
from fairweigh.progress import told


@pytest.mark.parametrize(
    ("stage", "done", "total", "seconds", "started_at", "text"),
    [
        ("reading data", 0, None, 3.0, 0, "reading data"),
        ("scoring", 100, 1000, 10.0, 0, "scoring: 100 of 1,000 rows, 10 rows/s, 1:30 left"),
        # What was scored before a stop says nothing of the speed of this machine.
        ("scoring", 5_000, 6_000, 10.0, 4_000, "scoring: 5,000 of 6,000 rows, 100 rows/s, 0:10 left"),
        ("scoring: bf16", 50, None, 5.0, 0, "scoring: bf16: 50 rows, 10 rows/s"),
        ("training distill", 10, 7_210, 10.0, 0, "training distill: 10 of 7,210, 2:00:00 left"),
        ("scoring", 6_000, 6_000, 10.0, 0, "scoring: 6,000 of 6,000 rows, 600 rows/s"),
        ("scoring", 6_000, 6_000, 0.0, 6_000, "scoring: 6,000 of 6,000 rows"),
    ],
)
def test_progress_tells_speed_and_the_time_left(
    stage: str, done: int, total: int | None, seconds: float, started_at: int, text: str
) -> None:
    assert told(stage, done, total, seconds, started_at) == text
