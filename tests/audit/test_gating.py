"""A finished run judged by a policy, alone and against an earlier release."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.again.by_policy import judge_run
from fairweigh.audit.again.compare_runs import compare_runs
from fairweigh.audit.store.folder import manifest_text, open_run, read_manifest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import sha256_file
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.judged_by import judged_by

from ..melded import melded

N = 1500
GATES = [
    {"metric": "accuracy", "limit": ">= 0.6"},
    {"metric": "selection_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8", "decide": "point"},
    {"metric": "true_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "false_positive_rate", "by": "g", "compare": "difference", "limit": "<= 0.05"},
]
ACCURACY = {"metric": "accuracy", "compare": "change", "limit": ">= -0.02"}
GROWTH = {"metric": "true_positive_rate", "by": "g", "compare": "change", "limit": "<= 0.04"}


def rows(flips: float = 0.0, seed: int = 0, start: int = 0, **columns: Any) -> pa.Table:
    """Scored people; of those of slice b a share is turned over."""
    r = np.random.default_rng(seed)
    g, y = r.choice(["a", "b"], N), r.integers(0, 2, N)
    s = np.clip(r.normal(0.35 + 0.3 * y, 0.15), 0, 1)
    s = np.where((g == "b") & (r.random(N) < flips), 1 - s, s)
    ids = [f"r{i}" for i in range(start, start + N)]
    return pa.table({"id": ids, "g": g, "y": y, "s": s, **columns})


def audit(folder: Path, table: pa.Table, data: dict[str, Any] | None = None, **parts: Any) -> Path:
    config = {
        "audit": folder.name,
        "data": {"path": "rows", "label": "y", "sensitive": ["g"], "id": "id", **(data or {})},
        "model": {"score": "s", "threshold": 0.5},
        "report": {"charts": False},
        **parts,
    }
    config["data"] = {key: value for key, value in config["data"].items() if value is not None}
    fairweigh.run(config, folder, data=table)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit(tmp_path_factory.mktemp("runs") / "first", rows())


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows in another order; slice b is turned over in a tenth."""
    shuffled = rows(0.1).take(pa.array(np.random.default_rng(1).permutation(N)))
    return audit(tmp_path_factory.mktemp("runs") / "worse", shuffled)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other rows of the same kind, slice b turned over in two fifths."""
    return audit(tmp_path_factory.mktemp("runs") / "other", rows(0.4, seed=5, start=N))


def gates(*wanted: Any, **parts: Any) -> dict[Any, Any]:
    return {"gates": list(wanted), **parts}


# --- a policy alone ----------------------------------------------------------------------------------


def test_a_policy_gives_what_its_gates_in_the_audit_would_have_given(tmp_path: Path, first: Path) -> None:
    parts: dict[str, Any] = {"gates": GATES, "confidence": 0.9, "slices": {"min_size": 40}}
    audited = fairweigh.load_result(audit(tmp_path / "run", rows(), **parts))
    judged = judge_run(first, gates(*GATES, confidence=0.9, min_size=40))
    assert judged.gates == audited.gates
    assert judged.verdict == audited.verdict
    assert judged.variants == audited.variants
    assert (judged.confidence, judged.policy.min_size) == (0.9, 40)
    assert fairweigh.load_result(first).gates == []


def test_what_decides_is_the_policys_own_not_the_runs(tmp_path: Path) -> None:
    """A run that calls every slice small, and its own limits wide, cannot get out of a policy."""
    lax = audit(tmp_path / "lax", rows(0.4), slices={"min_size": 10_000}, confidence=0.51, gates=[GATES[0]])
    assert fairweigh.load_result(lax).verdict == "pass"
    judged = judge_run(lax, gates(GATES[2]))
    assert judged.verdict == "fail"
    assert judged.gates[0].confidence == 0.95


def test_nothing_of_the_run_is_changed(first: Path) -> None:
    before = {p: p.read_bytes() for p in first.rglob("*") if p.is_file()}
    judge_run(first, gates(*GATES))
    assert {p: p.read_bytes() for p in first.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"metric": "accuracy", "by": "race", "compare": "difference", "limit": "<= 0.1"}, "'race' is not"),
        ({"metric": "accuracy", "slice": {"g": "c"}, "limit": ">= 0.5"}, "no slice {'g': 'c'}"),
        ({**GATES[2], "reference": "c"}, "no slice {'g': 'c'}"),
        ({"metric": "brier_score", "limit": "<= 0.5"}, "brier_score needs a probability"),
        ({"metric": "accuracy", "limit": ">= 0.5", "on": "int8"}, "no variant 'int8'"),
        ({"metric": "accuracy", "limit": ">= 0.5", "on": "compressed"}, "no compressed variant"),
        ({"cost": "storage", "limit": "<= 0.5", "on": "mitigated"}, "no mitigated variant"),
        ({**GROWTH, "on": "compressed"}, "no compressed variant"),
        (ACCURACY, "no baseline was given"),
    ],
)
def test_a_gate_that_names_what_the_run_lacks_is_an_error_not_a_pass(
    gate: Any, told: str, tmp_path: Path
) -> None:
    model = {"score": "s", "threshold": 0.5, "scale": "rank"}
    ranked = audit(tmp_path / "ranked", rows(), model=model)
    judged = judge_run(ranked, gates(GATES[0], gate))
    assert [g.verdict for g in judged.gates] == ["pass", "error"]
    assert told in judged.gates[1].why
    assert judged.verdict == "error"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"gates": []}, "gates: list should have at least 1 item"),
        ({}, "gates: this key is required"),
        ({"gate": []}, "did you mean 'gates'?"),
        ({"gates": [{"metrc": "accuracy", "limit": ">= 0"}]}, r"gates\[0\].metrc.*did you mean 'metric'"),
        ({"gates": [{"metric": "acuracy", "limit": ">= 0"}]}, "did you mean 'accuracy'"),
        (gates(GATES[0], {**GATES[0], "id": "gate-1"}), "two gates have the id 'gate-1'"),
        (gates(*GATES, confidence=95), "confidence: .*got 95"),
        (gates(*GATES, min_size=0), "min_size: .*got 0"),
        ({"audit": "t", "gates": GATES}, "this configures an audit"),
    ],
)
def test_a_bad_policy_is_one_line_with_its_key(policy: Any, told: str, first: Path) -> None:
    with pytest.raises(InputError, match=f"^policy: .*{told}") as raised:
        judge_run(first, policy)
    assert "\n" not in str(raised.value)


def test_a_policy_file_that_is_none_is_named(first: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        judge_run(first, tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(InputError, match=r"list\.yaml: expected a mapping with the keys policy, gates"):
        judge_run(first, tmp_path / "list.yaml")


def test_every_file_of_a_run_is_watched(first: Path, tmp_path: Path) -> None:
    """One byte of any file, the manifest included, at its start, in its middle and at its end."""
    names = [p.relative_to(first) for p in first.rglob("*") if p.is_file()]
    assert len(names) >= 6
    for name in names:
        for place in (0, 0.2, 0.5, 0.8, -1):
            copy = tmp_path / "copy"
            shutil.copytree(first, copy)
            content = bytearray((copy / name).read_bytes())
            at: Any = place if place in (0, -1) else int(place * len(content))
            content[at] ^= 1
            (copy / name).write_bytes(content)
            # Another checksum in the manifest shows as another file.
            watched = ": .*(changed|missing|not what|not in the|cannot be read|expected a sha256)"
            watched = watched if name.name == "MANIFEST.json" else re.escape(f"{name}: changed")
            with pytest.raises(InputError, match=watched) as told:
                judge_run(copy, gates(*GATES))
            assert "\n" not in str(told.value)
            with pytest.raises(InputError):
                judge_run(first, gates(ACCURACY), copy)
            shutil.rmtree(copy)


def test_every_byte_of_a_manifest_is_watched(first: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    path = copy / "MANIFEST.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(InputError):
            judge_run(copy)


def test_a_comparison_is_no_run_to_judge_by_a_policy(first: Path, worse: Path, tmp_path: Path) -> None:
    with open_run(tmp_path / "both") as folder:
        compare_runs(first, worse, folder)
    with pytest.raises(InputError, match="compares two runs itself"):
        judge_run(tmp_path / "both", gates(*GATES))


# --- against an earlier release ----------------------------------------------------------------------


def test_the_same_rows_are_compared_row_by_row(first: Path, worse: Path) -> None:
    judged = judge_run(worse, gates(GATES[0], ACCURACY, GROWTH), first)
    assert judged.baseline.paired
    assert (judged.baseline.matched, judged.baseline.rows) == (N, N)
    assert judged.baseline.how == "row by row, paired: all 1,500 rows matched by id"
    assert [g.against for g in judged.gates] == [None, "baseline", "baseline"]
    one, two = rows(), rows(0.1)
    right = [np.asarray(t["s"]) >= 0.5 for t in (one, two)]
    y, g = np.asarray(one["y"]) == 1, np.asarray(one["g"])
    change = (right[1] == y).mean() - (right[0] == y).mean()
    assert judged.gates[1].measured == pytest.approx(change, abs=1e-12)
    gap = [abs(d[y & (g == "b")].mean() - d[y & (g == "a")].mean()) for d in right]
    assert judged.gates[2].measured == pytest.approx(gap[1] - gap[0], abs=1e-12)
    assert judged.gates[2].verdict == "inconclusive"
    assert {"tango", "mover-paired"} <= set(judged.methods)


def test_paired_limits_are_those_of_the_comparison_of_two_runs(
    first: Path, worse: Path, tmp_path: Path
) -> None:
    """Two-sided limits at 95 % are the one-sided ones that decide at a confidence of 97.5 %."""
    judged = judge_run(worse, gates(ACCURACY, confidence=0.975), first)
    with open_run(tmp_path / "both") as folder:
        compared = compare_runs(first, worse, folder)
    change = next(c for c in compared.comparisons[0].changes if c.metric == "accuracy" and not c.slice)
    found = judged.gates[0]
    assert (found.measured, found.low, found.high) == pytest.approx((change.value, change.low, change.high))


def test_other_rows_are_compared_as_two_samples_and_that_is_said(first: Path, other: Path) -> None:
    """One-sided limits beside melded ones by quadrature."""
    judged = judge_run(other, gates(ACCURACY, GROWTH), first)
    assert not judged.baseline.paired
    assert judged.baseline.matched == 0
    assert judged.baseline.how.startswith("as two independent samples, unpaired, since 0 of its 1,500 rows")
    right = [
        int(((np.asarray(t["s"]) >= 0.5) == (np.asarray(t["y"]) == 1)).sum())
        for t in (rows(0.4, seed=5), rows())
    ]
    found = judged.gates[0]
    assert (found.low, found.high) == pytest.approx(melded((right[0], N), (right[1], N)), abs=1e-6)
    assert {"melded", "mover"} <= set(judged.methods)
    assert judged.gates[1].verdict == "fail"


@pytest.mark.parametrize("side", ["later", "earlier", "both"])
def test_rows_that_one_run_alone_has_cost_the_others_no_pairing(
    first: Path, tmp_path: Path, side: str
) -> None:
    """One row more in either run threw all pairing away: limits of 9.8 points in place of 4.0."""
    table = rows(0.1)
    later = table if side == "earlier" else pa.concat_tables([table, rows(seed=7, start=9_000).slice(0, 3)])
    later = later.slice(5) if side != "later" else later
    run = audit(tmp_path / "run", later.take(pa.array(np.random.default_rng(2).permutation(len(later)))))
    judged = judge_run(run, gates(ACCURACY, GROWTH), first)
    common = rows(0.1).slice(5 if side != "later" else 0)
    kept, base = audit(tmp_path / "kept", common), audit(tmp_path / "base", rows().slice(N - len(common)))
    alone = judge_run(kept, gates(ACCURACY, GROWTH), base)
    told = judged.baseline
    assert (told.paired, told.common, told.matched, told.differing) == (True, len(common), len(common), {})
    assert (
        f"on the {len(common):,} rows that both hold, of {len(later):,} and of 1,500 of the baseline"
        in told.how
    )
    for found, expected in zip(judged.gates, alone.gates, strict=True):
        assert found.common_rows == len(common)
        assert (found.measured, found.low, found.high, found.verdict) == (
            expected.measured, expected.low, expected.high, expected.verdict
        )  # fmt: skip
    text = render_text(judged)
    assert f"Accuracy since the baseline, on the {len(common):,} rows of both" in text
    assert "tango" in judged.methods


def test_fewer_than_half_of_the_rows_in_common_are_two_samples(first: Path, tmp_path: Path) -> None:
    shifted = audit(tmp_path / "shifted", pa.concat_tables([rows(seed=3, start=N), rows().slice(0, 700)]))
    judged = judge_run(shifted, gates(ACCURACY), first)
    assert (judged.baseline.matched, judged.baseline.paired, judged.baseline.common) == (700, False, None)
    assert (
        "700 of its 2,200 rows are among the 1,500 of the baseline, fewer than 50% of the"
        in judged.baseline.how
    )


def _with(column: str, changed: int, table: Any = None) -> Any:
    table = rows() if table is None else table
    values = np.asarray(table[column]).copy()
    values[:changed] = {"y": lambda v: 1 - v, "g": lambda v: np.where(v == "a", "b", "a")}[column](
        values[:changed]
    )
    return table.set_column(table.column_names.index(column), column, pa.array(values))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"y": N}, r"of 1,500 rows with the same id differ 1,500 in their label \(100.0%\); at most 5%"),
        ({"y": 76}, r"76 in their label \(5.1%\)"),
        ({"g": 200, "y": 10}, r"10 in their label \(0.7%\), 200 in their 'g' \(13.3%\)"),
    ],
)
def test_other_rows_under_the_same_ids_are_refused(
    first: Path, tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    """Labels that were all flipped gave "+86.3 points: pass"."""
    table = rows()
    for column, n in changed.items():
        table = _with(column, n, table)
    with pytest.raises(InputError, match=told):
        judge_run(audit(tmp_path / "run", table), gates(ACCURACY), first)


def test_a_few_rows_that_differ_are_counted_by_kind_and_left_out(first: Path, tmp_path: Path) -> None:
    run = audit(tmp_path / "run", _with("g", 20, _with("y", 30)))
    told = judge_run(run, gates(ACCURACY), first).baseline
    assert (told.matched, told.common, told.differing) == (N, N - 30, {"label": 30, "'g'": 20})
    assert "and 30 of both differ (label: 30, 'g': 20): these are in no change" in told.how
    assert judge_run(run, gates(ACCURACY), first).gates[0].measured == 0


def test_a_slice_without_common_rows_is_an_error_and_a_small_one_is_told(first: Path, tmp_path: Path) -> None:
    new = rows(seed=5, start=N)
    for n, verdict in ((200, "error"), (20, "pass")):
        part = new.slice(0, n).set_column(1, "g", pa.array(["c"] * n))
        run = audit(tmp_path / str(n), pa.concat_tables([rows(), part]))
        (gate,) = judge_run(run, gates({**GROWTH, "limit": "<= 0.2"}), first).gates
        assert gate.verdict == verdict
        why = [s.why for s in gate.slices if s.slice == {"g": "c"}]
        assert why == (["none of its rows is among the common rows"] if verdict == "error" else [])
        assert ({"g": "c"} in gate.left_out) == (verdict == "pass")


def test_rows_without_ids_are_the_same_in_the_same_data_only(tmp_path: Path) -> None:
    one = audit(tmp_path / "one", rows(), data={"id": None})
    same = audit(tmp_path / "same", rows(), data={"id": None}, model={"score": "s", "threshold": 0.55})
    mixed = audit(tmp_path / "mixed", rows().slice(0, N - 1), data={"id": None})
    assert judge_run(same, gates(ACCURACY), one).baseline.paired
    told = judge_run(mixed, gates(ACCURACY), one).baseline
    assert not told.paired
    assert "have no ids" in told.how


def test_an_unchanged_release_passes_and_a_proven_loss_fails(first: Path, worse: Path) -> None:
    assert judge_run(first, gates(ACCURACY, GROWTH), first).verdict == "pass"
    strict = {**ACCURACY, "limit": ">= -0.001"}
    assert judge_run(worse, gates(strict), first).verdict == "fail"


def test_a_slice_that_the_baseline_lacks_is_an_error_and_one_that_is_gone_is_told(
    first: Path, tmp_path: Path
) -> None:
    table = rows(seed=2, start=N)
    g = np.asarray(table["g"]).astype("<U1")
    g[:200] = "c"
    new = audit(tmp_path / "new", table.set_column(1, "g", pa.array(g)))
    judged = judge_run(new, gates(GROWTH), first)
    assert judged.verdict == "error"
    assert "g=c" in next(s.why for s in judged.gates[0].slices if s.slice == {"g": "c"})
    back = judge_run(first, gates(GROWTH), new)
    assert back.gates[0].left_out == [{"g": "c"}]


def test_the_baseline_is_the_model_that_it_released(tmp_path: Path) -> None:
    """A run with a repaired variant that it recommends is compared with that, not with its original."""
    config = {
        "audit": "old",
        "data": {"path": "rows", "label": "y", "sensitive": ["g"], "id": "id", "validation": {"share": 0.3}},
        "model": {"score": "s", "threshold": 0.5},
        "mitigations": [{"threshold": {"by": ["g"], "constraint": "demographic_parity"}}],
        "gates": [
            {"metric": "selection_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8", "decide": "point",
             "on": "mitigated"},
        ],
        "report": {"charts": False},
    }  # fmt: skip
    table = rows()
    s = np.asarray(table["s"])
    lower = np.where(np.asarray(table["g"]) == "b", s * 0.75, s)
    result = fairweigh.run(config, tmp_path / "old", data=table.set_column(3, "s", pa.array(lower)))
    assert result.frontier.recommended not in (None, "original")
    judged = judge_run(tmp_path / "old", gates(ACCURACY), tmp_path / "old")
    assert judged.baseline.variant == result.frontier.recommended
    assert {g.variant for g in judged.gates if g.binding} == {result.frontier.recommended}
    assert {g.variant: g.measured for g in judged.gates}[judged.baseline.variant] == 0
    assert {g.variant: g.measured for g in judged.gates}["original"] != 0


def _recoded(table: Any) -> Any:
    return table.set_column(2, "y", pa.array(np.where(np.asarray(table["y"]) == 1, "no", "yes")))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda f: audit(f, rows(h=["x"] * N), {"sensitive": ["g", "h"]}), r"data\.sensitive: 'g', 'h' in"),
        (lambda f: audit(f, _recoded(rows()), {"positive": "yes"}), r"data\.positive: 'yes' in"),
        (lambda f: audit(f, rows(z=rows()["y"]), {"label": "z"}), r"data\.label: 'z' in"),
        (lambda f: audit(f, rows(w=np.ones(N)), {"weight": "w"}), r"data\.weight: 'w' in"),
    ],
)
def test_a_baseline_of_other_classes_or_features_is_refused_in_one_line(
    make: Callable[..., Path], told: str, first: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told) as raised:
        judge_run(first, gates(ACCURACY), make(tmp_path / "run"))
    assert "expected two runs on the same data" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_baseline_that_does_not_say_its_schema_is_refused(first: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(first, tmp_path / "bare"))
    content = json.loads((bare / "audit.json").read_text(encoding="utf-8"))
    del content["schema_version"]
    (bare / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    manifest = read_manifest(bare)
    manifest["files"]["audit.json"] = sha256_file(bare / "audit.json")
    (bare / "MANIFEST.json").write_text(manifest_text(manifest), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"bare/audit\.json: no schema_version; this fairweigh reads schema 1"
    ):
        judge_run(first, gates(ACCURACY), bare)


def test_a_baseline_needs_a_policy(first: Path, worse: Path) -> None:
    with pytest.raises(InputError, match="a baseline needs a policy"):
        judge_run(worse, None, first)


def test_a_baseline_that_no_gate_asks_about_is_said_to_be_so(first: Path, worse: Path) -> None:
    assert not judge_run(worse, gates(GATES[0]), first).baseline.asked


def test_a_baseline_in_which_a_yes_means_something_else_is_told(
    first: Path, worse: Path, tmp_path: Path
) -> None:
    burden = audit(tmp_path / "burden", rows(), {"positive_is": "burden"})
    told = [
        " ".join(map("".join, judged_by(judge_run(worse, gates(ACCURACY), before))))
        for before in (first, burden)
    ]
    assert "positive_is" not in told[0]
    assert "decision is of unstated meaning in this run and a burden in the baseline" in told[1]


def test_aggregated_counts_have_no_rows_to_match(tmp_path: Path) -> None:
    cells = pa.table(
        {"g": ["a", "a", "b", "b"] * 2, "y": [1, 0] * 4, "d": [1] * 4 + [0] * 4,
         "n": [300, 50, 250, 60, 60, 290, 110, 280]}
    )  # fmt: skip
    data = {"count": "n", "id": None}
    one, two = (audit(tmp_path / k, cells, data, model={"decision": "d"}) for k in ("one", "two"))
    told = judge_run(two, gates(ACCURACY, GROWTH), one)
    assert "aggregated counts hold no rows" in told.baseline.how
    assert [g.measured for g in told.gates] == [0, 0]
    assert [g.verdict for g in told.gates] == ["inconclusive", "inconclusive"]
