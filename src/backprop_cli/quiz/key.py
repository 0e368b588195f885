"""The key of a quiz read back, and tables of answers marked by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import BackpropError, InputError
from backprop_cli.language.source import choose_point, read_source
from backprop_cli.quiz.marks import mark_answers
from backprop_cli.quiz.tables import PROBLEM, STUDENT, read_rows

if TYPE_CHECKING:
    from backprop_cli.language.source import Source
    from backprop_cli.quiz.marks import Mark

_HINT = "a file that quiz --key writes"


class Asked(NamedTuple):
    """A problem of a key. names: of its questions, in order."""

    source: Source
    point: dict[str, float]
    names: list[str]


def read_key(text: str, name: str) -> dict[int, Asked]:
    """Return the problems of a key by their numbers. name: of the file. Raises InputError."""
    try:
        key = json.loads(text)
        if key["schema"] != "backprop/quiz@1":
            raise InputError(f"{name} is no key: its schema is {key['schema']!r}", hint=_HINT)
        return {problem["number"]: _asked(problem) for problem in key["problems"]}
    except BackpropError as error:
        raise InputError(f"{name} is no key: {error.message}", hint=_HINT) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{name} is no key", hint=_HINT) from None


def _asked(problem: dict[str, Any]) -> Asked:
    source = read_source(problem["program"])
    point = choose_point(source, {name: float(x) for name, x in problem["inputs"].items()})
    return Asked(source, point, [question["name"] for question in problem["questions"]])


def mark_sheets(key: dict[int, Asked], text: str, name: str) -> list[Mark]:
    """Return the marks of a table of answers. name: of its file. Raises InputError or DomainError."""
    rows = read_rows(text, name)
    marks = []
    for place, row in enumerate(rows, 1):
        number = row.get(PROBLEM, "1" if len(key) == 1 else "")
        if not (number.isascii() and number.isdecimal()) or int(number) not in key:
            raise InputError(
                f"{name}: row {place} is of problem {number!r}, which the key does not have",
                hint=f"a column {PROBLEM} with one of the numbers of the key",
            )
        asked = key[int(number)]
        extra = [c for c in row if row[c] and c not in (STUDENT, PROBLEM, *asked.names)]
        if extra:
            raise InputError(
                f"{name}: row {place} answers {extra[0]!r}, which problem {number} does not ask",
                hint=f"it asks {' '.join(asked.names)}",
            )
        names = {name: [name] for name in asked.names}
        marks.append(
            mark_answers(asked.source, asked.point, names, row, student=row[STUDENT], problem=int(number))
        )
    return marks
