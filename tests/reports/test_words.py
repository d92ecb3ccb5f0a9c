"""Numbers, names and sentences as the reports write them."""

from __future__ import annotations

from typing import Any

import pytest
from fairweigh.audit.figures.definitions import disparity_definition, metric_definition
from fairweigh.audit.result import AuditResult, Findings, GateResult, ModelInfo
from fairweigh.metrics.table import DISPARITIES, METRICS
from fairweigh.reports.page.findings import findings
from fairweigh.reports.variants.cost_tables import readable
from fairweigh.reports.words.formats import (
    Limit,
    count,
    decimals_beside,
    figure,
    interval,
    magnitude,
    milliseconds,
    p_value,
    read_limit,
)
from fairweigh.reports.words.language import Called, writing
from fairweigh.reports.words.per_hundred import Rate, in_sentence, rates_of, shown_whole
from fairweigh.reports.words.spoken import (
    Given,
    compared_kind,
    gate_limit_words,
    plain,
    slice_name,
    verdict_reason,
    visible,
)
from fairweigh.reports.words.worst_gap import worst_gap_words

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (0.44847, "percent", f"44.8{NBSP}%"),
        (1.0, "percent", f"100.0{NBSP}%"),
        (-0.2139, "points", f"−21.4{NBSP}points"),
        (0.05, "points", f"+5.0{NBSP}points"),
        (-0.0004, "points", f"0.0{NBSP}points"),
        (0.7234, "ratio", "0.72"),
        (float("inf"), "ratio", "∞"),
        (float("nan"), "ratio", "—"),
        (1234.5678, "number", "1,234.568"),
        (-0.25, "number", "−0.250"),
        (None, "percent", "—"),
    ],
)
def test_figure_is_written_by_its_kind(value: Any, kind: Any, shown: Any) -> None:
    assert figure(value, kind) == shown


def test_interval_and_counts_are_written_for_reading() -> None:
    assert interval(0.426, 0.472, "percent") == "42.6 to 47.2"
    assert interval(-0.252, 0.071, "points") == "−25.2 to +7.1"
    assert interval(None, None, "points") == "—"
    assert count(7214) == "7,214"
    assert count(None) == "—"
    assert p_value(1e-9) == "< 0.001"
    assert p_value(0.0432) == "0.043"


def test_limit_is_read_and_written_in_the_unit_of_its_figure() -> None:
    limit = read_limit("<= 0.1")
    assert limit == Limit("≤", 0.1)
    assert limit.words("points") == f"10{NBSP}points"
    assert read_limit(">= 0.8").words("ratio") == "0.8"
    assert read_limit(">= 0.845").words("percent") == f"84.5{NBSP}%"
    assert read_limit("about a half") is None


def test_value_close_to_its_limit_is_not_rounded_onto_it() -> None:
    limit = read_limit(">= 0.8")
    assert decimals_beside([0.7996], limit, "ratio") == 4
    assert decimals_beside([0.5], limit, "ratio") == 2
    assert decimals_beside([0.8], limit, "ratio") == 2
    assert decimals_beside([-0.10004], read_limit("<= 0.1"), "points") == 3


def test_quantities_have_a_decimal_prefix() -> None:
    assert magnitude(23_621_547, "B") == f"23.6{NBSP}MB"
    assert magnitude(70_000_000, "B") == f"70.0{NBSP}MB"
    assert magnitude(512, "B") == f"512{NBSP}B"
    assert magnitude(1.33e9, "FLOP") == f"1.33{NBSP}GFLOP"
    assert magnitude(999_999, "B") == f"1.00{NBSP}MB"
    assert magnitude(None, "B") == "—"
    assert milliseconds(35.2) == f"35.2{NBSP}ms"
    assert milliseconds(1234.5) == f"1,234{NBSP}ms"


def test_change_close_to_its_negative_limit_is_not_rounded_onto_it() -> None:
    assert decimals_beside([-0.010004], read_limit(">= -0.01"), "points") == 4


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"compare": "change", "limit": "<= 0.02"}, f"the gap grows by at most 2{NBSP}points"),
        ({"compare": "change", "limit": "< 0.01"}, f"the gap grows by less than 1{NBSP}point"),
        ({"compare": "change", "limit": ">= -0.01", "by": []}, f"falls by at most 1{NBSP}point"),
        ({"compare": "change", "limit": "<= 0.02", "by": []}, f"rises by at most 2{NBSP}points"),
        ({"compare": "change", "limit": ">= 0.01", "by": []}, f"change ≥{NBSP}1{NBSP}point"),
        ({"compare": "cost", "metric": "storage", "limit": "<= 0.5"}, f"at most 50{NBSP}% of the original’s"),
    ],
)
def test_change_and_cost_gates_are_asked_in_words(
    compas: AuditResult, changes: dict[str, Any], asked: Any
) -> None:
    gate = compas.gates[0].model_copy(update=changes)
    assert plain(gate_limit_words(gate, compas.definitions)) == asked


