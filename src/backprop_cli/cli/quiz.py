"""``backprop quiz``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.command import From, command
from backprop_cli.cli.options import Arguments, File, Language, PointOptions, Shown, read_file
from backprop_cli.console.environment import Environment
from backprop_cli.errors import Status, UsageError
from backprop_cli.system.files import write_file

if TYPE_CHECKING:
    from backprop_cli.console.output import Output
    from backprop_cli.quiz.problem import Problem

_OPERATIONS, _STEPS, _SEED, _COUNT = "+ * relu", 3, 0, 1
_LATEX_COLUMNS = 135  # that a page of LaTeX has room for, in the small type of graphs


class SheetFormat(StrEnum):
    """Forms of a sheet, and of marks; CSV is the table of answers, to be filled in and marked."""

    text = "text"
    markdown = "markdown"
    latex = "latex"
    html = "html"
    json = "json"
    csv = "csv"


class ProblemOptions(NamedTuple):
    """What is asked about: a program at a point, or problems made from a seed."""

    environment: Environment
    arguments: Arguments = None
    file: File = None
    language: Language = None
    operations: Annotated[
        str | None,
        typer.Option("--ops", metavar="OPS", help=f"Their operations, {_OPERATIONS} by default."),
    ] = None
    steps: Annotated[
        str | None, typer.Option("--steps", metavar="N", help=f"Steps of each problem, {_STEPS} by default.")
    ] = None
    seed: Annotated[
        str | None,
        typer.Option("--seed", metavar="S", help=f"One seed, the same problems; {_SEED} by default."),
    ] = None
    how_many: Annotated[
        str | None, typer.Option("--count", metavar="N", help=f"How many problems, {_COUNT} by default.")
    ] = None
    kinks: Annotated[bool, typer.Option("--kinks", help="Problems at a kink, by convention.")] = False

    @property
    def _has_program(self) -> bool:
        return bool(self.arguments) or self.file is not None

    @property
    def _has_recipe(self) -> bool:
        return self.kinks or any(
            x is not None for x in (self.operations, self.steps, self.seed, self.how_many)
        )

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return self._has_program or self._has_recipe

    def read(self) -> list[Problem]:
        """Return the problems. Raises UsageError, FileError, ParseError, InputError or DomainError."""
        if not self._has_program:
            return self._from_seed()
        if self._has_recipe:
            raise UsageError(
                "a program is a problem of its own",
                hint="leave --ops, --steps, --seed, --count and --kinks out",
            )
        return [self._of_program()]

    def _from_seed(self) -> list[Problem]:
        from backprop_cli.quiz import make

        recipe = make.Recipe(
            make.read_operations(_OPERATIONS if self.operations is None else self.operations),
            _whole("--steps", self.steps, _STEPS, 1, make.MOST_STEPS),
            _whole("--seed", self.seed, _SEED, 0, 999_999_999),
            kinks=self.kinks,
        )
        if self.kinks:
            make.require_kinks(recipe.operations)
        return list(
            make.make_problems(recipe, _whole("--count", self.how_many, _COUNT, 1, make.MOST_PROBLEMS))
        )

    def _of_program(self) -> Problem:
        from backprop_cli.cli.options import raise_missing
        from backprop_cli.console.output import Output
        from backprop_cli.differentiate import differentiate_source
        from backprop_cli.quiz.problem import Problem

        asked = PointOptions(self.environment, self.arguments, self.file, language=self.language).read()
        problem = Problem(1, differentiate_source(asked.source, asked.point, check=False))
        if problem.report.outline:
            raise UsageError("exercises are of numbers, not of arrays", hint='backprop quiz "a*b" a=2 b=3')
        raise_missing(problem.report, Output(self.environment))
        if not problem.questions:
            raise UsageError(
                "there is nothing to ask: the program has no steps", hint='backprop quiz "a*b" a=2 b=3'
            )
        return problem


def _whole(option: str, text: str | None, default: int, low: int, high: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise UsageError(f"{option} can't be {text!r}", hint=f"a whole number from {low} to {high}")
    return int(text)


@command(
    epilog="""\b
