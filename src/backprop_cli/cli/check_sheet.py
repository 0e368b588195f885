"""``backprop check --sheet``: a class marked, each with the same program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.options import read_file
from backprop_cli.errors import InputError, Status, UsageError
from backprop_cli.expect.expectations import read_expectations
from backprop_cli.expect.verify import verify_source
from backprop_cli.quiz.marks import mark_answers
from backprop_cli.quiz.problem import Problem
from backprop_cli.quiz.tables import STUDENT, read_rows
from backprop_cli.render.marks import marks_blocks, render_csv, render_json
from backprop_cli.render.table import summary
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from backprop_cli.cli.options import Request
    from backprop_cli.console.output import Output
    from backprop_cli.expect.expectations import Expectation
    from backprop_cli.report import Report


def check_sheet(request: Request, name: str, form: str, output: Output, *, check: bool) -> int:
    """Mark a table of answers, and write a row for each student. form: text, json or csv."""
    if form not in ("text", "json", "csv"):
        raise UsageError(f"marks are not written as {form}", hint="--format text, json or csv")
    rows = read_rows(read_file(output.environment, name, "the answers"), name)
    columns = [column for column in rows[0] if column != STUDENT]
    if not columns:
        raise InputError(f"{name} has no column of answers", hint=f"{STUDENT},a,b and a row for each student")
    report, asked = _asked(request, columns, name, check=check)
    marks = [mark_answers(request.source, request.point, asked, row, student=row[STUDENT]) for row in rows]
    if form == "text":
        output.write_blocks(marks_blocks(marks, by_problem=False))
    else:
        output.write(render_json(marks) if form == "json" else render_csv(marks))
    output.warn([warning for warning in report.warnings if warning.kind == "kink"])
    output.tell_reading(report.read_as)
    is_refuted = report.check.status == Outcome.FAIL
    if is_refuted:
        output.remark(summary(report, 6)[0])
    return Status.CHECK_FAILED if is_refuted or any(m.points < m.most for m in marks) else Status.DONE


def _asked(
    request: Request, columns: list[str], name: str, *, check: bool
) -> tuple[Report, dict[str, list[str]]]:
    """Return the report, and what each column is of, in the order in which it can be answered.

    name: of the file. Raises InputError or DomainError.
    """
    try:
        claims = {column: read_expectations(f"{column}=0", request.source) for column in columns}
        every = [claim for of_column in claims.values() for claim in of_column]
        report = verify_source(request.source, request.point, every, check=check).report
    except InputError as error:
        raise InputError(f"{name}: a column is of no answer: {error.message}", hint=error.hint) from None
    _refuse_twice(claims, name)
    order = [question.name for question in Problem(1, report).questions]
    targets = {column: [claim.target for claim in of_column] for column, of_column in claims.items()}
    # What is of no step of its own, such as the value of the program by the name "value", comes last.
    place = {name: i for i, name in enumerate(order)}
    ranked = sorted(columns, key=lambda column: place.get(targets[column][0], len(order)))
    return report, {column: targets[column] for column in ranked}


def _refuse_twice(claims: dict[str, list[Expectation]], name: str) -> None:
    """Raise InputError where two columns are of the same."""
    seen: dict[tuple[str, str], str] = {}
    for column, of_column in claims.items():
        for claim in of_column:
            other = seen.setdefault((claim.of, claim.name), column)
            if other != column:
                raise InputError(
                    f"{name}: the columns {other!r} and {column!r} are of the same",
                    hint="leave one of them out",
                )
