"""A class marked: a row for each student, whose own numbers are carried forward."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError, ParseError
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import VALUE, read_expectation
from backprop_cli.expect.verify import verify_source
from backprop_cli.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.expect.verdict import Verdict
    from backprop_cli.language.source import Source

STUDENT, PROBLEM = "student", "problem"
_CRITERIA = Criteria(as_written=True)


class Mark(Record):
    """What a student gets for a problem.

    points: a point for each answer that is right, or right from other answers.  most: the points there are.
    missing: questions without an answer.  slip: the first answer that is wrong.  reason: what is behind it.
    """

    student: str
    problem: int
    points: int
    most: int
    missing: int = 0
    slip: str = ""
    reason: str = ""


def read_rows(text: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a table of answers by column. name: of the file. Raises InputError."""
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ","
    )
    columns = [column.strip() for column in reader.fieldnames or ()]
    form = f"{STUDENT},a,b and a row for each student"
    if STUDENT not in columns:
        raise InputError(f"{name} has no column {STUDENT}", hint=form)
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"{name} has the column {twice!r} twice", hint=form)
    reader.fieldnames = columns
    rows = [row for row in reader if any(row.values())]
    if not rows:
        raise InputError(f"{name} has no student", hint="a row for each student below the names of columns")
    for number, row in enumerate(rows, 1):
        if None in row:
            raise InputError(f"{name}: row {number} has more cells than there are columns")
        if not (row[STUDENT] or "").strip():
            raise InputError(f"{name}: row {number} names no {STUDENT}", hint=form)
    return [{column: (cell or "").strip() for column, cell in row.items()} for row in rows]


def mark_answers(
    source: Source,
    point: dict[str, float],
    names: Sequence[str],
    answers: Mapping[str, str],
    *,
    student: str,
    problem: int = 1,
) -> Mark:
    """Return the mark of a student. names: of what is asked, in the order in which it can be answered.

    Raises DomainError where the value or a gradient that is asked for does not exist.
    """
    given = [name for name in names if answers.get(name)]
    claims = {name: _read(name, answers[name], source) for name in given}
    read = [claim for claim in claims.values() if claim is not None]
    found = verify_source(source, point, read, check=False, criteria=_CRITERIA).verdicts if read else ()
    verdicts = dict(zip((name for name in given if claims[name] is not None), found, strict=True))
    slips = [name for name in given if name not in verdicts or verdicts[name].is_slip]
    slip, reason = _told(slips[0], answers[slips[0]], verdicts.get(slips[0])) if slips else ("", "")
    missing = len(names) - len(given)
    return Mark(student, problem, len(given) - len(slips), len(names), missing, slip, reason)


def _read(name: str, text: str, source: Source) -> Expectation | None:
    """Return an answer, None where it is none: a formula is one of a gradient alone."""
    try:
        claim = read_expectation(f"{name}={text}", source)
    except (ParseError, InputError):
        return None
    return None if claim.number is None and claim.of == VALUE else claim


def _told(name: str, text: str, verdict: Verdict | None) -> tuple[str, str]:
    if verdict is None:
        return f"{name} = {text}", "that can't be read"
    return verdict.claim, verdict.diagnosis
