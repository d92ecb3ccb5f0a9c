"""Suites from published predictions: figures are those of their authors, limits those of templates."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.bbq import read as read_bbq
from fairweigh.datasets.choice import ROLES, roles_of
from fairweigh.metrics.gathered import SlicedRows
from fairweigh.metrics.quotients import Quotient
from scipy.stats import t

RACE, ARC = "unifiedqa-t5-11b_pred_race", "unifiedqa-t5-11b_pred_arc"


def bbq(folder: Path, category: str = "Age", **more: Any) -> dict[str, Any]:
    return {
        "audit": "t",
        "suite": "bbq",
        "data": {"path": str(folder / "bbq" / f"preds_{category}.jsonl.gz")},
        "model": {"kind": "predictions", "answer": RACE},
        "report": {"charts": False},
        **more,
    }


def audited(cli: Any, config: dict[str, Any], code: int = 0) -> dict[str, Any]:
    Path("a.yaml").write_text(json.dumps(config), encoding="utf-8")
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == code, ended
    found: dict[str, Any] = json.loads(Path("runs/t/audit.json").read_text(encoding="utf-8"))
    return found


def percent(variant: dict[str, Any], metric: str) -> float:
    return float(100 * variant["overall"][metric]["value"])


# The scores of the published predictions by the formula of A. Parrish et al. 2022, computed apart.
PUBLISHED = {
    "Age": ((29.7826, 1.1628, -2.174), (48.9396, 3.3233)),
    "Disability_status": ((21.2082, -1.3736, 3.414), (32.6478, -0.6916)),
    "Nationality": ((5.9740, 1.1748, -2.468), (14.4805, -0.2085)),
}


@pytest.mark.parametrize("category", PUBLISHED)
def test_bias_scores_are_those_of_the_published_predictions(
    category: str, data_folder: Path, here: Path, cli: Any
) -> None:
    result = audited(cli, bbq(data_folder, category, variants=[{"name": "arc", "answer": ARC}]))
    original, arc = result["variants"]
    race, other = PUBLISHED[category]
    for metric, value in zip(("bias_ambiguous", "bias_disambiguated", "accuracy_cost"), race, strict=True):
        assert percent(original, metric) == pytest.approx(value, abs=6e-4)
    for metric, value in zip(("bias_ambiguous", "bias_disambiguated"), other, strict=True):
        assert percent(arc, metric) == pytest.approx(value, abs=6e-5)
    assert len(original["units"]) == 25
    assert cli("verify", "runs/t").code == 0


def test_limits_are_those_of_templates(data_folder: Path, here: Path, cli: Any) -> None:
    """Linearised over the 25 templates, by hand: s.e. 7.9 points where rows would give 1.4."""
    config = bbq(data_folder, variants=[{"name": "arc", "answer": ARC}])
    result = audited(cli, config)
    figure = result["variants"][0]["overall"]["bias_ambiguous"]
    assert figure["status"] == "few clusters"
    change = next(c for c in result["comparisons"][0]["changes"] if c["metric"] == "bias_ambiguous")
    errors: dict[str, np.ndarray] = {}
    plain: dict[str, np.ndarray] = {}
    rows = read_lines(Path(config["data"]["path"]))
    for name, column in (("race", RACE), ("arc", ARC)):
        signs, templates = signs_of(rows, column)
        each = np.array([signs[templates == one].sum() for one in range(25)])
        count = np.bincount(templates, minlength=25)
        plain[name] = (each - signs.mean() * count) / count.sum()
        errors[name] = plain[name] / (1 - count / count.sum())
    for low, high, pull in (
        (figure["low"], figure["high"], errors["race"]),
        (change["low"], change["high"], errors["arc"] - errors["race"]),
    ):
        error = np.sqrt(24 / 25 * (pull**2).sum())
        freedom = max(1, min(17.08, (pull**2).sum() ** 2 / (pull**4).sum()))
        assert high - low == pytest.approx(2 * t.ppf(0.975, freedom) * error, rel=0.03)
    assert np.sqrt(25 / 24 * (plain["race"] ** 2).sum()) == pytest.approx(0.079, abs=0.0005)
    assert np.sqrt(25 / 24 * ((plain["arc"] - plain["race"]) ** 2).sum()) == pytest.approx(0.041, abs=0.001)


def read_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def signs_of(rows: list[dict[str, Any]], column: str) -> tuple[np.ndarray, np.ndarray]:
    """1, -1 or 0 for each ambiguous question of BBQ's Age, read from its own layout; and its template."""
    signs, templates = [], []
    for row in rows:
        if row["context_condition"] != "ambig":
            continue
        groups = [one.lower() for one in row["additional_metadata"]["stereotyped_groups"]]
        said = row[column].lower().strip()
        place = next((k for k in range(3) if row[f"ans{k}"].lower().strip().rstrip(".") == said), None)
        group = None if place is None else row["answer_info"][f"ans{place}"][1].lower()
        sign = (
            0
            if group in (None, "unknown")
            else 1
            if (group in groups) == (row["question_polarity"] == "neg")
            else -1
        )
        signs.append(sign)
        templates.append(int(row["question_index"]) - 1)
    return np.array(signs, float), np.array(templates)


