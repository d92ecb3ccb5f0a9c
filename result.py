"""What Python users get from an audit: the typed result, its run folder, and what one does with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr, ValidationError

from .audit.config import ReportSpec, first_problem
from .audit.result import AuditResult
from .audit.store.folder import swap
from .datasets.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


class Result(AuditResult):
    """An `AuditResult` that knows its run folder.

    Every field is that of `AuditResult`, and ``model_dump_json`` gives the same ``audit.json``. Jupyter shows
    it as a summary; ``print`` shows what the command line prints.
    """

    _folder: Path | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, result: AuditResult, folder: str | Path | None = None) -> Result:
        """Take over the parts of a result, which are not copied.

        Parameters
        ----------
        folder : path, optional
            The run folder that the result was written to, or read from.
        """
        parts = {name: getattr(result, name) for name in AuditResult.model_fields}
        made = cls.model_construct(result.model_fields_set, **parts)
        made._folder = Path(folder).absolute() if folder is not None else None
        return made

    @property
    def folder(self) -> Path | None:
        """The run folder as an absolute path; None where the result belongs to none."""
        return self._folder

    def gate(
        self, policy: str | Path | Mapping[str, Any] | None = None, baseline: str | Path | None = None
    ) -> Result:
        """Judge the finished run by a policy in place of its own gates; its folder stays as it is.

        Parameters
        ----------
        policy : path or mapping, optional
            A policy file or its content; without one the run's own verdict is read again from its files.
        baseline : path, optional
            The run folder of an earlier release, for gates with ``compare: change`` and no ``on``.

        Returns
        -------
        Result
            The same run under the policy: ``verdict``, ``gates``, and figures at the policy's confidence.

        Raises
        ------
        InputError
            A bad policy or baseline, a run whose files were changed, or a result without a run folder.
        """
        from .audit.again.by_policy import judge_run

        if self.folder is None:
            raise InputError("gate: the result belongs to no run folder, so there is nothing to judge")
        return Result.of(judge_run(self.folder, policy, baseline), self.folder)

    def to_html(
        self,
        path: str | Path | None = None,
        *,
        charts: bool | None = None,
        language: str | None = None,
        annex: bool = False,
    ) -> str | None:
        """Render the report, or its annex: one HTML file without network.

        Parameters
        ----------
        path : path, optional
            Where to write it; without one the text is returned.
        charts : bool, optional
            Draw the charts; default as configured.
        language : str, optional
            ``en`` or ``zh``; default as configured.
        annex : bool
            The annex, with every figure, in place of the report. A report that is written to a path does not
            refer to it.

        Raises
        ------
        InputError
            Unknown language, or a path that cannot be written.
        """
        from .needed import check_report
        from .reports.front.document import ANNEX, render_report
        from .reports.page.html import render_annex

        spec = self._report
        drawn = spec.charts if charts is None else charts
        wanted = self._language(language)
        check_report(drawn, wanted)
        if annex:
            return _written(path, render_annex(self, charts=drawn, language=wanted))
        beside = ANNEX if path is None else ""
        return _written(path, render_report(self, charts=drawn, language=wanted, annex=beside))

    def to_markdown(self, path: str | Path | None = None) -> str | None:
        """Render the summary that is posted on a pull request; written to ``path``, or else returned."""
        from .reports.plain.markdown import render_markdown

        return _written(path, render_markdown(self))

    def to_pandas(self, what: str = "figures") -> pd.DataFrame:
        """Return figures as a tidy frame: one row for each, with its limits and its status.

        Parameters
        ----------
        what : str
            ``figures``: each metric of each slice of each variant. ``disparities``: slices compared.
            ``gates``: the verdicts. ``gate_slices``: what each gate found for each slice. ``changes``:
            metrics and gaps before and after. ``flips``: decisions that changed.

        Returns
        -------
        pandas.DataFrame
            A slice is written in words in ``slice`` and has a column per sensitive feature, missing where the
            slice is not about it. A feature called as one of the frame's own columns gets ``slice.`` before
            its name.

        Raises
        ------
        InputError
            No such frame.
        """
        from .reports.plain.frames import FRAMES, frame

        if what not in FRAMES:
            raise InputError(f"to_pandas: expected one of {', '.join(FRAMES)}, got {what!r}")
        return frame(self, what)

    @property
    def _report(self) -> ReportSpec:
        try:
            return ReportSpec.model_validate(self.configuration.get("report") or {})
        except ValidationError as error:
            raise InputError(f"configuration.report: {first_problem(error, ReportSpec)}") from None

    def _language(self, given: str | None) -> str:
        from .reports.words.language import TAGS

        chosen = given if given is not None else self._report.language
        if chosen not in TAGS:
            raise InputError(f"language: expected one of {', '.join(TAGS)}, got {chosen!r}")
        return chosen

    def _repr_html_(self) -> str:
        from .reports.page.notebook import render_notebook

        return render_notebook(self, self.folder, language=self._language(None))

    def _repr_markdown_(self) -> str:
        from .reports.plain.markdown import render_markdown

        return render_markdown(self)

    def __str__(self) -> str:
        from .reports.plain.text import render_text

        return render_text(self)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Say what a reader wants to know in one line; the fields would fill pages."""
        tally = Counter(gate.verdict for gate in self.gates if gate.binding)
        yield "audit", self.audit
        yield "verdict", self.verdict
        yield "gates", dict(tally)
        yield "variants", [variant.name for variant in self.variants]
        yield "rows", self.data.rows
        yield "folder", str(self.folder) if self.folder is not None else None


def _written(path: str | Path | None, text: str) -> str | None:
    if path is None:
        return text
    try:
        swap(Path(path), text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return None
