"""The whole configuration, and what its parts must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from ...datasets.roles import as_words
from ...datasets.suites import SUITES
from ...tasks import BINARY, METRICS, OURS, TASKS, Task, elsewhere, extended, refusal
from .ladder import check_names, ladder

if TYPE_CHECKING:
    from ...models.base import Family

from ..unknown import unknown
from .data import Data, Slices
from .gate import Gate, Objective
from .given import GivenVariant, given_kind
from .judges import JudgeSpec, Refusals, check_judges
from .labels import labels_of
from .language import FOLDERS, check_language
from .model import SCORED, UNTRAINED, AnySpec
from .named import figures
from .parts import History, Planned, ReportSpec
from .problems import first_problem
from .section import Confidence, Section, absent
from .steps import check_step, finds
from .suite import check_suite, in_units, with_suite

Step = str | dict[str, Any]
"""A recipe as it is written; a chain is a list of them."""


class Config(Section):
    """A whole audit."""

    audit: str = Field(description="Name of the audit; the run's folder is called so.", min_length=1)
    task: str | None = Field(
        None, exclude_if=absent,
        description="What the model does: binary, multiclass, multilabel, regression, ranking or ner; "
        "default what the keys of data and model say, else binary.",
        json_schema_extra=lambda schema: schema.update(enum=[*TASKS, None]),
    )  # fmt: skip
    suite: str | None = Field(
        None, exclude_if=absent,
        description="A published suite that data.path is a file of; it says the task and the columns.",
        json_schema_extra=lambda schema: schema.update(enum=[*SUITES, None]),
    )  # fmt: skip
    data: Data
    slices: Slices = Slices()
    model: AnySpec | None = Field(None, description="Without a model the labels themselves are audited.")
    judge: JudgeSpec | None = Field(
        None, exclude_if=absent, description="What judges the text of sampled answers, and how it is audited."
    )
    judges: list[JudgeSpec] | None = Field(
        None, exclude_if=absent, min_length=2, max_length=2,
        description="Two judges in place of one: the first decides, the second is compared with it.",
    )  # fmt: skip
    refusals: Refusals = None
    metrics: list[str] | None = Field(None, description="Default: the usual ones that the data allow.")
    variants: list[GivenVariant] = Field(
        default_factory=list,
        description="Variants made elsewhere, scored on the same rows: {name, path, function or endpoint} "
        "with keys as in model, or {name, score or decision} in further columns; of aggregated counts the "
        "cells are then joint ones.",
    )
    compressions: list[Planned] = Field(
        default_factory=list,
        description="Recipes: a name, {name: {param: value}}, a list of these as a chain, "
        "{name: ..., recipe: ...}, or {sweep: {name: {param: [values]}}}.",
    )
    mitigations: list[Planned] = Field(
        default_factory=list,
        description="The same for recipes that repair; {on: compressed, recipe: ...} starts from each "
        "compressed variant, {on: NAME, recipe: ...} from one of them.",
    )
    objective: Objective = Objective()
    gates: list[Gate] = Field(default_factory=list)
    confidence: Confidence = 0.95
    seed: int = Field(0, ge=0, lt=1 << 64)
    report: ReportSpec = ReportSpec()
    release: str | None = Field(
        None, description="Name of the release, for its history; default the day.", min_length=1
    )
    track: list[Literal["mlflow", "tensorboard", "wandb"]] = Field(
        default_factory=list, description="Trackers that are told of the run."
    )
    history: History | None = Field(None, description="A database address, or {url: ..., required: true}.")

    _of_a_suite = model_validator(mode="before")(with_suite)

    @field_validator("history", mode="before", json_schema_input_type=str | History | None)
    @classmethod
    def _history(cls, given: Any) -> Any:
        return {"url": given} if isinstance(given, str) else given

    @field_validator("release", mode="before")
    @classmethod
    def _release(cls, given: Any) -> Any:
        # YAML reads 1.10 as the number 1.1: the name would not be the one that was written.
        if isinstance(given, (bool, int, float, date)):
            raise ValueError(f"expected text, got {given!r} after YAML; put it in quotes")
        return given

    @field_validator(
        "compressions", "mitigations", mode="before", json_schema_input_type=list[Step | list[Step]]
    )
    @classmethod
    def _expanded(cls, given: Any, info: ValidationInfo) -> Any:
        return ladder(given, on=info.field_name == "mitigations") if given else []

    @property
    def planned(self) -> list[Planned]:
        """Every variant to make, each with one variant or the original to start from."""
        out = list(self.compressions)
        for wanted in self.mitigations:
            starts = [c.name for c in self.compressions] if wanted.on == "compressed" else [wanted.on]
            for start in starts:
                name = wanted.name if wanted.on != "compressed" else f"{start}+{wanted.name}"
                out.append(wanted.model_copy(update={"name": name, "on": start}))
        return out

    @property
    def decides_by_time(self) -> bool:
        """Whether a gate, a target or the choice among variants looks at how long they take."""
        timed = ("compute", "latency")
        asked = any(gate.cost in timed for gate in self.gates) or set(timed) & set(self.objective.targets)
        return bool(asked) or self.objective.weights.get("compute", 0) > 0

    @property
    def all_judges(self) -> list[JudgeSpec]:
        """The judges of sampled answers, the one that decides first."""
        return self.judges or ([self.judge] if self.judge is not None else [])

    @property
    def competes(self) -> bool:
        """Whether there are variants among which one is chosen: of predictions alone nothing is released."""
        return bool(self.planned) or any(not given.in_columns for given in self.variants)

    @property
    def fits_rules(self) -> bool:
        """Whether some step fits a decision rule, and so needs rows that no step trains on."""
        return any(finds(name, self.family).rule for p in self.planned for name, _ in p.named)

    @property
    def family(self) -> Family:
        """What recipes work on: a classifier, a module, an ONNX model's scores, or scores from outside."""
        kind = self.model.resolved if self.model else None
        families: dict[str | None, Family] = {
            "sklearn": "sklearn", "onnx": "onnx", "predictions": "scores", "callable": "scores",
        }  # fmt: skip
        return families.get(kind, "torch")

    @property
    def of_task(self) -> Task:
        """The task: the one that is named, else the one that the keys tell."""
        told = (task for task in OURS if task.told_by(self.data, self.model))
        name = SUITES[self.suite].task if self.suite is not None else self.task
        found = next(told, BINARY) if name is None else TASKS[name]
        words = {key: as_words(getattr(self.data, key)) for key in ("classes", "favourable")}
        found = found.bound(found, self.data.model_copy(update=words))
        return in_units(extended(found, figures(self)), self)

    @field_validator("task")
    @classmethod
    def _task_known(cls, given: str | None) -> str | None:
        if given is not None and given not in TASKS:
            raise ValueError(unknown(given, list(TASKS), "task"))
        return given

    @field_validator("suite")
    @classmethod
    def _suite_known(cls, given: str | None) -> str | None:
        if given is not None and given not in SUITES:
            raise ValueError(unknown(given, list(SUITES), "suite"))
        return given

    @model_validator(mode="after")
    def _known(self) -> Config:
        check_suite(self)
        self._check_task()
        check_judges(self)
        check_language(self.model, self.of_task.form, self.of_task.name)
        self._check_metrics()
        ids = [g.id for g in self.gates if g.id]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"gates: two gates have the id {name!r}")
        self._check_recipes()
        self._check_given()
        variants = [*(p.name for p in self.planned), *(v.name for v in self.variants)]
        known = ["original", "compressed", "mitigated", *variants]
        for i, gate in enumerate(self.gates):
            if gate.on not in known:
                raise ValueError(f"gates[{i}].on: {unknown(gate.on, known, 'variant')}")
            if gate.compare == "change" and gate.on == "original":
                raise ValueError(
                    f"gates[{i}].on: the original has not changed; expected 'compressed', 'mitigated' or a "
                    "variant's name (in a policy, such a gate compares with the baseline)"
                )
            for group, given in (("compressed", self.compressions), ("mitigated", self.mitigations)):
                if gate.on == group and not given and not (self.variants and group == "compressed"):
                    key = "compressions" if group == "compressed" else "mitigations"
                    raise ValueError(f"gates[{i}].on: {group}, but {key} names no recipe")
        self._check_regimes(["original", *variants])
        features = self.data.sensitive_features
        if features:
            labels_of(self.report.labels, features)
        return self

    def _check_task(self) -> None:
        """ValueError for what the task has nothing of."""
        task = self.of_task
        if self.data.count is not None and not task.counts:
            raise ValueError(
                f"data.count: the task {task.name} needs rows; cells of counts tell classes and labels alone"
            )
        if self.data.counterfactual is not None and not task.twins:
            raise ValueError(f"data.counterfactual: twins are compared in the task binary, got {task.name}")
        kinds = [None if self.model is None else self.model.resolved, *map(given_kind, self.variants)]
        # What a folder holds is known once it is opened.
        known = (*task.models, *([None] if self.model and len(task.models) > 1 else []))
        if task.models and (strange := [kind for kind in kinds if kind not in known]):
            got = "none" if self.model is None else strange[0] or "a folder"
            raise ValueError(
                f"model: the task {task.name} is audited with models of kind {', '.join(task.models[:-1])} "
                f"or {task.models[-1]}, got {got}"
            )
        if self.model is not None and self.model.threshold is not None and task.threshold is None:
            cut = " or ".join(one.name for one in OURS if one.threshold is not None)
            raise ValueError(f"model.threshold: belongs to task: {cut}, the task is {task.name}")

    def _check_metrics(self) -> None:
        """ValueError for a metric of another task, or of a class where none is named."""
        task = self.of_task
        of_class = {} if task.of_class is None else task.of_class.metrics
        for name in self.metrics or []:
            if name not in METRICS:
                raise ValueError(f"metrics: {unknown(name, list(METRICS), 'metric')}")
            if name not in task.metrics and name not in of_class:
                raise ValueError(f"metrics: {elsewhere(task, name)}")
        for i, gate in enumerate(self.gates):
            if gate.cost is None and (told := refusal(task, gate.metric, gate.of_class)):
                raise ValueError(f"gates[{i}].{told}")
        for name in [*(self.objective.gaps or []), *filter(None, [self.objective.performance])]:
            if name not in task.metrics:
                raise ValueError(f"objective: {elsewhere(task, name)}")

    def _check_given(self) -> None:
        if not self.variants:
            return
        if self.model is None:
            raise ValueError("variants: stand beside a model, and there is none; expected model")
        try:
            check_names([*(p.name for p in self.planned), *(v.name for v in self.variants)])
        except ValueError as error:
            raise ValueError(f"variants: {error}") from None
        for i, given in enumerate(self.variants):
            scored = given.score is not None or bool(given.probabilities)
            if self.data.count is not None and (scored or not given.in_columns):
                what = "has no score" if given.in_columns else "cannot be scored by a model"
                key = "decisions" if self.of_task.columns_of_classes else "decision"
                raise ValueError(f"variants[{i}]: a cell of aggregated counts {what}; expected {key}")
            if (kind := given_kind(given)) is not None:
                try:
                    given.as_model(self.model, kind)
                except ValidationError as error:
                    raise ValueError(f"variants[{i}]: {first_problem(error, AnySpec)}") from None

    def _check_regimes(self, variants: Sequence[str]) -> None:
        from ..regimes.base import listed

        for wanted in listed(self.report.regimes):
            name = wanted.inputs.variant
            if name is not None and name not in variants:
                raise ValueError(
                    f"report.regimes: {wanted.regime.name}: variant: {unknown(name, variants, 'variant')}"
                )

    def _check_recipes(self) -> None:
        planned = self.planned
        if self.objective.require_selection and self.competes and self.data.selection is None:
            raise ValueError(
                "objective.require_selection: the variant is to be chosen on rows of their own; "
                "expected data.selection, got none"
            )
        for i, wanted in enumerate(self.mitigations):
            if wanted.on == "compressed" and not self.compressions:
                raise ValueError(f"mitigations[{i}].on: compressed, but compressions names no recipe")
        if not planned:
            again = self.model is not None and self.model.resolved == "variant"
            for key, rows in (("selection", self.data.selection), ("validation", self.data.validation)):
                # An artefact's rule was fitted on rows that must be left out when it is audited again.
                if rows is None or (again and key == "validation"):
                    continue
                if key == "validation" or not self.competes:
                    more = ", or models given as variants" if key == "selection" else ""
                    raise ValueError(
                        f"data.{key}: used by compressions and mitigations{more} alone, and there are none"
                    )
            return
        for key, named in (("compressions", self.compressions), ("mitigations", planned)):
            try:
                check_names([p.name for p in named])
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        kind = self.model.resolved if self.model else None
        changed = ("sklearn", "transformers", "torch")
        if self.compressions and kind not in (*changed, *FOLDERS):
            raise ValueError(
                "compressions: expected a model that can be changed (sklearn, transformers, torch or "
                f"{', '.join(FOLDERS)}), got " + (f"one of kind {kind}" if kind else "none")
            )
        if self.mitigations and kind not in (*changed, *SCORED):
            raise ValueError(
                "mitigations: expected a model that can be changed (sklearn, transformers or torch), or one "
                f"whose scores can be cut ({', '.join(SCORED[:-1])} or {SCORED[-1]}), got "
                + (f"one of kind {kind}" if kind else "none")
            )
        for key, given in (("compressions", self.compressions), ("mitigations", self.mitigations)):
            for i, wanted in enumerate(given):
                if not wanted.steps:
                    raise ValueError(f"{key}[{i}]: expected at least one recipe, got none")
                for name, params in wanted.named:
                    about = self.of_task.form, self.data.favourable is not None, kind in FOLDERS
                    check_step(f"{key}[{i}]", name, params, self.family, about)
        starts = ["original", "compressed", *(c.name for c in self.compressions)]
        for i, wanted in enumerate(self.mitigations):
            if wanted.on not in starts:
                raise ValueError(
                    f"mitigations[{i}].on: {unknown(wanted.on, starts, 'variant to start from')}"
                )
        self._check_rows_of_rules()

    def _check_rows_of_rules(self) -> None:
        """ValueError where a rule is wanted and there are no scores, or no rows to fit it on."""
        learns_from = self.model.learns_from if self.model else None
        if not self.fits_rules:
            if self.data.validation is not None:
                raise ValueError("data.validation: no step fits a rule on it; leave it out")
            if learns_from and learns_from.validation:
                raise ValueError("model.train.validation: no step fits a rule on it; leave it out")
            return
        assert self.model is not None
        if self.model.resolved == "predictions" and self.model.score is None:
            raise ValueError(
                "mitigations: a decision rule cuts scores; model.decision gives none, so set model.score"
            )
        if self.data.validation is not None and learns_from and learns_from.validation:
            raise ValueError(
                "mitigations: rules are fitted on one set of rows; set data.validation or "
                "model.train.validation, not both"
            )
        if self.data.validation is None and learns_from is None:
            train = "" if self.model.resolved in UNTRAINED else "model.train, or "
            raise ValueError(
                f"mitigations: a decision rule is fitted on rows that are not audited; set {train}"
                "data.validation (a split, or a share of the rows that is then left out of the audit)"
            )
        apart = self.data.validation or (learns_from and learns_from.validation)
        if not apart and self.model.comes_trained:
            raise ValueError(
                "mitigations: a model that comes trained may have learned from model.train; say which rows "
                "rules are fitted on: data.validation, or model.train.validation if it has not seen these"
            )
        if self.data.validation is not None and self.data.count:
            raise ValueError("data.validation: aggregated counts have no rows to set aside")
