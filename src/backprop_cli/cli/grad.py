"""``backprop grad``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.command import From, command
from backprop_cli.cli.options import (
    Asked,
    CertainOptions,
    CrossCheck,
    Request,
    Shown,
    Strict,
    digits_of,
    form_of,
    raise_missing,
    refuse_unchecked,
    require_confirmed,
)
from backprop_cli.errors import Status, UsageError
from backprop_cli.report import Steps

if TYPE_CHECKING:
    from backprop_cli.calculus.report import Elasticity
    from backprop_cli.console.output import Output
    from backprop_cli.console.sheets import Block
    from backprop_cli.differentiate import Computation
    from backprop_cli.report import Report


class Format(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


@command(
    epilog="""\b
Examples:
  backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop grad "e = a*b; d = e + c; L = d*f" a=2 b=3 c=-10 f=5
  backprop grad "relu(w*x + b)" w=0.5 x=2 b=-0.3 --upstream 10
  backprop grad --file loss.txt x=1 --wrt x --json | jq .gradients.x

Exit status: 0 done; 1 the check failed, or more is asked for than could be confirmed; 2 a mistake in the
program, a value or an option; 3 the value or a requested gradient does not exist or is not finite.""",
)
def grad(
    request: Asked,
    check: CrossCheck = True,
    strict: Strict = False,
    *,
    form: Annotated[Format, form_of(Format.table)],
    digits: Annotated[int | None, digits_of(6)],
    everything: Annotated[bool, typer.Option("--all", help="Show every node of a large graph.")] = False,
    save_case: Annotated[
        str | None,
        typer.Option("--save-case", metavar="FILE", help="Add this point to a suite for backprop check."),
    ] = None,
    elasticity: Annotated[
        bool, typer.Option("--elasticity", help="Show relative derivatives, too; needs second derivatives.")
    ] = False,
    certain: Annotated[CertainOptions, From(CertainOptions)],
    steps: Annotated[
        Steps | None,
        typer.Option(
            "--steps",
            help="Formulas of gradients in the names of the steps, where the program names any, or sympy's.",
        ),
    ] = None,
    output: Shown,
) -> int:
    """Show the value and the gradients of a program.

    A table has a line for each node and for each input, where the gradient is cross-checked with sympy.
    """
    refuse_unchecked(strict=strict, check=check)
    if elasticity and (certain.are_given or form not in (Format.table, Format.json)):
        raise UsageError("--elasticity is of doubles, in the table or JSON", hint="leave the other form out")
    if save_case is not None and request.source.labels:
        label = next(iter(request.source.labels))
        raise UsageError(f"--save-case keeps inputs, and {label} is the number of a class")
    if certain.are_given:
        from backprop_cli.cli.certain import show_certain

        if save_case is not None:
            raise UsageError("--save-case keeps doubles: it goes without --exact and --precision")
        return show_certain(request, certain, form, output, check=check, strict=strict)
    from backprop_cli.differentiate import compute_source
    from backprop_cli.report import Outcome

    found = compute_source(
        request.source, request.point, wrt=request.wrt, upstream=request.upstream, check=check
    )
    relative = _elasticities(request, found.report) if elasticity else {}
    _show(found, relative, form, digits, output, everything=everything, steps=steps)
    if found.report.check.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    raise_missing(found.report, output)
    if strict:
        require_confirmed(found.report, output)
    if save_case is not None:
        from backprop_cli.expect.suite import append_case

        append_case(Path(save_case), found.report)
    return Status.DONE


def _elasticities(request: Request, report: Report) -> dict[str, Elasticity]:
    from backprop_cli.calculus.elasticity import elasticities

    return elasticities(request.source, report)


def _show(
    found: Computation,
    relative: Mapping[str, Elasticity],
    form: Format,
    digits: int | None,
    output: Output,
    *,
    everything: bool,
    steps: Steps | None,
) -> None:
    if form is Format.table:
        output.write_blocks(_blocks(found, relative, digits, everything=everything, steps=steps))
    elif form is Format.json:
        output.write_pieces(_json(_named(found.report, steps), relative))
    else:
        output.write_pieces(_RENDERERS[form](_named(found.report, steps), digits, everything))
    if form not in (Format.json, Format.table):  # which hold it themselves
        output.tell_reading(found.report.read_as)
    if form is not Format.json:  # which holds them itself
        output.warn(found.report.warnings)


def _blocks(
    found: Computation,
    relative: Mapping[str, Elasticity],
    digits: int | None,
    *,
    everything: bool,
    steps: Steps | None,
) -> Iterator[Block]:
    """Yield the parts of the table; the check is made when the nodes have been taken."""
    from backprop_cli.render.table import check_blocks, node_block

    yield node_block(found.draft, digits=digits, everything=everything)
    yield from check_blocks(_named(found.report, steps), digits=digits, everything=everything)
    if relative:
        from backprop_cli.render.elasticity import elasticity_block

        yield elasticity_block(relative, digits)


def _named(report: Report, steps: Steps | None) -> Report:
    """Return a report with its gradients as formulas in the names of the steps, where they are checked."""
    from backprop_cli.report import Outcome

    if report.check.status == Outcome.SKIPPED:
        return report
    from backprop_cli.tell.formulas import in_names

    return in_names(report, steps)


def _json(report: Report, relative: Mapping[str, Elasticity]) -> Iterator[str]:
    from backprop_cli.render.json import report_pieces

    yield from report_pieces(report, relative)
    yield "\n"


def _csv(report: Report, _digits: int | None, _everything: bool) -> Iterable[str]:
    from backprop_cli.render.csv import render_report

    return [render_report(report)]


def _markdown(report: Report, digits: int | None, everything: bool) -> Iterable[str]:
    from backprop_cli.render.markdown import render_report

    return [render_report(report, digits=digits, everything=everything)]


def _latex(report: Report, digits: int | None, everything: bool) -> Iterable[str]:
    from backprop_cli.render.latex import render_report

    return [render_report(report, digits=digits, everything=everything)]


_RENDERERS: dict[Format, Callable[[Report, int | None, bool], Iterable[str]]] = {
    Format.csv: _csv,
    Format.markdown: _markdown,
    Format.latex: _latex,
}
