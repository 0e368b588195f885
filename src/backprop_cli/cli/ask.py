"""``quiz`` in a terminal: one question at a time, a second try, a score at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import InputError, ParseError
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.verify import verify_source
from backprop_cli.language.source import read_source
from backprop_cli.render.marking import remark
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.console.output import Output
    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.language.source import Source
    from backprop_cli.quiz.problem import Problem, Question

_TRIES = 2


class _EndError(Exception):
    """Nobody answers any more."""


class Quiz:
    """A run through problems. tries: of each question that was answered right, which one it was."""

    def __init__(self, problems: Sequence[Problem], output: Output) -> None:
        self._problems = problems
        self._output = output
        self._tries: list[int] = []
        self._asked = 0

    def run(self) -> None:
        """Ask all questions, as long as there are answers, and tell the score."""
        self._say("Answer with a number; Ctrl-D ends the quiz.\n")
        try:
            for problem in self._problems:
                self._work(problem)
        except _EndError:
            self._say("\n")
        self._say(self._score() + "\n")

    def _say(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()

    def _work(self, problem: Problem) -> None:
        lines = "".join(f"  {line}\n" for line in (*problem.statements, problem.point))
        self._say(f"\nProblem {problem.number} of {len(self._problems)}\n{lines}\n")
        for question in problem.questions:
            self._ask(problem, question)

    def _ask(self, problem: Problem, question: Question) -> None:
        prompt = f"{question.symbol} = {question.asked} = ? "
        for tried in range(1, _TRIES + 1):
            reason = self._judge(problem, question, prompt)
            self._asked += tried == 1
            if reason is None:
                self._tries.append(tried)
                self._say("  right\n")
                return
            prompt = "  again? "
            if tried < _TRIES:
                self._say(f"  no{': ' * bool(reason)}{reason}\n")
        self._say(f"  no, it is {number_text(question.answer, None)}\n")

    def _judge(self, problem: Problem, question: Question, prompt: str) -> str | None:
        """Return None for a right answer, else what is behind a wrong one, "" where that is not known."""
        source = read_source(problem.program)
        claim = None
        while claim is None:
            claim = _read(f"{question.name}={self._line(prompt)}", source)
            if claim is None:
                self._say("  a number is asked for, such as 5 or -0.5\n")
        point, criteria = problem.report.inputs, Criteria(as_written=True)
        (verdict,) = verify_source(source, point, [claim], check=False, criteria=criteria).verdicts
        return remark(verdict, 2) if verdict.is_slip else None

    def _line(self, prompt: str) -> str:
        self._say(prompt)
        stdin = self._output.environment.stdin
        line = stdin.readline() if stdin is not None else ""
        if not line:
            raise _EndError
        return line.strip()

    def _score(self) -> str:
        count = sum(len(problem.questions) for problem in self._problems)
        second = self._tries.count(2)
        later = f", {second} of them at the second try" if second else ""
        left = f"; {count - self._asked} not answered" if self._asked < count else ""
        return f"{len(self._tries)} of {count} right{later}{left}"


def _read(text: str, source: Source) -> Expectation | None:
    try:
        claim = read_expectation(text, source)
    except (ParseError, InputError):
        return None
    return None if claim.number is None else claim