def test_nested_values_of_a_model_are_written_for_reading() -> None:
    value = {"rows": 64, "padding": {"side": "right", "to": [8, 16]}, "compile": False, "seed": None}
    assert plain(readable(value)) == ("rows 64, padding (side right, to (8, 16)), compile no, seed none")
    assert plain(readable([])) == "none"
    assert plain(readable("cpu")) == "cpu"


def test_hidden_characters_become_visible() -> None:
    assert visible("a\nb\x00") == "a␊b␀"
    assert visible("\u202eevil") == "⟨U+202E⟩evil"
    assert visible("\ud800") == "⟨U+D800⟩"
    assert visible("👩🏽\u200d⚖️ שלום") == "👩🏽\u200d⚖️ שלום"


def test_slices_have_a_reading_form() -> None:
    assert plain(slice_name({"sex": "Female", "race": "Black"})) == "sex=Female & race=Black"
    assert plain(slice_name({"sex": "Female", "race": "Black"}, short=True)) == "Female, Black"
    assert plain(slice_name({})) == "all rows"
    assert plain(slice_name({"sex": ""})) == "sex=(empty)"


def test_gate_on_a_named_ratio_is_shown_as_a_ratio(compas: AuditResult) -> None:
    definitions = compas.definitions
    assert compared_kind("value", "demographic_parity_ratio", definitions) == "ratio"
    assert compared_kind("value", "equalized_odds_difference", definitions) == "points"
    assert compared_kind("value", "accuracy", definitions) == "percent"
    assert compared_kind("difference", "auc", definitions) == "signed"


def test_variance_of_rates_is_not_shown_as_a_rate(compas: AuditResult) -> None:
    assert compared_kind("index", "selection_rate", compas.definitions) == "index"
    assert figure(0.03214, "index") == "0.0321"


