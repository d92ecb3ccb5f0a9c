"""How charts are drawn: names that do not overlap, layers by change, images without ballast."""

from __future__ import annotations

import random
import re
from xml.etree import ElementTree

import pytest
from fairweigh.reports.drawing.labels import LETTER, LINE_HEIGHT, Label, Spot, placed
from fairweigh.reports.drawing.slim import slim
from fairweigh.reports.variants.layer_charts import layer_views

from .recipes import layers


def box(spot: Spot) -> tuple[float, float, float, float]:
    wide = len(spot.text) * LETTER
    left = spot.x - {"left": 0.0, "center": wide / 2, "right": wide}[spot.align]
    return left, spot.y - LINE_HEIGHT / 2, left + wide, spot.y + LINE_HEIGHT / 2


@pytest.mark.parametrize("seed", range(6))
def test_a_dozen_names_overlap_neither_each_other_nor_the_points(seed: int) -> None:
    r = random.Random(seed)
    # Clustered as variants are: half of them within a tenth of the drawing.
    points = [(r.uniform(40, 560), r.uniform(30, 310)) for _ in range(6)]
    points += [(r.uniform(200, 260), r.uniform(100, 134)) for _ in range(6)]
    labels = [Label(f"prune-magnitude-0.{k}", x, y) for k, (x, y) in enumerate(points)]
    spots = placed(labels, 600, 340, [])
    assert None not in spots
    boxes = [box(spot) for spot in spots]
    for k, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[2] <= 600
        for other in boxes[k + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        for x, y in points:
            assert not (one[0] < x < one[2] and one[1] < y < one[3])


def test_name_without_room_is_left_out() -> None:
    labels = [Label(f"variant-number-{k:02}", 300, 170) for k in range(80)]
    spots = placed(labels, 600, 340, [])
    assert spots[0] is not None
    assert None in spots


def test_long_name_is_cut() -> None:
    (spot,) = placed([Label("x" * 80, 100, 100)], 600, 340, [])
    assert spot.text.endswith("…")


def test_layers_that_are_gone_come_first_then_the_noisiest() -> None:
    views = layer_views(layers(0.5), 5, "k", charts=True, histograms=3)
    names = ["".join(row.name) for row in views.table.rows]
    assert names[0].startswith("encoder.layer.3.")
    assert names[1].startswith("encoder.layer.38.")
    assert views.not_listed == 34
    assert views.table.rows[0].cells[1].text == "gone"
    described = re.search(r"<desc.*?>(.*?)</desc>", views.chart.drawing.svg)[1]
    assert "encoder.layer.38.output.dense.weight: zeros 69.0" in described
    assert "encoder.layer.3." not in described


def test_equal_layer_says_so() -> None:
    same = layers(0.0, 1)[0].model_copy(update={"sqnr_db": None})
    views = layer_views([same], 5, "k", charts=False, histograms=0)
    assert views.table.rows[0].cells[-1].text == "equal"


def test_slim_image_draws_the_same_in_fewer_letters() -> None:
    text = (
        '<svg><g fill="none"><g><path class="background" d="M0,0h9v9h-9Z" /><g class="mark">'
        '<line transform="translate(1.23456789,2)" x2="5" y2="0" stroke="#111111" opacity="1" />'
        '<line transform="translate(3,4)" x2="0" y2="6.5" stroke="#111111" opacity="1" /></g><g>'
        '<path transform="translate(1,1)" d="M2.915,0A2.915,2.915,0,1,1,-2.915,0A2.915,2.915,0,1,1,2.915,0"'
        ' fill="#222222" /><text fill="#222222" text-anchor="middle">a</text></g></g></g></svg>'
    )
    root = ElementTree.fromstring(text)
    slim(root)
    found = ElementTree.tostring(root, encoding="unicode")
    assert found == (
        '<svg><g fill="none"><g stroke="#111111"><path d="M1.23,2l5,0M3,4l0,6.5" /></g>'
        '<g fill="#222222"><circle transform="translate(1,1)" r="2.92" />'
        '<text text-anchor="middle">a</text></g></g></svg>'
    )
