"""``backprop check``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.app import turn_on_collector
from backprop_cli.cli.batch import FilesOptions
from backprop_cli.cli.command import From, command
from backprop_cli.cli.dialect import DialectOptions
from backprop_cli.cli.options import (
    CrossCheck,
    Shown,
    Strict,
    Where,
    digits_of,
    form_of,
    read_file,
    read_tolerance,
    refuse_unchecked,
    require_confirmed,
)
from backprop_cli.cli.suggest import suggest_expectations
from backprop_cli.errors import Status, UsageError
from backprop_cli.expect.defaults import ATOL_AT_ZERO, POINTS, RTOL, SEED
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.cli.options import PointOptions, Request
    from backprop_cli.console.environment import Environment
    from backprop_cli.console.output import Output
    from backprop_cli.expect.criteria import Criteria
    from backprop_cli.expect.suite import Case
    from backprop_cli.expect.verdict import Verification


class Format(StrEnum):
    """Forms of output. TAP and JUnit XML are for suites, CSV is for marks."""

    text = "text"
    json = "json"
    tap = "tap"
    junit = "junit"
    csv = "csv"


class Hint(StrEnum):
    """How far a student is led."""

    where = "1"
    what = "2"
    rule = "3"


class CriteriaOptions(NamedTuple):
    """The options that say when two numbers are equal, and where formulas are compared."""

    rtol: Annotated[
        str,
        typer.Option(
            "--rtol",
            metavar="R",
            help="Relative tolerance, to the larger of the two numbers. With --data also of a column, "
            "1e-9,a=1e-6; written: half a unit of the last decimal.",
        ),
    ] = number_text(RTOL)
    atol: Annotated[
        str | None,
        typer.Option(
            "--atol",
            metavar="A",
            help="Absolute tolerance, with --data also of a column.  "
            f"[default: {number_text(ATOL_AT_ZERO)} where 0 is expected, else 0]",
            show_default=False,
        ),
    ] = None
    points: Annotated[
        str,
        typer.Option("--points", metavar="N", help="Further points for a formula; 0: the given one alone."),
    ] = str(POINTS)
    seed: Annotated[str, typer.Option("--seed", metavar="S", help="Seed of the further points.")] = str(SEED)

    def read(self) -> Criteria:
        """Return them as numbers. Raises UsageError, ParseError or InputError."""
        from backprop_cli.expect.criteria import Criteria

        return Criteria(
            read_tolerance("--rtol", self.rtol),
            None if self.atol is None else read_tolerance("--atol", self.atol),
            _read_count("--points", self.points),
            _read_count("--seed", self.seed),
        )


class SuiteOptions(NamedTuple):
    """The options that say which cases are run. name: of the file.  first: stop at the first failure."""

    name: Annotated[
        str | None,
        typer.Option(
            "--suite", metavar="FILE", help="Run the cases of FILE: TOML or JSON Lines, - for standard input."
        ),
    ] = None
    first: Annotated[bool, typer.Option("-x", help="With --suite: stop at the first failure.")] = False
    word: Annotated[
        str | None,
        typer.Option("-k", metavar="WORD", help="With --suite: only the cases with WORD in their name."),
    ] = None


@command(
    epilog="""\b
Examples:
  backprop check "(a*b+c)*f" a=2 b=3 c=-10 f=5 --expect a=15 --expect "b=a*f"
  backprop check "e = a*b; (e + c)*f" a=2 b=3 c=1 f=5 --expect grad:e=f
  backprop check "e = a*b; (e + c)*f" a=2 b=3 c=1 f=5 --expect value:e=a*b
  backprop check "x^2" x=3 --expect value=9 --expect "x=2*x" --rtol 1e-12
  backprop check "sin(x)^2" x=0.3 --expect "x=sin(2*x)"
  backprop check "(a*b+c)*f" a=2 b=3 c=-10 f=5 --sheet answers.csv
  backprop check --suite gradients.toml --format junit > gradients.xml
  backprop check "(a*b+c)*f" --data rows.csv --expect a=@grad_a --rtol 1e-6

\b
NAME is an input or a step, and what is meant is its gradient (grad:NAME says
so); value is the value of the program, value:NAME that of a step. A formula
is compared at the given point, and for all points by sympy, or, where sympy
can't settle it, at further random points. Beside numbers and formulas there
are kink, kink -1 1 (the slopes on the left and on the right, or none),
smooth, undefined, inf, -inf, and digits >= 12 or <= 3, of a gradient.
With --data, @COLUMN is what your own program found at each row.

