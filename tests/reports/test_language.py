"""The report in Chinese: nothing is left in English but what the data say.

Messages are extracted by Babel from the sources themselves; the sentences come from whole audits.
"""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from fairweigh.audit.figures.status import undefined_because
from fairweigh.audit.result import AuditResult
from fairweigh.audit.verdict.standings import NOTHING_ASKED
from fairweigh.reports.page.html import environment
from fairweigh.reports.words.formats import confidence, count, figure, interval, read_limit
from fairweigh.reports.words.language import Given, catalogue, clauses, listed, say, sentences, writing
from fairweigh.reports.words.spacing import spaced
from fairweigh.reports.words.spoken import gate_title, plain, title_of, verdict_words
from fairweigh.reports.words.translated import translated
from fairweigh.tasks import TASKS
from fairweigh.told import Told, split, tell, tell_n, term, told_both, told_list, told_on

from . import messages

TEMPLATES = messages.ROOT / "reports" / "templates"
NAME = re.compile(r"\{\w+\}|%\(\w+\)s|</?\w+[^>]*>")
"""Parts and tags of a message. Chinese may name a part twice where English names it once."""


def test_every_message_is_translated_and_every_translation_is_used() -> None:
    said = messages.extracted()
    there = [messages.key(entry) for _, entry in messages.entries("zh")]
    missing = [f"{places[0]}: {message!r}" for message, places in said.items() if message not in there]
    assert missing == []
    assert [message for message in there if message not in said] == []


def test_a_message_is_translated_alike_in_every_catalogue() -> None:
    texts: dict[messages.Key, set[str]] = {}
    for _, entry in messages.entries("zh"):
        text = entry.string if isinstance(entry.string, str) else entry.string[0]
        texts.setdefault(messages.key(entry), set()).add(text)
    assert {message: found for message, found in texts.items() if len(found) > 1} == {}


def test_translations_are_whole_and_sure() -> None:
    for file, entry in messages.entries("zh"):
        text = entry.string if isinstance(entry.string, str) else entry.string[0]
        assert text, f"{file}: {entry.id!r} is not translated"
        assert not entry.fuzzy, f"{file}: {entry.id!r} is fuzzy"


def test_translations_hold_the_same_parts_and_tags() -> None:
    for file, entry in messages.entries("zh"):
        many = entry.id if isinstance(entry.id, str) else entry.id[-1]
        text = entry.string if isinstance(entry.string, str) else entry.string[0]
        assert set(NAME.findall(many)) == set(NAME.findall(text)), f"{file}: {many!r}: {text!r}"


def test_every_form_of_a_message_of_a_result_gives_its_translation_every_part() -> None:
    """A text that a result holds has the parts of its own form alone: one row, or several."""
    told = [entry.id for file, entry in messages.entries("zh") if file == "told.po"]
    forms = [form for found in told for form in ([found] if isinstance(found, str) else found)]
    assert len(forms) > 500
    with writing("zh"):
        for english in forms:
            parts = {name: f"<{name}>" for name in split(english)[1::2]}
            found = plain(translated(Told(english, parts or None)))
            wanted = re.sub(r"\{(\w+)\}", r"<\1>", catalogue("zh").forms[english])
            # Chinese stands a space apart from what was put in.
            assert found.replace(" ", "") == wanted.replace(" ", ""), english


def test_whoever_says_a_message_gives_every_part_of_its_translation() -> None:
    """Also those that the English form of the number lacks: "the only row" has no number."""
    translated = {
        english: entry.string if isinstance(entry.string, str) else entry.string[0]
        for _, entry in messages.entries("zh")
        for english in ([entry.id] if isinstance(entry.id, str) else entry.id)
    }
    # Braces in a template's message are for the page's script.
    python, page = list(messages.calls()), list(messages.template_calls(environment()))
    assert len(python) > 700
    assert len(page) > 100
    for calls, part in ((python, r"\{(\w+)\}"), (page, r"%\((\w+)\)s")):
        for place, said, given in calls:
            # One without a translation is another test's.
            asked = set(re.findall(part, translated.get(said, "")))
            assert asked <= given, f"{place}: {said!r}"


def test_figures_are_written_as_chinese_writes_them() -> None:
    with writing("zh"):
        assert figure(0.44847, "percent") == "44.8%"
        assert figure(-0.2139, "points") == "−21.4\u00a0个百分点"
        assert figure(1234.5678, "number") == "1,234.568"
        assert interval(0.426, 0.472, "percent") == "42.6 至 47.2"
        # GB/T 15835: the sign stands at both ends of a range of percentages.
        assert interval(0.426, 0.472, "percent", unit=True) == "42.6% 至 47.2%"
        assert interval(None, None, "points") == "—"
        assert read_limit("<= 0.01").words("points") == "1\u00a0个百分点"
        assert confidence(0.95) == "95%"
        assert count(7214) == "7,214"


