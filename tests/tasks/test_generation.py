"""Sampled answers: figures by hand, nested samples, what is refused and empty, changes of the same samples.

Outside answers: the definition of S. Gehman et al. 2020 (expected maximum: the mean over prompts of the
largest score of k samples), and numpy on the same rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.answers import Refusals

from .runs import audited, gap, slice_of, values

ROLES = {"id": "id", "prompt": "prompt", "sample": "sample", "sensitive": ["group"]}
SAID = {"answer": "text", "decision": "toxic", "score": "tox"}


def answers(prompts: int = 40, k: int = 5, seed: int = 0) -> pd.DataFrame:
    """Prompts of two groups in turn, k answers each; of group B more are toxic and more refused."""
    r = np.random.default_rng(seed)
    rows = []
    for p in range(prompts):
        group, mood = "AB"[p % 2], r.normal(0, 0.1)
        for s in range(k):
            toxic = r.random() < (0.2 if group == "A" else 0.4) + mood
            refused, blank = r.random() < (0.1 if group == "A" else 0.25), r.random() < 0.05
            text = "  " if blank else "I'm sorry, but I can't help with that." if refused else "Of course."
            rows.append((f"p{p}#{s}", f"Say {p}", s, group, text, int(toxic), r.beta(2, 4) + 0.3 * toxic))
    frame = pd.DataFrame(rows, columns=["id", "prompt", "sample", "group", "text", "toxic", "tox"])
    return frame.assign(tox=frame.tox.clip(0, 1))


BY_HAND = pd.DataFrame(
    {
        "id": [f"{p}#{s}" for p in "abcd" for s in (0, 1, 2)],
        "prompt": [p for p in "abcd" for _ in range(3)],
        "sample": [0, 1, 2] * 4,
        "group": ["A"] * 6 + ["B"] * 6,
        "text": ["x", "x", "x", "x", "", "I cannot help with that"]
        + ["x"] * 4
        + ["As an AI model, I can't."] * 2,
        "toxic": [1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1],
        "tox": [0.9, 0.2, 0.1, 0.4, 0.99, 0.99, 0.8, 0.6, 0.1, 0.3, 0.99, 0.99],
    }
)


def test_figures_are_those_by_hand_and_refusals_and_empty_answers_are_not_judged(tmp_path: Path) -> None:
    [variant] = audited(tmp_path, BY_HAND, data=ROLES, model=SAID)["variants"]
    # Group A: judged .9 .2 .1 | .4, of which one is positive; one refusal and one empty of six.
    assert values(slice_of(variant, group="A")["metrics"]) == pytest.approx(
        {"positive_rate": 1 / 4, "mean_score": 1.6 / 4, "expected_maximum": (0.9 + 0.4) / 2,
         "refusal_rate": 1 / 6, "empty_rate": 1 / 6}
    )  # fmt: skip
    assert values(slice_of(variant, group="B")["metrics"]) == pytest.approx(
        {"positive_rate": 2 / 4, "mean_score": 1.8 / 4, "expected_maximum": (0.8 + 0.3) / 2,
         "refusal_rate": 2 / 6, "empty_rate": 0.0}
    )  # fmt: skip
    assert variant["outcomes"]["answers"] == {"positive": 3, "negative": 5, "refused": 3, "empty": 1}


def test_prompts_are_the_clusters_and_named_by_their_id_with_no_text_kept(tmp_path: Path) -> None:
    found = audited(tmp_path, answers(), data=ROLES, model=SAID)
    kept = pd.read_parquet(next((tmp_path / "run" / "predictions").glob("*.parquet")))
    assert set(kept.prompt) == {f"p{p}" for p in range(40)}
    assert not any("Say" in str(value) for column in kept for value in kept[column].unique())
    [variant] = found["variants"]
    names = {unit["name"] for unit in variant["units"]}
    assert names == {f"p{p}" for p in range(40)}


def test_limits_are_those_of_prompts_not_of_answers(tmp_path: Path) -> None:
    # Answers of a prompt that are all alike say no more than one.
    frame = answers(k=1)
    again = pd.concat([frame.assign(id=frame.prompt + f"#{s}", sample=s) for s in range(5)])
    widths = []
    for number, rows in enumerate((frame, again)):
        [variant] = audited(tmp_path / str(number), rows, data=ROLES, model=SAID)["variants"]
        widths.append({m: e["high"] - e["low"] for m, e in variant["overall"].items()})
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_a_change_is_that_of_the_same_samples(tmp_path: Path) -> None:
    frame = answers()
    r = np.random.default_rng(5)
    after = frame.assign(toxic=np.where(r.random(len(frame)) < 0.1, 1, frame.toxic), tox=frame.tox * 0.9)
    after.to_csv(tmp_path / "after.csv", index=False)
    found = audited(
        tmp_path, frame, data=ROLES, model=SAID,
        variants=[{"name": "int4", "path": str(tmp_path / "after.csv"), **SAID}],
    )  # fmt: skip
    [item] = found["comparisons"]
    judged = (frame.text.str.strip() != "") & ~frame.text.str.startswith("I'm")
    moved = {c["metric"]: c for c in item["changes"] if not c["slice"]}
    for metric, column in (("positive_rate", "toxic"), ("mean_score", "tox")):
        change = after[judged][column].mean() - frame[judged][column].mean()
        assert moved[metric]["value"] == pytest.approx(change)
        assert moved[metric]["low"] < change < moved[metric]["high"]
    most = [side[judged].groupby("prompt").tox.max().mean() for side in (frame, after)]
    assert moved["expected_maximum"]["value"] == pytest.approx(most[1] - most[0])
    assert moved["refusal_rate"]["value"] == 0
    turned = int(((frame.toxic == 0) & (after.toxic == 1) & judged).sum())
    assert item["turned"]["into"] == turned


def test_gates_hold_for_gaps_of_refusals_and_scores(tmp_path: Path) -> None:
    gates = [
        {"metric": "refusal_gap_difference", "by": "group", "limit": "<= 0.9"},
        {"metric": "refusal_rate", "by": "group", "compare": "ratio", "limit": ">= 0.01"},
        {
            "metric": "mean_score",
            "by": "group",
            "compare": "difference",
            "limit": "<= 0.01",
            "decide": "point",
        },
    ]
    found = audited(tmp_path, answers(), data=ROLES, model=SAID, gates=gates)
    assert [gate["verdict"] for gate in found["gates"]][::2] == ["pass", "fail"]
    [variant] = found["variants"]
    rates = {g: slice_of(variant, group=g)["metrics"]["refusal_rate"]["value"] for g in "AB"}
    reference = next(d for d in variant["disparities"] if d["metric"] == "refusal_rate")["reference"]["group"]
    other = "B" if reference == "A" else "A"
    assert gap(variant, "refusal_rate", group=other)["value"] == pytest.approx(
        rates[other] - rates[reference]
    )


def test_text_alone_tells_refusals_and_empty_answers(tmp_path: Path) -> None:
    [variant] = audited(tmp_path, answers(), data=ROLES, model={"kind": "predictions", "answer": "text"},
                        task="generation")["variants"]  # fmt: skip
    assert set(variant["overall"]) == {"refusal_rate", "empty_rate"}


def test_judged_columns_without_text_may_lack_values_where_an_answer_is_refused(tmp_path: Path) -> None:
    frame = answers().drop(columns="text")
    frame["no"] = np.arange(len(frame)) % 7 == 0
    frame.loc[frame.no, ["tox"]] = np.nan
    model = {"score": "tox", "refused": "no"}
    [variant] = audited(tmp_path, frame, data=ROLES, model=model)["variants"]
    assert variant["overall"]["refusal_rate"]["value"] == pytest.approx(frame.no.mean())
    assert variant["overall"]["positive_rate"]["value"] == pytest.approx((frame.tox[~frame.no] >= 0.5).mean())


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot assist with this request.", True),
        ("I’m unable to provide that.", True),
        ("As an AI language model, I do not have opinions.", True),
        ("I must decline.", True),
        ("I'm sorry to hear that your parcel is late. I can help you right away.", False),
        ("We can help with that.", False),
        ("She said that I can't sing.", False),
    ],
)
def test_refusals_are_told_by_what_is_declined_not_by_an_apology(text: str, refused: bool) -> None:
    assert Refusals().found([text]).tolist() == [refused]


@pytest.mark.parametrize(
    ("data", "model", "told"),
    [
        ({"prompt": None}, SAID, "data.prompt: answers need the column of the prompt"),
        ({"prompt": "nowhere"}, SAID, "no column 'nowhere'"),
        ({}, {"answer": "prompt"}, "model.answer: column 'prompt' is data.prompt already"),
        ({}, {"kind": "predictions"}, "model.answer (the column of their text)"),
        ({}, {"answer": "missing"}, "no column 'missing'"),
        (
            {},
            {"score": "tox", "refused": "tox"},
            "model.refused: expected 1/0 or true/false in column 'tox'",
        ),
        ({"sample": "toxic"}, {"score": "tox"}, "expected each sample once for a prompt"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    data: dict[str, Any], model: dict[str, Any], told: str, tmp_path: Path
) -> None:
    roles = {key: value for key, value in {**ROLES, **data}.items() if value is not None}
    with pytest.raises((InputError, ValueError)) as caught:
        audited(tmp_path, answers(), data=roles, model=model, task="generation")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_answers_are_read_as_they_are_written(ending: str, tmp_path: Path) -> None:
    # An answer of "None" or "NA" is one, and so is a number: nothing of it means that it is missing.
    frame = answers(prompts=4).assign(text=["None", "NA", "null", "42", ""] * 4)
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    config = {"audit": "a", "task": "generation", "report": {"charts": False},
              "data": {"path": str(path), **ROLES}, "model": {"answer": "text"}}  # fmt: skip
    result = fairweigh.run(config, tmp_path / "run")
    assert result.variants[0].overall["empty_rate"].value == pytest.approx(0.2)


@pytest.mark.parametrize("scale", ["probability", "rank"])
def test_where_a_slice_is_refused_wholly_its_scores_are_undefined(scale: str, tmp_path: Path) -> None:
    frame = answers()
    frame["no"] = frame.group == "B"
    model = {"score": "tox", "decision": "toxic", "refused": "no", "scale": scale}
    [variant] = audited(tmp_path, frame, data=ROLES, model=model)["variants"]
    metrics = slice_of(variant, group="B")["metrics"]
    assert metrics["refusal_rate"]["value"] == 1
    for name in ("positive_rate", "mean_score", "expected_maximum"):
        assert (metrics[name]["value"], metrics[name]["status"]) == (None, "undefined")
        assert slice_of(variant, group="A")["metrics"][name]["value"] > 0


def test_prompts_whose_ids_begin_alike_are_two(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["day#1", "day#2", "day"], "prompt": ["one", "two", "three"], "group": ["A", "A", "B"],
         "text": ["x"] * 3, "toxic": [0, 1, 0]}
    )  # fmt: skip
    roles = {"id": "id", "prompt": "prompt", "sensitive": ["group"]}
    audited(tmp_path, frame, data=roles, model={"answer": "text", "decision": "toxic"})
    kept = pd.read_parquet(tmp_path / "run/predictions/original.parquet")
    assert kept.prompt.tolist() == ["day", "day#2", "day#"]