def test_limit_that_cannot_be_read_is_printed_as_it_stands(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(update={"limit": "<b>"})
    assert gate_limit_words(gate, compas.definitions) == ("absolute difference ", Given("<b>"))


def test_rate_is_told_per_hundred_rows() -> None:
    female, male = {"sex": "Female"}, {"sex": "Male"}
    told = rates_of(
        metric_definition("true_positive_rate"), "the model", Rate(female, 0.62), Rate(male, 0.79)
    )
    assert "".join(told) == (
        "Of 100 rows of sex=Female with the positive label the model selects 62; of 100 rows of sex=Male, 79."
    )
    accuracy = metric_definition("accuracy")
    close = rates_of(accuracy, "int8", Rate(female, 0.6512), Rate(male, 0.6538))
    assert "int8 decides 65.1 rightly; of 100 rows of sex=Male, 65.4." in "".join(close)
    rare = rates_of(
        metric_definition("false_positive_rate"), "the model", Rate(female, 0.001), Rate(male, 0.2)
    )
    assert "selects 0.1; of 100 rows of sex=Male, 20.0." in "".join(rare)
    alone = rates_of(metric_definition("precision"), "the model", Rate({}, 0.75), None)
    assert "".join(alone) == "Of 100 rows that the model selects, 75 carry the positive label."


def test_few_rows_are_told_as_they_are_and_people_by_their_own_names() -> None:
    female, male = {"sex": "Female"}, {"sex": "Male"}
    few = rates_of(metric_definition("accuracy"), "int8", Rate(female, 1.0, 4), Rate(male, 0.6538, 1_040))
    assert "".join(few) == "Of 4 rows of sex=Female int8 decides 4 rightly; of 100 rows of sex=Male, 65."
    own = Called({"sex=Female": "women", "sex=Male": "men"}, "applicants")
    with writing("en", own):
        positives = metric_definition("true_positive_rate")
        told = rates_of(positives, "int8", Rate(female, 0.62), Rate(male, 0.79))
        assert "".join(told) == "Of 100 women with the positive label int8 selects 62; of 100 men, 79."
        crossed = rates_of(
            metric_definition("accuracy"), "int8", Rate(female | {"age": "old"}, 0.5, 10), None
        )
        assert "".join(crossed) == "Of 10 women of age=old int8 decides 5 rightly."
        both = Called({"sex=Female": "women", "age=old": "people over 60"}, "applicants")
    with writing("en", both):
        crossed = rates_of(
            metric_definition("accuracy"), "int8", Rate(female | {"age": "old"}, 0.5, 10), None
        )
        assert "".join(crossed) == (
            "Of 10 applicants who are women and people over 60 int8 decides 5 rightly."
        )
    with writing("zh", own):
        told = rates_of(metric_definition("selection_rate"), "int8", Rate(female, 1.0, 4), Rate(male, 0.5))
        assert "".join(told) == "4 个 women 中，int8 选中 4 个；每 100 个 men 中选中 50 个。"


def test_difference_is_whole_only_where_it_agrees_with_the_rates_before_it() -> None:
    assert shown_whole([0.62, 0.79])
    assert not shown_whole([0.804, 0.906])  # 80 and 91, but 10.2 points apart.
    assert not shown_whole([0.6512, 0.6538])


@pytest.mark.parametrize(
    ("title", "inside"),
    [("True positive rate", "true positive rate"), ("F1 score", "F1 score"), ("AUC gap", "AUC gap")],
)
def test_title_loses_its_capital_inside_a_sentence_unless_it_is_a_name(title: str, inside: str) -> None:
    assert in_sentence(title) == inside


def test_findings_begin_with_what_failed(compas: AuditResult) -> None:
    found = findings(compas)
    # What a gate refused, then the largest difference of a feature, then what is open.
    assert [finding.gate for finding in found] == ["fpr-race", "calibration", None]
    told = plain(found[0].lead) + " " + plain(found[0].rest)
    assert told == (
        "Of 100 rows of race=Caucasian with the negative label the model selects 23; of 100 rows of "
        f"race=African-American, 45. The difference in false positive rate, 21.4{NBSP}points, "
        f"exceeds the limit of 10{NBSP}points: at least 17.4{NBSP}points (all 2 slices together), at most "
        "25.2."
    )
    undecided = [gate for gate in compas.gates if gate.verdict == "inconclusive"]
    opened = findings(compas.model_copy(update={"gates": undecided, "verdict": "inconclusive"}))
    assert opened[0].gate == "tpr-race"
    assert "may lie on either side of the limit" in plain(opened[0].rest)


def test_what_a_gate_finds_for_two_variants_is_one_finding(compas: AuditResult) -> None:
    again = compas.gates[0].model_copy(update={"id": "again", "variant": "int8"})
    found = findings(compas.model_copy(update={"gates": [compas.gates[0], again]}))
    assert [finding.gate for finding in found] == ["fpr-race", None, None]


def test_labels_alone_select_nothing(compas: AuditResult) -> None:
    variant = compas.variants[0].model_copy(update={"model": ModelInfo(kind="labels only")})
    told = plain(findings(compas.model_copy(update={"variants": [variant]}))[0].lead)
    assert told.startswith(f"False positive rate: 23.5{NBSP}% in race=Caucasian, 44.8{NBSP}% in")


def test_findings_without_gates_are_what_stands_out_of_the_declared_family(compas: AuditResult) -> None:
    result = compas.model_copy(update={"gates": []})
    found, family = findings(result), compas.variants[0].findings
    # Of a single feature: a crossing may differ more, and says less.
    first = max(
        (one for one in family.found if one.metric == "selection_rate" and len(one.by) == 1),
        key=lambda one: abs(one.value),
    )
    assert len(found) == 3
    # Of race, of sex and of their crossing the same figure, the first of the key ones.
    assert {plain(finding.rest).partition(",")[0] for finding in found} == {
        "The difference in selection rate"
    }
    for finding in found:
        told = f"is more than chance explains ({family.looked_at} were looked at); no gate limits it."
        assert told in plain(finding.rest)
        assert "base rate" not in plain(finding.rest)
    assert f", {abs(first.value) * 100:.1f}{NBSP}points (" in plain(found[0].rest)


def _found(compas: AuditResult, *changed: dict[str, object], looked_at: int = 666) -> AuditResult:
    """The run with these differences alone as what stands out."""
    first = compas.variants[0].findings.found[0]
    family = Findings(looked_at=looked_at, found=[first.model_copy(update=dict(one)) for one in changed])
    variant = compas.variants[0].model_copy(update={"findings": family})
    return compas.model_copy(update={"gates": [], "variants": [variant]})


def test_what_stands_out_has_the_interval_and_the_confidence_of_its_family(compas: AuditResult) -> None:
    """12 of 666: 1 - 0.05 x 12 / 666 = 99.91 % (Benjamini and Yekutieli 2005)."""
    one = {
        "metric": "accuracy", "slice": {"sex": "Female"}, "reference": {"sex": "Male"}, "by": ["sex"],
        "value": -0.1234, "low": -0.2119, "high": -0.00031, "confidence": 1 - 0.05 * 12 / 666,
    }  # fmt: skip
    (found,) = findings(_found(compas, one))
    told = (
        f"The difference in accuracy, 12.34{NBSP}points (99.909{NBSP}% interval 0.03 to 21.19), is more than "
        "chance explains (666 were looked at); no gate limits it."
    )
    assert plain(found.rest) == told
    with writing("zh"):
        (found,) = findings(_found(compas, one))
        assert plain(found.rest) == (
            f"准确率的差值为 12.34{NBSP}个百分点（99.909% 区间：0.03 至 21.19{NBSP}个百分点），"
            "超出了偶然所能解释的程度（共考察 666 个），没有门禁对其设限。"
        )


def test_two_metrics_that_mirror_each_other_are_told_once(compas: AuditResult) -> None:
    told = findings(_found(compas, {"metric": "true_positive_rate"}, {"metric": "false_negative_rate"}))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("metric", "compare", "found", "limited"),
    [
        ("accuracy", "difference", "accuracy", True),
        ("accuracy", "difference", "error_rate", True),
        ("accuracy", "ratio", "accuracy", True),
        ("accuracy_parity_difference", "value", "accuracy", True),
        ("equalized_odds_difference", "value", "false_positive_rate", True),
        ("equalized_odds_difference", "value", "selection_rate", False),
        ("accuracy", "value", "accuracy", False),
        ("accuracy", "change", "accuracy", False),
        ("accuracy", "difference", "precision", False),
    ],
)
def test_a_finding_that_no_gate_limits_is_limited_by_none(
    compas: AuditResult, metric: str, compare: str, found: str, limited: bool
) -> None:
    gaps = [disparity_definition(row, form) for row in DISPARITIES for form in row.forms]
    known = {one.name: one for one in (*map(metric_definition, METRICS), *gaps)}
    result = _found(compas, {"metric": found, "by": ["sex"]}).model_copy(update={"definitions": known})
    changes = {"metric": metric, "compare": compare, "by": ["sex"], "verdict": "pass"}
    gate = compas.gates[2].model_copy(update=changes)
    assert len(findings(result)) == 1
    assert (findings(result.model_copy(update={"gates": [gate]})) == []) is limited
    elsewhere = gate.model_copy(update={"by": ["race"]})
    assert len(findings(result.model_copy(update={"gates": [elsewhere]}))) == 1


