"""The metric table: every metric is a row, and a row is all it takes to add one.

Names follow the field (fairlearn, scikit-learn); ``fairlearn``, ``aif360`` and ``aequitas`` give the
name the same figure has there.
"""

from __future__ import annotations

from math import inf
from typing import Literal

from .contrast import F1, ODDS
from .entry import DisparityRow, Metric, table
from .estimators import Area, Binned, Mean, MeanOf, OfCells, Share
from .figures import phi
from .score_values import EXCESS, SCORE, SQUARED_ERROR, SURPRISE

SELECTED = Share(lambda c: c.selected, lambda c: c.n, carried=("decision",))
TRUE_POSITIVE = Share(lambda c: c.tp, lambda c: c.tp + c.fn)
TRUE_NEGATIVE = Share(lambda c: c.tn, lambda c: c.tn + c.fp)

METRICS = table(
    Metric(
        "selection_rate", "Selection rate", "(TP + FP) / n",
        "Share of rows that get the positive decision.",
        SELECTED, impact=True, among="rows", says="selected",
        fairlearn="selection_rate", aif360="selection_rate", aequitas="pprev",
        elsewhere=("positive_rate", "acceptance_rate"),
        source="29 CFR 1607.4(D); fairlearn user guide",
        shows="Sensitive to who gets the positive decision; blind to whether it is right.",
    ),
    Metric(
        "base_rate", "Base rate", "(TP + FN) / n", "Share of rows whose label is positive.",
        Share(lambda c: c.positives, lambda c: c.n, carried=("label",)), among="rows", says="positive",
        fairlearn=None, aif360="base_rate", aequitas="prev",
        shows="Speaks of the labels, not of the model: where it differs, selection rates differ for a "
        "perfect model too.",
    ),
    Metric(
        "accuracy", "Accuracy", "(TP + TN) / n", "Share of rows whose decision equals the label.",
        Share(lambda c: c.tp + c.tn, lambda c: c.n), better="higher", ideal=1.0, among="rows", says="right",
        fairlearn="accuracy_score", aif360="accuracy",
        shows="Sensitive to errors of both kinds together; blind to which kind, and led by the more "
        "frequent label.",
    ),
    Metric(
        "error_rate", "Error rate", "(FP + FN) / n", "Share of rows whose decision differs from the label.",
        Share(lambda c: c.fp + c.fn, lambda c: c.n), mirror="accuracy",
        better="lower", ideal=0.0, among="rows", says="wrong",
        fairlearn="zero_one_loss", aif360="error_rate",
        shows="Sensitive to errors of both kinds together; blind to which kind, and led by the more "
        "frequent label.",
    ),
    Metric(
        "true_positive_rate", "True positive rate", "TP / (TP + FN)",
        "Of the rows with a positive label, the share that is selected (recall, sensitivity).",
        TRUE_POSITIVE, better="higher", ideal=1.0, among="positives", says="selected",
        fairlearn="true_positive_rate", aif360="true_positive_rate", aequitas="tpr",
        elsewhere=("recall", "recall_score", "sensitivity", "hit_rate"),
        shows="Sensitive to rows of the positive label that the model passes over; blind to wrong "
        "selections.",
    ),
    Metric(
        "true_negative_rate", "True negative rate", "TN / (TN + FP)",
        "Of the rows with a negative label, the share that is not selected (specificity).",
        TRUE_NEGATIVE, mirror="false_positive_rate",
        better="higher", ideal=1.0, among="negatives", says="not selected",
        fairlearn="true_negative_rate", aif360="true_negative_rate", aequitas="tnr",
        elsewhere=("specificity",),
        shows="Sensitive to wrong selections; blind to those whom the model passes over.",
    ),
    Metric(
        "false_positive_rate", "False positive rate", "FP / (FP + TN)",
        "Of the rows with a negative label, the share that is selected all the same.",
        Share(lambda c: c.fp, lambda c: c.fp + c.tn), better="lower", ideal=0.0,
        among="negatives", says="selected",
        fairlearn="false_positive_rate", aif360="false_positive_rate", aequitas="fpr",
        elsewhere=("fall_out",),
        shows="Sensitive to wrong selections, which count where a selection harms or costs; blind to those "
        "passed over.",
    ),
    Metric(
        "false_negative_rate", "False negative rate", "FN / (FN + TP)",
        "Of the rows with a positive label, the share that is not selected.",
        Share(lambda c: c.fn, lambda c: c.fn + c.tp), mirror="true_positive_rate",
        better="lower", ideal=0.0, among="positives", says="not selected",
        fairlearn="false_negative_rate", aif360="false_negative_rate", aequitas="fnr",
        elsewhere=("miss_rate",),
        shows="Sensitive to rows of the positive label that the model passes over; blind to wrong "
        "selections.",
    ),
    Metric(
        "precision", "Precision", "TP / (TP + FP)",
        "Of the selected rows, the share whose label is positive (positive predictive value).",
        Share(lambda c: c.tp, lambda c: c.tp + c.fp), better="higher", ideal=1.0,
        among="selected", says="positive",
        fairlearn="precision_score", aif360="positive_predictive_value", aequitas="precision",
        elsewhere=("ppv",),
        shows="Sensitive to what a selection is worth in each slice; moves with the base rate.",
    ),
    Metric(
        "negative_predictive_value", "Negative predictive value", "TN / (TN + FN)",
        "Of the rows not selected, the share whose label is negative.",
        Share(lambda c: c.tn, lambda c: c.tn + c.fn), better="higher", ideal=1.0,
        among="not selected", says="negative",
        aif360="negative_predictive_value", aequitas="npv",
        shows="Sensitive to what a rejection is worth in each slice; moves with the base rate.",
    ),
    Metric(
        "false_discovery_rate", "False discovery rate", "FP / (FP + TP)",
        "Of the selected rows, the share whose label is negative.",
        Share(lambda c: c.fp, lambda c: c.fp + c.tp), mirror="precision",
        better="lower", ideal=0.0, among="selected", says="negative",
        aif360="false_discovery_rate", aequitas="fdr",
        shows="Sensitive to what a selection is worth in each slice; moves with the base rate.",
    ),
    Metric(
        "false_omission_rate", "False omission rate", "FN / (FN + TN)",
        "Of the rows not selected, the share whose label is positive.",
        Share(lambda c: c.fn, lambda c: c.fn + c.tn), mirror="negative_predictive_value",
        better="lower", ideal=0.0, among="not selected", says="positive",
        aif360="false_omission_rate", aequitas="for",
        shows="Sensitive to what a rejection is worth in each slice; moves with the base rate.",
    ),
    Metric(
        "balanced_accuracy", "Balanced accuracy", "(TPR + TNR) / 2",
        "Mean of the true positive and the true negative rate.",
        MeanOf((TRUE_POSITIVE, TRUE_NEGATIVE)), better="higher", ideal=1.0,
        fairlearn="balanced_accuracy_score",
        shows="Sensitive to errors of both kinds, each label weighing the same; blind to which kind.",
    ),
    Metric(
        "f1", "F1 score", "2 TP / (2 TP + FP + FN)",
        "Harmonic mean of precision and true positive rate.",
        # F1 rises with TP / (TP + FP + FN), which is a proportion: its limits carry over exactly.
        Share(lambda c: c.tp, lambda c: c.tp + c.fp + c.fn, F1), better="higher", ideal=1.0,
        fairlearn="f1_score",
        shows="Sensitive to errors around the positive label; blind to rows rightly rejected, and moves "
        "with the base rate.",
    ),
    Metric(
        "matthews_correlation", "Matthews correlation",
        "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
        "Correlation of decision and label, -1 to 1.",
        OfCells(phi, lowers=(0, 1, 1, 0)),
        better="higher", ideal=1.0, percent=False, ratio=False, bounds=(-1, 1), fairlearn="matthews_corrcoef",
        elsewhere=("mcc",),
        source="B. W. Matthews 1975, Biochim. Biophys. Acta 405:442-451",
        shows="Sensitive to errors of both kinds in one figure; moves with the base rate.",
    ),
    Metric(
        "treatment_ratio", "False negatives per false positive", "FN / FP",
        "How many positive rows are missed for each negative row that is selected.",
        # FN / FP is the odds of FN among all errors, a monotone function of a proportion.
        Share(lambda c: c.fn, lambda c: c.fn + c.fp, ODDS, infinite="no false positives"), percent=False,
        bounds=(0, inf),
        source="R. Berk et al. 2021, Sociol. Methods Res. 50:3-44 (treatment equality)",
        shows="Sensitive to which kind of error a slice bears; blind to how many errors there are.",
    ),
    Metric(
        "auc", "Area under the ROC curve", "P(score of a positive row > score of a negative row)",
        "Chance that a row with a positive label scores higher than one with a negative label.",
        Area(), better="higher", ideal=1.0, percent=False, bounds=(0, 1), fairlearn="roc_auc_score",
        elsewhere=("auroc", "roc_auc", "auc_roc", "pr_auc", "auprc", "average_precision"),
        source="E. R. DeLong et al. 1988, Biometrics 44:837-845",
        shows="Sensitive to the order of the scores at every threshold; blind to the threshold in use and "
        "to calibration.",
    ),
    Metric(
        "mean_score", "Mean score", "mean of the scores", "Average score of the rows.",
        Mean(SCORE), percent=False, ratio=False, fairlearn="mean_prediction",
        shows="Sensitive to the level of the scores, whatever the threshold; blind to whether they are "
        "right.",
    ),
    Metric(
        "brier_score", "Brier score", "mean of (score - label)^2",
        "Mean squared distance of the score from the label.",
        Mean(SQUARED_ERROR), better="lower", ideal=0.0, percent=False, bounds=(0, 1),
        fairlearn="brier_score_loss", elsewhere=("brier",),
        source="G. W. Brier 1950, Mon. Weather Rev. 78:1-3",
        shows="Sensitive to order and calibration of the scores together; moves with the base rate.",
    ),
    Metric(
        "log_loss", "Log loss", "mean of -ln(probability given to the label)",
        "Surprise of the label under the score, in nats; scores are held 1e-15 away from 0 and 1.",
        Mean(SURPRISE), better="lower", ideal=0.0, percent=False, bounds=(0, inf), fairlearn="log_loss",
        elsewhere=("cross_entropy", "logloss", "nll"),
        source="I. J. Good 1952, J. R. Stat. Soc. B 14:107-114",
        shows="Sensitive to scores that are sure and wrong; moves with the base rate.",
    ),
    Metric(
        "calibration_bias", "Calibration bias", "mean score - base rate",
        "How much the scores promise too much (positive) or too little (negative) on average.",
        Mean(EXCESS), ideal=0.0, ratio=False, bounds=(-1, 1),
        source="D. J. Spiegelhalter 1986, Stat. Med. 5:421-433 (calibration in the large)",
        shows="Sensitive to scores that promise too much or too little on average; blind to errors that "
        "cancel out.",
    ),
    Metric(
        "expected_calibration_error", "Expected calibration error",
        "sum over score bins of share x |mean score - observed rate|",
        "Average distance of score and observed rate over ten equally wide bins of the score.",
        Binned(), better="lower", ideal=0.0, ratio=False, elsewhere=("ece",),
        source="M. P. Naeini et al. 2015, AAAI 29 (ECE)",
        shows="Sensitive to scores that do not keep their promise; larger by chance in small slices.",
    ),
)  # fmt: skip

