"""What the page's script says: whole sentences with ``{names}`` for what it puts into them itself."""

from __future__ import annotations

from ..reports.words.language import catalogue, language, later

WORDS = {
    "audited_cut": later("The audited threshold of {variant}"),
    "moved": later("What if: the audit was at {threshold}"),
    "found": later("Found from the rows: scores from {threshold} on were selected"),
    "rule": later(
        "{variant} decides by a rule of its own, so that no slider moves it: its audited decisions are shown"
    ),
    "unscored": later("{variant} has no scores, so that no slider moves it: its audited decisions are shown"),
    "undecided": later("{variant} decides nothing: its audited figures are shown"),
    "needs": later("needs {features} to decide"),
    "own_rule": later("own rule"),
    "percent": later("{figure}\u00a0%"),
    "to": later("{low} to {high}"),
    "none": later("none"),
    "together": later("all together"),
    "of_class": later("{title} of {class}"),
    "gates": later("Gates"),
    "gates_here": later("Gates at this threshold"),
    "variants": later("Variants"),
    "variants_here": later("Variants at this threshold"),
    "apart": later("Difference from the reference"),
    "apart_points": later("Points from the reference"),
    "largest": later("Largest difference"),
    "largest_points": later("Largest gap, points"),
    "show_slices": later("Show its slices"),
    "nearest": later("The slider has no place at {wanted}: the nearest, {threshold}, is shown."),
    "ignored": later("The address asks for what this run does not have, which is left out: {parts}."),
    "not_audited": later("{title} was not audited for these slices, and counts do not tell it."),
    "legend_told": later("These figures are the audit’s own: counts by score do not tell them."),
    "legend_verdicts": later("Verdicts are the audit’s own."),
    "copied_served": later("Copied. It opens on this machine alone, and only until the server ends."),
    "by": later("{title} by {features}"),
    "fewer": later("fewer than {n}"),
    "few": later("few clusters"),
    "reference": later("reference"),
    "all_rows": later("all rows"),
    "rows": later("{n} rows"),
    "pass": later("pass"),
    "fail": later("fail"),
    "inconclusive": later("inconclusive"),
    "error": later("error"),
    "audited_was": later("audited: {verdict}"),
    "as_audited_task": later("as audited: this task has no threshold"),
    "as_audited_whole": later("as audited: it is on all classes together, which are counted one by one here"),
    "as_audited_cost": later("as audited: what a model costs does not depend on the threshold"),
    "as_audited_scores": later("as audited: it is on the scores, which no threshold changes"),
    "as_audited_labels": later("as audited: it is on the labels, which no threshold changes"),
    "as_audited_baseline": later("as audited: the rows of the earlier release are not in this run"),
    "as_audited_drawn": later("as audited: its limits are drawn at random, which this page does not do"),
    "as_audited_each": later("as audited: it asks for each class in turn, and one is shown at a time"),
    "as_audited_choice": later("as audited: it is on the choice of the variant"),
    "as_audited_clusters": later("as audited: rows of a cluster depend on each other"),
    "as_audited_other": later("as audited: it takes more than counts by score"),
    "as_audited_missing": later("as audited: its variant was not made"),
    "as_audited_undecided": later("as audited: its variant decides nothing"),
    "as_audited_unknown": later("as audited: the audit compared no slices here"),
    "against": later("{slice} against {reference}"),
    "proven": later("decided by limits {limits}"),
    "legend": later(
        "n: rows in the denominator. Dot and line: A with its limits at {confidence}. Dashed: the "
        "reference, {reference}."
    ),
    "legend_b": later("Ring: B at the same threshold."),
    "legend_b_audited": later("Ring: B as audited."),
    "legend_band": later("Shaded: what the limit allows."),
    "legend_clusters": later(
        "No limits are drawn: rows of a cluster depend on each other, which these counts do not tell."
    ),
    "legend_weights": later("Rates are weighted, limits take the effective rows."),
    "curve_gap": later("largest gap in {title}, points"),
    "curve_performance": later("{title}, percent"),
    "curve_none": later("Not drawn: no threshold makes the decisions of {variant}."),
    "curve_said_gap": later("At this threshold the largest gap is {gap} points."),
    "curve_said": later("At this threshold the largest gap is {gap} points and {title} {value}."),
    "check": later(
        "Counted again at the audited thresholds: {n} of {all} gates, {wrong} verdicts differ from the audit."
    ),
    "took": later("These figures were counted in {ms} ms."),
    "said": later("Threshold {threshold}. {gates}"),
    "copied": later("Copied."),
    "not_copied": later("Select the text and copy it by hand."),
    "no_slice": later("No slice has this name."),
    "chosen_a": later("{variant} (A)"),
    "chosen_b": later("{variant} (B)"),
    "tile_b": later("B {value}"),
}


def words() -> dict[str, str]:
    """Return them in the language that is written now."""
    said = catalogue(language())
    return {name: said.message(english) for name, english in WORDS.items()}
