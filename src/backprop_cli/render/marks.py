"""The marks of a class as a table, as JSON (schema backprop/marks@1) and as CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.console.sheets import Role
    from backprop_cli.quiz.marks import Answer, Mark

_COLUMNS = ("student", "problem", "points", "most", "missing", "slip", "reason")


def marks_blocks(marks: Sequence[Mark], *, by_problem: bool) -> list[Block]:
    """Return a row for each student, and the sum. by_problem: whether there are several problems."""
    header = ("student", *(("problem",) if by_problem else ()), "points", "first slip")
    last = len(header) - 1
    sheet = Sheet(header, tuple(range(1, last)), [_row(m, by_problem=by_problem) for m in marks], wraps=last)
    return [
        Block((lambda: sheet,), lambda: [line for m in marks for line in _lines(m)]),
        Block((), lambda: [(_sum(marks), "")]),
    ]


def _row(mark: Mark, *, by_problem: bool) -> Row:
    problem = ((str(mark.problem),),) if by_problem else ()
    points = (f"{mark.points} of {mark.most}",)
    return Row(((mark.student,), *problem, points, (_remark(mark),)), _role(mark))


def _role(mark: Mark) -> Role:
    return "pass" if mark.points == mark.most else "fail"


def _remark(mark: Mark) -> str:
    slip = f"{mark.slip}: {mark.reason}" if mark.reason else mark.slip
    missing = f"{mark.missing} not answered" if mark.missing else ""
    return "; ".join(filter(None, [slip, missing]))


def _lines(mark: Mark) -> list[tuple[str, Role]]:
    """Return a mark as short lines."""
    head: tuple[str, Role] = (f"{mark.student}: {mark.points} of {mark.most}", _role(mark))
    remark = _remark(mark)
    return [head, (f"  {remark}", "")] if remark else [head]


def _sum(marks: Sequence[Mark]) -> str:
    count = len(marks)
    points = f"{sum(m.points for m in marks)} of {sum(m.most for m in marks)} points"
    slips = Counter(m.slip.partition(" =")[0] for m in marks if m.slip)
    often = ", ".join(f"{name} ({times})" for name, times in slips.most_common(3))
    return f"{count} row{'s' * (count != 1)}, {points}" + (f"; first slips at {often}" if often else "")


def render_json(marks: Sequence[Mark]) -> str:
    """Return marks as one line of JSON."""
    rows = [
        {name: getattr(mark, name) for name in _COLUMNS}
        | {"answers": [_answer_record(answer) for answer in mark.answers]}
        for mark in marks
    ]
    return dump({"schema": "backprop/marks@1", "marks": rows}) + "\n"


def _answer_record(answer: Answer) -> dict[str, object]:
    """Return an answer as JSON has it."""
    return {
        "name": answer.name,
        "yours": answer.yours,
        "status": str(answer.status),
        "follows": list(answer.follows),
        "reason": answer.reason,
    }


def render_csv(marks: Sequence[Mark]) -> str:
    """Return marks as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([getattr(mark, name) for name in _COLUMNS] for mark in marks)
    return text.getvalue()