\b
Exit status: 0 all is met; 1 an expectation is not met, the cross-check
failed, or --strict asks for more; 2 a mistake in the program, a value or an
option; 3 the value or an expected gradient does not exist or is not finite.""",
)
def check(
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect",
            metavar="NAME=EXPR",
            help="What is expected; may be repeated.",
            show_default=False,
            autocompletion=suggest_expectations,
        ),
    ] = None,
    *,
    options: Where,
    hint: Annotated[
        Hint | None,
        typer.Option(
            "--hint",
            help="Mark a student's answers and lead, without the solution: 1 where to look, 2 also what is "
            "behind a wrong number, 3 also the rule.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            metavar="FILE",
            help="Mark a class: CSV or JSON of student,a,b,..., a row for each.",
        ),
    ] = None,
    cross_check: CrossCheck = True,
    strict: Strict = False,
    suite: Annotated[SuiteOptions, From(SuiteOptions)],
    rows: Annotated[FilesOptions, From(FilesOptions)],
    written: Annotated[DialectOptions, From(DialectOptions)],
    allow_bad: Annotated[
        bool, typer.Option("--allow-bad", help="With --data: rows that can't be compared are no failure.")
    ] = False,
    equality: Annotated[CriteriaOptions, From(CriteriaOptions)],
    form: Annotated[Format, form_of(Format.text)],
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Assert gradients and values of a program.

    Without --expect, the cross-check with sympy alone.
    """
    from backprop_cli.report import Outcome

    if sheet is not None:
        _refuse_beside_sheet(expect, hint, suite, rows, options, strict=strict)
        from backprop_cli.cli.check_sheet import check_sheet

        return check_sheet(options.read(), sheet, form, output, check=cross_check)
    if form is Format.csv:
        raise UsageError("--format csv is of marks", hint="backprop check PROGRAM --sheet answers.csv")
    if rows.data is not None:
        _refuse_beside_data(hint, suite, options, strict=strict)
        from backprop_cli.cli.check_rows import Tolerances, check_rows
        from backprop_cli.render.columns import shower

        return check_rows(
            expect or (),
            options,
            rows,
            written,
            Tolerances(equality.rtol, equality.atol),
            shower(form, output, digits, allow_bad=allow_bad),
            output,
            allow_bad=allow_bad,
        )
    _refuse_without_data(rows, written, allow_bad=allow_bad)
    criteria = equality.read()
    if hint is not None:
        _refuse_with_hint(expect, suite, form, strict=strict)
        found = _verify(options.read(), expect or (), replace(criteria, as_written=True), check=cross_check)
        return _mark(found, hint, output)
    if suite.name is not None:
        _refuse_a_point(expect, options)
        refuse_unchecked(strict=strict, check=cross_check)
        return _run_suite(suite.name, suite, criteria, form, output, check=cross_check, strict=strict)
    refuse_unchecked(strict=strict, check=cross_check)
    _refuse_options_of_suites(form, options.arguments)
    found = _verify(options.read(), expect or (), criteria, check=cross_check)
    _show(found, form, output, digits)
    if form is not Format.json:
        output.tell_reading(found.report.read_as)
    if found.status == Outcome.FAIL:
        return Status.CHECK_FAILED
    if found.missing is not None:
        output.flush()
        raise found.missing
    if strict:
        require_confirmed(found.report, output)
    return Status.DONE


def _mark(found: Verification, hint: Hint, output: Output) -> int:
    """Show a student what is right, without the solution."""
    from backprop_cli.render.marking import marking_blocks
    from backprop_cli.report import Outcome

    output.write_blocks(marking_blocks(found, int(hint)))
    output.warn([warning for warning in found.report.warnings if warning.kind == "kink"])
    output.tell_reading(found.report.read_as)
    failed = found.slips or found.report.check.status == Outcome.FAIL
    return Status.CHECK_FAILED if failed else Status.DONE


def _verify(request: Request, expect: Sequence[str], criteria: Criteria, *, check: bool) -> Verification:
    from backprop_cli.expect.facts import read_claims

    claims = [claim for text in expect for claim in read_claims(text, request.source)]

    from backprop_cli.expect.verify import verify_source

    return verify_source(
        request.source,
        request.point,
        claims,
        wrt=request.wrt,
        upstream=request.upstream,
        check=check,
        criteria=criteria,
    )


