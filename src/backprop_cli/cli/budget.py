"""``backprop budget``."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import CrossCheck, Shown, Where, digits_of, form_of
from backprop_cli.errors import DomainError, Status, UsageError

if TYPE_CHECKING:
    from backprop_cli.cli.options import PointOptions
    from backprop_cli.console.output import Output
    from backprop_cli.uncertainty.report import BudgetReport, Pair


_COMMA = re.compile(r",(?![^\[]*\])")
"""Between two names, not within the index of one."""


class BudgetFormat(StrEnum):
    """Forms of an uncertainty budget."""

    table = "table"
    json = "json"
    csv = "csv"


@command(
    epilog="""\b
Examples:
  backprop budget "V/I" V=5.0±0.1 I="0.0196(20)" --correlate V,I=-0.36
  backprop budget "m*g*h" m="2.00(10)" g=9.81 h=3±2% --dof m=9
  backprop budget "exp(x)" x=1+/-0.5 --monte-carlo 100000

Exit status: 0 done; 1 sympy disagrees; 2 a mistake in the program, a value or an option; 3 the value does not
exist, or the program has no finite slope and no --monte-carlo was asked for.""",
)
def budget(
    options: Where,
    check: CrossCheck = True,
    correlate: Annotated[
        list[str] | None,
        typer.Option("--correlate", metavar="A,B=R", help="The correlation of two inputs, from -1 to 1."),
    ] = None,
    dof: Annotated[
        str | None,
        typer.Option("--dof", metavar="A=9,B=4,...", help="Degrees of freedom of uncertainties."),
    ] = None,
    coverage: Annotated[
        float, typer.Option("--coverage", metavar="P", help="Percent, for the expanded uncertainty.")
    ] = 95.0,
    monte_carlo: Annotated[
        int | None,
        typer.Option("--monte-carlo", metavar="N", help="Compute the program at N random points, too."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Which random points.")] = 1,
    *,
    form: Annotated[BudgetFormat, form_of(BudgetFormat.table)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Show how uncertain the value is, and why.

    An input is a=2±0.1, a=2+/-0.1, a=2±3% or a=2.00(10), with its standard uncertainty;
    a bare number is exact. x=[3±0.1, 4] is an array of such.
    The sensitivities are the gradient, and second derivatives tell where that misleads.
    """
    from backprop_cli.language.source import read_assignments
    from backprop_cli.render import budget as render
    from backprop_cli.report import Outcome
    from backprop_cli.uncertainty.budget import budget_of_source, read_measured
    from backprop_cli.uncertainty.quantities import read_quantities

    _refuse_others(options)
    correlations = _correlations(correlate or [])
    counts = read_assignments([] if dof is None else dof.split(","), "degrees of freedom are a=9,b=4")
    text, given = options.read_program_with(read_quantities)
    source = read_measured(text, given, options.notation)
    report = budget_of_source(
        source,
        given,
        correlations=correlations,
        dof=counts,
        percent=coverage,
        monte_carlo=monte_carlo,
        seed=seed,
        check=check,
    )
    output.show(
        report,
        form,
        lambda: render.budget_blocks(report, digits),
        json=lambda: render.render_json(report),
        csv=lambda: render.render_csv(report),
    )
    if report.check.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    _raise_missing(report, output)
    return Status.DONE


def _refuse_others(options: PointOptions) -> None:
    if options.read_upstream() != 1:
        raise UsageError("--upstream scales no uncertainty", hint="multiply the program instead")
    if options.wrt:
        raise UsageError("--wrt chooses no uncertainties", hint="an input without ± is exact")


def _correlations(words: list[str]) -> dict[Pair, float]:
    """Return the correlations that --correlate names. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant

    found: dict[Pair, float] = {}
    for word in words:
        names, _, value = word.partition("=")
        a, b, *more = [*(part.strip() for part in _COMMA.split(names)), "", ""]
        if not (a and b and value.strip()) or any(more):
            raise UsageError(f"--correlate can't be {word!r}", hint="--correlate a,b=-0.36")
        if (a, b) in found:
            raise UsageError(f"the correlation of {a} and {b} is given twice")
        found[a, b] = evaluate_constant(word, len(names) + 1)
    return found


def _raise_missing(report: BudgetReport, output: Output) -> None:
    """Raise DomainError, behind what was written, where nothing tells the uncertainty."""
    if report.uncertainty is not None or report.samples is not None:
        return
    from backprop_cli.render.budget import no_uncertainty

    output.flush()
    raise DomainError(no_uncertainty(report), hint="--monte-carlo 100000 computes it at random points")
