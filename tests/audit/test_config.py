"""How a configuration is read: kinds of models, limits, overrides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fairweigh.audit.config import Config, Gate, load_yaml, override, read
from fairweigh.datasets.errors import InputError
from fairweigh.metrics.limit import Limit
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("text", "upper", "value"),
    [
        ("<= 0.1", True, 0.1),
        (">= 80 %", False, 0.8),
        (">=80%", False, 0.8),
        ("≤ 1e-3", True, 0.001),
        ("≥ .5", False, 0.5),
        ("< 2", True, 2.0),
        ("  >  -1.5 ", False, -1.5),
    ],
)
def test_limits_are_read(text: str, upper: bool, value: Any) -> None:
    limit = Limit.parse(text)
    assert (limit.upper, limit.value) == (upper, pytest.approx(value))  # type: ignore[comparison-overlap]
    assert limit.holds(limit.value)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ({"score": "s"}, "predictions"),
        ({"decision": "d", "path": "p.csv"}, "predictions"),
        ({"path": "m.skops"}, "sklearn"),
        ({"estimator": "a.B", "train": {"path": "x.csv"}}, "sklearn"),
        ({"function": "a:b"}, "callable"),
        ({"kind": "predictions", "score": "s"}, "predictions"),
    ],
)
def test_the_kind_of_a_model_follows_from_its_keys(
    model: dict[str, Any], kind: str, make_config: Callable[..., dict[str, Any]]
) -> None:
    assert read(make_config(model=model)).model.resolved == kind


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"path": "m.skops", "estimator": "a.B", "train": {"path": "x"}}, "either estimator"),
        ({"kind": "sklearn"}, "either estimator"),
        ({"estimator": "a.B"}, "train: expected the data"),
        ({"kind": "callable"}, "function: a model of kind callable needs one: package.module:function"),
        ({"score": "s", "trusted": ["x"]}, "a model of kind predictions has no trusted"),
    ],
)
def test_a_model_of_two_kinds_or_none_is_refused(
    model: dict[str, Any], told: str, make_config: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match=told):
        read(make_config(model=model))


def test_overrides_reach_every_place_and_are_read_as_yaml(make_config: Callable[..., dict[str, Any]]) -> None:
    gates = [{"metric": "accuracy", "limit": ">= 0.8"}, {"metric": "accuracy", "limit": ">= 0.9"}]
    config = read(
        make_config(gates=gates),
        [
            "gates.1.limit='>= 0.7'",
            "data.sensitive.0=age",
            "data.bins={age: [30, 50]}",
            "model.threshold=0.25",
            "slices.reference.race=b",
            "report.title=A = B",
            "confidence=0.9",
        ],
    )
    assert [g.limit for g in config.gates] == [">= 0.8", ">= 0.7"]
    assert config.data.sensitive == ["age", "race"]
    assert config.data.bins == {"age": [30, 50]}
    assert config.model.threshold == 0.25
    assert config.slices.reference == {"race": "b"}
    assert config.report.title == "A = B"
    assert config.confidence == 0.9


def test_a_later_override_wins(make_config: Callable[..., dict[str, Any]]) -> None:
    assert read(make_config(), ["seed=1", "seed=2"]).seed == 2


def test_gates_decide_by_proof_over_slices_and_by_point_over_all_rows() -> None:
    assert Gate(metric="accuracy", limit=">= 0.8").rule == "point"
    assert Gate(metric="accuracy", by="sex", limit=">= 0.8").rule == "proven"
    assert Gate(metric="accuracy", slice={"sex": "a"}, limit=">= 0.8").rule == "proven"
    assert Gate(metric="accuracy", by="sex", limit=">= 0.8", decide="point").rule == "point"


def test_two_gates_of_one_id_are_refused(make_config: Callable[..., dict[str, Any]]) -> None:
    gate = {"id": "x", "metric": "accuracy", "limit": ">= 0.8"}
    with pytest.raises(InputError, match="two gates have the id 'x'"):
        read(make_config(gates=[gate, gate]))


def test_a_configuration_survives_the_way_through_audit_json(
    make_config: Callable[..., dict[str, Any]],
) -> None:
    config = read(make_config(gates=[{"metric": "accuracy", "by": ["sex", "race"], "limit": ">= 80 %"}]))
    assert Config.model_validate(json.loads(config.model_dump_json())) == config


def test_values_keep_their_types(make_config: Callable[..., dict[str, Any]]) -> None:
    """1, '1', 1.0 and true are different things in a configuration."""
    for value in (1, "1", True, "true", 1.5):
        config = read(make_config(data={"positive": value}))
        assert config.data.positive == value
        assert type(config.data.positive) is type(value)


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "accuracy", "limit": ">= 70"},
        {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 5"},
        {"metric": "equalized_odds_difference", "by": "sex", "limit": "<= 10"},
        {"metric": "false_positive_rate", "by": "sex", "limit": "<= 20"},
    ],
)
def test_a_limit_that_no_share_can_reach_is_refused_with_the_one_that_was_meant(
    gate: dict[str, Any], make_config: Callable[..., dict[str, Any]]
) -> None:
    meant = gate["limit"] + " %"
    with pytest.raises(InputError, match=f"lies between 0 and 1.*'{meant}'"):
        read(make_config(gates=[gate]))
    assert read(make_config(gates=[{**gate, "limit": meant}])).gates[0].limit == meant


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"metric": "accuracy", "limit": ">= -1"}, "accuracy lies between 0 and 1"),
        ({"metric": "auc", "limit": ">= 80"}, "auc lies between 0 and 1"),
        ({"metric": "matthews_correlation", "limit": ">= -2"}, "matthews_correlation lies between -1 and 1"),
        ({"metric": "log_loss", "limit": "<= -0.1"}, "log_loss is at least 0"),
        ({"metric": "r_squared", "limit": ">= 80"}, "r_squared is at most 1"),
        ({"metric": "ndcg_gap_difference", "by": "sex", "limit": "<= 5"}, "lies between 0 and 1"),
        ({"metric": "brier_score", "by": "sex", "compare": "difference", "limit": "<= 2"}, "between 0 and 1"),
        (
            {"metric": "auc", "compare": "change", "on": "compressed", "limit": ">= -2"},
            "a change of auc lies between -1 and 1",
        ),
    ],
)
def test_a_limit_beyond_all_values_of_its_metric_is_refused(gate: dict[str, Any], told: str) -> None:
    never = f"{told}, so that '{gate['limit']}' never binds or never holds \\["
    with pytest.raises(ValidationError, match=never):
        Gate.model_validate(gate)


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "r_squared", "limit": ">= -3"},
        {"metric": "mean_error", "by": "sex", "compare": "difference", "limit": "<= 3000"},
        {"metric": "calibration_bias", "limit": ">= -0.1"},
        {"metric": "accuracy", "compare": "change", "on": "compressed", "limit": ">= -0.02"},
    ],
)
def test_a_limit_among_the_values_of_its_metric_is_taken(gate: dict[str, Any]) -> None:
    assert Gate.model_validate(gate).limit == gate["limit"]


def test_a_limit_of_what_is_no_share_may_be_above_one(make_config: Callable[..., dict[str, Any]]) -> None:
    gate = {"metric": "treatment_ratio", "by": "sex", "limit": "<= 2"}
    assert read(make_config(gates=[gate])).gates[0].limit == "<= 2"


@pytest.mark.parametrize(
    "day", ["2026-02-30", "2026-13-01", "2025-02-29", "2026-01-01 25:00:00", "0000-01-01"]
)
def test_a_day_that_does_not_exist_says_so(tmp_path: Path, day: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"audit: t\nrelease: {day}\n")
    with pytest.raises(InputError, match=rf"a\.yaml: {day} in line 2 is no day that exists"):
        load_yaml(path)
    with pytest.raises(InputError, match=rf"--set release: {day} is no day that exists"):
        override({}, f"release={day}", "--set")


def test_what_is_no_day_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("audit: model-2026-02-30-b\nrelease: '2026-02-30'\n")
    assert load_yaml(path) == {"audit": "model-2026-02-30-b", "release": "2026-02-30"}


def test_a_default_of_an_earlier_state_is_read_in_a_finished_runs_configuration() -> None:
    from fairweigh.audit.config import model_spec

    told = {"kind": "predictions", "score": "s", "dtype": "float32"}
    assert model_spec(told).model_dump()["dtype"] == "float32"
    with pytest.raises(ValueError, match=r"predictions\.dtype\n +Extra inputs"):
        model_spec(told | {"dtype": "float16"})


def test_a_percent_sign_is_not_asked_for_twice(make_config: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(InputError) as caught:
        read(make_config(gates=[{"metric": "accuracy", "limit": ">= 101 %"}]))
    assert str(caught.value).endswith("so that '>= 101 %' never binds or never holds")


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ({"accuracy": ">= 1.2"}, "targets.accuracy: accuracy lies between 0 and 1"),
        ({"agreement": ">= 2"}, "targets.agreement: agreement lies between 0 and 1"),
        ({"storage": "<= -1"}, "targets.storage: storage is at least 0"),
    ],
)
def test_a_target_beyond_all_values_is_refused(
    make_config: Callable[..., dict[str, Any]], targets: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read(make_config(objective={"targets": targets}))
    read(make_config(objective={"targets": {"storage": "<= 2", "accuracy": ">= 0.7", "mean_score": "<= 3"}}))


def test_no_cost_is_below_nothing() -> None:
    with pytest.raises(
        ValidationError, match=r"storage beside the original's is at least 0, so that '<= -0\.5'"
    ):
        Gate.model_validate({"cost": "storage", "on": "compressed", "limit": "<= -0.5"})


def test_a_confidence_so_near_to_one_that_it_has_no_quantile_is_refused(
    make_config: Callable[..., dict[str, Any]],
) -> None:
    with pytest.raises(InputError, match="confidence: expected at most 1 - 1e-12, beyond which"):
        read(make_config(confidence=1 - 2**-53))
    assert read(make_config(confidence=0.999999999999)).confidence == 0.999999999999


@pytest.mark.parametrize(
    ("mitigation", "told"),
    [
        (
            {"threshold": {"constraint": "equal_opportunity", "limit": "0.02"}},
            "mitigations[0].threshold: expected a limit such as '<= 0.1' or '>= 0.8', got '0.02'",
        ),
        (
            {"reweighing": {"by": []}},
            "mitigations[0].reweighing.by: expected one or more different features, got []",
        ),
        ({"reweighing": True}, "mitigations[0].reweighing: "),
    ],
)
def test_a_wrong_parameter_of_a_recipe_is_told_once(
    make_config: Callable[..., dict[str, Any]], mitigation: dict[str, Any], told: str
) -> None:
    model = {
        "estimator": "sklearn.linear_model.LogisticRegression",
        "train": {"path": "t.csv", "validation": 0.2},
    }
    with pytest.raises(InputError) as caught:
        read(make_config(model=model, mitigations=[mitigation]))
    assert str(caught.value).startswith(told)
    assert str(caught.value).count("got") == 1
