"""HolisticBias (Smith et al. 2022): sentences of a speaker who says what they are, as prompts.

Sentences are made of lists: descriptors of people by axis, nouns, and templates, by the rule of the authors'
generator and in the order of the lists. Each descriptor is of one axis and stands in every template, so that
the descriptor is what varies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ..told import tell, tell_n
from .errors import InputError
from .json_text import parse
from .suite import Items, Suite, files_of, text_of, varying

NONE = "(none)"
"""What a sentence has that names no descriptor, no noun or no gender."""
FILES = ("descriptors.json", "nouns.json", "sentence_templates.json", "standalone_noun_phrases.json")
SLICES = ("axis",)
COLUMNS = ("axis", "bucket", "descriptor", "noun_gender", "preference", "template")
_COLUMNS = ("id", "prompt", *COLUMNS)


class _Phrase(NamedTuple):
    """Whom a sentence speaks of: one, and several of them."""

    axis: str
    bucket: str
    descriptor: str
    preference: str
    noun: str
    noun_gender: str
    one: str
    many: str


@dataclass(frozen=True)
class _Lists:
    """The authors' lists, each in its file."""

    descriptors: Mapping[str, Any]
    nouns: Mapping[str, list[list[str]]]
    templates: Mapping[str, Mapping[str, Any]]
    phrases: Mapping[str, list[Any]]

    def each_noun(self, gender: str = NONE) -> Iterator[tuple[str, str, str]]:
        """One and several of each noun, and its gender; of a gender's nouns those alone."""
        for of, nouns in self.nouns.items():
            if gender in (NONE, of):
                yield from ((one, many, of) for one, many in nouns)


def read(path: Path) -> Items:
    """Make the sentences of ``descriptors.json`` and the three lists that lie beside it."""
    file, *others = files_of(path)
    if others:
        raise InputError(f"data.path: expected one {FILES[0]}, {path} names {len(others) + 1}")
    lists = _lists(file)
    columns: dict[str, list[str]] = {name: [] for name in _COLUMNS}
    seen: set[str] = set()
    twice = 0
    for phrase in _phrases(file, lists):
        for number, (template, said) in enumerate(lists.templates.items(), start=1):
            if phrase.noun == NONE and said.get("must_be_noun"):
                continue
            name = f"{phrase.axis}/{phrase.bucket}/{phrase.descriptor}/{phrase.noun}/{number}"
            if name in seen:
                twice += 1
                continue
            seen.add(name)
            text = template.format(noun_phrase=phrase.one, plural_noun_phrase=phrase.many)
            row = (
                name, text, phrase.axis, phrase.bucket, phrase.descriptor, phrase.noun_gender,
                phrase.preference, template,
            )  # fmt: skip
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    worded = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    table = pa.table(worded)
    return Items(table, varying(table, SLICES), _told(table, twice))


def _lists(path: Path) -> _Lists:
    lacking = next((name for name in FILES if not path.with_name(name).is_file()), None)
    if path.name != FILES[0] or lacking is not None:
        got = f"no {lacking}" if path.name == FILES[0] else path.name
        beside = ", ".join(FILES[1:])
        raise InputError(f"{path}: expected {FILES[0]} of HolisticBias, {beside} beside it; got {got}")
    found = [parse(text_of(path.with_name(name)), path.with_name(name)) for name in FILES]
    for name, one in zip(FILES, found, strict=True):
        if not isinstance(one, dict) or not one:
            raise InputError(f"{path.with_name(name)}: expected lists by name, got {type(one).__name__}")
    lists = _Lists(*found)
    for gender, nouns in lists.nouns.items():
        if not isinstance(nouns, list) or not all(isinstance(n, list) and len(n) == 2 for n in nouns):
            raise InputError(f"{path.with_name(FILES[1])}: {gender}: expected pairs of one and several")
    for template, said in lists.templates.items():
        fields = "{noun_phrase}" in template or "{plural_noun_phrase}" in template
        marks = template.count("{"), template.count("}")
        if not fields or marks != (1, 1) or not isinstance(said, dict):
            raise InputError(
                f"{path.with_name(FILES[2])}: expected {{noun_phrase}} or {{plural_noun_phrase}} once in "
                f"each template, got {template!r}"
            )
    return lists


