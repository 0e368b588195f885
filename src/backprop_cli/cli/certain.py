"""``--exact`` and ``--precision``: grad in other numbers than doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import Status, UncertainError, UsageError
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.certain.numbers import CertainReport
    from backprop_cli.cli.options import CertainOptions, Request
    from backprop_cli.console.output import Output


def show_certain(
    request: Request, options: CertainOptions, form: str, output: Output, *, check: bool, strict: bool
) -> int:
    """Show value and gradients as fractions, or in many digits.

    Raises what ``certain`` does, UsageError for options that contradict each other, UncertainError where
    digits that are asked for could not be had.
    """
    if options.exact and options.precision is not None:
        raise UsageError("--exact and --precision contradict each other", hint="leave one of them out")
    _refuse_files(request.words)
    if form not in ("table", "json", "markdown"):
        raise UsageError(f"numbers that are no doubles have no form {form}", hint="table, json or markdown")
    report = _compute(request, options.precision, check=check)
    _show(report, form, output)
    if report.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    _require_digits(report, output)
    if strict and report.status != Outcome.PASS:
        output.flush()
        raise UncertainError("not all numbers are confirmed by sympy")
    return Status.DONE


def _refuse_files(words: Sequence[str]) -> None:
    """Raise UsageError for an array from a file, whose numbers are doubles already."""
    for word in words:
        name, _, value = word.partition("=")
        if value.lstrip().startswith("@"):
            raise UsageError(
                f"{name} comes from a file, and --exact and --precision go by what is written",
                hint=f"{name}=[1/3, 0.1, 2]",
            )


def _compute(request: Request, precision: str | None, *, check: bool) -> CertainReport:
    from backprop_cli.certain.task import read_task

    digits = None if precision is None else _read_precision(precision)
    wanted = list(request.source.inputs) if request.wrt is None else request.wrt
    task = read_task(
        request.source, request.point, request.words, request.upstream_text, wanted, request.upstream
    )
    if digits is None:
        from backprop_cli.certain.rational import compute_exactly

        return compute_exactly(task, check=check)
    from backprop_cli.certain.decimal import compute_digits

    return compute_digits(task, digits, check=check)


def _read_precision(text: str) -> int:
    from backprop_cli.certain.decimal import MOST_DIGITS

    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= MOST_DIGITS):
        raise UsageError(f"--precision can't be {text!r}", hint=f"a number from 1 to {MOST_DIGITS}")
    return int(text)


def _show(report: CertainReport, form: str, output: Output) -> None:
    from backprop_cli.render.certain import certain_blocks, render_json, render_markdown

    if form == "table":
        output.write_blocks(certain_blocks(report))
    else:
        output.write(render_json(report) + "\n" if form == "json" else render_markdown(report))
    if form != "json":  # which holds them itself
        output.tell_reading(report.read_as)
        output.warn(report.warnings)


def _require_digits(report: CertainReport, output: Output) -> None:
    from backprop_cli.render.certain import uncertain

    missing = uncertain(report)
    if missing:
        output.flush()
        raise UncertainError(f"{report.digits:,} digits could not be had of {', '.join(missing)}")