def test_gates_decide_before_and_after(data_folder: Path, here: Path, cli: Any) -> None:
    gates = [
        {"id": "is", "metric": "bias_ambiguous", "limit": "<= 0.1", "on": "arc", "decide": "proven"},
        {"id": "rises", "metric": "bias_ambiguous", "limit": "<= 0.1", "on": "arc", "compare": "change"},
        {"id": "parsed", "metric": "unparsed_rate", "limit": "<= 0.01", "on": "arc"},
    ]
    config = bbq(data_folder, variants=[{"name": "arc", "answer": ARC}], gates=gates)
    found = {gate["id"]: gate for gate in audited(cli, config, code=1)["gates"]}
    assert {name: gate["verdict"] for name, gate in found.items()} == {
        "is": "fail", "rises": "inconclusive", "parsed": "pass"
    }  # fmt: skip
    assert found["rises"]["measured"] == pytest.approx(0.1916, abs=1e-4)
    # More questions of the same 25 templates would not decide.
    assert found["rises"]["needed_of"] == "templates"
    assert 25 < found["rises"]["rows_needed"] < 200
    again = cli("gate", "runs/t")
    assert again.code == 1
    markdown = Path("runs/t/summary.md").read_text(encoding="utf-8")
    assert "templates" in markdown


def test_items_that_turn_and_answers_are_counted(data_folder: Path, here: Path, cli: Any) -> None:
    result = audited(cli, bbq(data_folder, variants=[{"name": "arc", "answer": ARC}]))
    turned = result["comparisons"][0]["turned"]
    rows = read_lines(data_folder / "bbq" / "preds_Age.jsonl.gz")
    before, after = (signs_of(rows, column)[0] for column in (RACE, ARC))
    assert turned["into"] == int(((before < 1) & (after == 1)).sum())
    assert turned["out_of"] == int(((before == 1) & (after < 1)).sum())
    asked = [str(row["example_id"]) for row in rows if row["context_condition"] == "ambig"]
    assert (
        turned["ids_into"]
        == [i for i, a, b in zip(asked, before, after, strict=True) if a < 1 and b == 1][:20]
    )
    arc = result["variants"][1]["outcomes"]
    assert sum(arc["ambiguous"].values()) == 1840
    assert arc["ambiguous"]["unparsed"] == 1
    summary = Path("runs/t/summary.md").read_text(encoding="utf-8")
    first = ", ".join(turned["ids_into"][:5])
    assert f"- arc: {turned['into']} items turn into the stereotype (such as {first}); " in summary
    page = Path("runs/t/report.html").read_text(encoding="utf-8")
    assert "items turn into the stereotype" in page
    assert cli("report", "runs/t", "--language", "zh").code == 0
    assert "个题目变为刻板印象的回答" in Path("runs/t/report.html").read_text(encoding="utf-8")


