"""Results to render: COMPAS with its real counts, a result of hostile names, and empty ones.

The counts are those of ProPublica's ``compas-scores-two-years.csv`` (7,214 rows; decision: score text
"Medium" or "High"; label: ``two_year_recid``), by race and sex, and by decile of the score.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest
from fairweigh.audit.figures.definitions import metric_definition, priorities
from fairweigh.audit.result import (
    AuditResult,
    BaselineInfo,
    CalibrationBin,
    Counts,
    DataInfo,
    Definition,
    Disparity,
    Environment,
    Estimate,
    Findings,
    Found,
    GateResult,
    GateSlice,
    GatesTogether,
    NotMeasured,
    PolicyInfo,
    ScoreDetail,
    SliceResult,
    Variant,
)
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    test_proportions_2indep,
)

from . import task_runs

Cell = tuple[int, int, int, int]

# (race, sex): (tp, fp, fn, tn)
COMPAS: dict[tuple[str, ...], Cell] = {
    ("African-American", "Female"): (173, 164, 74, 241),
    ("African-American", "Male"): (1196, 641, 458, 749),
    ("Asian", "Female"): (0, 0, 1, 1),
    ("Asian", "Male"): (6, 2, 2, 20),
    ("Caucasian", "Female"): (113, 111, 86, 257),
    ("Caucasian", "Male"): (392, 238, 375, 882),
    ("Hispanic", "Female"): (9, 7, 24, 63),
    ("Hispanic", "Male"): (94, 80, 105, 255),
    ("Native American", "Female"): (3, 0, 0, 1),
    ("Native American", "Male"): (6, 3, 1, 4),
    ("Other", "Female"): (5, 6, 10, 46),
    ("Other", "Male"): (38, 30, 80, 162),
}

# race: rows by decile score 1 to 10, label positive and negative
DECILES = {
    "African-American": (
        [91, 119, 145, 177, 176, 215, 237, 245, 269, 227],
        [307, 274, 201, 208, 189, 169, 163, 114, 111, 59],
    ),
    "Caucasian": (
        [142, 113, 93, 113, 111, 111, 88, 82, 68, 45],
        [539, 248, 180, 172, 130, 83, 55, 32, 30, 19],
    ),
    "Hispanic": ([48, 36, 27, 18, 28, 21, 16, 13, 11, 14], [148, 77, 59, 34, 24, 16, 18, 13, 9, 7]),
    "Other": ([26, 25, 14, 25, 10, 8, 5, 8, 6, 6], [124, 41, 22, 21, 12, 13, 5, 2, 2, 2]),
    "Asian": ([1, 0, 2, 0, 1, 2, 1, 1, 0, 1], [14, 4, 3, 0, 0, 1, 0, 1, 0, 0]),
    "Native American": ([0, 0, 0, 1, 0, 1, 3, 1, 1, 3], [0, 4, 1, 0, 0, 1, 1, 0, 1, 0]),
}

RATES: dict[str, tuple[str, Callable[[Cell], tuple[int, int]], str | None, str]] = {
    "selection_rate": ("(TP + FP) / n", lambda c: (c[0] + c[1], sum(c)), None, "Share of rows selected."),
    "true_positive_rate": (
        "TP / (TP + FN)",
        lambda c: (c[0], c[0] + c[2]),
        "higher",
        "Of the rows with a positive label, the share that is selected.",
    ),
    "false_positive_rate": (
        "FP / (FP + TN)",
        lambda c: (c[1], c[1] + c[3]),
        "lower",
        "Of the rows with a negative label, the share that is selected all the same.",
    ),
    "precision": (
        "TP / (TP + FP)",
        lambda c: (c[0], c[0] + c[1]),
        "higher",
        "Of the selected rows, the share whose label is positive.",
    ),
    "accuracy": (
        "(TP + TN) / n",
        lambda c: (c[0] + c[3], sum(c)),
        "higher",
        "Share of rows decided rightly.",
    ),
    "base_rate": ("(TP + FN) / n", lambda c: (c[0] + c[2], sum(c)), None, "Share of positive labels."),
    "false_negative_rate": (
        "FN / (FN + TP)",
        lambda c: (c[2], c[0] + c[2]),
        "lower",
        "Of the rows with a positive label, the share that is not selected.",
    ),
}


def estimate(name: str, cell: Cell) -> Estimate:
    k, n = RATES[name][1](cell)
    if n == 0:
        return Estimate(
            value=None, n=0, status="undefined", why=f"No row in the denominator {RATES[name][0]}."
        )
    low, high = proportion_confint(k, n, method="wilson")
    small = n < 30
    return Estimate(
        value=k / n,
        low=low,
        high=high,
        n=n,
        method="wilson",
        status="small" if small else "ok",
        why=f"Only {n} rows, fewer than 30." if small else None,
    )


def counts(cell: Cell) -> Counts:
    tp, fp, fn, tn = cell
    return Counts(tp=tp, fp=fp, fn=fn, tn=tn, selected=tp + fp, positives=tp + fn)


def _sum(cells: list[Cell]) -> Cell:
    return tuple(map(sum, zip(*cells, strict=True)))  # type: ignore[return-value]


def slice_cells(
    cells: dict[tuple[str, ...], Cell], columns: list[str]
) -> dict[tuple[tuple[str, str], ...], Cell]:
    """Sum the cells of every single feature and of all features together."""
    found: dict[tuple[tuple[str, str], ...], list[Cell]] = {}
    for values, cell in cells.items():
        pairs = tuple(zip(columns, values, strict=True))
        for pair in pairs:
            found.setdefault((pair,), []).append(cell)
        if len(pairs) > 1:
            found.setdefault(pairs, []).append(cell)
    return {key: _sum(parts) for key, parts in found.items()}


def slice_result(part: dict[str, str], cell: Cell) -> SliceResult:
    n = sum(cell)
    return SliceResult(
        slice=part,
        n=n,
        status="ok" if n >= 30 else "small",
        counts=counts(cell),
        metrics={name: estimate(name, cell) for name in RATES},
    )


def disparities(by: list[str], cells: dict[tuple[tuple[str, str], ...], Cell]) -> list[Disparity]:
    rows = {key: cell for key, cell in cells.items() if [column for column, _ in key] == by}
    reference = max(rows, key=lambda key: sum(rows[key]))
    found = []
    for name, (_, parts, _, _) in RATES.items():
        k0, n0 = parts(rows[reference])
        for key, cell in rows.items():
            if key == reference:
                continue
            k, n = parts(cell)
            for compare in ("difference", "ratio"):
                shared = {
                    "name": f"{name}_{compare}",
                    "metric": name,
                    "by": by,
                    "compare": compare,
                    "scope": "reference",
                    "slice": dict(key),
                    "reference": dict(reference),
                }
                if not n or not n0 or (compare == "ratio" and not k0):
                    why = f"No row in the denominator {RATES[name][0]}."
                    found.append(Disparity(**shared, value=None, status="undefined", why=why))
                    continue
                method = "newcomb" if compare == "difference" else "log-adjusted"
                low, high = confint_proportions_2indep(k, n, k0, n0, compare="diff", method="newcomb")
                if compare == "ratio":
                    low, high = confint_proportions_2indep(
                        k, n, k0, n0, compare="ratio", method="log-adjusted"
                    )
                value = k / n - k0 / n0 if compare == "difference" else (k / n) / (k0 / n0)
                widen = 0.2 * (high - low)
                found.append(
                    Disparity(
                        **shared,
                        value=value,
                        low=low,
                        high=high,
                        simultaneous_low=low - widen,
                        simultaneous_high=high + widen,
                        p=0.0001 if low > 0 or high < 0 else 0.4321,
                        p_adjusted=0.0004 if low > 0 or high < 0 else 0.6,
                        method=method,
                        status="ok" if n >= 30 else "small",
                    )
                )
    return found


def findings_of(sets: list[list[str]], cells: dict[tuple[tuple[str, str], ...], Cell]) -> Findings:
    """Differences to the largest slice that stand out among all of them, by statsmodels."""
    family: list[tuple[str, list[str], dict[str, str], dict[str, str], tuple[int, int, int, int], float]] = []
    for by in sets:
        rows = {key: cell for key, cell in cells.items() if [column for column, _ in key] == by}
        reference = max(rows, key=lambda key: sum(rows[key]))
        for name, (_, parts, _, _) in RATES.items():
            k0, n0 = parts(rows[reference])
            for key, cell in rows.items():
                k, n = parts(cell)
                if key != reference and n >= 30:
                    p = test_proportions_2indep(k, n, k0, n0, compare="diff", method="score").pvalue
                    family.append((name, by, dict(key), dict(reference), (k, n, k0, n0), p))
    if not family:
        return Findings(looked_at=0)
    rejected, adjusted = multipletests([one[-1] for one in family], 0.05, "fdr_bh")[:2]
    level = 0.05 * sum(rejected) / len(family)
    found = []
    for (name, by, part, largest, (k, n, k0, n0), p), told, q in zip(family, rejected, adjusted, strict=True):
        if not told:
            continue
        low, high = confint_proportions_2indep(k, n, k0, n0, compare="diff", method="newcomb", alpha=level)
        found.append(
            Found(metric=name, by=by, slice=part, reference=largest, value=k / n - k0 / n0, low=low,
                  high=high, confidence=1 - level, p=p, p_adjusted=q)
        )  # fmt: skip
    found.sort(key=lambda one: min(abs(one.low), abs(one.high)), reverse=True)
    return Findings(looked_at=len(family), found=found)


def _facts(name: str) -> dict[str, Any]:
    """What a report does by, as the table of metrics has it."""
    return metric_definition(name).model_dump(include={"needs", "mirror", "among", "says"})


def definitions() -> dict[str, Definition]:
    rates = {
        name: Definition(
            name=name,
            title=name.replace("_", " ").capitalize(),
            formula=formula,
            meaning=meaning,
            better=better,
            fairlearn=name,
            source="fairlearn user guide",
            **_facts(name),
        )
        for name, (formula, _, better, meaning) in RATES.items()
    }
    auc = Definition(
        name="auc",
        title="Area under the ROC curve",
        formula="P(score of a positive row > score of a negative row)",
        meaning="Chance that a row with a positive label scores higher than one with a negative label.",
        better="higher",
        ideal=1.0,
        percent=False,
        source="E. R. DeLong et al. 1988, Biometrics 44:837-845",
    )
    worst = Definition(
        name="equalized_odds_difference",
        title="Equalized odds difference",
        formula="max(highest - lowest TPR, highest - lowest FPR)",
        meaning="The wider of the two gaps.",
        better="lower",
        ideal=0.0,
        fairlearn="equalized_odds_difference",
        metrics=["true_positive_rate", "false_positive_rate"],
    )
    return {**rates, "auc": auc, "equalized_odds_difference": worst}


def score_detail(part: dict[str, str], positives: list[int], negatives: list[int]) -> ScoreDetail:
    totals = [p + n for p, n in zip(positives, negatives, strict=True)]
    n = sum(totals)
    mean = sum((k + 0.5) / 10 * total for k, total in enumerate(totals)) / n
    calibration = []
    for k, (p, total) in enumerate(zip(positives, totals, strict=True)):
        if total:
            low, high = proportion_confint(p, total, method="wilson")
            calibration.append(
                CalibrationBin(
                    low=k / 10,
                    high=(k + 1) / 10,
                    n=total,
                    mean_score=(k + 0.5) / 10,
                    rate=p / total,
                    rate_low=low,
                    rate_high=high,
                )
            )
    above = [
        (f / max(sum(negatives), 1), t / max(sum(positives), 1))
        for f, t in zip(accumulate(negatives[::-1]), accumulate(positives[::-1]), strict=True)
    ]
    smd = Estimate(value=mean - 0.4, low=mean - 0.5, high=mean - 0.3, n=n, method="smd")
    return ScoreDetail(
        slice=part,
        n=n,
        mean=mean,
        sd=0.28,
        smd=smd,
        histogram_edges=[k / 10 for k in range(11)],
        histogram_counts=totals,
        calibration=calibration,
        roc=[(0.0, 0.0), *above],
    )


def build(
    cells: dict[tuple[str, ...], Cell],
    columns: list[str],
    *,
    gates: list[GateResult] | None = None,
    scores: list[ScoreDetail] | None = None,
    data: dict[str, object] | None = None,
    **changes: object,
) -> AuditResult:
    """A result of the given cells of counts, by all features and each of them."""
    parts = slice_cells(cells, columns)
    everything = _sum(list(cells.values()))
    overall = {name: estimate(name, everything) for name in RATES}
    between = [
        Disparity(
            name="equalized_odds_difference",
            metric="equalized_odds",
            by=[column],
            compare="difference",
            scope="between",
            slice=dict(max(k for k in parts if k[0][0] == column and len(k) == 1)),
            reference=dict(min(k for k in parts if k[0][0] == column and len(k) == 1)),
            value=0.31,
            low=0.12,
            high=0.47,
            method="studentized range",
            excluded=[{column: "(unknown)"}],
        )
        for column in columns
    ]
    sets = list(dict.fromkeys(tuple(column for column, _ in key) for key in parts))
    variant = Variant(
        name="original",
        model={"kind": "predictions", "decision": "score_text", "positive": ["Medium", "High"]},
        overall=overall,
        counts=counts(everything),
        slices=[slice_result(dict(key), cell) for key, cell in parts.items()],
        disparities=[item for by in sets for item in disparities(list(by), parts)] + between,
        scores=scores or [],
        findings=findings_of([list(by) for by in sets], parts),
    )
    info: dict[str, object] = {
        "name": "compas",
        "title": "COMPAS recidivism score",
        "rows": sum(everything),
        "sha256": "c451db85" * 8,
        "source": "card compas",
        "label": "two_year_recid",
        "positive": ["1"],
        "negative": ["0"],
        "sensitive": columns,
        "licence": "none stated",
        "citation": "J. Angwin et al. 2016, Machine Bias, ProPublica. https://www.propublica.org/article/machine-bias",
        "defects": ["Rows after April 2014 keep recidivists only (M. Barenstein 2019)."],
        "warnings": ["Labels are arrests, not crimes."],
        "bins": {"age": [25.0, 45.0]},
        "unknown": {columns[0]: 12},
    }
    result: dict[str, object] = {
        "audit": "compas",
        "title": "Fairness audit of the COMPAS score",
        "created": "2026-11-23T10:11:12Z",
        "verdict": "pass",
        "environment": Environment(
            fairweigh="0.1.0",
            python="3.11.2",
            platform="Linux-6.1-x86_64",
            packages={"numpy": "2.3.0", "fairlearn": "0.13.0"},
            seed=0,
            command="fairweigh audit audit.yaml -o runs/compas",
        ),
        "configuration": {"audit": "compas", "slices": {"by": columns, "intersections": 2, "min_size": 30}},
        "data": DataInfo(**{**info, **(data or {})}),
        "variants": [variant],
        "gates": gates or [],
        "definitions": definitions(),
        "priorities": priorities(),
        "methods": {
            "wilson": "Wilson score interval of a proportion. E. B. Wilson 1927, JASA 22:209-212.",
            "newcomb": "Newcombe hybrid score interval. R. G. Newcombe 1998, Stat. Med. 17:873-890.",
        },
        "not_measured": [
            NotMeasured(what="Individual fairness", why="No measure of similarity of rows was given.")
        ],
    }
    return AuditResult(**{**result, **changes})


AA, WHITE, ASIAN, NATIVE = (
    {"race": name} for name in ("African-American", "Caucasian", "Asian", "Native American")
)


def compas_gates() -> list[GateResult]:
    common = {"compare": "difference", "limit": "<= 0.1", "decide": "proven", "variant": "original"}
    return [
        GateResult(
            id="fpr-race",
            metric="false_positive_rate",
            by=["race"],
            **common,
            verdict="fail",
            measured=-0.2139,
            low=-0.2520,
            high=-0.1741,
            slice=WHITE,
            reference=AA,
            why="2 of 2 slices are beyond the limit.",
            claims=2,
            p=1e-9,
            p_adjusted=2e-9,
            p_pass=1.0,
            slices=[
                GateSlice(
                    slice=WHITE,
                    reference=AA,
                    measured=-0.2139,
                    low=-0.252,
                    high=-0.1741,
                    n=1488,
                    verdict="fail",
                ),
                GateSlice(
                    slice={"race": "Hispanic"},
                    reference=AA,
                    measured=-0.2337,
                    low=-0.2911,
                    high=-0.1699,
                    n=405,
                    verdict="fail",
                    why="The interval lies beyond the limit.",
                ),
            ],
            left_out=[ASIAN, NATIVE],
        ),
        GateResult(
            id="tpr-race",
            metric="true_positive_rate",
            by=["race"],
            **common,
            verdict="inconclusive",
            measured=-0.1201,
            low=-0.2987,
            high=0.0,
            slice=ASIAN,
            reference=WHITE,
            why="1 of 3 slices cannot be decided with these data, none fails.",
            claims=3,
            p=0.38,
            p_adjusted=1.0,
            p_pass=0.61,
            rows_needed=61_210,
            rows_needed_halfway=244_100,
            slices=[
                GateSlice(
                    slice=ASIAN,
                    reference=WHITE,
                    measured=-0.1201,
                    low=-0.2987,
                    high=0.0,
                    n=32,
                    verdict="inconclusive",
                    rows_needed=61_210,
                    rows_needed_halfway=244_100,
                ),
                GateSlice(
                    slice={"race": "Hispanic"},
                    reference=WHITE,
                    measured=-0.1,
                    low=-0.1611,
                    high=-0.0388,
                    n=200,
                    verdict="inconclusive",
                    at_no_size=True,
                ),
                GateSlice(
                    slice=AA, reference=WHITE, measured=0.0311, low=0.0, high=0.0987, n=1900, verdict="pass"
                ),
            ],
        ),
        GateResult(
            id="tpr-sex",
            metric="true_positive_rate",
            by=["sex"],
            **common,
            verdict="pass",
            measured=-0.0211,
            low=-0.0662,
            high=0.0,
            slice={"sex": "Female"},
            reference={"sex": "Male"},
            why="Within the limit.",
        ),
        GateResult(
            id="accuracy",
            metric="accuracy",
            compare="value",
            limit=">= 0.6",
            decide="proven",
            variant="original",
            verdict="pass",
            measured=0.6537,
            low=0.6426,
            high=0.6646,
            why="The lower limit is above 0.6.",
        ),
        GateResult(
            id="calibration",
            metric="calibration_gap",
            by=["race"],
            compare="difference",
            limit="<= 0.05",
            decide="point",
            variant="original",
            verdict="error",
            why="The metric calibration_gap needs a score column; the predictions have none.",
        ),
    ]


def compas_scores() -> list[ScoreDetail]:
    everyone = score_detail(
        {},
        [sum(column) for column in zip(*(p for p, _ in DECILES.values()), strict=True)],
        [sum(column) for column in zip(*(n for _, n in DECILES.values()), strict=True)],
    )
    return [everyone, *(score_detail({"race": race}, *rows) for race, rows in DECILES.items())]


HOSTILE = (
    "<script>alert(1)</script>",
    "\"quoted\" & 'single' onload=x",
    "two\nlines\tand tab\x00\x1b[31m",
    "👩🏽‍⚖️ judge",
    "שלום עולם",
    "\u202eevil.exe",
    "`code` | pipe [link](http://example.org) @octocat *bold* #1",
    "",
    "]]></text></svg><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
)


def hostile_result() -> AuditResult:
    column = '<b onclick="x()">gr|oup</b>'
    cells: Any = {(value, sex): (40, 20, 10 + k, 50) for k, value in enumerate(HOSTILE) for sex in ("F", "M")}
    gates = [
        GateResult(
            id=f"gate-{k}<&>",
            metric="selection_rate",
            by=[column],
            compare="ratio",
            limit=">= 0.8",
            decide="point",
            variant="original",
            verdict="fail" if k else "error",
            measured=0.7996,
            low=0.7,
            high=0.9,
            slice={column: value},
            reference={column: HOSTILE[0]},
            why=f"{value} is below <limit>",
            left_out=[{column: value}],
        )
        for k, value in enumerate(HOSTILE)
    ]
    details = [score_detail({column: value}, *DECILES["Hispanic"]) for value in HOSTILE]
    return build(
        cells,
        [column, "sex"],
        gates=gates,
        scores=details,
        verdict="error",
        title="<script>alert('title')</script>",
        data={
            "title": HOSTILE[0],
            "label": HOSTILE[1],
            "positive": [HOSTILE[6]],
            "citation": HOSTILE[8],
            "defects": list(HOSTILE),
            "warnings": [HOSTILE[2]],
            "source": HOSTILE[0],
        },
        configuration={HOSTILE[0]: {HOSTILE[8]: [HOSTILE[2], HOSTILE[5]]}},
        not_measured=[NotMeasured(what=HOSTILE[0], why=HOSTILE[8])],
    )


@pytest.fixture(scope="session")
def compas() -> AuditResult:
    together = GatesTogether(proven=4, false_fails=0.2, confidence_for_all=1 - 0.05 / 4)
    return build(
        COMPAS,
        ["race", "sex"],
        gates=compas_gates(),
        gates_together=together,
        scores=compas_scores(),
        verdict="error",
    )


@pytest.fixture(scope="session")
def hostile() -> AuditResult:
    return hostile_result()


@pytest.fixture(scope="session")
def hostile_names() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(scope="session")
def make_result() -> Callable[..., AuditResult]:
    return build


@pytest.fixture(scope="session")
def compressed() -> AuditResult:
    from .compression_result import compressed_result

    return compressed_result()


@pytest.fixture(scope="session")
def compared() -> AuditResult:
    from .compression_result import compared_result

    return compared_result()


@pytest.fixture(scope="session")
def unreleased() -> AuditResult:
    from .compression_result import unreleased_result

    return unreleased_result()


@pytest.fixture(scope="session")
def hostile_ladder() -> AuditResult:
    from .compression_result import hostile_compression

    return hostile_compression(HOSTILE)


@pytest.fixture(scope="session")
def judged(compas: AuditResult) -> AuditResult:
    """The same run judged by a policy against an earlier release."""
    policy = PolicyInfo(
        name="house rules", file="policy.yaml", sha256="0123456789abcdef" * 4, confidence=0.95, min_size=30,
        gates=[],
    )  # fmt: skip
    baseline = BaselineInfo(
        run="runs/<old>", audit="compas", created="2025-11-23T10:11:12+00:00", variant="original", rows=7214,
        matched=7214, paired=True, asked=True, how="row by row, paired: all 7,214 rows matched by id",
    )  # fmt: skip
    gates = [
        gate.model_copy(update={"compare": "change", "against": "baseline"}) if k == 0 else gate
        for k, gate in enumerate(compas.gates)
    ]
    return compas.model_copy(update={"policy": policy, "baseline": baseline, "gates": gates})


@pytest.fixture(scope="session")
def many(compas: AuditResult) -> AuditResult:
    """6,000 gates: 1,500 that fail, that are open, that do not bind, and that could not be evaluated."""
    first = next(gate for gate in compas.gates if len(gate.slices) > 1)
    kinds = [("fail", True), ("inconclusive", True), ("fail", False), ("error", True)]
    gates = [
        first.model_copy(update={"id": f"g{k}", "verdict": kinds[k % 4][0], "binding": kinds[k % 4][1]})
        for k in range(6_000)
    ]
    return compas.model_copy(update={"gates": gates, "verdict": "error"})


@pytest.fixture(scope="session")
def multiclass_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of three classes and a lighter variant, with its rows."""
    return task_runs.multiclass(tmp_path_factory.mktemp("multiclass"))


