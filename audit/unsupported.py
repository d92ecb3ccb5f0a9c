"""Metrics of tasks that cannot be audited yet, known by their names so that the refusal says what can."""

from __future__ import annotations

import re

_TASKS = {
    "a ranking": (
        "ap dcg dcg_score exposure exposure_ratio hit_rate hitrate hits map mean_average_precision "
        "mean_reciprocal_rank mrr ndcg ndcg_score normalized_discounted_cumulative_gain precision_at "
        "recall_at rbo kendall_tau kendalltau spearman spearmanr"
    ),
    "a number (regression)": (
        "explained_variance mae mape max_error mean_absolute_error mean_absolute_percentage_error "
        "mean_error mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error "
        "median_absolute_error mse msle pinball_loss r2 r2_score r_squared rmse rmsle "
        "root_mean_squared_error smape"
    ),
    "tags of words (named entities)": (
        "chunk_f1 entity_accuracy entity_f1 entity_precision entity_recall ner_f1 seqeval span_f1 "
        "span_precision span_recall tag_accuracy token_accuracy token_f1"
    ),
    "one of several classes, or several labels at once": (
        "cohen_kappa exact_match f1_macro f1_micro f1_weighted hamming_loss jaccard macro_f1 macro_precision "
        "macro_recall micro_f1 quadratic_weighted_kappa subset_accuracy top_k_accuracy weighted_f1"
    ),
    "a text that a model writes": "bertscore bleu chrf meteor perplexity rouge rouge_l rouge1 rouge2 wer cer",
}
_TASK_OF = {name: task for task, names in _TASKS.items() for name in names.split()}


def metric_of_another_task(name: str, known: str) -> str | None:
    """Say what a metric is of, where it is one of another task; None for any other name.

    Parameters
    ----------
    name : str
        As it was written: case, dashes and a depth such as ``@10`` do not matter.
    known : str
        What is supported, in words.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    cut = re.sub(r"_(at_)?(k|\d+)$", "", plain)
    task = _TASK_OF.get(plain) or _TASK_OF.get(cut) or (_TASK_OF.get(f"{cut}_at") if cut != plain else None)
    if task is None:
        return None
    return (
        f"{name!r} is a metric of {task}, which cannot be audited yet; supported are metrics of two classes: "
        f"{known}"
    )
