"""Files of suites: what is read, what is counted as a defect of the data, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fairweigh.datasets import bbq, crows_pairs, eec, hatecheck, stereoset, winobias
from fairweigh.datasets.choice import ROLES, roles_of
from fairweigh.datasets.errors import InputError

QUESTION: dict[str, Any] = {
    "example_id": 0, "question_index": "1", "question_polarity": "neg", "context_condition": "ambig",
    "category": "Age", "context": "Two met.", "question": "Who forgot?", "label": 2,
    "answer_info": {"ans0": ["grandfather", "old"], "ans1": ["grandson", "nonOld"], "ans2": ["?", "unknown"]},
    "additional_metadata": {"subcategory": "None", "stereotyped_groups": ["old"]},
    "ans0": "The grandfather", "ans1": "The grandson", "ans2": "Not known", "said": "the grandfather.",
}  # fmt: skip
HATE, EMOTIONS = (",".join(keys) for keys in (hatecheck.KEYS, eec.KEYS))


def written(name: str, *rows: Any) -> Path:
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def test_a_question_is_read_with_its_roles_template_and_further_columns(here: Path) -> None:
    other = QUESTION | {
        "example_id": 1,
        "question_polarity": "nonneg",
        "context_condition": "disambig",
        "label": 0,
    }
    items = bbq.read(written("q.jsonl", QUESTION, other))
    one, two = items.table.to_pylist()
    assert (one["id"], one["template"], one["condition"], one["polarity"]) == (
        "0",
        "Age 1",
        "ambiguous",
        "negative",
    )
    assert (one["right"], one["stereotype"], one["stereotyped_groups"]) == ("unknown", "target", "old")
    assert (two["right"], two["stereotype"]) == ("target", "non-target")
    assert one["said"] == "the grandfather."
    assert items.slices == ("polarity",)


def test_questions_of_several_categories_have_ids_of_both(here: Path) -> None:
    written("preds_a.jsonl", QUESTION)
    written("preds_b.jsonl", QUESTION | {"category": "Race"})
    items = bbq.read(Path("preds_*.jsonl"))
    assert items.table["id"].to_pylist() == ["Age/0", "Race/0"]


def test_answers_are_compared_without_case_spaces_and_full_stop() -> None:
    options = json.dumps({"the grandfather": "target", "the grandson": "non-target", "not known": "unknown"})
    said = ["The  Grandfather.", "the grandson", "Not known", "the older man", None, ""]
    found = [ROLES[place] for place in roles_of(said, [options] * len(said))]
    assert found == ["target", "non-target", "unknown", "unparsed", "unparsed", "unparsed"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"context_condition": "unclear"},
            "line 1: expected context_condition ambig or disambig, got 'unclear'",
        ),
        ({"label": 3}, "line 1: expected label 0, 1 or 2, got 3"),
        ({"additional_metadata": {}}, "additional_metadata.stereotyped_groups, got None"),
        ({"answer_info": {"ans0": ["x"]}}, "expected two words of answer_info.ans0, got ['x']"),
    ],
)
def test_a_question_of_another_layout_is_refused(here: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        bbq.read(written("q.jsonl", QUESTION | change))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("read", "name", "text", "told"),
    [
        (bbq.read, "q.jsonl", '{"a": 1}', "line 1: expected a question of BBQ, got no 'example_id'"),
        (bbq.read, "q.jsonl", "[1]", "expected a question of BBQ, got no object"),
        (bbq.read, "none.jsonl", None, "expected a file, or a pattern"),
        (bbq.read, "none_*.jsonl", None, "names 0"),
        (stereoset.read, "s.jsonl", '{"id": 1}', "expected an item of StereoSet, got no 'target'"),
        (
            stereoset.read, "s.jsonl", '{"id": 1, "target": "x", "bias_type": "race", "sentences": []}',
            "expected sentences with the gold labels",
        ),
        (crows_pairs.read, "c.csv", "a,b\n1,2", "expected the columns sent_more"),
        (
            crows_pairs.read, "c.csv", "sent_more,sent_less,stereo_antistereo,bias_type\na,b,no,age",
            "line 2: expected stereo_antistereo stereo or antistereo, got 'no'",
        ),
        (hatecheck.read, "h.csv", "a,b\n1,2", "expected the columns functionality, case_id"),
        (
            hatecheck.read, "h.csv", f"{HATE}\nslur_h,1,x,hate,women,-,1",
            "line 2: expected label_gold hateful or non-hateful, got 'hate'",
        ),
        (hatecheck.read, "h.csv", f"{HATE}\nslur_h,1", "line 2: expected a value of test_case"),
        (eec.read, "e.csv", "a,b\n1,2", "expected the columns ID, Sentence"),
        (eec.read, "e.csv", f"{EMOTIONS}\n1,x,t,she,female,,hope,x", "line 2: expected Emotion joy"),
        (eec.read, "e.csv", f"{EMOTIONS}\n1,x,t,she,female,,,", "no sentence of EEC names an emotion"),
        (winobias.read, "pro.txt", "1 x", "expected a file of WinoBias called"),
        (winobias.read, "pro_stereotyped_type1.txt.dev", "1 [A b] c [he].", "expected anti_stereotyped"),
    ],
)  # fmt: skip
def test_a_file_of_another_layout_is_refused_in_one_line(
    here: Path, read: Any, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        written(name, text)
    with pytest.raises(InputError) as error:
        read(Path(name))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_answers_with_equal_texts_or_without_a_single_target_are_unscored(here: Path) -> None:
    both = QUESTION | {"answer_info": QUESTION["answer_info"] | {"ans1": ["grandson", "old"]}}
    same = QUESTION | {"question_index": "2", "ans1": "The grandfather"}
    items = bbq.read(written("q.jsonl", QUESTION, both, same))
    assert items.table.num_rows == 1
    assert (
        "2 of 3 questions have no single target (template, questions: Age 1 (1), Age 2 (1))" in items.notes[0]
    )


def test_a_target_weighs_the_same_whatever_its_items(here: Path) -> None:
    def item(name: str, target: str) -> dict[str, Any]:
        said = [{"id": f"{name}{kind[0]}", "gold_label": kind} for kind in stereoset.KINDS]
        return {"id": name, "target": target, "bias_type": "race", "sentences": said}

    items = stereoset.read(written("s.jsonl", item("a", "x"), item("b", "x"), item("c", "y")))
    assert items.table["weight"].to_pylist() == [0.5, 0.5, 1.0]
    scores = [{"id": f"{name}{kind[0]}", "score": 0.5} for name in "abc" for kind in stereoset.KINDS]
    said = stereoset.answers(written("p.json", {"intrasentence": scores}), items.table)
    assert said.column_names == ["id", *stereoset.KINDS]
    with pytest.raises(InputError, match="1 sentence of the items"):
        stereoset.answers(written("p.json", {"intrasentence": scores[1:]}), items.table)
    with pytest.raises(InputError, match="a list 'intrasentence'"):
        stereoset.answers(written("p.json", {"other": []}), items.table)


def test_pairs_of_pronouns_are_told_apart_from_other_lines(here: Path) -> None:
    written(
        "pro_stereotyped_type1.txt.dev",
        "1 [The clerk] left because [she] was tired.", "2 [The chief] left, [he] lost [his] key.",
        "3 [The cook] left as [she] knew [she] must.", "4 [The nurse] rests, [she] is tired.",
    )  # fmt: skip
    written(
        "anti_stereotyped_type1.txt.dev",
        "1 [The clerk] left because [he] was tired.", "2 [The chief] left, [she] lost [her] key.",
        "3 [The cook] left as [he] knew [he] must.", "4 [The nurse] rests, [he] was tired.",
    )  # fmt: skip
    items = winobias.read(Path("pro_stereotyped_type1.txt.dev"))
    assert items.table["id"].to_pylist() == ["type1.dev 1", "type1.dev 3"]
    assert items.table["stereotype_of"].to_pylist() == ["female", "female"]
    assert "2 pairs of 4 lines" in items.notes[0]
    assert "2 lines have a third bracket" in items.notes[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"suite": "bbc"}, "suite: 'bbc' is no known suite; did you mean 'bbq'?"),
        ({"task": "binary"}, "task: the suite bbq is of the task choice, got binary"),
        ({"suite": None, "task": "choice"}, "task: choice is that of a suite; expected suite: bbq"),
        ({"data": {"path": "q.jsonl", "label": "label"}}, "data.label: the suite bbq knows its columns"),
        ({"data": {"path": "q.jsonl", "sensitive": ["sex"]}}, "data.sensitive: 'sex' is no column to slice"),
        ({"model": None}, "model: the suite bbq is scored from predictions"),
        ({"model": {"kind": "predictions", "answer": "sayd"}}, "no column 'sayd'"),
        ({"model": {"kind": "predictions", "score": "said"}}, "model.score: belongs to task"),
        (
            {"model": {"kind": "predictions", "answer": "question"}},
            "no answer of column 'question' names one",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_one_line(
    here: Path, cli: Any, change: dict[str, Any], told: str
) -> None:
    written("q.jsonl", *(QUESTION | {"example_id": k} for k in range(40)))
    config: dict[str, Any] = {"audit": "t", "suite": "bbq", "data": {"path": "q.jsonl"}}
    config |= {"model": {"kind": "predictions", "answer": "said"}} | change
    Path("a.yaml").write_text(
        json.dumps({k: v for k, v in config.items() if v is not None}), encoding="utf-8"
    )
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_a_suite_is_valid_without_slices_and_takes_no_rows_from_python(here: Path, cli: Any) -> None:
    import fairweigh
    import pandas as pd

    config = {"audit": "t", "suite": "bbq", "data": {"path": "q.jsonl"}, "model": {"answer": "said"}}
    Path("a.yaml").write_text(json.dumps(config), encoding="utf-8")
    assert cli("check", "a.yaml").code == 0
    with pytest.raises(InputError, match="suite: bbq is read from its file"):
        fairweigh.run(config, "run", data=pd.DataFrame({"said": ["x"]}))


def test_suites_are_listed_and_shown_as_cards(cli: Any) -> None:
    from fairweigh.datasets.suites import SUITES

    told = cli("datasets", "list").out
    for name, suite in SUITES.items():
        assert f"{name:<22}suite: {suite.title}" in told
        shown = cli("datasets", "show", name).out
        for part in (suite.title, suite.licence, suite.task, suite.file, f"$FAIRWEIGH_DATA/{suite.folder}/"):
            assert part in shown, name
        assert all(column in shown for column in (*suite.columns, *suite.units)), name
        assert "Known defects" in shown, name
        assert next(iter(suite.units)) == suite.roles["cluster"]
    wrong = cli("datasets", "show", "eecc")
    assert (wrong.code, "did you mean 'eec'?" in wrong.err) == (2, True)
    fetched = cli("datasets", "fetch", "bbq")
    assert (fetched.code, "a suite's file is not fetched" in fetched.err) == (2, True)
