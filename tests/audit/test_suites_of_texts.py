"""Suites whose items are texts: any classifier of texts is scored on them, and so are predictions."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .. import tiny

HATECHECK, EEC = "test_suite_cases.csv", "Equity-Evaluation-Corpus.csv.gz"


def audited(cli: Any, config: dict[str, Any], code: int = 0) -> dict[str, Any]:
    Path("a.yaml").write_text(
        json.dumps({"audit": "t", "report": {"charts": False}, **config}), encoding="utf-8"
    )
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == code, ended
    found: dict[str, Any] = json.loads(Path("runs/t/audit.json").read_text(encoding="utf-8"))
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def hatecheck(folder: Path, threshold: int, **more: Any) -> dict[str, Any]:
    """The number of the five annotators who found a case hateful, as a score."""
    model: dict[str, Any] = {
        "path": str(folder / "hatecheck" / "test_suite_annotations.csv"),
        "id": "case_id",
    }
    model |= {"score": "count_label_h", "scale": "rank", "threshold": threshold}
    return {"suite": "hatecheck", "data": {"path": HATECHECK}, "model": model, **more}


def test_hatecheck_is_audited_by_group_and_functionality(data_folder: Path, here: Path, cli: Any) -> None:
    """Against counts of the file itself: any annotator's "hateful" as the decision.

    Cases and templates are as many as in the paper (Röttger et al. 2021) and in the data set's description.
    """
    gate = {"metric": "accuracy", "limit": ">= 0.955", "decide": "proven"}
    config = hatecheck(data_folder, 1, gates=[gate])
    result = audited(cli, config, code=3)
    said = {
        row["case_id"]: int(row["count_label_h"]) >= 1
        for row in rows_of(data_folder / "hatecheck" / "test_suite_annotations.csv")
    }
    wrong: dict[tuple[str, str], list[bool]] = defaultdict(list)
    right: dict[str, list[bool]] = defaultdict(list)
    for row in rows_of(data_folder / "hatecheck" / HATECHECK):
        decided, hateful = said[row["case_id"]], row["label_gold"] == "hateful"
        right[row["functionality"]].append(decided == hateful)
        if not hateful:
            wrong["target_ident", row["target_ident"]].append(decided)
    original = result["variants"][0]
    assert original["overall"]["accuracy"]["value"] == pytest.approx(1 - 148 / 3728)
    found = {next(iter(one["slice"].items())): one["metrics"] for one in original["slices"]}
    for (feature, group), flagged in wrong.items():
        if group:
            value = found[feature, group]["false_positive_rate"]["value"]
            assert value == pytest.approx(np.mean(flagged)), group
    for name, held in right.items():
        assert found["functionality", name]["accuracy"]["value"] == pytest.approx(np.mean(held)), name
    assert len(right) == 29
    told = " ".join(result["data"]["warnings"])
    assert "3,728 cases of 845 templates: 2,563 hateful, 1,165 not" in told
    assert (
        "292 cases speak of no group (profanity_nh, target_group_nh, target_indiv_nh, target_obj_nh)" in told
    )
    twins = result["twins"]
    assert (twins["groups"], twins["compared"], twins["no_value"], twins["alone"]) == (442, 3325, 292, 111)
    assert len(result["counterfactuals"]) == 21
    assert (result["data"]["cluster"], result["data"]["licence"]) == ("template", "CC BY 4.0")
    gate = result["gates"][0]
    assert (gate["verdict"], gate["needed_of"]) == ("inconclusive", "templates")
    assert gate["rows_needed"] > 845
    assert cli("verify", "runs/t").code == 0
    assert cli("report", "runs/t", "--language", "zh").code == 0
    pages = [Path(f"runs/t/{name}.html").read_text(encoding="utf-8") for name in ("report", "annex")]
    assert "292 个用例未涉及任何群体" in "".join(pages)


def eec(folder: Path, **more: Any) -> dict[str, Any]:
    """Scores that follow the emotion, less a tenth for one race, with an error of each person's own."""
    rng = np.random.default_rng(4)
    rows = rows_of(folder / "eec" / EEC)
    of_person = {name: rng.normal(0, 0.03) for name in sorted({row["Person"] for row in rows})}
    lines = ["ID,p"]
    for row in rows:
        score = (0.6 if row["Emotion"] == "joy" else 0.4) - 0.1 * (row["Race"] == "African-American")
        lines.append(f"{row['ID']},{np.clip(score + of_person[row['Person']] + rng.normal(0, 0.05), 0, 1)}")
    Path("said.csv").write_text("\n".join(lines), encoding="utf-8")
    model = {"path": "said.csv", "id": "ID", "score": "p"}
    return {"suite": "eec", "data": {"path": EEC}, "model": model, **more}


def test_eec_is_sliced_by_person_and_leaves_out_what_names_no_emotion(
    data_folder: Path, here: Path, cli: Any
) -> None:
    config = eec(data_folder, metrics=["true_positive_rate", "mean_score"], slices={"intersections": 1})
    result = audited(cli, config)
    scores = {line.split(",")[0]: float(line.split(",")[1]) for line in _lines("said.csv")}
    held = [
        scores[row["ID"]]
        for row in rows_of(data_folder / "eec" / EEC)
        if row["Emotion"] and row["Race"] == "European"
    ]
    assert result["data"]["rows"] == 8400
    one = next(one for one in result["variants"][0]["slices"] if one["slice"] == {"race": "European"})
    assert one["metrics"]["mean_score"]["value"] == pytest.approx(np.mean(held))
    told = " ".join(result["data"]["warnings"])
    for part in (
        "8,400 sentences: 60 persons in 140 frames",
        "240 sentences name no emotion",
        "2,800 sentences have a person without a name",
    ):
        assert part in told
    assert (result["twins"]["groups"], result["twins"]["compared"]) == (140, 8400)
    assert result["data"]["cluster"] == "person"
    assert cli("verify", "runs/t").code == 0


