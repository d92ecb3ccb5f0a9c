"""What a run was judged by, where that is not its own configuration: a policy, an earlier release."""

from __future__ import annotations

from ...audit.result import AuditResult, BaselineInfo, PolicyInfo
from .formats import confidence, count
from .language import Given, Sentence, later, say, tr
from .translated import translated

_MEANS = {"benefit": later("a benefit"), "burden": later("a burden"), None: later("of unstated meaning")}
"""What a positive decision is to the person."""


def judged_by(result: AuditResult) -> list[Sentence]:
    """Write a sentence on the policy, and up to three on the baseline; none where there are neither."""
    lines = [] if result.policy is None else [_policy(result.policy)]
    if result.baseline is not None:
        lines.append(_baseline(result.baseline))
        if not result.baseline.asked:
            lines.append(say("No gate of the policy asks for the change from it."))
        lines += _other_meaning(result.data.positive_is, result.baseline.positive_is)
    return lines


def _policy(policy: PolicyInfo) -> Sentence:
    name = policy.name or policy.file or ""
    return say(
        "Judged by the policy {name} (sha256 {checksum}) at {level} confidence. Slices with fewer than "
        "{least} rows in the metric's denominator are not gated.",
        name=(Given(name),) if name else say("from Python"),
        checksum=policy.sha256[:12],
        level=confidence(policy.confidence),
        least=count(policy.min_size),
    )


def _baseline(baseline: BaselineInfo) -> Sentence:
    return say(
        "Changes are from the model {variant} of {audit} ({run}), compared {how}.",
        variant=(Given(baseline.variant),),
        audit=(Given(baseline.audit),),
        run=(Given(baseline.run),),
        how=translated(baseline.how),
    )


def _other_meaning(here: str | None, there: str | None) -> list[Sentence]:
    if here == there:
        return []
    return [
        say(
            "To the person a positive decision is {here} in this run and {there} in the baseline "
            "(data.positive_is); what this run says counts.",
            here=tr(_MEANS[here]),
            there=tr(_MEANS[there]),
        )
    ]
