"""The names of slices in a configuration, held against the values that the data have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from ...datasets.errors import InputError
from ...told import tell
from ..config.labels import Label, by_feature, check_apart, labels_of
from ..figures.measure import Measurement


def check_labels(given: Mapping[str, str], sensitive: Sequence[str], measured: Measurement) -> list[str]:
    """Say which labels are of no slice: they may be kept for the rows of another month.

    Parameters
    ----------
    given
        ``report.labels``.
    sensitive
        All sensitive features, also those that are not sliced by now.

    Raises
    ------
    InputError
        A label of no feature, or names by which two slices cannot be told apart.
    """
    notes: list[str] = []
    features = [*dict.fromkeys([*sensitive, *measured.features])]
    try:
        for feature, labels in by_feature(labels_of(given, features)):
            if feature not in measured.features:
                continue
            slices = measured.slices((feature,))
            values = [slices.name(i)[feature] for i in range(len(slices.keys))]
            check_apart(labels, values)
            notes += [_unused(label, values) for label in labels if label.value not in values]
    except ValueError as error:
        raise InputError(str(error)) from None
    return notes


def _unused(label: Label, values: Sequence[str]) -> str:
    near = difflib.get_close_matches(label.value, values, n=1)
    if near:
        return tell(
            "report.labels names {slice}, and no row has this value; was {near} meant?",
            slice=label.key, near=f"{label.feature}={near[0]}",
        )  # fmt: skip
    return tell("report.labels names {slice}, and no row has this value.", slice=label.key)