def _refuse_with_hint(expect: list[str] | None, suite: SuiteOptions, form: Format, *, strict: bool) -> None:
    """Raise UsageError for what --hint can't be asked for with."""
    if suite.name is not None or form is not Format.text or strict:
        raise UsageError("--hint marks expectations as text", hint="leave --suite, --format and --strict out")
    if not expect:
        raise UsageError("--hint has nothing to mark", hint="--expect a=15")


def _refuse_beside_sheet(
    expect: list[str] | None,
    hint: Hint | None,
    suite: SuiteOptions,
    rows: FilesOptions,
    options: PointOptions,
    *,
    strict: bool,
) -> None:
    """Raise UsageError for what has no sense where a class is marked."""
    given = {
        "--expect": expect,
        "--hint": hint,
        "--suite": suite.name,
        "--data": rows.data,
        "--strict": strict,
        "--wrt": options.wrt,
        "--upstream": options.upstream != "1",
    }
    _refuse_any("--sheet", given)


def _refuse_any(chosen: str, given: Mapping[str, object]) -> None:
    """Raise UsageError for the first option that is given beside another."""
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} and {chosen} contradict each other", hint="leave one of them out")


def _refuse_beside_data(
    hint: Hint | None, suite: SuiteOptions, options: PointOptions, *, strict: bool
) -> None:
    """Raise UsageError for what is asked of one point."""
    given = {
        "--hint": hint,
        "--suite": suite.name,
        "--strict": strict,
        "--wrt": options.wrt,
    }
    _refuse_any("--data", given)


def _refuse_without_data(rows: FilesOptions, written: DialectOptions, *, allow_bad: bool) -> None:
    """Raise UsageError for options that say how data is read, where there is none."""
    if rows != FilesOptions() or written != DialectOptions() or allow_bad:
        raise UsageError(
            "--data is missing", hint="backprop check PROGRAM --data rows.csv --expect a=@grad_a"
        )


def _refuse_a_point(expect: list[str] | None, options: PointOptions) -> None:
    """Raise UsageError for what a suite has itself."""
    if expect or options.are_given:
        raise UsageError(
            "a suite has its own programs, points and expectations", hint="backprop check --suite FILE"
        )


def _refuse_options_of_suites(form: Format, arguments: list[str] | None) -> None:
    """Raise UsageError for what only makes sense beside --suite."""
    if form in (Format.tap, Format.junit):
        raise UsageError(f"--format {form} is for a suite", hint="backprop check --suite FILE")
    if arguments and arguments[0] in ("-x", "-k") and "=" not in "".join(arguments[1:2]):
        raise UsageError(f"{arguments[0]} is an option of --suite", hint="backprop check --suite FILE")


def _show(found: Verification, form: Format, output: Output, digits: int | None) -> None:
    if form is Format.json:
        from backprop_cli.render.verdicts import render_verification

        output.write(render_verification(found) + "\n")
        return
    from backprop_cli.render.verdicts import verification_blocks

    output.write_blocks(verification_blocks(found, digits=digits))
    output.warn(found.report.warnings)


def _run_suite(
    name: str,
    suite: SuiteOptions,
    criteria: Criteria,
    form: Format,
    output: Output,
    *,
    check: bool,
    strict: bool,
) -> int:
    """Run cases one after the other, and write the outcome of each."""
    from backprop_cli.console.progress import Progress
    from backprop_cli.expect.suite import run_case
    from backprop_cli.render.suite import WRITERS
    from backprop_cli.report import Outcome

    cases = _read_cases(name, suite.word, output.environment)
    writer = WRITERS[form](output, Path(name).stem)
    turn_on_collector()
    status = Status.DONE
    with Progress(output.environment, len(cases), "cases") as progress:
        for case in cases:
            result = run_case(case, criteria, check=check, strict=strict)
            writer.add(result)
            progress.advance(1)
            if result.status != Outcome.PASS:
                status = Status.CHECK_FAILED
                if suite.first:
                    break
    writer.close()
    return status


def _read_cases(suite: str, word: str | None, environment: Environment) -> list[Case]:
    from backprop_cli.expect.suite import read_suite

    cases = read_suite(read_file(environment, suite, "the suite"), suite)
    chosen = [case for case in cases if word is None or word.casefold() in case.name.casefold()]
    if not chosen:
        raise UsageError(
            f"no case of {suite} has {word!r} in its name", hint=f"the first is {cases[0].name!r}"
        )
    return chosen


def _read_count(option: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(f"{option} can't be {text!r}", hint="a whole number from 0 to 999999999")
    return int(text)