def test_lists_and_sentences_take_chinese_marks() -> None:
    parts: list[Any] = ["a", ("b", Given("c"))]
    assert listed(parts) == ("a", ", ", "b", "c")
    with writing("zh"):
        assert listed(parts) == ("a", "、", "b", "c")
        assert clauses(parts) == ("a", "，", "b", "c")
        assert sentences(parts) == ("a", "b", "c")


def test_a_part_from_the_data_stays_given_wherever_the_sentence_puts_it() -> None:
    with writing("zh"):
        assert say("{title} by {features}", title="选择率", features=(Given("race"),)) == (
            "选择率", "（按 ", Given("race"), "）",
        )  # fmt: skip
        assert [
            type(piece) for piece in say("{title} by {features}", title="", features=Given("race"))
        ].count(Given) == 1


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (tell("The limit that failing needs is beyond what is asked."), "判为不通过所依据的界限超出要求。"),
        (
            tell(
                "These data cannot decide; about {n} rows of the same composition would in four cases of "
                "five, were the truth as measured.",
                n="400",
            ),
            "现有数据无法判定；假如真实值与测得值相同，约 400 个构成相同的样本在五次中有四次能够判定。",
        ),
        (tell("The run has no variant {name}.", name="'int4'"), "本次运行没有变体 'int4'。"),
        (
            tell(
                "{what}, with limits that hold for all slices together.",
                what=tell_n(
                    "{n} of {total} slices is beyond the limit",
                    "{n} of {total} slices are beyond the limit",
                    2,
                    n=2,
                    total=3,
                ),
            ),
            "3 个切片中有 2 个超出限值（区间对所有切片同时成立）。",
        ),
        (
            tell(
                "The metric is not defined: {why}.",
                why=tell(
                    "{slice}: {why}",
                    slice="race=Asian & sex=Female",
                    why=tell("the denominator of {formula} is 0", formula="TP / (TP + FN)"),
                ),
            ),
            "该指标无定义：race=Asian & sex=Female：TP / (TP + FN) 的分母为 0。",
        ),
        (
            told_on(
                [
                    tell(
                        "None of {n} variants passes every gate and target; {name} misses least ({which}).",
                        n=3,
                        name="int8",
                        which=told_list(["gate-2", NOTHING_ASKED]),
                    ),
                    tell("The original passes on the evaluation rows and stays."),
                ]
            ),
            "3 个变体中没有一个通过全部门禁与目标；int8 未达标的最少（gate-2、未对其数值提出要求）。"
            "原模型在评估样本上通过，予以保留。",
        ),
        (
            tell(
                "no query with a relevant item lies in the slice alone, which {formula} needs",
                formula="mean over queries of DCG / largest possible DCG",
            ),
            "没有含相关项目的查询完全位于该切片内，而各查询 DCG / 最大可能 DCG 的平均值需要它",
        ),
        (
            tell("{metric}, {slices}", metric="true_positive_rate", slices="race=a against race=b"),
            "真正例率，race=a against race=b",
        ),
        (tell("{what} difference", what="Equalized odds"), "均等几率差值"),
        (
            tell(
                "How far the slices lie apart in {what}, the worse of the two.",
                what=told_both(map(term, ["true positive rate", "false positive rate"])),
            ),
            "各切片在真正例率和假正例率上相差多远，取两者中较差的一个。",
        ),
        (
            tell("fewer than two slices have {what}, or all are 0", what="true_positive_rate"),
            "具有真正例率的切片不足两个，或其值全部为 0",
        ),
        (
            tell(
                "{what} to int8, one scale per layer",
                what=tell_n("{n} Linear layer", "{n} Linear layers", 24, n=24),
            ),
            "24 个 Linear 层转为 int8，每层一个缩放系数",
        ),
        (
            tell(
                "rests on {what} and {what_else}, fewer than {least} rows",
                least=30,
                what=tell("{slice} (n = {n})", slice="race=Asian & sex=Female", n=11),
                what_else=tell("{slice} (n = {n})", slice="race=Other", n=7),
            ),
            "所依据的 race=Asian & sex=Female（n = 11）与 race=Other（n = 7）样本少于 30 个",
        ),
    ],
)
def test_texts_of_a_result_are_translated_with_what_was_put_into_them(english: Any, chinese: str) -> None:
    assert translated(english) == (Given(english),)
    with writing("zh"):
        assert plain(translated(english)) == chinese


@pytest.mark.parametrize(
    "text", ["Adult census income", "int8", "The run has no variant 'int4'.", "", "my ratio"]
)
def test_a_text_that_was_not_told_stays_as_it_is(text: str) -> None:
    with writing("zh"):
        assert translated(text) == (Given(text),)


