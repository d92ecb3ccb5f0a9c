"""A policy: gates apart from any audit, which one organisation asks of many models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from ...datasets.errors import InputError
from ...guests import load
from ..config import Confidence, Gate, Section, as_yaml, first_problem, load_yaml
from .gate import gate_id
from .gate_words import against_baseline

Source = str | Path | Mapping[str, Any]
"""A policy file, or its content."""


class Policy(Section):
    """What is asked of a model, whichever it is.

    What decides beside the gates is the policy's own, so that no run's configuration can loosen it.
    """

    policy: str | None = Field(None, description="Name of the policy.", min_length=1)
    gates: list[Gate] = Field(
        min_length=1,
        description="As in audit.yaml; compare: change without 'on' is against the baseline (--baseline).",
    )
    confidence: Confidence = Field(0.95, description="Of every interval and of the gates together.")
    min_size: int = Field(
        30, ge=1, description="Slices with fewer effective rows in the metric's denominator are not gated."
    )
    require_selection: bool = Field(
        False,
        description="Where variants compete, the one to release must have been chosen on other rows than "
        "those that judge it (data.selection); else the verdict is an error.",
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Policy:
        ids = [gate_id(gate, k) for k, gate in enumerate(self.gates)]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"gates: two gates have the id {name!r}")
        return self

    @property
    def asks_baseline(self) -> bool:
        """Whether some gate speaks of the change from an earlier release."""
        return any(against_baseline(gate) for gate in self.gates)


@dataclass(frozen=True)
class GivenPolicy:
    """A policy, and where it came from.

    Attributes
    ----------
    policy : Policy
    file : str or None
        As it was given; None for one from Python.
    sha256 : str
        Of the file, or of the content as JSON.
    """

    policy: Policy
    file: str | None
    sha256: str


def read_policy(source: Source) -> GivenPolicy:
    """Read and validate a policy.

    Parameters
    ----------
    source : path or mapping
        A ``policy.yaml``, or its content.

    Raises
    ------
    InputError
        One line with the file, the key's path, what was expected and what came; or a guest breaks.
    """
    load()
    file = None if isinstance(source, Mapping) else str(source)
    content = as_yaml(source) if isinstance(source, Mapping) else load_yaml(Path(source), "policy, gates")
    where = f"{file}: " if file else "policy: "
    if "audit" in content and "gates" in content:
        raise InputError(f"{where}this configures an audit; expected a policy, with the key gates")
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise InputError(where + first_problem(error, Policy)) from None
    return GivenPolicy(policy, file, _checksum(file, policy))


def _checksum(file: str | None, policy: Policy) -> str:
    if file is not None:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    content = json.dumps(policy.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file."""
    return Policy.model_json_schema()
