"""Tags as entities, against seqeval where it is installed and published examples where not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from fairweigh.datasets.tags import MATCHINGS, SCHEMES, entities, faulty
from fairweigh.spans import Span, read, written
from hypothesis import given
from hypothesis import strategies as st

PER = Span(0, 2, "PER")


def spans(tags: str, scheme: Any = "iob2", matching: Any = "strict") -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.type) for one in entities(tags.split(), scheme, matching)[0]]


def test_the_example_of_seqeval_s_readme() -> None:
    """``y_true`` and ``y_pred`` there: one MISC that is missed by a token, one PER that is found."""
    true, said = "O O O B-MISC I-MISC I-MISC O", "O O B-MISC I-MISC I-MISC I-MISC O"
    assert spans(true) == [(3, 6, "MISC")]
    assert spans(said) == [(2, 6, "MISC")]
    assert spans("B-PER I-PER O") == [(0, 2, "PER")]


def test_i_without_b_is_in_no_entity_but_begins_one_for_conlleval() -> None:
    """The example of seqeval's README on its modes: F1 is 1 in the default one and 0 in the strict one."""
    assert spans("B-NP I-NP O") == [(0, 2, "NP")]
    assert spans("I-NP I-NP O", matching="conll") == [(0, 2, "NP")]
    assert spans("I-NP I-NP O") == []
    assert entities(["I-NP", "I-NP", "O"], "iob2", "strict")[1] == 2


@pytest.mark.parametrize(
    ("tags", "scheme", "found"),
    [
        ("B-PER B-PER I-PER", "iob2", [(0, 1, "PER"), (1, 3, "PER")]),
        ("B-PER I-LOC", "iob2", [(0, 1, "PER")]),
        ("I-PER B-PER I-LOC", "iob1", [(0, 1, "PER"), (1, 2, "PER"), (2, 3, "LOC")]),
        ("B-PER I-PER", "iob1", [(1, 2, "PER")]),
        ("I-PER I-PER O I-PER I-LOC", "io", [(0, 2, "PER"), (3, 4, "PER"), (4, 5, "LOC")]),
        ("B-creative-work I-creative-work", "iob2", [(0, 2, "creative-work")]),
    ],
)
def test_schemes(tags: str, scheme: str, found: list[Any]) -> None:
    assert spans(tags, scheme) == found


def test_every_short_sequence_is_read_as_seqeval_reads_it() -> None:
    scheme_of = pytest.importorskip("seqeval.scheme")
    conll_of = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    theirs = {"iob2": scheme_of.IOB2, "iob1": scheme_of.IOB1}
    for tags in itertools.chain.from_iterable(
        itertools.product(["O", "B-A", "I-A", "B-B", "I-B"], repeat=n) for n in range(1, 6)
    ):
        conll = sorted((start, end + 1, kind) for kind, start, end in conll_of(list(tags)))
        for scheme, other in theirs.items():
            assert spans(" ".join(tags), scheme, "conll") == conll
            found, strays = entities(tags, scheme, "strict")  # type: ignore[arg-type]
            # Of sequences that are none of IOB1 seqeval loses entities before the fault too.
            if scheme == "iob2" or not strays:
                strict = scheme_of.Entities([list(tags)], other).entities[0]
                assert [tuple(one) for one in found] == sorted((e.start, e.end, e.tag) for e in strict)


TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=1, max_size=12)


@given(TAGS, st.sampled_from(SCHEMES[:2]), st.sampled_from(MATCHINGS))
def test_entities_lie_apart_within_the_sentence_and_are_read_as_written(
    tags: list[str], scheme: Any, matching: Any
) -> None:
    found, strays = entities(tags, scheme, matching)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    assert all(0 <= one.start < one.end <= len(tags) for one in found)
    assert all({tag[2:] for tag in tags[one.start : one.end]} == {one.type} for one in found)
    assert list(read(written(found))) == found
    inside = {place for one in found for place in range(one.start, one.end)}
    outside = {place for place, tag in enumerate(tags) if tag == "O"}
    assert not inside & outside
    if matching == "conll" or not strays:
        assert inside | outside == set(range(len(tags)))


@given(TAGS)
def test_what_follows_the_scheme_is_the_same_in_both_matchings(tags: list[str]) -> None:
    strict, strays = entities(tags, "iob2", "strict")
    loose, same = entities(tags, "iob2", "conll")
    assert strays >= same
    assert set(strict) <= set(loose) or strays
    if not strays:
        assert strict == loose


@given(st.lists(st.tuples(st.sampled_from(["", "A", "B"]), st.integers(1, 3)), min_size=1, max_size=6))
def test_entities_that_do_not_touch_are_the_same_in_every_scheme(parts: list[tuple[str, int]]) -> None:
    iob2, io, found, place = [], [], [], 0
    for kind, size in parts:
        iob2 += ["O", *([f"B-{kind}", *[f"I-{kind}"] * (size - 1)] if kind else ["O"] * size)]
        io += ["O", *([f"I-{kind}"] * size if kind else ["O"] * size)]
        found += [Span(place + 1, place + 1 + size, kind)] if kind else []
        place += 1 + size
    assert entities(iob2, "iob2", "strict") == (found, 0)
    assert entities(io, "io", "strict") == (found, 0)
    assert entities(io, "iob1", "strict") == (found, 0)


@pytest.mark.parametrize(
    ("tag", "scheme", "told"),
    [
        ("B-PER", "io", "a tag of iob2 or iob1"),
        ("S-PER", "iob2", "a tag of BIOES"),
        ("U-PER", "iob2", "a tag of BILOU"),
        ("B-", "iob2", "got 'B-'"),
        ("PER", "iob2", "got 'PER'"),
        ("b-per", "iob2", "got 'b-per'"),
        ("B-a;b", "iob2", "got 'B-a;b'"),
        (None, "iob2", "got 'None'"),
    ],
)
def test_tags_of_other_schemes_are_told(tag: Any, scheme: Any, told: str) -> None:
    assert told in str(faulty(tag, scheme))


@pytest.mark.parametrize("text", ["", "0:0 PER", "2:1 A", "0:2PER", "0:2 A; 1:3 B", "x", "0:2 A;2:3 B"])
def test_texts_that_are_no_entities_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="entities"):
        read(text)
    assert read("O") == ()
    assert read("0:2 PER") == (PER,)