def _phrases(path: Path, lists: _Lists) -> Iterator[_Phrase]:
    """Nouns alone, each descriptor with and without a noun, and phrases of their own."""
    for noun, many, gender in lists.each_noun():
        yield _Phrase(NONE, NONE, NONE, NONE, noun, gender, f"{_article(noun)} {noun}", many)
    for axis, buckets in lists.descriptors.items():
        if not isinstance(buckets, dict):
            raise InputError(f"{path}: {axis}: expected descriptors by bucket, got {str(buckets)[:40]!r}")
        for bucket, descriptors in buckets.items():
            for given in _listed(path, f"{axis}.{bucket}", descriptors):
                yield from _described(path, lists, axis, bucket, given)
    for axis, phrases in lists.phrases.items():
        file = path.with_name(FILES[3])
        for given in _listed(file, axis, phrases):
            yield from _alone(file, lists, axis, given)


def _listed(path: Path, where: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise InputError(f"{path}: {where}: expected a list, got {str(given)[:40]!r}")
    return given


def _described(path: Path, lists: _Lists, axis: str, bucket: str, given: Any) -> Iterator[_Phrase]:
    said = {"descriptor": given} if isinstance(given, str) else given
    word = said.get("descriptor") if isinstance(said, dict) else None
    if not isinstance(word, str) or not word:
        raise InputError(f"{path}: {axis}.{bucket}: expected a descriptor, got {str(given)[:60]!r}")
    preference = said.get("preference", "no_data")
    article = said.get("article", _article(word))
    yield _Phrase(axis, bucket, word, preference, NONE, NONE, word, word)
    for noun, many, gender in lists.each_noun(said.get("gender", NONE)):
        yield _Phrase(
            axis, bucket, word, preference, noun, gender, f"{article} {word} {noun}", f"{word} {many}"
        )


def _alone(path: Path, lists: _Lists, axis: str, given: Any) -> Iterator[_Phrase]:
    said = {"noun_phrase": given} if isinstance(given, str) else given
    one = said.get("noun_phrase") if isinstance(said, dict) else None
    if not isinstance(one, str) or not one:
        raise InputError(f"{path}: {axis}: expected a noun_phrase, got {str(given)[:60]!r}")
    many = said.get("plural_noun_phrase", one)
    preference = said.get("preference", "no_data")
    if "{noun}" not in one:
        yield _Phrase(axis, NONE, one, preference, NONE, "neutral", one, many)
        return
    word = _filled(path, one, "", "").strip()
    for noun, plural, gender in lists.each_noun():
        of_one, of_many = _filled(path, one, _article(noun), noun), _filled(path, many, "", plural).strip()
        yield _Phrase(axis, NONE, word, preference, noun, gender, of_one, of_many)


def _filled(path: Path, phrase: str, article: str, noun: str) -> str:
    try:
        return phrase.format(article=article, noun=noun)
    except (KeyError, IndexError, ValueError):
        raise InputError(
            f"{path}: expected {{article}} and {{noun}} alone in braces, got {phrase!r}"
        ) from None


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"


def _told(table: pa.Table, twice: int) -> list[str]:
    """Say how many sentences there are, and of how many descriptors and templates."""
    described = table.select(["axis", "descriptor"]).group_by(["axis", "descriptor"]).aggregate([])
    named = sum(axis != NONE for axis in described.column("axis").to_pylist())
    out = [
        tell(
            "{n} sentences of {descriptors} descriptors in {templates} templates.",
            n=f"{len(table):,}", descriptors=f"{named:,}",
            templates=len(table.column("template").unique()),
        )
    ]  # fmt: skip
    if twice:
        out.append(
            tell_n(
                "{n} sentence is of a phrase that the lists hold twice; it is made once.",
                "{n} sentences are of a phrase that the lists hold twice; they are made once.",
                twice, n=f"{twice:,}",
            )
        )  # fmt: skip
    return out


HOLISTIC_BIAS = Suite(
    name="holistic-bias",
    title="HolisticBias: sentences of a speaker who says what they are",
    task="generation",
    read=read,
    roles={"id": "id", "cluster": "descriptor", "prompt": "prompt"},
    columns=COLUMNS,
    file=FILES[0],
    units={"descriptor": "descriptors", "template": "templates"},
    defects=(
        "All sentences are several hundred thousand: name some by data.where (axis, bucket, template, "
        "noun_gender) or draw some by data.items.",
        "A phrase stands twice among the standalone ones ('a Rasta'); its sentences are made once.",
        "The same text may come of two axes ('I'm LGBT.'), and of a noun alone and a descriptor "
        "('I'm a veteran.'); it stands under each.",
        "Sentences of nouns alone have no descriptor and no axis, and are there to compare with.",
        "Nobody reviewed most of the descriptors (preference no_data); those marked dispreferred are slurs "
        "or outdated.",
    ),
    source="E. M. Smith, M. Hall, M. Kambadur, E. Presani, A. Williams 2022, EMNLP: 9180-9211",
    licence="CC BY-SA 4.0",
)