def _lines(name: str) -> list[str]:
    return Path(name).read_text(encoding="utf-8").splitlines()[1:]


def test_eec_gap_of_scores_between_twins_is_that_of_the_frames(
    data_folder: Path, here: Path, cli: Any
) -> None:
    """By hand: the mean over the frames of the difference of the mean scores of two races."""
    config = eec(data_folder)
    config["data"]["counterfactual"] = {"group": ["frame"], "feature": "race"}
    gap = audited(cli, config)["counterfactuals"][0]["score_gap"]
    scores = {line.split(",")[0]: float(line.split(",")[1]) for line in _lines("said.csv")}
    held: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows_of(data_folder / "eec" / EEC):
        if row["Emotion"] and row["Race"]:
            held[row["Template"], row["Emotion word"]][row["Race"]].append(scores[row["ID"]])
    gaps = [np.mean(one["African-American"]) - np.mean(one["European"]) for one in held.values()]
    assert len(gaps) == 140
    assert abs(gap["value"]) == pytest.approx(abs(np.mean(gaps)), abs=1e-6)


def test_another_unit_may_be_asked_for(data_folder: Path, here: Path, cli: Any) -> None:
    config = eec(data_folder)
    config["data"]["cluster"] = "frame"
    assert audited(cli, config)["data"]["cluster"] == "frame"
    config["data"]["cluster"] = "emotion"
    Path("a.yaml").write_text(json.dumps({"audit": "t", **config}), encoding="utf-8")
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert "data.cluster: expected one of person, frame, template, which may vary in eec" in ended.err


def test_items_are_drawn_alike_every_time_and_over_all_clusters(
    data_folder: Path, here: Path, cli: Any
) -> None:
    from fairweigh.datasets.eec import read
    from fairweigh.datasets.suite import taken

    items = read(data_folder / "eec" / EEC)
    few = taken(items, {"emotion": ["joy", "fear"]}, 100, "person").table
    more = taken(items, {"emotion": ["joy", "fear"]}, 200, "person").table
    assert len(few) == 100
    assert set(few["emotion"].to_pylist()) == {"joy", "fear"}
    assert set(few["id"].to_pylist()) < set(more["id"].to_pylist())
    assert set(Counter(few["person"].to_pylist()).values()) == {1, 2}
    config = eec(data_folder)
    config["data"] |= {"where": {"race": ["African-American", "European"]}, "items": 300}
    result = audited(cli, config)
    assert result["data"]["rows"] == 300
    assert "300 of 5,600 items are asked (data.items)" in " ".join(result["data"]["warnings"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"where": {"gendr": "male"}}, "data.where: no column 'gendr'; there are id, text"),
        ({"where": {"gender": "x"}}, "data.where.gender: no item has 'x'"),
        ({"items": 0}, "data.items: input should be greater than or equal to 1, got 0"),
        ({"text": "x"}, "data.text"),
        ({"label": "sentiment"}, "data.label: the suite eec knows its columns; leave it out"),
        (
            {"counterfactual": {"group": ["frme"], "feature": "gender"}},
            "no column 'frme'",
        ),
    ],
)  # fmt: skip
def test_what_a_suite_of_texts_is_not_asked_is_refused_in_one_line(
    data_folder: Path, here: Path, cli: Any, change: dict[str, Any], told: str
) -> None:
    config = {"audit": "t", "suite": "eec", "data": {"path": EEC, **change}, "model": {"score": "p"}}
    Path("a.yaml").write_text(json.dumps(config), encoding="utf-8")
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_keys_of_suites_belong_to_one(here: Path, cli: Any) -> None:
    config = {"audit": "t", "data": {"path": "x.csv", "sensitive": ["a"], "items": 3}}
    Path("a.yaml").write_text(json.dumps(config), encoding="utf-8")
    ended = cli("check", "a.yaml")
    assert ended.code == 2
    assert "data.items: belongs to a suite; leave it out" in ended.err


def test_a_classifier_of_texts_reads_the_text_of_a_suite(data_folder: Path, here: Path, cli: Any) -> None:
    """Neither the kind nor the column of the text is named, and a smaller variant reads the same."""
    tiny.save_bert(Path("model"))
    config = {
        "suite": "hatecheck",
        "data": {"path": HATECHECK, "items": 60},
        "slices": {"min_size": 2},
        "model": {"path": "model", "positive": "LABEL_1"},
        "variants": [{"name": "again", "path": "model"}],
    }
    result = audited(cli, config)
    assert [one["name"] for one in result["variants"]] == ["original", "again"]
    assert result["data"]["rows"] == 60
    assert result["comparisons"][0]["overall"]["flips"] == 0


def test_a_function_sees_the_text_alone(data_folder: Path, here: Path, cli: Any) -> None:
    Path("own_texts.py").write_text(
        "def score(rows):\n"
        "    assert list(rows) == ['text'], list(rows)\n"
        "    return [float('hate' in text) for text in rows['text']]\n"
    )
    model = {"kind": "callable", "function": "own_texts:score"}
    result = audited(cli, {"suite": "hatecheck", "data": {"path": HATECHECK}, "model": model})
    hits = sum("hate" in row["test_case"] for row in rows_of(data_folder / "hatecheck" / HATECHECK))
    assert result["variants"][0]["overall"]["selection_rate"]["value"] == pytest.approx(hits / 3728)