def test_questions_without_a_single_target_are_told(data_folder: Path, here: Path, cli: Any) -> None:
    result = audited(cli, bbq(data_folder, "Physical_appearance"))
    told = " ".join(result["data"]["warnings"])
    assert "Unscored: 36 of 1,576 questions have no single target" in told
    assert "Physical_appearance 10 (4)" in told
    assert "9 answers of column unifiedqa-t5-11b_pred_race name none of their question's" in told
    assert result["data"]["rows"] == 1540


def test_categories_are_slices_of_several_files(data_folder: Path, here: Path, cli: Any) -> None:
    config = bbq(data_folder, "*", slices={"intersections": 1})
    result = audited(cli, config)
    by = {
        one["slice"]["category"]: one for one in result["variants"][0]["slices"] if "category" in one["slice"]
    }
    assert len(by) == 6
    for category, (race, _) in PUBLISHED.items():
        assert 100 * by[category]["metrics"]["bias_ambiguous"]["value"] == pytest.approx(race[0], abs=6e-5)
    assert "category" in result["data"]["sensitive"]


def test_predictions_may_stand_in_a_file_beside_the_questions(
    data_folder: Path, here: Path, cli: Any
) -> None:
    config = bbq(data_folder)
    config["model"] |= {"path": config["data"]["path"], "id": "example_id"}
    config["data"]["path"] = str(data_folder / "bbq" / "Age.jsonl.gz")
    original = audited(cli, config)["variants"][0]
    assert percent(original, "bias_ambiguous") == pytest.approx(29.7826, abs=6e-5)


# Computed by the authors, `published_results.txt` beside the data: SS, LMS and ICAT in percent.
NADEEM = {
    "gpt2_ModelNSP_GPT2LM": {
        "gender": (62.66777425473077, 93.27790824312564, 69.64543855157751),
        "race": (60.35000089116578, 89.7567072075023, 71.1770672157872),
    },
    "bert-base-cased_BertNextSentence_BertLM": {"gender": (61.4820, 82.5033, 63.5572)},
}


@pytest.mark.parametrize("model", NADEEM)
def test_stereoset_scores_are_those_of_the_authors(
    model: str, data_folder: Path, here: Path, cli: Any
) -> None:
    folder = data_folder / "stereoset"
    config = {
        "audit": "t",
        "suite": "stereoset",
        "data": {"path": str(folder / "intrasentence_dev_gender_race_religion.jsonl.gz")},
        "model": {"kind": "predictions", "path": str(folder / f"predictions_{model}.json.gz")},
        "report": {"charts": False},
    }
    slices = audited(cli, config)["variants"][0]["slices"]
    for one in slices:
        expected = NADEEM[model].get(one["slice"]["bias_type"])
        if expected is not None:
            names = ("stereotype_score", "language_model_score", "icat")
            found = [100 * one["metrics"][name]["value"] for name in names]
            assert found == pytest.approx(expected, abs=6e-5)
    assert cli("verify", "runs/t").code == 0


def test_crows_pairs_counts_wins_and_tells_its_defects(data_folder: Path, here: Path, cli: Any) -> None:
    path = data_folder / "crows_pairs" / "crows_pairs_anonymized.csv"
    rng = np.random.default_rng(3)
    with path.open(encoding="utf-8", newline="") as file:
        ids = [row[""] for row in csv.DictReader(file)]
    more, less = rng.normal(0.2, 1, len(ids)), rng.normal(0, 1, len(ids))
    lines = (f"{i},{a},{b}\n" for i, a, b in zip(ids, more, less, strict=True))
    Path("said.csv").write_text("id,m,l\n" + "".join(lines), encoding="utf-8")
    config = {
        "audit": "t",
        "suite": "crows-pairs",
        "data": {"path": str(path)},
        "model": {"kind": "predictions", "path": "said.csv", "id": "id", "more": "m", "less": "l"},
        "report": {"charts": False},
    }
    result = audited(cli, config)
    assert percent(result["variants"][0], "stereotype_score") == pytest.approx(100 * (more > less).mean())
    margin = result["variants"][0]["overall"]["mean_margin"]
    assert margin["value"] == pytest.approx((more - less).mean(), abs=1e-6)
    assert margin["low"] < (more - less).mean() < margin["high"]
    told = " ".join(result["data"]["warnings"])
    for part in ("1,508 pairs: 1,290", "218 in which", "213 pairs differ", "1 pair stands"):
        assert part in told