Examples:
  backprop quiz --ops "+ * relu" --steps 3 --seed 7 --count 30 --format latex
  backprop quiz --count 30 --format html --key key.json > sheets.html
  backprop quiz --count 30 --format csv > answers.csv
  backprop quiz --key key.json --mark answers.csv
  backprop quiz "e = a*b; L = e + c" a=2 b=3 c=-10 --format text --answers

\b
Every problem can be worked by hand: whole numbers up to 100 and no kink
unless --kinks asks for it. --ops takes + - * ^ neg relu abs max min.

--format csv is the table of answers, to be filled in: columns student, problem,
and one for every name in the key: a for a gradient, value:p for a value. One
slip costs one point: what follows from it is right.

\b
Exit status: 0 done; 1 with --mark, not all is right; 2 a mistake in a
program, a value or an option, or a file that can't be read or written.""",
)
def quiz(
    problems: Annotated[ProblemOptions, From(ProblemOptions)],
    form: Annotated[
        SheetFormat | None, typer.Option("--format", help="Make sheets of this form; else a terminal asks.")
    ] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Fill the blanks in.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="Write the answers to FILE as JSON, too.")
    ] = None,
    mark: Annotated[
        str | None,
        typer.Option(
            "--mark", metavar="FILE", help="Mark the answers in FILE, a CSV, by the key that --key names."
        ),
    ] = None,
    *,
    output: Shown,
) -> int:
    """Ask or print exercises to be worked by hand.

    In a terminal it asks one question at a time; with --format, or in a pipe, it makes sheets.
    """
    from backprop_cli.render.quiz import render_key

    if key == "":
        raise UsageError("--key names no file", hint="--key key.json")
    if mark is not None:
        if problems.are_given or answers or key is None:
            raise UsageError(
                "--mark takes a key and no problems", hint="backprop quiz --key key.json --mark answers.csv"
            )
        return _mark(mark, key, form or SheetFormat.text, output)
    made = problems.read()
    if key is not None:
        write_file(key, (render_key(made) + "\n").encode())
    environment = output.environment
    if form is None and not answers and environment.reads_terminal and environment.writes_terminal:
        from backprop_cli.cli.ask import Quiz

        Quiz(made, output).run()
        return Status.DONE
    output.write(_sheets(made, form or SheetFormat.text, output, filled=answers))
    return Status.DONE


def _mark(answers: str, key: str, form: SheetFormat, output: Output) -> int:
    """Mark a table of answers, and write a row for each of its rows."""
    from backprop_cli.quiz.key import mark_sheets, read_key
    from backprop_cli.render import marks as render

    if form not in (SheetFormat.text, SheetFormat.json, SheetFormat.csv):
        raise UsageError(f"marks are not written as {form}", hint="--format text, json or csv")
    asked = read_key(read_file(output.environment, key, "the key"), key)
    marks = mark_sheets(asked, read_file(output.environment, answers, "the answers"), answers)
    if form is SheetFormat.text:
        output.write_blocks(render.marks_blocks(marks, by_problem=True))
    else:
        output.write(render.render_json(marks) if form is SheetFormat.json else render.render_csv(marks))
    return Status.CHECK_FAILED if any(m.points < m.most for m in marks) else Status.DONE


def _sheets(problems: list[Problem], form: SheetFormat, output: Output, *, filled: bool) -> str:
    from functools import partial

    from backprop_cli.draw.exercise import draw_exercise, picture_of_exercise
    from backprop_cli.render import quiz as render

    if form is SheetFormat.json:
        return render.render_key(problems) + "\n"
    if form is SheetFormat.csv:
        return render.render_answers(problems, filled=filled)
    if form is SheetFormat.html:
        return render.render_html(problems, picture_of_exercise, filled=filled)
    if form is SheetFormat.latex:
        draw = partial(draw_exercise, unicode=False, columns=_LATEX_COLUMNS)
        return render.render_latex(problems, draw, filled=filled)
    draw = partial(draw_exercise, unicode=form is SheetFormat.markdown or output.paper("┌─∂·←▶").unicode)
    writer = render.render_markdown if form is SheetFormat.markdown else render.render_text
    return writer(problems, draw, filled=filled)
