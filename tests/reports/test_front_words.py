"""What the front page calls its figures: whose rows a column counts, and who loses, where that is known."""

from __future__ import annotations

from fairweigh.audit.result import AuditResult, Criterion
from fairweigh.reports.front.chart import chart
from fairweigh.reports.front.exchange import exchange
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.words.spoken import plain

from . import task_runs


def told_of(result: AuditResult) -> Told:
    told = Told.of(result)
    assert told is not None
    return told


def counted(result: AuditResult, one: Criterion) -> str:
    told = told_of(result)
    front = told.front.model_copy(update={
        "cells": [told.front.cells[0].model_copy(update={"metric": one.metric, "view": one.view,
                                                         "differences": []})]
    })  # fmt: skip
    by = front.cells[0].by
    return plain(chart(Told(result, front, told.variant, None), one, [by], whole=True).rows)


def test_the_rows_of_a_class_are_those_with_or_without_its_label(multiclass_run: task_runs.Run) -> None:
    result = multiclass_run.result
    view = next(iter(result.variants[0].slices[0].views))
    assert (
        counted(result, Criterion(metric="true_positive_rate", view=view)) == f"n: rows with the label {view}"
    )
    assert counted(result, Criterion(metric="false_positive_rate", view=view)) == (
        f"n: rows without the label {view}"
    )


def test_a_figure_of_queries_counts_queries(ranking_run: task_runs.Run) -> None:
    assert counted(ranking_run.result, Criterion(metric="ndcg", view=None)) == "n: queries"


def test_nobody_loses_for_certain_only_where_that_was_tested(
    ranking_run: task_runs.Run, regression_run: task_runs.Run, multilabel_run: task_runs.Run
) -> None:
    for run in (ranking_run, regression_run, multilabel_run):
        found = exchange(told_of(run.result))
        heads = [plain(fact.head) for fact in found.facts] if found else []
        assert "Who loses" not in heads