FairlearnObjective = Literal[
    "accuracy_score", "balanced_accuracy_score", "selection_rate", "true_positive_rate", "true_negative_rate"
]
"""What fairlearn's threshold optimiser can make best, in its words: those of ``fairlearn`` above."""


def of_fairlearn(name: str) -> Metric:
    """The metric that fairlearn calls so."""
    return next(metric for metric in METRICS.values() if metric.fairlearn == name)


DEFAULT = (
    "selection_rate", "base_rate", "accuracy", "true_positive_rate", "false_positive_rate",
    "precision", "f1", "auc", "brier_score", "expected_calibration_error",
)  # fmt: skip

KEY = (
    "selection_rate", "true_positive_rate", "false_positive_rate", "precision", "accuracy", "base_rate",
)  # fmt: skip
"""What a reader looks for first, in this order: the metrics that are charted."""
LEADING = ("true_positive_rate", "accuracy", "selection_rate")
"""What crossings of features are sorted by, unless a gate is on another: the first that differs."""
PERFORMANCE = ("accuracy", "auc")
"""What stands for performance where nobody says: the first that is measured."""
STANDARDISED, ENTROPY = "mean_score", "accuracy"
"""What standardised differences and entropy indices are told of."""
EXCESS_LOSS, CALIBRATION_SHIFT = "accuracy", "calibration_bias"
"""Whose changes are told beside the flips of a slice."""
GAPS = (("true_positive_rate", "false_positive_rate"), ("selection_rate",))
"""Whose gaps are judged where nobody says and no gate is over slices: what is measured of the first set, or
of the next."""


