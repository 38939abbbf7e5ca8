"""A `Report` for people: lines, and a bar with loss, perplexity and the time that is left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from .report import Evaluation, Progress, duration_text, loss_text, place


class ConsoleReport:
    """Prints to `console` (standard output); the bar is shown in a terminal only and vanishes at its end.

    `tokens` says that the loss is one of tokens, so that exp(loss) is a perplexity.
    """

    def __init__(self, tokens: bool, console: Console | None = None) -> None:
        self.tokens = tokens
        self.console = console or Console()
        self.bar: Bar | None = None
        self.first: Evaluation | None = None

    def say(self, line: str, style: str = "") -> None:
        # soft_wrap: a line is cut by the terminal, not by us, so that what is piped into a file stays a line.
        self.console.print(Text(line, style), soft_wrap=True)

    def begin(self, steps: int) -> None:
        self.first = None
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[rest]}"))
        self.bar = Bar(*columns, console=self.console, transient=True, expand=True)
        self.bar.add_task("compiling", total=steps, rest="")
        if self.console.is_terminal:
            self.bar.start()

    def progressed(self, progress: Progress) -> None:
        name = f"epoch {min(progress.epoch + 1, progress.epochs)}/{progress.epochs}"
        left = "" if progress.seconds_left is None else f"   {duration_text(progress.seconds_left)} left"
        self.bar.update(
            self.bar.task_ids[0],
            completed=progress.step,
            description=f"{name}  step {progress.step:,}/{progress.steps:,}",
            rest=f"loss {loss_text(progress.loss, self.tokens)}{left}",
        )

    def evaluated(self, evaluation: Evaluation) -> None:
        self.first = self.first or evaluation
        unit, number = place(evaluation, self.first)
        train = loss_text(evaluation.train, self.tokens)
        valid = "" if evaluation.valid is None else f"   valid {loss_text(evaluation.valid, self.tokens):<16}"
        best = "best" if evaluation.best else "    "
        self.say(
            f"{unit} {number:>{10 - len(unit)}}   train {train:<16}{valid}   {best}   "
            f"{duration_text(evaluation.seconds):>7}"
        )

    def end(self) -> None:
        if self.console.is_terminal:
            self.bar.stop()
