"""``backprop hessian``."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import Asked, CrossCheck, Shown, digits_of, form_of, listed, loader
from backprop_cli.errors import DomainError, Status, UsageError
from backprop_cli.report import BEYOND
from backprop_cli.text import decimal_text, listing

if TYPE_CHECKING:
    from backprop_cli.calculus.report import Entry, HessianReport
    from backprop_cli.console.output import Output
    from backprop_cli.language.source import Source


class HessianFormat(StrEnum):
    """Forms of second derivatives."""

    table = "table"
    json = "json"
    csv = "csv"
    latex = "latex"


@command(
    epilog="""\b
Examples:
  backprop hessian "(1-x)^2 + 100*(y-x^2)^2" x=1 y=1
  backprop hessian "exp(x)*sin(y)" x=0 y=1 --along x=1,y=-2
  backprop hessian "x^3*y" x=1 y=2 --order 3
  backprop hessian --file loss.txt x=1 --wrt x --json | jq .hessian.x.x

Exit status: 0 done; 1 sympy disagrees; 2 a mistake in the program, a value or an option; 3 the value or a
second derivative does not exist: at a kink, or where it is not finite.""",
)
def hessian(
    request: Asked,
    check: CrossCheck = True,
    along: Annotated[
        str | None,
        typer.Option(
            "--along",
            metavar="A=1,B=-2,...",
            help="A direction: the Hessian times it.",
        ),
    ] = None,
    order: Annotated[int, typer.Option("--order", metavar="N", help="3 for third derivatives, too.")] = 2,
    *,
    form: Annotated[HessianFormat, form_of(HessianFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    everything: Annotated[bool, typer.Option("--all", help="Show every entry of a large matrix.")] = False,
    output: Shown,
) -> int:
    """Show the second derivatives of a program.

    The table also tells what kind of point it is: a minimum, a maximum, a saddle. Every entry is computed in
    as many digits as prove it, and compared with sympy's formula.
    """
    from backprop_cli.calculus.hessian import hessian_of_source
    from backprop_cli.render import hessian as render
    from backprop_cli.report import Outcome

    report = hessian_of_source(
        request.source,
        request.point,
        wrt=request.wrt,
        upstream=request.upstream,
        along=None if along is None else _direction(along, request.source, output),
        order=order,
        check=check,
    )
    output.show(
        report,
        form,
        lambda: render.hessian_blocks(report, digits, everything=everything),
        json=lambda: render.render_json(report),
        csv=lambda: render.render_csv(report),
        latex=lambda: render.render_latex(report, digits),
    )
    if report.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    _raise_missing(report, output)
    return Status.DONE


def _direction(text: str, source: Source, output: Output) -> dict[str, float]:
    """Return the direction that --along names; of an array all elements, or single ones.

    Raises UsageError, ParseError or InputError.
    """
    from backprop_cli.language.source import check_names, given_elements
    from backprop_cli.language.values import read_values

    words = listed(text)
    if not words:
        raise UsageError("--along names no input", hint="--along x=1,y=-2")
    given = read_values(words, "a direction is x=1,y=-2", loader(output.environment), elements=True)
    elements = {name: x for name, x in given.items() if "[" in name and isinstance(x, float)}
    check_names(source, elements)
    whole = {name: x for name, x in given.items() if name not in elements}
    return dict(given_elements(source, whole)) | elements


def _raise_missing(report: HessianReport, output: Output) -> None:
    """Raise DomainError, behind what was written, where a second derivative does not exist."""
    found = [((a, b), entry) for a, row in report.entries.items() for b, entry in row.items()]
    for order, entries in (("second", found), ("third", list((report.third or {}).items()))):
        for inputs, entry in entries:
            if not math.isfinite(entry.value):
                output.flush()
                what = f"the {order} derivative with respect to {listing([*inputs])}"
                raise DomainError(f"{what} {_missing(entry)}")
    if not report.has_matrix and not all(map(math.isfinite, (report.product or {}).values())):
        output.flush()
        raise DomainError(
            "the Hessian times the direction is not known: an input is on a path to a kink, "
            "or doubles overflow"
        )
    if report.bend is not None and math.isinf(report.bend):
        output.flush()
        raise DomainError(f"the second derivative along the direction is {BEYOND}")


def _missing(entry: Entry) -> str:
    if entry.text is not None:
        return f"is {decimal_text(entry.text)}, {entry.reason}"
    return f"is {entry.reason}" if math.isinf(entry.value) else f"is not known: {entry.reason}"
