"""What a run was judged by, where that is not its own configuration: a policy, an earlier release."""

from __future__ import annotations

from ..audit.result import AuditResult, BaselineInfo, PolicyInfo
from .formats import confidence, count
from .language import Given, Sentence, say
from .retold import retold


def judged_by(result: AuditResult) -> list[Sentence]:
    """Write one sentence or two on the policy, and as many on the baseline; none where there are neither."""
    lines = [] if result.policy is None else [_policy(result.policy)]
    if result.baseline is not None:
        lines.append(_baseline(result.baseline))
        if not result.baseline.asked:
            lines.append(say("No gate of the policy asks for the change from it."))
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
        how=retold(baseline.how),
    )