DISPARITIES = (
    DisparityRow(
        "demographic_parity", "Demographic parity", ("selection_rate",), fairlearn=True,
        source="T. Calders, S. Verwer 2010, Data Min. Knowl. Discov. 21:277-292",
        shows="Asks for equal shares of positive decisions, whatever the labels.",
    ),
    DisparityRow(
        "equalized_odds", "Equalized odds", ("true_positive_rate", "false_positive_rate"), fairlearn=True,
        source="M. Hardt et al. 2016, NeurIPS 29",
        shows="Asks for equal error rates of both kinds, given the label; trusts the labels.",
    ),
    DisparityRow(
        "equal_opportunity", "Equal opportunity", ("true_positive_rate",), fairlearn=True,
        source="M. Hardt et al. 2016, NeurIPS 29",
        shows="Asks that rows of the positive label are selected alike; trusts the labels, allows any "
        "wrong selections.",
    ),
    DisparityRow(
        "predictive_parity", "Predictive parity", ("precision",),
        source="A. Chouldechova 2017, Big Data 5:153-163",
        shows="Asks that a selection is worth the same in every slice; moves with the base rate.",
    ),
    DisparityRow(
        "accuracy_parity", "Accuracy parity", ("accuracy",),
        source="M. B. Zafar et al. 2017, WWW '17 (overall misclassification rate)",
        shows="Asks for equally many errors, of whichever kind.",
    ),
    DisparityRow(
        "treatment_equality", "Treatment equality", ("treatment_ratio",), forms=("difference",),
        source="R. Berk et al. 2021, Sociol. Methods Res. 50:3-44",
        shows="Asks for the same balance of the two kinds of errors, however many there are.",
    ),
    DisparityRow(
        "base_rate", "Base rate (label statistical parity)", ("base_rate",),
        source="F. Kamiran, T. Calders 2012, Knowl. Inf. Syst. 33:1-33",
        shows="Speaks of the labels, not of the model.",
    ),
    DisparityRow(
        "auc_gap", "AUC gap", ("auc",), forms=("difference",),
        source="D. Borkan et al. 2019, WWW '19 companion (subgroup AUC)",
        shows="Asks for scores that order rows equally well within every slice, at any threshold.",
    ),
    DisparityRow(
        "calibration_gap", "Calibration gap", ("calibration_bias",), forms=("difference",),
        source="G. Pleiss et al. 2017, NeurIPS 30",
        shows="Asks for scores that promise equally much or little in every slice.",
    ),
)  # fmt: skip
