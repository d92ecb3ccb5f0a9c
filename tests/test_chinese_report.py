"""Whole audits reported in Chinese: no sentence of ours is left in English, in the page or in its images.

What the data say stays as it is: it stands in ``bdi`` and ``code``, or is one of the names of the result.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.api import load_result
from fairweigh.audit.result import AuditResult
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.words.language import Given, writing
from fairweigh.reports.words.translated import translated
from fairweigh.result import Result
from fairweigh.verification import verify

from .conftest import configured, people
from .regimes.test_documentation import EU, GENERAL, NIST
from .reports.compression_result import compared_result, compressed_result, unreleased_result
from .reports.visible_text import given_texts, visible_texts
from .tiny import FEATURES, trained_mlp, write_mlp

ROWS = 1200
DOCUMENTS = (render_report, render_annex)
ENGLISH = re.compile(r"[A-Za-z][a-z’']+(?:[ ,;:]+[A-Za-z][a-z’']+)+")
MIXED = re.compile("。[.,;:]|[\u4e00-\u9fff）][.,;:](?![\\w.])")
"""A stop of English behind Chinese."""
CITED = re.compile(r"[（(][^（）()]*\b(?:19|20)\d\d\b[^（）()]*[）)]|v\. [A-Z]\w+|U\.S\.C?\.")
"""A reference keeps the names and titles that it was published under."""

OURS_IN_ENGLISH = (
    r"fairweigh (verify|sign|\d+\.\d+\.\d+, Python)"
    r"|Questions and Answers on the Uniform Guidelines|School District"
)
"""Commands, what a rule's page cites, and versions."""

LL144 = {
    "rate": "selection", "tool": "T", "audit_date": "2026-01-31", "distribution_date": "2025-06-01",
    "data_source": "A", "data_type": "historical", "sex": "sex", "race": "race",
}  # fmt: skip

TOLD = {
    "why", "changed", "notes", "reload", "trained_on", "fitted_on", "flops_method", "batching", "selected_on",
    "meaning", "what", "encoding", "methods", "not_measured",
}  # fmt: skip
"""Fields of a result that hold texts of ours."""


