"""Judges of sampled answers: audited first, their errors carried into the rate, two of them compared.

Outside answers: the closed form of W. J. Rogan, B. Gladen 1978, exact limits from scipy, kappa from
scikit-learn, on the same rows.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.api import load_result
from fairweigh.audit.config.judges import JudgeSpec
from fairweigh.datasets.errors import InputError
from fairweigh.models.answers import ANSWERED, NEGATIVE, POSITIVE, Refusals
from fairweigh.models.base import Scored
from fairweigh.models.judging import AskedJudge, Reading
from fairweigh.models.language.engine import Text
from fairweigh.models.language.judging import LanguageJudge, Rubric
from fairweigh.models.language.load import engine_of
from fairweigh.verification import verify
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from ..tiny import save_bert, sentences
from ..tiny_language import save_llama, spec_of
from .runs import audited, slice_of

ROLES = {"id": "id", "prompt": "prompt", "sample": "sample", "sensitive": ["group"]}
ERRORS = {"A": (0.9, 0.05), "B": (0.75, 0.15)}
"""Sensitivity and false positive rate of the judge, by group."""


def hateful(rows: Any) -> np.ndarray:
    """A judge: a text is hateful where it says so."""
    return np.array([0.9 if "awful" in text else 0.2 for text in rows["text"]])


def _text(positive: bool, group: str, r: np.random.Generator) -> str:
    found = r.random() < ERRORS[group][0 if positive else 1]
    return f"You are {'awful' if found else 'kind'} number {r.integers(10**6)}"


def answers(prompts: int = 120, k: int = 4) -> pd.DataFrame:
    r = np.random.default_rng(1)
    rows = []
    for p in range(prompts):
        group = "AB"[p % 2]
        for s in range(k):
            positive = r.random() < 0.3
            refused = r.random() < 0.1
            text = "I can't help with that." if refused else _text(positive, group, r)
            rows.append((f"p{p}#{s}", f"Say {p}", s, group, text, positive))
    return pd.DataFrame(rows, columns=["id", "prompt", "sample", "group", "text", "truth"])


def labelled(rows: int = 600) -> pd.DataFrame:
    r = np.random.default_rng(2)
    made = [(bool(r.random() < 0.5), "AB"[i % 2]) for i in range(rows)]
    return pd.DataFrame(
        [(_text(positive, group, r), "hate" if positive else "no hate", group) for positive, group in made],
        columns=["comment", "label", "group"],
    )


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labelled.csv"
    labelled().to_csv(path, index=False)
    return path


@pytest.fixture
def judge(labels: Path) -> dict[str, Any]:
    audited_on = {"path": str(labels), "text": "comment", "label": "label", "positive": "hate"}
    return {"name": "hate", "model": {"function": f"{__name__}:hateful"}, "audited_on": audited_on}


MODEL = {"kind": "predictions", "answer": "text"}


def test_the_judges_errors_are_counted_by_slice_and_carried_into_the_rate(
    judge: dict[str, Any], tmp_path: Path
) -> None:
    frame, rows = answers(), labelled()
    found = audited(tmp_path, frame, data=ROLES, task="generation", model=MODEL, judge=judge)
    [variant] = found["variants"]
    rows["found"] = rows.comment.str.contains("awful")
    for group in ("A", "B"):
        here = rows[rows.group == group]
        hate = here[here.label == "hate"].found
        told = next(one for one in found["judge_rates"] if one["slice"] == {"group": group})
        exact = binomtest(int(hate.sum()), len(hate)).proportion_ci()
        assert [told["sensitivity"][key] for key in ("value", "low", "high", "n")] == pytest.approx(
            [hate.mean(), exact.low, exact.high, len(hate)]
        )
        false = here[here.label != "hate"].found.mean()
        assert told["specificity"]["value"] == pytest.approx(1 - false)
        judged = frame[(frame.group == group) & ~frame.text.str.startswith("I can't")]
        rate = judged.text.str.contains("awful").mean()
        metrics = slice_of(variant, group=group)["metrics"]
        assert metrics["positive_rate"]["value"] == pytest.approx(rate)
        corrected = metrics["corrected_positive_rate"]
        assert corrected["value"] == pytest.approx((rate - false) / (hate.mean() - false))
        assert corrected["method"] == "rogan-gladen"
        assert corrected["low"] < judged.truth.mean() < corrected["high"]
    assert found["judges"][0]["audited_on"]["rows"] == len(rows)
    assert variant["overall"]["mean_score"]["value"] == pytest.approx(
        np.where(frame[~frame.text.str.startswith("I can't")].text.str.contains("awful"), 0.9, 0.2).mean()
    )


def test_a_run_is_verified_from_its_predictions_which_hold_no_text(
    judge: dict[str, Any], tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    answers().to_csv(rows, index=False)
    config = {"audit": "a", "task": "generation", "data": {"path": str(rows), **ROLES}, "model": MODEL,
              "judge": judge, "report": {"charts": False}}  # fmt: skip
    fairweigh.run(config, tmp_path / "run")
    found = verify(tmp_path / "run")
    assert [*found.files, *found.figures, *found.pages] == []
    kept = pd.read_parquet(tmp_path / "run" / "predictions" / "original.parquet")
    assert not kept.astype(str).apply(lambda column: column.str.contains("awful|kind")).any().any()
    result = load_result(tmp_path / "run")
    assert result.judge_rates[0].judge == "hate"


def test_errors_of_all_rows_together_serve_where_the_labelled_ones_have_no_such_feature(
    judge: dict[str, Any], tmp_path: Path
) -> None:
    judge["audited_on"]["sensitive"] = []
    found = audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, judge=judge)
    rows = labelled()
    awful = rows.comment.str.contains("awful")
    one, other = awful[rows.label == "hate"].mean(), awful[rows.label != "hate"].mean()
    assert len(found["judge_rates"]) == 1
    for group in ("A", "B"):
        metrics = slice_of(found["variants"][0], group=group)["metrics"]
        rate = metrics["positive_rate"]["value"]
        assert metrics["corrected_positive_rate"]["value"] == pytest.approx((rate - other) / (one - other))


def test_a_judge_that_was_not_audited_corrects_nothing(judge: dict[str, Any], tmp_path: Path) -> None:
    del judge["audited_on"]
    found = audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, judge=judge)
    assert "corrected_positive_rate" not in found["variants"][0]["overall"]
    assert "judge_rates" not in found
    assert found["judges"][0]["audited_on"] is None


def test_columns_of_what_judges_decided_serve_as_well(tmp_path: Path) -> None:
    frame, rows = answers(), labelled()
    frame["hate"] = frame.text.str.contains("awful").map({True: "yes", False: "no"})
    r = np.random.default_rng(3)
    frame["hate2"] = np.where(r.random(len(frame)) < 0.1, "yes", frame.hate)
    rows["said"] = np.where(rows.comment.str.contains("awful"), "yes", "no")
    rows.to_csv(tmp_path / "labelled.csv", index=False)
    audited_on = {
        "path": str(tmp_path / "labelled.csv"),
        "label": "label",
        "positive": "hate",
        "decision": "said",
    }
    model = {"answer": "text", "decision": "hate", "second": "hate2", "positive": "yes"}
    found = audited(
        tmp_path, frame, data=ROLES, task="generation", model=model,
        judges=[{"name": "one", "audited_on": audited_on}, {"name": "two"}],
    )  # fmt: skip
    [variant] = found["variants"]
    overall = {name: one["value"] for name, one in variant["overall"].items()}
    judged = frame[~frame.text.str.startswith("I can't")]
    awful = rows.comment.str.contains("awful")
    one, other = awful[rows.label == "hate"].mean(), awful[rows.label != "hate"].mean()
    rate = (judged.hate == "yes").mean()
    assert overall["corrected_positive_rate"] == pytest.approx((rate - other) / (one - other))
    assert overall["judge_disagreement"] == pytest.approx((judged.hate != judged.hate2).mean())
    assert overall["judge_kappa"] == pytest.approx(cohen_kappa_score(judged.hate, judged.hate2))
    for group in ("A", "B"):
        here = judged[judged.group == group]
        metrics = slice_of(variant, group=group)["metrics"]
        assert metrics["judge_disagreement"]["value"] == pytest.approx((here.hate != here.hate2).mean())


class Asked:
    """A language model whose answers are known."""

    chat, scores, truncated = True, False, 0

    def write(self, prompts: Any, sampling: Any, seeds: Any) -> list[Text]:
        said = ("Yes." if "awful" in p.text else "no" if "kind" in p.text else "Hard to say" for p in prompts)
        return [Text(text) for text in said]

    def describe(self) -> dict[str, Any]:
        return {"kind": "known"}


def test_a_language_model_judges_by_a_rubric_and_what_is_no_verdict_is_counted_apart() -> None:
    judge = AskedJudge("asked", LanguageJudge(Asked(), Rubric("Is the text below hateful?")))  # type: ignore[arg-type]
    texts = np.array(["so awful", "so kind", "hm", "", "I cannot help with that."], object)
    found = Reading(Refusals(), judge).judged(Scored(None, None, text=texts))
    assert found.decision is not None
    assert found.decision.tolist() == [POSITIVE, NEGATIVE, ANSWERED, 3, 2]
    assert found.score is None
    assert judge.describe() == {
        "kind": "known", "rubric": "Is the text below hateful?", "verdicts": ["yes", "no"],
        "max_new_tokens": 16,
    }  # fmt: skip
    assert "no verdict on 1 answer" in str(judge.notes()[0])
    # Asked once, and told as many times as it stands there.
    again = np.array(["hm", "hm", "hm"], object)
    Reading(Refusals(), judge).judged(Scored(None, None, text=again))
    assert "no verdict on 4 answers" in str(judge.notes()[0])


def test_a_judge_that_cannot_read_an_answer_whole_says_so(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "judge", max_position_embeddings=128)
    spec = spec_of(folder, kind="causal-lm", resolved="causal-lm")
    judge = AskedJudge("asked", LanguageJudge(engine_of(spec, 0), Rubric("Is it hateful?"), 2))
    judge(["so awful"])
    assert "A question to asked was longer than its context" in str(judge.notes()[0])


@pytest.mark.parametrize(
    ("key", "value"), [("temperature", 1.0), ("score", "choice"), ("samples", 2), ("system", "Be strict.")]
)
def test_a_rubric_says_all_that_is_asked(key: str, value: Any) -> None:
    model = {"kind": "causal-lm", "path": "judge", key: value}
    with pytest.raises(ValueError, match=rf"model\.{key}: a language model judges by its rubric alone"):
        JudgeSpec.model_validate({"model": model, "rubric": {"question": "Is it rude?"}})
    served = {"endpoint": "http://127.0.0.1:1/v1", "protocol": "openai", "system": "Be strict."}
    JudgeSpec.model_validate({"model": served, "rubric": {"question": "Is it rude?"}})


def test_a_language_model_without_a_verdict_on_labelled_rows_is_told(
    judge: dict[str, Any], tmp_path: Path
) -> None:
    folder = save_llama(tmp_path / "judge", max_position_embeddings=256)
    model = {"kind": "causal-lm", "path": str(folder), "device": "cpu", "max_new_tokens": 2}
    judge |= {"model": model, "rubric": {"question": "Is it hateful?"}}
    with pytest.raises(InputError, match=r"^hate: it gives no verdict on any of 600 labelled rows of "):
        audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, judge=judge)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"audited_on": {"positive": "no hate"}}, "and so tells nothing"),
        ({"audited_on": {"positive": "other"}}, "'other'"),
        ({"audited_on": {"text": "nowhere"}}, "no column 'nowhere'"),
        ({"audited_on": {"label": "nowhere"}}, "no column 'nowhere'"),
        ({"audited_on": {"path": "nowhere.csv"}}, "nowhere.csv"),
        ({"audited_on": {"sensitive": ["age"]}}, "is no sensitive feature of the audit"),
        ({"audited_on": {"text": None}}, "audited_on.text: expected the column of the text"),
        ({"audited_on": {"decision": "label"}}, "the judge is a model"),
        ({"audited_on": {"text": "label"}}, "text: column 'label' is the label, which the judge is not to"),
        ({"model": {"kind": "predictions", "score": "x"}}, "expected a model of texts"),
        ({"model": None}, "expected the judge, or model.decision or model.score"),
    ],
)
def test_a_judge_that_cannot_be_used_is_told_in_one_line(
    change: dict[str, Any], told: str, judge: dict[str, Any], tmp_path: Path
) -> None:
    for key, value in change.items():
        judge[key] = {**judge[key], **value} if key == "audited_on" else value
    if judge["model"] is None:
        judge["audited_on"] = None
    with pytest.raises((InputError, ValueError)) as caught:
        audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, judge=judge)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"model": {"score": "truth", "scale": "rank"}}, "a judge reads the text of answers"),
        ({"model": {"answer": "text", "decision": "truth"}}, "leave one of them out"),
        ({"refusals": ["("]}, "expected a regular expression"),
        ({"judges": [{}]}, "judges"),
        ({"task": "binary", "data": {"label": "truth", "sensitive": ["group"]}, "model": {"score": "truth"}},
         "judge: belongs to task: generation"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together_are_told_in_one_line(
    settings: dict[str, Any], told: str, judge: dict[str, Any], tmp_path: Path
) -> None:
    given = {"data": ROLES, "task": "generation", "model": MODEL, "judge": judge} | settings
    with pytest.raises((InputError, ValueError)) as caught:
        audited(tmp_path, answers(), **given)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_own_patterns_of_refusals_take_the_place_of_ours(tmp_path: Path) -> None:
    frame = answers()
    for patterns, share in ((["number 1"], frame.text.str.contains("number 1").mean()), ([], 0.0)):
        found = audited(
            tmp_path / str(len(patterns)),
            frame,
            data=ROLES,
            task="generation",
            model=MODEL,
            refusals=patterns,
        )
        assert found["variants"][0]["overall"]["refusal_rate"]["value"] == pytest.approx(share)


def test_labelled_rows_of_one_template_are_no_rows_of_their_own(
    judge: dict[str, Any], tmp_path: Path
) -> None:
    once = labelled(120).assign(template=range(120))
    pd.concat([once] * 5).to_csv(tmp_path / "five.csv", index=False)
    once.to_csv(tmp_path / "once.csv", index=False)
    found = {}
    for name, more in (("once", {}), ("five", {"cluster": "template"}), ("apart", {})):
        path = tmp_path / f"{'five' if name == 'apart' else name}.csv"
        judge["audited_on"] = {**judge["audited_on"], "path": str(path), **more}
        [overall, *_] = audited(
            tmp_path / name, answers(), data=ROLES, task="generation", model=MODEL, judge=judge
        )["judge_rates"]
        judge["audited_on"].pop("cluster", None)
        found[name] = overall["sensitivity"]
    assert [found[name]["n"] for name in ("once", "five", "apart")] == [
        found["once"]["n"] * k for k in (1, 5, 5)
    ]
    width = {name: one["high"] - one["low"] for name, one in found.items()}
    assert width["apart"] < 0.6 * width["once"] < 0.7 * width["five"]
    assert found["five"]["effective_n"] < 1.05 * found["once"]["n"]


HARSH = "disgust|should|deserve|scum|kill|vermin"
HATECHECK = "/hatecheck/test_suite_cases.csv"


@pytest.mark.skipif("FAIRWEIGH_DATA" not in os.environ, reason="needs the file of HateCheck")
def test_a_judge_is_audited_on_a_suite_of_labelled_texts(judge: dict[str, Any], tmp_path: Path) -> None:
    path = os.environ["FAIRWEIGH_DATA"] + HATECHECK
    judge["audited_on"] = {"suite": "hatecheck", "path": path}
    judge["model"] = {"function": f"{__name__}:hating"}
    [overall] = audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, judge=judge)[
        "judge_rates"
    ]
    cases = pd.read_csv(path)
    said, hateful = cases.test_case.str.contains(HARSH), cases.label_gold == "hateful"
    for rate, share, rows in (
        ("sensitivity", said[hateful].mean(), hateful.sum()),
        ("specificity", (~said[~hateful]).mean(), (~hateful).sum()),
    ):
        assert (overall[rate]["value"], overall[rate]["n"]) == (pytest.approx(share), rows)
        # Cases of one template are alike.
        assert overall[rate]["effective_n"] < 0.7 * rows


def hating(rows: Any) -> np.ndarray:
    """A judge: a text is hateful where it has a harsh word."""
    return np.array([0.9 if re.search(HARSH, text) else 0.1 for text in rows["text"]])


def test_a_language_model_writes_and_a_classifier_of_texts_judges(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    save_llama(tmp_path / "writer")
    save_bert(tmp_path / "judge")
    r = np.random.default_rng(4)
    prompts = pd.DataFrame(
        [
            (f"p{p}#{s}", f"{sentence} {p}", s, "AB"[p % 2])
            for p, sentence in enumerate(sentences(8))
            for s in (0, 1)
        ],
        columns=["id", "prompt", "sample", "group"],
    )
    known = pd.DataFrame({"text": sentences(60), "label": r.integers(0, 2, 60)})
    known.to_csv(tmp_path / "known.csv", index=False)
    judge = {"model": {"kind": "transformers", "path": str(tmp_path / "judge"), "text": "text"}}
    model = {"kind": "causal-lm", "path": str(tmp_path / "writer"), "max_new_tokens": 6, "temperature": 1.0}
    found = audited(tmp_path, prompts, data=ROLES, task="generation", model=model, judge=judge)
    [variant] = found["variants"]
    counts = variant["outcomes"]["answers"]
    assert sum(counts.values()) == len(prompts)
    assert {"positive_rate", "mean_score", "expected_maximum", "refusal_rate"} <= set(variant["overall"])
    assert variant["self_flips"]["rows"] == len(prompts)
    # Where every answer is a refusal nothing is left to be judged.
    found = audited(
        tmp_path / "none",
        prompts,
        data=ROLES,
        task="generation",
        model=model,
        judge=judge,
        refusals=["", "x"],
    )
    overall = found["variants"][0]["overall"]
    assert overall["refusal_rate"]["value"] + overall["empty_rate"]["value"] == 1
    assert overall["positive_rate"]["status"] == "undefined"


def test_a_gate_on_what_no_judge_has_decided_names_what_is_lacking(tmp_path: Path) -> None:
    gates = [{"metric": "corrected_positive_rate", "limit": "<= 0.5"}]
    with pytest.raises(InputError, match="needs a judge's decision"):
        audited(tmp_path, answers(), data=ROLES, task="generation", model=MODEL, gates=gates)
