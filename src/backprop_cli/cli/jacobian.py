"""``backprop jacobian``."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import CrossCheck, Shown, Where, digits_of, form_of, listed
from backprop_cli.errors import DomainError, Status, UsageError


class JacobianFormat(StrEnum):
    """Forms of a Jacobian."""

    table = "table"
    json = "json"
    csv = "csv"
    latex = "latex"


@command(
    epilog="""\b
Examples:
  backprop jacobian "u = x*y; v = x + y" x=2 y=3
  backprop jacobian "r = sqrt(x^2 + y^2); t = atan2(y, x)" x=3 y=4 --json
  backprop jacobian "e = a*b; L = (e+c)*f" a=2 b=3 c=-10 f=5 --outputs e,L
  backprop jacobian "p = softmax(z)" "z=[1,2,3]"

Exit status: 0 done; 1 sympy disagrees; 2 a mistake in the program, a value or an option; 3 a value or a
derivative does not exist or is not finite.""",
)
def jacobian(
    options: Where,
    check: CrossCheck = True,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--outputs", metavar="U,V,...", help="The steps to differentiate, by their names."),
    ] = None,
    *,
    form: Annotated[JacobianFormat, form_of(JacobianFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Show the derivatives of several outputs.

    The outputs are named steps, arrays too; without --outputs those that no later statement uses. It is swept
    forward or back, whichever takes fewer sweeps, and each output is cross-checked as by backprop grad.
    """
    request = options.read(array_output=True)
    if request.upstream != 1:
        raise UsageError("--upstream is of one output", hint="backprop grad takes it")
    from backprop_cli.calculus.jacobian import jacobian_of_source
    from backprop_cli.findings.undefined import missing_slope
    from backprop_cli.render import jacobian as render
    from backprop_cli.report import Outcome

    report = jacobian_of_source(
        request.source,
        request.point,
        outputs=None if outputs is None else _names(outputs),
        wrt=request.wrt,
        check=check,
    )
    output.show(
        report,
        form,
        lambda: render.jacobian_blocks(report, digits),
        json=lambda: render.render_json(report),
        csv=lambda: render.render_csv(report),
        latex=lambda: render.render_latex(report, digits),
    )
    if report.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    for name, row in report.jacobian.items():
        for other, slope in row.items():
            if not math.isfinite(slope):
                output.flush()
                told = missing_slope(report.checks[name].gradients[other], slope)
                raise DomainError(f"the derivative of {name} with respect to {other} {told}")
    return Status.DONE


def _names(outputs: list[str]) -> list[str]:
    names = [name for names in outputs for name in listed(names)]
    if not names:
        raise UsageError("--outputs names no step", hint="--outputs u,v")
    return names