def rows(seed: int) -> pa.Table:
    """People in pairs of twins that differ in sex; the label follows two of four features."""
    r = np.random.default_rng(seed)
    x = np.repeat(r.normal(size=(ROWS // 2, 4)), 2, 0).astype(np.float32)
    y = (x[:, 0] + x[:, 1] + 0.4 * r.normal(size=ROWS) > 0).astype(int)
    return people(
        ROWS, seed, **{name: x[:, i] for i, name in enumerate(FEATURES)}, y=y, pair=np.arange(ROWS) // 2,
        sex=["Female", "Male"] * (ROWS // 2), race=r.choice(["a", "b", "rare"], ROWS, p=[0.6, 0.395, 0.005]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """A small network, compressed and mitigated, with twins, a selection split, and gates of every kind."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("chinese")
    factory = write_mlp(folder, "factory_of_chinese")
    save_file(trained_mlp(rows(1)).state_dict(), folder / "w.safetensors")
    pq.write_table(rows(0), folder / "d.parquet")
    config = configured(
        model={"factory": factory, "path": str(folder / "w.safetensors"), "features": FEATURES},
        data={
            "path": str(folder / "d.parquet"), "selection": {"share": 0.3}, "validation": {"share": 0.3},
            "counterfactual": {"group": ["pair"], "feature": "sex"},
        },
        slices={"intersections": 2},
        compressions=[
            "int8-dynamic", {"prune-magnitude": {"amount": 0.5}}, {"share-weights": {"clusters": 8}},
            {"name": "impossible", "recipe": {"prune-heads": {"keep": 1}}},
        ],
        mitigations=[{"threshold": {"by": ["sex"], "constraint": "demographic_parity", "limit": "<= 0.05"}}],
        gates=[
            {"metric": "accuracy", "limit": ">= 0.8"},
            {"metric": "selection_rate", "by": "race", "compare": "ratio", "limit": ">= 0.8"},
            {"metric": "equalized_odds_difference", "by": "sex", "limit": "<= 0.01"},
            {"metric": "accuracy", "compare": "change", "limit": ">= -0.05", "on": "compressed"},
            {"metric": "selection_rate", "by": "sex", "compare": "change", "limit": "<= 0.2",
             "on": "compressed"},
            {"cost": "storage", "limit": "<= 0.95", "on": "compressed"},
        ],
    )  # fmt: skip
    (folder / "a.yaml").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        return fairweigh.run(folder / "a.yaml", out=folder / "run")


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    """The audit of ``make audit``: scikit-learn, reweighed and with thresholds by slice."""
    example = Path(__file__).parents[1] / "examples" / "synthetic.yaml"
    return fairweigh.run(example, out=tmp_path_factory.mktemp("tabular") / "run")


@pytest.fixture(scope="module")
def regimes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of scored people with missing values and undefined figures, under every regime with a page."""
    folder = tmp_path_factory.mktemp("regimes")
    r = np.random.default_rng(5)
    score = np.clip(r.normal(0.5, 0.2, 600), 0.001, 0.999)
    race = r.choice(["White", "Asian", "Two or More Races", None], 600, p=[0.6, 0.375, 0.005, 0.02])
    table = people(600, race=pa.array(list(race)), score=score, y=(r.random(600) < score).astype(int))
    table = table.append_column("decided", pa.array(["yes"] * 600))
    config = configured(
        data={"positive_is": "benefit", "weight": "w", "bins": {"age": [30, 50]},
              "sensitive": ["sex", "race", "age"]},
        model={"score": "score", "threshold": 0.995},
        gates=[
            {"metric": "auc", "by": "race", "compare": "difference", "limit": "<= 0.05"},
            {"metric": "f1", "by": "sex", "compare": "ratio", "limit": ">= 0.8"},
            {"metric": "equalized_odds_difference", "by": "race", "limit": "<= 0.1"},
            {"metric": "base_rate", "by": "sex", "compare": "difference", "limit": "<= 0", "decide": "point"},
        ],
        report={"language": "zh", "regimes": [
            "four-fifths",
            {"nyc-ll144": LL144 | {"exclude_below": 0.02, "justification": "J"}},
            {"credit": {"reference": {"sex": "Male"}, "air_limit": 0.9, "smd_limit": 0.3}},
            {"eu-ai-act": EU | GENERAL},
            {"nist-ai-rmf": NIST},
        ]},
    )  # fmt: skip
    fairweigh.run(config, folder / "run", data=table)
    return folder / "run"


def names(result: AuditResult) -> set[str]:
    """What the result names: variants, columns, values, titles and numbers of the data."""
    found = {variant.name for variant in result.variants} | {item.name for item in result.failed}
    found |= {result.title, result.data.title, result.data.name, *result.data.sensitive}
    for variant in result.variants:
        found |= {text for row in variant.slices for pair in row.slice.items() for text in pair}
        found |= {layer.name for layer in (variant.recipe.layers if variant.recipe else [])}
    return {name for name in found if name}


def left_in_english(result: AuditResult, page: str = "") -> list[str]:
    """Find two English words in a row that are not the data's."""
    page = page or "".join(render(result, language="zh") for render in DOCUMENTS)
    known = sorted(names(result) | untold(result), key=len, reverse=True)
    left = []
    for text in visible_texts(page):
        ours = CITED.sub("", text)
        for name in known:
            ours = ours.replace(name, "")
        left += [f"{found[0]!r} in {text!r}" for found in ENGLISH.finditer(ours)]
    return left


def ours_as_the_datas(result: AuditResult, page: str) -> list[str]:
    """Find English that is set apart as the data's though no data, model or configuration has it."""
    content = result.model_dump(mode="json")
    theirs = names(result) | untold(result) | {gate["id"] for gate in content["gates"]}
    theirs |= {item["why"] for item in content["failed"]}
    for part in (content["configuration"], content["data"], content["environment"]):
        theirs |= set(strings(part))
    for variant in content["variants"]:
        theirs |= set(strings([variant["model"], variant["recipe"]]))
    with writing("zh"):
        theirs -= {text for text in result.data.warnings if translated(text) != (Given(text),)}
    left = []
    for text in given_texts(page):
        ours = text
        for name in sorted(filter(None, theirs), key=len, reverse=True):
            ours = ours.replace(name, "")
        left += [text] if ENGLISH.search(ours) else []
    return left


def strings(value: Any, field: str = "") -> Iterator[str]:
    """Texts and keys, but those of ours."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, field)
    elif isinstance(value, str) and field not in TOLD:
        yield value


def untold(result: AuditResult) -> set[str]:
    """Texts of the result that were not told from a message, as made-up results have them."""
    with writing("zh"):
        return {text for text in texts(result.model_dump()) if translated(text) == (Given(text),)}


def texts(value: Any, field: str = "") -> Iterator[str]:
    """Texts of ours in a result; why a recipe could not be carried out is told by whoever refused it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("failed", "configuration", "model", "told"):
                yield from texts(inner, field if field in TOLD and key not in ("what", "why") else key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, field)
    elif isinstance(value, str) and field in TOLD and re.search(r"[a-z]{2} ", value):
        yield value


def test_a_compressed_and_mitigated_network_is_reported_in_chinese(neural: AuditResult) -> None:
    assert neural.failed
    assert neural.counterfactuals
    assert neural.frontier is not None
    assert neural.frontier.recommended != neural.front.verdict_of == neural.frontier.nearest
    assert "，即缺口最小的轻量模型。" in render_report(neural, language="zh")
    assert left_in_english(neural) == []
    for render in DOCUMENTS:
        assert ours_as_the_datas(neural, render(neural, charts=False, language="zh")) == []


def test_the_audit_of_the_readme_is_reported_in_chinese(tabular: AuditResult) -> None:
    assert left_in_english(tabular) == []
    for render in DOCUMENTS:
        assert ours_as_the_datas(tabular, render(tabular, charts=False, language="zh")) == []


@pytest.mark.parametrize("made", [compressed_result, unreleased_result, compared_result])
def test_ladders_and_comparisons_are_reported_in_chinese(made: Any) -> None:
    assert left_in_english(made()) == []


def test_every_page_of_a_run_is_in_chinese(regimes: Path) -> None:
    result = load_result(regimes)
    pages = [regimes / "annex.html", regimes / "report.html", *regimes.glob("regimes/*.html")]
    assert len(pages) == 7
    for path in pages:
        page = path.read_text(encoding="utf-8")
        left = [text for text in left_in_english(result, page) if not re.search(OURS_IN_ENGLISH, text)]
        assert left + ours_as_the_datas(result, page) == [], path.name
    annex = pages[0].read_text(encoding="utf-8")
    assert "切片间的泰尔指数" in annex
    assert "准确率的切片间方差" in annex
    for name in ("eu-ai-act", "nist-ai-rmf"):
        text = (regimes / "regimes" / f"{name}.html").read_text(encoding="utf-8")
        assert "不作任何因果断言" in text
        assert "得到正类决策的样本所占比例" in text


def test_no_mark_of_english_stands_beside_chinese_or_between_names(regimes: Path) -> None:
    """What is set apart is replaced by a sign, so that ``A, B`` and ``A: B`` show where we put the mark."""
    for path in [regimes / "annex.html", regimes / "report.html", *regimes.glob("regimes/*.html")]:
        page = re.sub(
            r"<(style|script|svg|blockquote)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S
        )
        page = re.sub(
            r"<(bdi|code|pre|span lang|span translate)\b.*?</(bdi|code|pre|span)>", "¤", page, flags=re.S
        )
        text = html.unescape(re.sub(r"<(?!/?(b|wbr)\b)[^>]*>", "\n", page))
        marked = [
            line for line in text.split("\n") if re.search(r"[一-鿿¤）] ?[,;:]( |$)|[,;:] [一-鿿¤]", line)
        ]
        assert marked == [], path.name


@pytest.mark.parametrize("run", ["neural", "tabular"])
def test_no_stop_of_english_follows_chinese(run: str, request: pytest.FixtureRequest) -> None:
    result: AuditResult = request.getfixturevalue(run)
    assert MIXED.findall("".join(render(result, language="zh") for render in DOCUMENTS)) == []


@pytest.mark.parametrize("run", ["neural", "tabular"])
def test_every_text_of_a_result_is_told_from_a_message(run: str, request: pytest.FixtureRequest) -> None:
    result: AuditResult = request.getfixturevalue(run)
    assert len(set(texts(result.model_dump()))) > 30
    assert untold(result) == set()


@pytest.mark.parametrize("run", ["neural", "tabular"])
def test_the_chinese_of_a_run_that_was_read_is_that_of_the_run_as_it_was_made(
    run: str, request: pytest.FixtureRequest
) -> None:
    result: Result = request.getfixturevalue(run)
    assert result.folder is not None
    read = load_result(result.folder)
    for render in DOCUMENTS:
        assert render(read, charts=False, language="zh") == render(result, charts=False, language="zh")


def test_every_chinese_page_is_rendered_again_from_what_the_file_says(regimes: Path) -> None:
    found = verify(regimes)
    assert (found.files, found.figures, found.pages) == ([], [], [])


def test_a_sentence_about_slices_whose_names_hold_its_words_puts_each_where_it_belongs(regimes: Path) -> None:
    """One has the name ``50 and over``, and "and" stands between the two."""
    annex = (regimes / "annex.html").read_text(encoding="utf-8").replace("<wbr>", "")
    one, other = "<bdi>age=50 and over</bdi>（n = 1）", "<bdi>age=30 to under 50</bdi>（n = 1）"
    assert f"所依据的 {one}与 {other}样本少于 30 个" in annex