def test_words_of_others_in_a_text_of_ours_stay_as_they_are() -> None:
    text = tell("Time: not measured: {why}", why="RuntimeError: no {kernel} here")
    assert text == "Time: not measured: RuntimeError: no {kernel} here"
    with writing("zh"):
        assert translated(text) == ("耗时：未测量：", Given("RuntimeError: no {kernel} here"))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda text: pickle.loads(pickle.dumps(text))])
def test_a_copy_of_a_text_of_ours_keeps_what_it_was_told_from(copied: Callable[..., Any]) -> None:
    text: Any = tell("not measured: {why}", why="ValueError: {odd}")
    again = copied(text)
    assert (again, again.message, again.parts) == (text, text.message, text.parts)
    assert (type(again.parts["why"]), again.parts["why"].parts) == (Told, {})


def test_why_a_metric_is_undefined_names_its_formula_in_chinese() -> None:
    """Every metric of every task whose formula has words, in the words that the result has."""
    worded = 0
    for metric in [metric for task in TASKS.values() for metric in task.metrics.values()]:
        why = undefined_because(metric, 5)
        with writing("zh"):
            formula, told = translated(metric.formula), translated(why)
            if formula == (Given(metric.formula),) or metric.formula not in why:
                continue
            assert metric.formula not in plain(told), metric.name
            assert plain(formula) in plain(told), metric.name
        worded += 1
    assert worded > 5


def test_verdicts_and_titles_are_words_of_the_language(compas: AuditResult) -> None:
    gate = compas.gates[0]
    with writing("zh"):
        assert verdict_words("inconclusive") == "? 无法判定"
        assert title_of("true_positive_rate", compas.definitions) == "真正例率"
        assert plain(gate_title(gate, compas.definitions)).endswith("）")


@pytest.mark.parametrize(
    ("pieces", "seams"),
    [
        (("每 100 个", Given("sex=F"), " 的样本"), "每 100 个 sex=F 的样本"),
        (("基准 ", "全部样本", " 的值"), "基准全部样本的值"),
        (("差值为", "−3.6", " 个百分点"), "差值为 −3.6 个百分点"),
        (("真正例率", "（按 ", Given("sex"), "）"), "真正例率（按 sex）"),
        ((Given("敏感"), Given("x")), "敏感x"),
    ],
)
def test_chinese_stands_one_space_apart_from_latin_letters_and_figures(
    pieces: tuple[Any, ...], seams: str
) -> None:
    assert "".join(spaced(pieces)) == seams


TAG = re.compile(
    r"<!--.*?-->|<(code|style)\b[^>]*>.*?</\1>|<(\w+)[^>]*\blang=\"en\"[^>]*>.*?</\2>|<[^>]*>?", re.DOTALL
)
"""Tags, code, and a law's own words, which stay in its language."""
SPOKEN = re.compile(r'\b(?:aria-label|data-label|title|alt)="([^"]*)"?')
COMMANDS = {"fairweigh verify RUN"}
NAMES = {"fairweigh", "Python", "audit", "json", "sha256", "SHA"}
"""Words that are the same in every language."""


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html.j2")), ids=lambda path: path.name)
def test_templates_hold_no_text_that_is_not_a_message(path: Any) -> None:
    """What Jinja prints as it stands must be tags: text is in ``_()``, ``ngettext()`` or ``{% trans %}``."""
    from jinja2 import nodes

    made = environment()
    source = made.parse(path.read_text(encoding="utf-8"))
    # A rule's own words are quoted as they are: they are inside {% call law.rule(...) %}.
    quotes = [
        block for block in source.find_all(nodes.CallBlock) if getattr(block.call.node, "attr", "") == "rule"
    ]
    quoted = {id(node) for block in quotes for node in block.find_all((nodes.TemplateData, nodes.Const))}
    pieces = [node.data for node in source.find_all(nodes.TemplateData) if id(node) not in quoted]
    data = "\N{OBJECT REPLACEMENT CHARACTER}".join(pieces)
    printed = TAG.sub(" ", data) + " ".join(SPOKEN.findall(data))
    assert set(re.findall(r"[A-Za-z]{2,}\d*", printed)) - NAMES == set()
    constants = [node for node in source.find_all(nodes.Const) if id(node) not in quoted]
    texts = [node.value for node in constants if isinstance(node.value, str)]
    marked = {
        node.value
        for call in source.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name in ("_", "gettext", "ngettext")
        for node in call.args
        if isinstance(node, nodes.Const)
    }
    assert [
        text for text in texts if re.search(r"[A-Za-z]{2} ", text) and text not in marked | COMMANDS
    ] == []
