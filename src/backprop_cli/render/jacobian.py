"""Jacobians as tables, CSV, LaTeX and JSON: schema backprop/jacobian@1."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, number, warning_record
from backprop_cli.render.json import check_record
from backprop_cli.report import FEW_DIGITS
from backprop_cli.text import decimal_text, few_digits, listing, number_text, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.calculus.report import JacobianReport
    from backprop_cli.console.sheets import Role
    from backprop_cli.report import GradientCheck


_MOST_RIGHT = 10


def jacobian_blocks(report: JacobianReport, digits: int | None) -> list[Block]:
    """Return the matrix, a row an output, and how sure it is."""
    sheet = _matrix(report, digits)
    return [
        Block((lambda: sheet,), lambda: _lines(report, digits)),
        Block((), lambda: [(line, "") for line in closing(report, digits)]),
    ]


def _matrix(report: JacobianReport, digits: int | None) -> Sheet:
    rows = [
        Row(
            (
                (name,),
                (number_text(report.values[name], digits),),
                *((_value(report, name, x, digits),) for x in report.names),
            ),
            "output",
        )
        for name in report.values
    ]
    header = ("output", "value", *(f"∂/∂{name}" for name in report.names))
    return Sheet(header, tuple(range(1, len(header))), rows)


def _value(report: JacobianReport, output: str, name: str, digits: int | None) -> str:
    text = number_text(report.jacobian[output][name], digits)
    found = report.checks[output].gradients[name]
    return f"{text} ({found.reason.partition(' of ')[0]})" if found.at_kink else text


def _lines(report: JacobianReport, digits: int | None) -> list[tuple[str, Role]]:
    """Return the entries as lines, for a terminal too narrow for columns."""
    return [
        (f"∂{output}/∂{name} = {_value(report, output, name, digits)}", "output")
        for output in report.values
        for name in report.names
    ]


def closing(report: JacobianReport, digits: int | None) -> Iterator[str]:
    """Yield the last lines: what was computed, and how sure all is."""
    if report.read_as:
        yield reading(report.read_as)
    found = _checks(report)
    count = f"{len(found):,} derivative{'s' * (len(found) != 1)}"
    yield f"{count} by {_passes(report)}, {_certainty(report, found)}"
    right = [
        f"∂{output}/∂{name} = {decimal_text(check.value, digits)}"
        for output, checks in report.checks.items()
        for name, check in checks.gradients.items()
        if check.value and check.digits is not None and check.digits < FEW_DIGITS
    ]
    if right:
        more = f" and {len(right) - _MOST_RIGHT:,} more" if len(right) > _MOST_RIGHT else ""
        yield f"right: {', '.join(right[:_MOST_RIGHT])}{more}"


def _passes(report: JacobianReport) -> str:
    forward, back = report.forward, len(report.swept_back)
    if not forward:
        return f"{back:,} reverse sweep{'s' * (back != 1)}"
    passes = f"{forward:,} forward sweep{'s' * (forward != 1)}"
    if not back:
        return passes
    sweeps = "a reverse sweep" if back == 1 else "reverse sweeps"
    return f"{passes}, {listing(list(report.swept_back))} by {sweeps}"


def _checks(report: JacobianReport) -> list[GradientCheck]:
    return [check for found in report.checks.values() for check in found.gradients.values()]


def _certainty(report: JacobianReport, found: list[GradientCheck]) -> str:
    wrong = [name for name, check in report.checks.items() if check.status == "fail"]
    if wrong:
        return f"CHECK FAILED: sympy disagrees on {', '.join(wrong)}"
    confirmed = sum(check.status == "pass" for check in found)
    if not confirmed:
        return "not checked by sympy"
    if confirmed < len(found):
        return f"{confirmed:,} confirmed by sympy"
    least = min((16 if check.digits is None else check.digits for check in found), default=16)
    zeros = any(check.digits is None for check in found)
    if least < FEW_DIGITS:
        return f"all confirmed by sympy, but {few_digits(least)} right at worst"
    right = "" if zeros else ", all digits right" if least == 16 else f", {least} digits right at least"
    return f"all confirmed by sympy{right}"


def render_csv(report: JacobianReport) -> str:
    """Return an output a row; what does not exist is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("output", "value", *report.names))
    for output, row in report.jacobian.items():
        numbers = (report.values[output], *(row[name] for name in report.names))
        writer.writerow((output, *("" if math.isnan(x) else repr(x) for x in numbers)))
    return text.getvalue()


def render_latex(report: JacobianReport, digits: int | None) -> str:
    """Return the matrix as LaTeX, for amsmath."""
    from backprop_cli.notation.latex import matrix_latex, name_latex

    above, below = (", ".join(map(name_latex, names)) for names in (report.jacobian, report.names))
    rows = [[number_text(x, digits) for x in row.values()] for row in report.jacobian.values()]
    return f"\\[ \\frac{{\\partial ({above})}}{{\\partial ({below})}} = {matrix_latex(rows)} \\]\n"


def _passes_record(report: JacobianReport) -> dict[str, Any]:
    if not report.forward:
        return {"mode": "reverse", "count": len(report.swept_back)}
    swept_back = {"swept_back": list(report.swept_back)} if report.swept_back else {}
    return {"mode": "forward", "count": report.forward, **swept_back}


def render_json(report: JacobianReport) -> str:
    """Return the report as one line of JSON."""
    record: dict[str, Any] = {
        "schema": "backprop/jacobian@1",
        "program": report.program,
        **({"read_as": report.read_as} if report.read_as else {}),
        "inputs": report.inputs,
        "names": list(report.names),
        "values": {name: number(x) for name, x in report.values.items()},
        "jacobian": {
            output: {name: number(x) for name, x in row.items()} for output, row in report.jacobian.items()
        },
        "passes": _passes_record(report),
        "check": {
            "status": report.status,
            "outputs": {output: check_record(check) for output, check in report.checks.items()},
        },
        "warnings": [*map(warning_record, report.warnings)],
    }
    return dump(record)