def test_finding_speaks_of_the_inverse_where_it_is_what_fails(compas: AuditResult) -> None:
    gate = compas.gates[0].model_copy(
        update={"compare": "ratio", "limit": ">= 0.8", "measured": 1.6, "low": 1.4, "high": 1.8,
                "inverse": True}
    )  # fmt: skip
    (found, *_) = findings(compas.model_copy(update={"gates": [gate]}))
    assert "The ratio of false positive rate, 1.60" in plain(found.rest)
    assert "has an inverse below the limit of 0.8" in plain(found.rest)


def _gates(compas: AuditResult, *verdicts: str) -> list[GateResult]:
    return [compas.gates[0].model_copy(update={"verdict": verdict}) for verdict in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "worst", "reason"),
    [
        (
            ("fail", "inconclusive", "pass", "pass"),
            "fail",
            "1 of 4 gates fails, 1 cannot be decided with these data, 2 pass.",
        ),
        (("fail", "error"), "error", "1 of 2 gates could not be evaluated, 1 fails."),
        (("pass", "pass"), "pass", "All 2 gates pass."),
        (("pass",), "pass", "The only gate passes."),
        (("fail",), "fail", "The only gate fails."),
    ],
)
def test_verdict_is_explained_by_its_gates(
    compas: AuditResult, verdicts: tuple[Any, ...], worst: str, reason: str
) -> None:
    result = compas.model_copy(update={"gates": _gates(compas, *verdicts), "verdict": worst})
    assert verdict_reason(result) == reason


def test_verdict_without_gates_says_that_it_proves_nothing(compas: AuditResult) -> None:
    result = compas.model_copy(update={"gates": [], "verdict": "pass"})
    assert "No gate was set" in verdict_reason(result)
    assert "nothing is proven about it" in verdict_reason(result)


def test_the_largest_gap_of_a_variant_is_told_by_the_users_names(compressed: AuditResult) -> None:
    assert compressed.frontier is not None
    standing = compressed.frontier.variants[0]
    gap = standing.worst_gap_of
    assert gap is not None
    (feature, value), *_ = gap.slice.items()
    with writing("en", Called({f"{feature}={value}": "the named"})):
        told = "".join(worst_gap_words(compressed, standing))
        assert "the named against" in told
        assert f"{feature}={value}" not in told
        # A run of an earlier state tells it in words alone.
        former = standing.model_copy(update={"worst_gap_of": None})
        assert f"{feature}={value}" in "".join(worst_gap_words(compressed, former))
