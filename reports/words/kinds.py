"""What the variants of a run are: compressed, mitigated, or both."""

from __future__ import annotations

from ...audit.result import AuditResult, Variant
from .language import Given, later, tr
from .lookup import variant_named

COMPRESSED, MITIGATED = "compressed", "mitigated"


def made_words(variant: Variant) -> str:
    """Say what a variant is: original, compressed, mitigated, or compressed and mitigated."""
    groups = variant.recipe.groups if variant.recipe is not None else ()
    return tr("compressed and mitigated") if len(groups) > 1 else tr(_KINDS[variant.kind])


_KINDS = {
    "original": later("original"),
    "compressed": later("compressed"),
    "mitigated": later("mitigated"),
}


def model_name(variant: Variant, result: AuditResult) -> str:
    """Name a variant in a sentence: "the model" where there is one, "the original", or its own name."""
    if len(result.variants) < 2:
        return tr("the model")
    return tr("the original") if variant.name == "original" else Given(variant.name)


def is_mitigated(result: AuditResult, name: str | None) -> bool:
    """Whether a variant is a mitigated one, compressed too or not; None is no variant."""
    variant = variant_named(result, name) if name else None
    return variant is not None and variant.kind == MITIGATED


def is_compressed(result: AuditResult, name: str | None) -> bool:
    """Whether a variant is a compressed one, mitigated too or not; None is no variant."""
    variant = variant_named(result, name) if name else None
    if variant is None:
        return False
    return COMPRESSED in (variant.recipe.groups if variant.recipe is not None else (variant.kind,))


def has_mitigated(result: AuditResult) -> bool:
    """Whether the run has a mitigated variant."""
    return any(variant.kind == MITIGATED for variant in result.variants)


def is_given(variant: Variant) -> bool:
    """Whether a variant was made elsewhere."""
    return variant.kind == COMPRESSED and variant.recipe is None


def has_given(result: AuditResult) -> bool:
    """Whether the run was given variants, scored or not."""
    return any(map(is_given, result.variants)) or any(not item.steps for item in result.failed)


def _groups(variant: Variant) -> tuple[str, ...]:
    """What a variant is, as the result names it."""
    groups = tuple(variant.recipe.groups) if variant.recipe is not None else ()
    return groups if len(groups) > 1 else (variant.kind,)


def run_words(result: AuditResult) -> str:
    """Say what the variants of a run are, such as "compressed", "mitigated" or "compressed or mitigated".

    Where none was made, what those that failed were to be; empty where none was asked for.
    """
    made = {kind for variant in result.variants for kind in _groups(variant)}
    found = [word for word in (COMPRESSED, MITIGATED) if word in made]
    if not found and result.failed:
        rooms = {step.room for item in result.failed for step in item.steps} or {"compression"}
        found = [COMPRESSED] * ("compression" in rooms) + [MITIGATED] * ("mitigation" in rooms)
    return " or ".join(found)
