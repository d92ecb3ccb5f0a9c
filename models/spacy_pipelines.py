"""Pipelines of spaCy: what they mark as entities in tokens that are given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..spans import Span
from .extras import optional, quiet
from .foreign import foreign
from .forms import FORMS
from .taggers import Sentence, Tagger

MARKS = ("ner", "beam_ner", "entity_ruler", "span_ruler")
"""Factories of components that mark entities."""


class Pipeline:
    """A spaCy pipeline over tokens that are given: its own tokenizer is not asked.

    Parameters
    ----------
    nlp : spacy.Language
    path : str
        Of its folder, or its package.
    disable : sequence of str
        Components that are left out.
    """

    def __init__(self, nlp: Any, path: str, disable: Sequence[str]) -> None:
        self._nlp, self._path, self._disable = nlp, path, list(disable)

    def spans(self, sentences: Sequence[Sentence]) -> Iterator[list[Span]]:
        """The entities of each sentence, by its tokens."""
        spacy = optional("spacy", "a spaCy pipeline", "spacy")
        made = spacy.tokens.Doc
        with foreign(f"model.path: {self._path} failed on a sentence"), quiet():
            docs = (made(self._nlp.vocab, words=list(tokens)) for tokens in sentences)
            found = [[Span(e.start, e.end, e.label_) for e in doc.ents] for doc in self._nlp.pipe(docs)]
        yield from found

    def describe(self) -> dict[str, Any]:
        """Return what the report says of the pipeline."""
        meta = self._nlp.meta
        told: dict[str, Any] = {
            "kind": "spacy", "path": self._path, "components": list(self._nlp.pipe_names),
            "architecture": " ".join(str(meta.get(key, "")) for key in ("lang", "name", "version")),
        }  # fmt: skip
        return {**told, "disable": self._disable} if self._disable else told


def spacy_tagger(spec: Any, data: EvaluationSet) -> Tagger:
    """Load a pipeline from its folder, or as the package that it is installed as.

    Raises
    ------
    InputError
        The task is another one, or the pipeline is not there, cannot be read or marks no entities.
    """
    if not FORMS[data.task].spans:
        marks = " or ".join(name for name, form in FORMS.items() if form.spans)
        raise InputError(f"model.kind: a spaCy pipeline belongs to task: {marks}, the task is {data.task}")
    spacy = optional("spacy", "a spaCy pipeline", "spacy")
    path, disable = str(spec.path), list(spec.disable or ())
    if not Path(path).is_dir() and not spacy.util.is_package(path):
        raise InputError(
            f"model.path: expected the folder of a spaCy pipeline, or an installed one, got {path!r}"
        )
    with foreign(f"model.path: {path} cannot be read as a spaCy pipeline"), quiet():
        nlp = spacy.load(path, disable=disable)
    if strange := [name for name in disable if name not in nlp.component_names]:
        raise InputError(
            f"model.disable: {path} has no component {strange[0]!r}; there are "
            f"{', '.join(nlp.component_names)}"
        )
    factories = [nlp.get_pipe_meta(name).factory for name in nlp.pipe_names]
    if not any(name in MARKS for name in factories):
        raise InputError(
            f"model.path: {path} marks no entities: its components are {', '.join(nlp.pipe_names)}"
        )
    return Tagger(Pipeline(nlp, path, disable), data, spec.types or {})
