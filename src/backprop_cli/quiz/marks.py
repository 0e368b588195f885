"""A class marked: a row for each student, whose own numbers are carried forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import InputError, ParseError
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import VALUE, read_expectations
from backprop_cli.expect.verify import verify_source
from backprop_cli.record import Record, Word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.expect.verdict import Verdict
    from backprop_cli.language.source import Source

_CRITERIA = Criteria(as_written=True)


class Judged(Word):
    """What an answer is: right in itself, right from other answers, wrong, no answer at all, not given."""

    RIGHT = "right"
    FOLLOWS = "follows"
    WRONG = "wrong"
    UNREAD = "unread"
    MISSING = "missing"


class Answer(Record):
    """An answer of a student, or one of the numbers of an array.

    name: of what it is of: "a", "w[0]", "value:e".  yours: as it was written.  follows: the student's own
    numbers that it follows from.  reason: what is behind it where it is wrong, or why it is none.
    """

    name: str
    yours: str
    status: Judged
    follows: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_slip(self) -> bool:
        """Tell whether it is wrong in itself."""
        return self.status in (Judged.WRONG, Judged.UNREAD)


class Mark(Record):
    """What a student gets for a problem: a point for each answer that is right, or right from others."""

    student: str
    problem: int
    answers: tuple[Answer, ...]

    @property
    def points(self) -> int:
        """The points that the student gets."""
        return sum(answer.status in (Judged.RIGHT, Judged.FOLLOWS) for answer in self.answers)

    @property
    def most(self) -> int:
        """The points there are."""
        return len(self.answers)

    @property
    def missing(self) -> int:
        """How many questions have no answer."""
        return sum(answer.status == Judged.MISSING for answer in self.answers)

    @property
    def _first(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.is_slip), None)

    @property
    def slip(self) -> str:
        """The first answer that is wrong, or ""."""
        return f"{self._first.name} = {self._first.yours}" if self._first else ""

    @property
    def reason(self) -> str:
        """What is behind it, or ""."""
        return self._first.reason if self._first else ""


def mark_answers(
    source: Source,
    point: dict[str, float],
    asked: Mapping[str, list[str]],
    given: Mapping[str, str],
    *,
    student: str,
    problem: int = 1,
) -> Mark:
    """Return the mark of a student.

    asked: columns in the order in which they can be answered, each with what it is of: of an array, its
    elements.  given: the student's text by column.
    Raises DomainError where the value or a gradient that is asked for does not exist.
    """
    claims: dict[str, Expectation] = {}
    marked: dict[str, Answer] = {}
    for column, names in asked.items():
        text = given.get(column, "")
        try:
            claims |= zip(names, _read(column, text, source) if text else (), strict=False)
        except (ParseError, InputError) as error:
            marked |= {name: Answer(name, text, Judged.UNREAD, reason=error.message) for name in names}
    read = list(claims.values())
    found = verify_source(source, point, read, check=False, criteria=_CRITERIA).verdicts if read else ()
    for (name, claim), verdict in zip(claims.items(), found, strict=True):
        marked[name] = _judged(name, claim.formula, verdict)
    answers = (
        marked.get(name, Answer(name, "", Judged.MISSING)) for names in asked.values() for name in names
    )
    return Mark(student, problem, tuple(answers))


def _read(column: str, text: str, source: Source) -> list[Expectation]:
    """Return what is claimed of each element. Raises ParseError or InputError."""
    claims = read_expectations(f"{column}={text}", source)
    if any(claim.number is None and claim.of == VALUE for claim in claims):
        raise InputError("a value is asked for as a number")
    return claims


def _judged(name: str, yours: str, verdict: Verdict) -> Answer:
    if verdict.is_slip:
        return Answer(name, yours, Judged.WRONG, reason=verdict.diagnosis)
    return Answer(name, yours, Judged.FOLLOWS if verdict.follows else Judged.RIGHT, verdict.follows)