@pytest.fixture(scope="session")
def regression_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of predicted numbers and a lighter variant, with its rows."""
    return task_runs.regression(tmp_path_factory.mktemp("regression"))


@pytest.fixture(scope="session")
def multilabel_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of two labels and a coarser variant, with its rows."""
    return task_runs.multilabel(tmp_path_factory.mktemp("multilabel"))


@pytest.fixture(scope="session")
def ranking_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of ranked lists and coarser ones, with its rows."""
    return task_runs.ranking(tmp_path_factory.mktemp("ranking"))


@pytest.fixture(scope="session")
def ner_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of entities and of a lighter model, with its rows."""
    return task_runs.ner(tmp_path_factory.mktemp("ner"))


@pytest.fixture(scope="session")
def generation_run(tmp_path_factory: pytest.TempPathFactory) -> task_runs.Run:
    """A small audit of entities and of a lighter model, with its rows."""
    return task_runs.generation(tmp_path_factory.mktemp("generation"))


@pytest.fixture(scope="session")
def multiclass(multiclass_run: task_runs.Run) -> AuditResult:
    return multiclass_run.result


@pytest.fixture(scope="session")
def regression(regression_run: task_runs.Run) -> AuditResult:
    return regression_run.result


@pytest.fixture(scope="session")
def multilabel(multilabel_run: task_runs.Run) -> AuditResult:
    return multilabel_run.result


@pytest.fixture(scope="session")
def ranking(ranking_run: task_runs.Run) -> AuditResult:
    return ranking_run.result
