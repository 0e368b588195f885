"""``backprop check --sheet``: a class marked, each with the same program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.cli.options import read_file
from backprop_cli.errors import InputError, Status, UsageError
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.verify import verify_source
from backprop_cli.quiz.marks import STUDENT, mark_answers, read_rows
from backprop_cli.quiz.problem import Problem
from backprop_cli.render.marks import marks_blocks, render_csv, render_json
from backprop_cli.render.table import summary
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from backprop_cli.cli.options import Request
    from backprop_cli.console.output import Output
    from backprop_cli.report import Report


def check_sheet(request: Request, name: str, form: str, output: Output, *, check: bool) -> int:
    """Mark a table of answers, and write a row for each student. form: text, json or csv."""
    if form not in ("text", "json", "csv"):
        raise UsageError(f"marks are not written as {form}", hint="--format text, json or csv")
    rows = read_rows(read_file(output.environment, name, "the answers"), name)
    columns = [column for column in rows[0] if column != STUDENT]
    report = _report(request, columns, name, check=check)
    names = _in_order(columns, report)
    marks = [mark_answers(request.source, request.point, names, row, student=row[STUDENT]) for row in rows]
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


def _report(request: Request, columns: list[str], name: str, *, check: bool) -> Report:
    """Return the report, with all that the columns ask for. Raises InputError or DomainError."""
    try:
        claims = [read_expectation(f"{column}=0", request.source) for column in columns]
        return verify_source(request.source, request.point, claims, check=check).report
    except InputError as error:
        raise InputError(f"{name}: a column is of no answer: {error.message}", hint=error.hint) from None


def _in_order(columns: list[str], report: Report) -> list[str]:
    """Return columns in the order in which they can be answered, those of other spellings last."""
    asked = [question.name for question in Problem(1, report).questions]
    return sorted(columns, key=lambda column: asked.index(column) if column in asked else len(asked))
