"""``fairweigh init``: an audit.yaml from a table, by options or in a dialogue on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Text = str | None
Texts = list[str] | None


class Typed:
    """Somebody at the terminal of this process."""

    def say(self, line: str) -> None:
        """Show a line."""
        from .reports.words.spoken import visible

        typer.echo(visible(line))

    def ask(self, prompt: str) -> str:
        """Return the line that was typed; InputError where the input ends."""
        from .datasets.errors import InputError
        from .reports.words.spoken import visible

        while True:
            try:
                return input(visible(prompt))
            except UnicodeDecodeError:
                self.say("  expected text in the terminal's encoding")
            except EOFError:
                typer.echo()
                told = "the input ended before the last answer; no configuration was written"
                raise InputError(told) from None
            except KeyboardInterrupt:
                # What is said of it stands on a line of its own.
                typer.echo()
                raise


def register(app: typer.Typer, audit: Callable[[Path], None]) -> None:
    """Add the command to the command line; ``audit`` runs a configuration and ends as its verdict says."""

    @app.command()
    def init(
        data: Annotated[Path, typer.Argument(help="A table: CSV, Parquet, Feather, JSON lines or CoNLL.")],
        out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")] = Path("audit.yaml"),
        encoding: Annotated[
            Text, typer.Option(help="Of a text file, such as gb18030, where looking at it does not tell.")
        ] = None,
        yes: Annotated[
            bool,
            typer.Option(
                "--yes", "-y", "--no-input", help="Ask nothing: what no option says is as proposed."
            ),
        ] = False,
        run: Annotated[bool, typer.Option("--run", help="Audit at once.")] = False,
        task: Annotated[
            Text, typer.Option(help="binary, multiclass, multilabel, regression, ranking or ner.")
        ] = None,
        label: Annotated[
            Texts, typer.Option(help="Column of the true outcome; '-' for none, as of all columns.")
        ] = None,
        positive: Annotated[Texts, typer.Option(help="Positive value of the label; repeat it.")] = None,
        query: Annotated[Text, typer.Option(help="Of a ranking: column of the list.")] = None,
        item: Annotated[Text, typer.Option(help="Of a ranking: column of what is ranked.")] = None,
        relevance: Annotated[Text, typer.Option(help="Of a ranking: column of the relevance.")] = None,
        tokens: Annotated[Text, typer.Option(help="Of entities: column of the tokens.")] = None,
        tags: Annotated[Text, typer.Option(help="Of entities: column of their true tags.")] = None,
        document: Annotated[Text, typer.Option(help="Of entities: column of the document.")] = None,
        decision: Annotated[Texts, typer.Option(help="Column of the model's decision.")] = None,
        positive_decision: Annotated[
            Texts, typer.Option(help="Positive value of the decision; repeat it.")
        ] = None,
        prediction: Annotated[Text, typer.Option(help="Column of the predicted number.")] = None,
        rank: Annotated[Text, typer.Option(help="Of a ranking: column of the rank.")] = None,
        score: Annotated[Text, typer.Option(help="Column of the model's score.")] = None,
        predicted: Annotated[Text, typer.Option(help="Of entities: column of the model's tags.")] = None,
        scale: Annotated[Text, typer.Option(help="What a score means: probability or rank.")] = None,
        threshold: Annotated[
            Text, typer.Option(help="Scores at or above it are selected; '-' for none.")
        ] = None,
        favourable: Annotated[
            Texts, typer.Option(help="Of several classes: one that is an advantage; repeat it.")
        ] = None,
        positive_is: Annotated[
            Text, typer.Option(help="What a yes is to the person: benefit, burden or unsaid.")
        ] = None,
        sensitive: Annotated[Texts, typer.Option(help="A sensitive feature; repeat it.")] = None,
        bins: Annotated[
            Texts, typer.Option(help="NAME=EDGE,EDGE: where a sensitive number is cut; repeat it.")
        ] = None,
        merge: Annotated[
            bool | None, typer.Option("--merge/--no-merge", help="Count values that look alike as one slice.")
        ] = None,
        id_: Annotated[Text, typer.Option("--id", help="Column of unique ids.")] = None,
        cluster: Annotated[Text, typer.Option(help="Column whose rows depend on each other.")] = None,
        weight: Annotated[Text, typer.Option(help="Column of row weights.")] = None,
        purpose: Annotated[
            Text, typer.Option(help="hiring, credit, medicine, moderation or none: its gates are written.")
        ] = None,
        gate: Annotated[
            Texts, typer.Option(help="A gate of the purpose; repeat it. Default all; '-' for none.")
        ] = None,
    ) -> None:
        """Write a commented audit.yaml from a table's columns, after a dialogue on a terminal."""
        from .audit.start.dialogue import answered, confirmed
        from .audit.start.write import open_start, write_start

        alike = None if merge is None else "y" if merge else "n"
        said = {
            "task": task, "label": label, "positive": positive, "query": query, "item": item,
            "relevance": relevance, "tokens": tokens, "tags": tags, "document": document,
            "predicted": predicted, "decision": decision, "decided": positive_decision,
            "prediction": prediction, "rank": rank, "score": score, "scale": scale, "threshold": threshold,
            "favourable": favourable, "positive_is": positive_is, "sensitive": sensitive, "bins": bins,
            "merged": alike, "id": id_, "cluster": cluster, "weight": weight, "purpose": purpose,
            "gates": gate,
        }  # fmt: skip
        options = {key: [v] if isinstance(v, str) else v for key, v in said.items() if v}
        terminal = None if yes or not _on_terminal() else Typed()
        seen = answered(open_start(data, out, encoding), options, terminal)
        # Asked before anything is written: an interrupt of any question leaves nothing.
        wanted = run or (terminal is not None and confirmed(terminal, "Run the audit at once?"))
        write_start(seen, out)
        if _told(out, wanted):
            audit(out)


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _told(out: Path, wanted: bool) -> bool:
    """Say what is next; return whether the audit is to run, which it is where it is wanted and can."""
    from .audit.check import check_file
    from .datasets.errors import InputError

    try:
        check_file(out)
    except InputError as error:
        if wanted:
            raise InputError(f"{out} was written, and cannot be run yet: {error}") from None
        typer.echo(f"{out}: look through it; what it asks for before 'fairweigh audit {out}' runs:\n{error}")
        return False
    typer.echo(f"{out}: written" if wanted else f"{out}: look through it, then run: fairweigh audit {out}")
    return wanted