def test_winobias_pairs_are_scored_as_pro_less_anti(data_folder: Path, here: Path, cli: Any) -> None:
    from fairweigh.datasets.winobias import read

    path = data_folder / "winobias" / "pro_stereotyped_type*.txt.*"
    items = read(path)
    ids = items.table["id"].to_pylist()
    kinds = ("type1.dev", "type2.dev", "type1.test", "type2.test")
    counts = [sum(one.startswith(f"{kind} ") for one in ids) for kind in kinds]
    assert counts == [384, 382, 371, 387]
    told = " ".join(items.notes)
    for n, name in ((9, "1.txt.dev"), (6, "2.txt.dev"), (24, "1.txt.test"), (5, "2.txt.test")):
        assert f"type{name}: {n} lines have a third bracket" in told
    assert "3 pronouns in brackets are reflexive" in told
    rng = np.random.default_rng(5)
    pro, anti = rng.random(len(ids)) < 0.8, rng.random(len(ids)) < 0.6
    lines = (f"{i},{int(a)},{int(b)}\n" for i, a, b in zip(ids, pro, anti, strict=True))
    Path("said.csv").write_text("id,pro,anti\n" + "".join(lines), encoding="utf-8")
    config = {
        "audit": "t",
        "suite": "winobias",
        "data": {"path": str(path)},
        "model": {"kind": "predictions", "path": "said.csv", "id": "id", "more": "pro", "less": "anti"},
        "report": {"charts": False},
    }
    original = audited(cli, config)["variants"][0]
    assert percent(original, "stereotype_preference") == pytest.approx(100 * (pro.mean() - anti.mean()))


@pytest.mark.parametrize("column", [RACE, ARC])
def test_intervals_over_drawn_templates_hold_the_score_of_all(column: str, data_folder: Path) -> None:
    """25 of the 150 templates of six categories, drawn 2,000 times: 95 % intervals, between 93 and 98 %."""
    items = read_bbq(data_folder / "bbq" / "preds_*.jsonl.gz").table.to_pandas()
    items = items[items.condition == "ambiguous"]
    said = np.array(ROLES)[roles_of(items[column].tolist(), items.options.tolist())]
    parsed = said != "unparsed"
    sign = 2.0 * (said == items.stereotype) - np.isin(said, ["target", "non-target"])
    whole = items.assign(sign=sign * parsed, parsed=parsed).groupby("template")[["sign", "parsed"]].sum()
    top, bottom = whole["sign"].to_numpy(float), whole["parsed"].to_numpy(float)
    draws, size = 2_000, 25
    drawn = np.random.default_rng(1).integers(0, len(top), draws * size)
    rows = SlicedRows(np.repeat(np.arange(draws), size), draws)
    figure = Quotient(signed=True).figure(rows, top[drawn], bottom[drawn])
    low, high = figure.limits(1.959964, 1.0)
    truth = top.sum() / bottom.sum()
    assert 0.93 < np.mean((low <= truth) & (truth <= high)) < 0.98


def test_the_example_runs_on_the_published_answers(data_folder: Path, here: Path, cli: Any) -> None:
    example = Path(__file__).parents[2] / "examples" / "bbq" / "age.yaml"
    assert cli("audit", str(example), "-q", "-o", "runs/age").code == 1
    gates = json.loads(Path("runs/age/audit.json").read_text(encoding="utf-8"))["gates"]
    arc = {gate["id"]: gate["verdict"] for gate in gates if gate["variant"] == "arc"}
    assert (arc["bias"], arc["bias-rises"], arc["parsed"]) == ("fail", "inconclusive", "pass")
