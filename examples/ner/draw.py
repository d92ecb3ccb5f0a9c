"""Draw the sentences of examples/ner/audit.yaml, with the tags that two models give their tokens.

Everything is synthetic: names, firms and places are invented, and how often the models find an entity is
known (synthetic_entities.py in fairweigh.datasets): persons of the south are found less often, by the
lighter model all the more. In place of this table stand your own sentences with the tags that your models
gave. Run it from
the root of the repository, a second:

python examples/ner/draw.py
"""

from __future__ import annotations

import json
from pathlib import Path

from fairweigh.datasets.synthetic_entities import reports

BUILD = Path("examples/ner/build")


def main() -> None:
    """Write a line of JSON for each sentence."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "reports.jsonl"
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in reports().to_pylist())
    path.write_text("".join(lines), encoding="utf-8")
    print(f"{path}: written")


if __name__ == "__main__":
    main()
