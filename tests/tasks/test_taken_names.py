"""Classes and labels that are called as gates and results call several of them together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fairweigh.datasets.classes import TAKEN
from fairweigh.datasets.errors import InputError
from fairweigh.tasks import refusal
from fairweigh.tasks.class_cases import FAVOURABLE
from fairweigh.tasks.multiclass import MULTICLASS
from fairweigh.tasks.multilabel import MULTILABEL

from .runs import audited

ROLES = {"label": "y", "sensitive": ["g"]}


def rows(name: str) -> pd.DataFrame:
    frame = pd.DataFrame({"y": ["a", "b", "c", "a"] * 20, "g": ["m", "f"] * 40})
    return frame.assign(d=frame.y, t=frame.y.replace("b", name))


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize(
    ("data", "model"),
    [
        ({"label": "t"}, {"decision": "t"}),
        ({"label": "y"}, {"decision": "t"}),
        ({"label": "y", "classes": ["a", "b", "c", "?"]}, {"decision": "d"}),
        ({"label": "y"}, {"probabilities": {"a": "one", "?": "none"}}),
    ],
    ids=["label", "decision", "classes", "probabilities"],
)
def test_a_class_with_a_taken_name_is_refused(tmp_path: Path, name: str, data: Any, model: Any) -> None:
    if "classes" in data:
        data = data | {"classes": [name if one == "?" else one for one in data["classes"]]}
    if "probabilities" in model:
        model = {"probabilities": {"a": "one", name: "none"}}
    with pytest.raises(InputError, match=f"called '{name}', a name that is taken .* rename it in the data"):
        audited(
            tmp_path,
            rows(name).assign(one=1.0, none=0.0),
            task="multiclass",
            data={**ROLES, **data},
            model=model,
        )


@pytest.mark.parametrize("name", TAKEN)
def test_a_label_of_several_with_a_taken_name_is_refused(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"g": ["m", "f"] * 20, "x": [0, 1] * 20, name: [1, 0] * 20})
    lists = pd.DataFrame({"g": ["m", "f"] * 20, "y": [["x"], ["x", name]] * 20})
    with pytest.raises(InputError, match=f"'{name}', a name that is taken"):
        audited(tmp_path, frame, data={"labels": ["x", name], "sensitive": ["g"]})
    with pytest.raises(InputError, match=f"'{name}', a name that is taken"):
        audited(tmp_path, lists, task="multilabel", data=ROLES)


def test_what_is_taken_is_named_where_a_class_is_asked_for() -> None:
    assert FAVOURABLE in TAKEN
    assert "each, or favourable" in str(refusal(MULTICLASS, "precision", None))
    assert "a class's name, or each" in str(refusal(MULTILABEL, "precision", None))
