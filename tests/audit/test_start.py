"""What ``fairweigh init`` makes of tables: roles by names and values, every column told, nothing invented."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.config import read
from fairweigh.audit.start.proxies import cramers_v
from fairweigh.audit.start.write import start
from fairweigh.datasets.errors import InputError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from ..conftest import Ended


N = 240
draw = np.random.default_rng(5)


def of(*values: Any) -> np.ndarray:
    """A column that holds each value equally often, in a random order."""
    return draw.permutation(np.resize(np.array(values, dtype=object), N))


def number(low: float, high: float) -> np.ndarray:
    return draw.uniform(low, high, N).round(3)


def whole(low: int, high: int) -> np.ndarray:
    return draw.integers(low, high, N)


def written(folder: Path, frame: pd.DataFrame, name: str = "d.csv") -> str:
    path = folder / name
    frame.to_csv(path, index=False)
    return start(path)


def parsed(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))


def column_lines(text: str) -> list[str]:
    return text[text.index("# What became of every column") :].splitlines()[1:]


def role(text: str, name: str) -> str:
    """What the file says of a column."""
    (line,) = [line for line in column_lines(text) if re.match(rf'#   "?{re.escape(name)}"? ', line)]
    return line.split(name, 1)[1].lstrip('" ')


LOANS = {
    "LoanID": [f"L{i:05d}" for i in range(N)],
    "Race/Ethnicity": of("White", "Black", "Hispanic/Latino", "Asian"),
    "applicant_sex": of("Female", "female", "F", "MALE ", "Male"),
    "AGE_YEARS": whole(18, 90),
    "zip": whole(10_000, 99_999),
    "prob_default": number(0, 1),
    "approved": of("yes", "no"),
    "repaid": of(0, 1),
}


def test_names_are_split_and_no_column_is_dropped_silently(tmp_path: Path) -> None:
    text = written(tmp_path, pd.DataFrame(LOANS))
    data = parsed(text)["data"]
    assert data["sensitive"] == ["Race/Ethnicity", "applicant_sex", "AGE_YEARS"]
    assert (data["id"], data["label"]) == ("LoanID", "repaid")
    assert len(column_lines(text)) == len(LOANS)
    assert role(text, "zip").startswith("not used")
    assert "a proxy" in role(text, "zip")
    edges = data["bins"]["AGE_YEARS"]
    assert edges == sorted(edges)
    assert edges[0] > 18
    assert edges[-1] < 90


def test_values_that_look_alike_are_merged_in_the_file(tmp_path: Path) -> None:
    merge = parsed(written(tmp_path, pd.DataFrame(LOANS)))["data"]["merge"]["applicant_sex"]
    together = [{kept, *others} for kept, others in merge.items()]
    assert sorted(map(sorted, together)) == [["F", "Female", "female"], ["MALE ", "Male"]]


def test_a_probability_of_default_is_no_score_of_an_approval(tmp_path: Path) -> None:
    text = written(tmp_path, pd.DataFrame(LOANS))
    assert parsed(text)["model"] == {"kind": "predictions", "decision": "approved", "positive": "yes"}
    assert "speaks" in role(text, "prob_default") or "of the opposite" in role(text, "prob_default")


def test_where_only_a_probability_of_default_stands_default_is_the_positive_class(tmp_path: Path) -> None:
    config = parsed(written(tmp_path, pd.DataFrame(LOANS).drop(columns="approved")))
    assert config["data"]["positive"] == "0", "of repaid, those who did not repay"
    assert config["model"]["score"] == "prob_default"


def test_a_score_that_falls_with_the_label_turns_it_whatever_the_names(tmp_path: Path) -> None:
    y = of(0, 1).astype(int)
    frame = pd.DataFrame({"sex": of("f", "m"), "score": (1 - y) * 0.5 + number(0, 0.5), "y": y})
    assert parsed(written(tmp_path, frame))["data"]["positive"] == "0"
    frame["score"] = 1 - frame["score"]
    assert "positive" not in parsed(written(tmp_path, frame, "e.csv"))["data"]


def test_a_denial_is_turned_so_that_it_agrees_with_a_good_outcome(tmp_path: Path) -> None:
    frame = pd.DataFrame({"race": of("White", "Black"), "denied": of("Yes", "No"), "repaid": of(0, 1)})
    config = parsed(written(tmp_path, frame))
    assert config["model"]["positive"] == "No"
    assert "positive" not in config["data"]


BAD = (
    "score_not_hired", "risk_of_rejection", "prob_default", "denied_prob", "score_of_non_approval",
    "prob_unpaid", "prob_nothired", "p_reject", "P(rejected)", "wahrscheinlichkeit_abgelehnt", "未录用概率",
    "违约概率", "pd", "p_default",
)  # fmt: skip
GOOD = ("prob_hired", "prob_not_rejected", "score_no_default", "proba_repaid", "p_repaid", "录用概率")


@pytest.mark.parametrize("name", [*BAD, *GOOD])
def test_a_score_of_something_bad_is_not_taken_for_the_favourable_one(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"sex": of("f", "m"), name: number(0, 1)})
    text = written(tmp_path, frame)
    assert parsed(text)["data"].get("positive_is") == ("burden" if name in BAD else None)
    frame["hired"] = of("yes", "no")
    model = parsed(written(tmp_path, frame, "with.csv"))["model"]
    assert model["decision"] == "hired"
    assert (model.get("score") == name) == (name in GOOD), (
        "beside a favour, what speaks against it is not used"
    )


@pytest.mark.parametrize("name", ["rejected", "not_hired", "denied", "loan_denial", "unapproved", "拒绝"])
def test_a_yes_that_is_no_favour_says_so(tmp_path: Path, name: str) -> None:
    for values in (("yes", "no"), (0, 1)):
        data = pd.DataFrame({"sex": of("f", "m"), name: of(*values)})
        text = written(tmp_path, data)
        assert parsed(text)["model"]["decision"] == name
        assert parsed(text)["data"]["positive_is"] == "burden"
        assert "CHECK" in next(line for line in text.splitlines() if "positive_is" in line)


def test_where_a_risk_is_foreseen_to_prevent_it_what_a_yes_means_is_only_asked(tmp_path: Path) -> None:
    """High-risk patients got the care programme in Obermeyer et al. 2019 (Science 366:447)."""
    text = written(tmp_path, pd.DataFrame({"sex": of("f", "m"), "readmission_risk": number(0, 1)}))
    assert "positive_is" not in parsed(text)["data"]
    assert "# positive_is: burden      # CHECK" in text


def test_of_two_scores_that_are_one_turned_round_that_of_the_asked_class_is_taken(tmp_path: Path) -> None:
    p = number(0, 1)
    frame = pd.DataFrame({"sex": of("f", "m"), "proba_0": 1 - p, "proba_1": p, "y": (p > 0.5).astype(int)})
    assert parsed(written(tmp_path, frame))["model"]["score"] == "proba_1"
    alone = parsed(written(tmp_path, frame.drop(columns="proba_1"), "alone.csv"))
    assert (alone["model"]["score"], alone["data"]["positive"]) == ("proba_0", "0")


@pytest.mark.parametrize("outcome", ["y", "deposit", "subscription", "response"])
def test_an_input_called_default_is_no_outcome_where_a_better_one_stands_last(
    tmp_path: Path, outcome: str
) -> None:
    """As in the bank-marketing data (Moro et al. 2014), whose ``default`` is an input, also in its copies."""
    frame = {
        "age": whole(18, 80),
        "default": of("yes", "no"),
        "balance": whole(0, 99),
        outcome: of("yes", "no"),
    }
    text = written(tmp_path, pd.DataFrame(frame))
    assert parsed(text)["data"]["label"] == outcome
    assert "CHECK: another outcome" in role(text, "default")
    last = pd.DataFrame({"age": whole(18, 80), "balance": whole(0, 99), "default": of(0, 1)})
    assert parsed(written(tmp_path, last, "last.csv"))["data"]["label"] == "default"


def test_a_last_column_of_two_values_is_asked_about(tmp_path: Path) -> None:
    frame = {"sex": of("f", "m"), "default": of("yes", "no"), "x": whole(0, 99), "bought": of(0, 1)}
    text = written(tmp_path, pd.DataFrame(frame))
    assert parsed(text)["data"]["label"] == "default"
    assert "CHECK: two values in the last column" in role(text, "bought")


AGE = whole(18, 80)
RACE = of("White", "Black", "Asian")
CODE = np.array([{"White": 1, "Black": 2, "Asian": 3}[r] for r in RACE])
TWINS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bands": ({"age_cat": np.where(AGE < 25, "Less than 25", "25 or more"), "age": AGE}, ["age"]),
    "groups": ({"Age": AGE, "AgeGroup": np.where(AGE < 40, "young", "old")}, ["Age"]),
    "codes first": ({"race_code": CODE, "race": RACE}, ["race"]),
    "codes that differ": ({"race": RACE, "race_code": np.where(np.arange(N) == 7, 4, CODE)}, ["race"]),
    "a coarser form": ({"ethnicity": RACE, "Ethnic_minority": (RACE != "White").astype(int)}, ["ethnicity"]),
    "another name": ({"sex": of("f", "m"), "age": AGE, "birth_year": 2024 - AGE}, ["sex", "age"]),
    "no twins": ({"sex": of("f", "m"), "gender": of("f", "m", "x")}, ["sex", "gender"]),
    "two persons": ({"applicant_age": AGE, "spouse_age": whole(18, 80)}, ["applicant_age", "spouse_age"]),
}  # fmt: skip


@pytest.mark.parametrize("case", TWINS)
def test_of_two_spellings_of_one_attribute_one_is_sensitive(tmp_path: Path, case: str) -> None:
    columns, expected = TWINS[case]
    text = written(tmp_path, pd.DataFrame(columns | {"y": of(0, 1)}))
    assert parsed(text)["data"]["sensitive"] == expected
    for name in columns.keys() - {*expected}:
        assert re.search("CHECK: .* which is sensitive", role(text, name))


def test_a_totals_row_is_told_and_bands_stand_in_their_order(tmp_path: Path) -> None:
    bands = of("under 25", "25-44", "45-64", "65+", "5-9 years")
    bands[-1] = "Total"
    text = written(tmp_path, pd.DataFrame({"age_group": bands, "hired": of(0, 1)}))
    assert "# CHECK: 'Total' in column 'age_group' looks like that of a totals row" in text
    shown = re.findall("'(.*?)'", role(text, "age_group"))
    assert shown[:5] == ["under 25", "5-9 years", "25-44", "45-64", "65+"]


def test_proxies_are_spoken_of_where_some_are_marked(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sex": of("f", "m"), "balance": whole(0, 99), "y": of(0, 1)})
    assert "as proxies" not in written(tmp_path, frame)
    text = written(tmp_path, frame.assign(zip=whole(10_000, 99_999)), "zip.csv")
    assert "those marked as proxies below" in text
    assert "(a proxy)" in role(text, "zip")


@pytest.mark.parametrize("frame", [LOANS, {"age": whole(18, 80), "female": of(0, 1), "y": of(0, 1)}])
def test_no_gate_is_invented(tmp_path: Path, frame: dict[str, Any]) -> None:
    text = written(tmp_path, pd.DataFrame(frame))
    assert "gates" not in parsed(text)
    example = text[text.index("# gates:") :].splitlines()
    assert "CHECK" in example[0]
    assert "LIMIT" in example[1], "a limit is the user's"


HMDA = {
    "lei": of("A1", "B2", "C3"),
    "derived_ethnicity": of("Hispanic or Latino", "Not Hispanic or Latino"),
    "derived_race": of("White", "Black or African American", "Asian"),
    "derived_sex": of("Male", "Female", "Joint"),
    "applicant_ethnicity-1": of(1, 2),
    "applicant_race-1": of(1, 2, 3),
    "applicant_race-2": [None] * N,
    "co-applicant_race-1": of(1, 5),
    "applicant_sex": of(1, 2),
    "co-applicant_sex": of(1, 2),
    "applicant_age": of("25-34", "35-44", ">74"),
    "co-applicant_age": of("25-34", "9999"),
    "action_taken": of(1, 3),
    "income": whole(10, 300),
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "home mortgages": (
        HMDA,
        {
            "sensitive": ["derived_ethnicity", "derived_race", "derived_sex", "applicant_age"],
            "decision": "action_taken", "positive": "1",
        },
    ),
    "census": (
        {
            "SERIALNO": [f"2018{i // 2:09d}" for i in range(N)], "PWGTP": whole(1, 200), "AGEP": whole(0, 95),
            "SEX": of(1, 2), "RAC1P": of(1, 2, 6), "HISP": of(1, 2), "MAR": of(1, 5), "POBP": whole(1, 500),
            "PINCP": of(True, False),
        },
        {
            "sensitive": ["AGEP", "SEX", "RAC1P", "HISP", "MAR"], "label": "PINCP", "weight": "PWGTP",
            "cluster": "SERIALNO",
        },
    ),
    "German": (
        {
            "Geschlecht": of("w", "m", "d"), "Alter": whole(18, 67), "Nationalität": of("DE", "TR"),
            "Schwerbehindert": of("ja", "nein"), "Score": number(20, 80), "Eingestellt": of("ja", "nein"),
        },
        {
            "sensitive": ["Geschlecht", "Alter", "Nationalität", "Schwerbehindert"], "score": "Score",
            "decision": "Eingestellt", "positive": "ja",
        },
    ),
    "Chinese": (
        {
            "编号": range(N), "性别": of("男", "女"), "申请人年龄": whole(18, 80), "预测": of(0, 1),
            "标签": of(0, 1),
        },
        {"sensitive": ["性别", "申请人年龄"], "id": "编号", "decision": "预测", "label": "标签"},
    ),
    "French": (
        {"sexe": of("H", "F"), "âge": whole(18, 80), "décision": of("accepté", "refusé")},
        {"sensitive": ["sexe", "âge"], "decision": "décision", "positive": "accepté"},
    ),
    "Spanish": (
        {"género": of("hombre", "mujer"), "edad": whole(18, 80), "aprobado": of("sí", "no"),
         "pago": of(0, 1)},
        {"sensitive": ["género", "edad"], "decision": "aprobado", "positive": "sí", "label": "pago"},
    ),
    "clinic": (
        {
            "patient_id": whole(0, 90), "dob": [f"1950-02-{i % 28 + 1:02d}" for i in range(N)],
            "SexCode": of(1, 2), "weight": number(40, 120), "height": number(150, 200),
            "risk_score": number(0, 1), "notes": [f"visit {i}: cough, fever and a rash" for i in range(N)],
            "readmitted": of(0, 1),
        },
        {"sensitive": ["SexCode"], "cluster": "patient_id", "score": "risk_score", "label": "readmitted",
         "weight": None},
    ),
    "cells": (
        {
            "race": np.repeat(["White", "Black"], 4), "sex": ["M", "M", "F", "F"] * 2, "selected": [0, 1] * 4,
            "n": [30, 12, 25, 9, 14, 8, 11, 4],
        },
        {"sensitive": ["race", "sex"], "count": "n", "decision": "selected"},
    ),
    "predicted and true": (
        {"race": of("White", "Black"), "income": of("<=50K", ">50K"),
         "predicted_income": of("<=50K", ">50K")},
        {"sensitive": ["race"], "label": "income", "positive": ">50K", "decision": "predicted_income"},
    ),
    "things have ages and colours": (
        {"vehicle_age": whole(0, 20), "car_color": of("white", "black", "red"), "race_time": number(0, 1),
         "driver_age": whole(18, 80), "claimed": of(0, 1)},
        {"sensitive": ["driver_age"], "label": "claimed"},
    ),
    "no word for a sensitive feature but its values": (
        {"A91": of("male", "female"), "grp": of("White", "Black"), "target": of("no", "yes")},
        {"sensitive": ["A91", "grp"], "label": "target", "positive": "yes"},
    ),
    "BAD is what a detector looks for": (
        {"identity": of("women", "muslims", "gay people"), "Label": of("BAD", "NOT_BAD")},
        {"sensitive": ["identity"], "label": "Label", "positive": "BAD"},
    ),
    "several classes": (
        {"sex": of("f", "m"), "label": of("low", "medium", "high")},
        {"label": "label", "positive": "high", "negative": ["low", "medium"]},
    ),
    "several decisions": (
        {"sex": of("f", "m"), "decision": of("approved", "denied", "withdrawn")},
        {"decision": "decision", "positive": "approved", "negative": ["denied", "withdrawn"]},
    ),
    "splits": (
        {"gender": of("male", "female"), "x": number(0, 1), "fold": of("train", "test"), "y": of(0, 1)},
        {"sensitive": ["gender"], "split_column": "fold", "split": "test", "label": "y"},
    ),
    "words for not known": (
        {"age": [*map(str, whole(18, 75)[1:]), "?"], "sex": of("M", "F", "NA"), "hired": of(0, 1)},
        {"sensitive": ["age", "sex"], "missing": ["?", "NA"], "decision": "hired"},
    ),
    "columns called as keys": (
        {"data": of(0, 1), "model": of(0, 1), "gates": of(0, 1), "sex": of("M", "F"), "label": of(0, 1),
         "path": of(0, 1), "slices": of(0, 1)},
        {"sensitive": ["sex"], "label": "label"},
    ),
    "copies of a sensitive feature": (
        {"sex": ["m", "f"] * (N // 2), "gender": [1, 0] * (N // 2), "y": of(0, 1)}, {"sensitive": ["sex"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_roles(tmp_path: Path, case: str) -> None:
    columns, expected = CASES[case]
    text = written(tmp_path, pd.DataFrame(columns))
    config = parsed(text)
    found = {**config.get("model", {}), **config["data"]}
    if "decision" in found and "positive" in config.get("model", {}):
        found["positive"] = config["model"]["positive"]
    if "label" in expected and "positive" in config["data"]:
        found["positive"] = config["data"]["positive"]
    assert {key: found.get(key) for key in expected} == expected, text
    assert len(column_lines(text)) == len(columns), "every column is told"
    read({"audit": "x", **config})


@pytest.mark.parametrize("case", CASES)
def test_the_written_file_runs_as_it_stands(cli: Any, case: str) -> None:
    pd.DataFrame(CASES[case][0]).to_csv("d.csv", index=False)
    assert cli("init", "d.csv").code == 0
    assert cli("check", "audit.yaml").code == 0
    ended = cli(
        "audit", "audit.yaml", "-q", "--set", "report.charts=false", "--set", "slices.intersections=1"
    )
    assert ended.code == 0, ended


NASTY = [
    "a: b", 'q"uote', "new\nline", "# hash", "- dash", "yes", "null", "1e3", "0x1f", "~", "ünï 🎉", "{x}",
    "[z]", "*star", "&amp", "!bang", "%p", "@at", "`tick", "tab\there", "\u202eevil", "back\\slash",
    "'", " lead", "trail ", "x" * 5_000, "\x85nel", "\u2028ls", "\ufeffbom", "\x7f",
]  # fmt: skip


def test_names_and_values_are_escaped(tmp_path: Path) -> None:
    frame = pd.DataFrame({name: of(0, 1) for name in NASTY} | {"sex": of(*NASTY), "y": of("- no", "yes: #1")})
    frame.to_parquet(tmp_path / "d.parquet")
    text = start(tmp_path / "d.parquet")
    config = parsed(text)
    assert config["data"]["positive"] == "yes: #1"
    features = next(line for line in text.splitlines() if line.startswith("#   features: "))
    uncommented = parsed(features[4:])["features"]
    assert sorted(uncommented) == sorted(NASTY)
    assert max(map(len, column_lines(text))) < 300
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ufeff]", text)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=2, unique=True), st.text(min_size=1))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_itself_again(tmp_path: Path, values: list[str], name: str) -> None:
    from fairweigh.audit.start.scalars import comment, flow, scalar

    text = f"{scalar(name)}: {flow(values)} # {comment(name)}\n# {comment(values[0])}\n"
    assert read_back(text) == {name: values}


def read_back(text: str) -> Any:
    from fairweigh.audit.config.reading import as_yaml

    return as_yaml(dict(YAML(typ="safe", pure=True).load(text)))


def test_a_label_alone_is_audited_and_what_a_trained_model_would_see_is_named(cli: Any) -> None:
    husband = of("Husband", "Other")
    frame = pd.DataFrame(
        {
            "sex": np.where(husband == "Husband", "M", of("F", "M", "F", "F")),
            "relationship_code": husband, "hours": whole(1, 60), "y": of(0, 1),
        }
    )  # fmt: skip
    frame.to_csv("d.csv", index=False)
    frame.iloc[::-1].to_csv("OTHER_ROWS.csv", index=False)
    assert cli("init", "d.csv").code == 0
    text = Path("audit.yaml").read_text()
    assert "model" not in parsed(text)
    assert "features: [relationship_code, hours]" in text
    assert "tells 'sex'" in role(text, "relationship_code")
    block = text[text.index("# model:") : text.index("# or one that is there")]
    frame.assign(hours=whole(1, 60)).to_csv("OTHER_ROWS.csv", index=False)
    trained = text.replace(block, re.sub("^# ?", "", block, flags=re.MULTILINE))
    Path("trained.yaml").write_text(trained)
    assert cli("audit", "trained.yaml", "-q", "--set", "report.charts=false").code == 0


def test_what_cannot_be_known_is_asked_and_the_audit_says_it_in_a_line(cli: Any) -> None:
    pd.DataFrame({"x": number(0, 1), "colour": of("a", "b", "c")}).to_csv("d.csv", index=False)
    assert cli("init", "d.csv").code == 0
    text = Path("audit.yaml").read_text()
    assert "# label: COLUMN" in text
    assert "# sensitive: [COLUMN]" in text
    ended = cli("audit", "audit.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "data.sensitive" in ended.err


def test_blank_and_constant_columns_and_wide_counts_are_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sex": [None] * N, "race": ["x"] * N, "gender": of("m", "f"), "y": of(0, 1)})
    text = written(tmp_path, frame)
    assert "blank in every row" in role(text, "sex")
    assert "one value in every row" in role(text, "race")
    wide = pd.DataFrame({"race": ["a", "b"], "tp": [3, 4], "fp": [5, 6], "fn": [7, 8], "tn": [9, 1]})
    assert "make one row per cell" in written(tmp_path, wide, "w.csv")


def test_dates_of_birth_ask_for_an_age_and_years_are_cut(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"date_of_birth": ["1980-05-17"] * N, "birth_year": whole(1940, 2005), "y": of(0, 1)}
    )
    frame["date_of_birth"] = [f"19{i % 60 + 30}-05-17" for i in range(N)]
    text = written(tmp_path, frame)
    assert "make a column of ages" in role(text, "date_of_birth")
    assert all(edge % 5 == 0 for edge in parsed(text)["data"]["bins"]["birth_year"])


def test_labels_that_are_missing_are_told(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sex": of("m", "f"), "label": of("yes", "no", "?", None)})
    text = written(tmp_path, frame)
    assert f"{N // 2} rows have no label" in text
    assert parsed(text)["data"]["positive"] == "yes"
    assert "negative" not in parsed(text)["data"]


def test_two_thousand_columns_are_listed(tmp_path: Path) -> None:
    frame = pd.DataFrame(draw.normal(size=(20, 2_000)), columns=[f"c{i}" for i in range(2_000)])
    frame["gender"], frame["y"] = ["m", "f"] * 10, [0, 1, 1, 0] * 5
    frame.to_parquet(tmp_path / "d.parquet")
    assert len(column_lines(start(tmp_path / "d.parquet"))) == 2_002


def test_values_after_the_first_block_count_too(tmp_path: Path) -> None:
    """A table that is sorted by its label has one class in its beginning."""
    n = 60_000
    frame = pd.DataFrame({"sex": ["f"] * n + ["m"] * n, "y": ["no"] * n + ["yes"] * n})
    frame.to_parquet(tmp_path / "d.parquet")
    assert parsed(start(tmp_path / "d.parquet"))["data"]["sensitive"] == ["sex"]


def test_nothing_is_overwritten_and_a_table_without_rows_is_refused(cli: Any) -> None:
    Path("d.csv").write_text("sex,y\n")
    assert "no rows to look at" in cli("init", "d.csv").err
    assert not Path("audit.yaml").exists()
    Path("d.csv").write_text("sex,y\nm,1\nf,0\n")
    assert cli("init", "d.csv").code == 0
    assert "exists already" in cli("init", "d.csv").err


def test_cramers_v_is_that_of_a_published_example() -> None:
    # 2 x 2 table of Bergsma (2013) form: [[30, 10], [10, 30]], n = 80, chi2 / n = .25.
    one = np.repeat([0, 0, 1, 1], [30, 10, 10, 30])
    other = np.repeat([0, 1, 0, 1], [30, 10, 10, 30])
    phi2, least = 0.25 - 1 / 79, (2 - 1 / 79) - 1
    assert cramers_v(one, other) == pytest.approx(np.sqrt(phi2 / least))
    assert cramers_v(one, one) == pytest.approx(1)
    assert cramers_v(one, draw.permutation(other)) < 0.3


TRUE_ROLES = {
    "bank_marketing/bank.csv.gz": {"label": "y", "positive": "yes", "sensitive": ["age", "marital"]},
    "law_school/law_school_clean.csv": {"label": "pass_bar", "sensitive": ["male", "race"], "score": None},
    "communities_crime/communities_crime.csv": {"label": "class", "sensitive": ["Black"]},
    "credit_card_default/credit-card-clients.csv.gz": {
        "label": "default payment", "sensitive": ["SEX", "MARRIAGE", "AGE"],
    },
    "acs_income/acs_income_2018_AL.csv.gz": {"label": "PINCP", "sensitive": ["AGEP", "MAR", "SEX", "RAC1P"]},
    "german_credit/german.csv": {
        "label": "credit", "sensitive": ["personal_status", "age", "foreign_worker"],
    },
    "german_credit/german_decoded.csv": {
        "label": "class-label", "sensitive": ["age", "foreign-worker", "sex", "marital-status"],
    },
    "eec/Equity-Evaluation-Corpus.csv.gz": {"sensitive": ["Gender", "Race"], "id": "ID", "label": None},
    "hatecheck/test_suite_cases.csv": {
        "label": "label_gold", "positive": "hateful", "sensitive": ["target_ident"], "id": "case_id",
    },
}  # fmt: skip


@pytest.mark.parametrize("file", TRUE_ROLES)
def test_roles_of_public_data(data_folder: Path, file: str) -> None:
    config = parsed(start(data_folder / file))
    found = {**config.get("model", {}), **config["data"]}
    assert {key: found.get(key) for key in TRUE_ROLES[file]} == TRUE_ROLES[file]


def test_an_unreadable_file_is_refused_as_an_audit_refuses_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        start(tmp_path / "none.csv")


TABLE = {
    "Größe": number(0, 9), "Geschlecht": of("männlich", "weiblich"), "Score": number(0, 1),
    "genehmigt": of("ja", "nein"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("how", "before", "expected"),
    [
        ({"sep": ";", "decimal": ",", "index": False}, "", {"separator": ";", "decimal": ","}),
        ({"sep": ";", "decimal": ",", "index": False}, "sep=;\n", {"separator": ";", "decimal": ","}),
        ({"sep": "\t", "index": False, "encoding": "utf-16"}, "", {"separator": "\t", "encoding": "utf-16"}),
        ({"index": False, "encoding": "latin-1"}, "", {"encoding": "latin-1"}),
        ({"index": True}, "", {}),
    ],
)
def test_how_a_file_is_written_stands_in_the_configuration(
    cli: Any, how: dict[str, Any], before: str, expected: dict[str, str]
) -> None:
    pd.DataFrame(TABLE).to_csv("d.csv", **how)
    if before:
        Path("d.csv").write_bytes(before.encode() + Path("d.csv").read_bytes())
    assert cli("init", "d.csv").code == 0
    text = Path("audit.yaml").read_text()
    data = parsed(text)["data"]
    assert {key: data[key] for key in ("separator", "decimal", "encoding") if key in data} == expected
    assert data["sensitive"] == ["Geschlecht"]
    assert parsed(text)["model"]["score"] == "Score"
    assert len(column_lines(text)) == len(TABLE) + how["index"]
    assert cli("audit", "audit.yaml", "-q", "--set", "report.charts=false").code == 0


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl"])
def test_an_encoding_that_looking_does_not_tell_is_said(cli: Any, name: str) -> None:
    table = pd.DataFrame(TABLE).rename(columns={"Geschlecht": "性别"})
    lines = table.to_json(orient="records", lines=True, force_ascii=False)
    text = {"d.csv": table.to_csv(index=False), "d.jsonl": lines}[name]
    Path(name).write_bytes(text.encode("gb18030"))
    ended = cli("init", name)
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "--encoding" in ended.err
    assert "data.encoding" not in ended.err
    assert cli("init", name, "--encoding", "gb18030").code == 0
    data = parsed(Path("audit.yaml").read_text(encoding="utf-8"))["data"]
    assert (data["encoding"], data["sensitive"]) == ("gb18030", ["性别"])
    assert cli("audit", "audit.yaml", "-q", "--set", "report.charts=false").code == 0


def test_an_encoding_of_what_is_no_text_or_of_no_name_is_refused(cli: Any) -> None:
    pd.DataFrame(TABLE).to_parquet("d.parquet")
    assert "--encoding: expected a text file" in cli("init", "d.parquet", "--encoding", "utf-8").err
    pd.DataFrame(TABLE).to_csv("d.csv")
    assert "--encoding: expected a text encoding such as" in cli("init", "d.csv", "--encoding", "klingon").err


def test_a_json_array_is_a_table_too(tmp_path: Path) -> None:
    pd.DataFrame(TABLE).to_json(tmp_path / "d.json", orient="records")
    assert parsed(start(tmp_path / "d.json"))["data"]["sensitive"] == ["Geschlecht"]


def test_what_a_table_lacks_is_told_in_place_of_a_command_that_would_refuse_it(
    cli: Callable[..., Ended], here: Path
) -> None:
    rows = "".join(f"{1000 + 7 * i % 90},{i % 100 / 100},{'yes' if i % 3 else 'no'}\n" for i in range(300))
    Path("t.csv").write_text("income,score,approved\n" + rows)
    ended = cli("init", "t.csv")
    assert ended.code == 0
    assert "data.sensitive: name at least one sensitive feature, got none" in ended.out
    assert "then run" not in ended.out
    assert cli("check", "audit.yaml").code == 2
