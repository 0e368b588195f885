"""``jacobian``: the gradient of each of several outputs, every one cross-checked as by ``gradient``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.calculus.report import JacobianReport
from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import InputError
from backprop_cli.language.arguments import given_values, name_list
from backprop_cli.language.reader import canonical_name, normalise
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.report import Outcome
from backprop_cli.system.collector import collector_paused
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.language.source import Source


def jacobian(
    program: str,
    inputs: Mapping[str, float] | None = None,
    /,
    *,
    outputs: Iterable[str] | None = None,
    wrt: Iterable[str] | None = None,
    check: bool = True,
    notation: str | None = None,
    **more_inputs: float,
) -> JacobianReport:
    """Return the derivatives of several named steps of a program by its inputs.

    outputs: names of steps, each with the value that it has at the end; by default those that no later
    statement uses.  The others are as in ``gradient``, and so are the errors raised.

    ``report.jacobian[output][input]`` is ∂output/∂input, a double.

    >>> jacobian("u = x*y; v = x + y", x=2, y=3).jacobian
    {'u': {'x': 3.0, 'y': 2.0}, 'v': {'x': 1.0, 'y': 1.0}}
    """
    given = given_values("inputs", inputs or {}) | given_values("inputs", more_inputs)
    chosen = None if outputs is None else name_list("outputs", outputs)
    with collector_paused():
        source = read_source(program, given, notation)
        point = choose_point(source, given)
        names = None if wrt is None else name_list("wrt", wrt)
        return jacobian_of_source(source, point, outputs=chosen, wrt=names, check=check)


def jacobian_of_source(
    source: Source,
    point: dict[str, float],
    *,
    outputs: Sequence[str] | None = None,
    wrt: Iterable[str] | None = None,
    check: bool = True,
) -> JacobianReport:
    """Return the Jacobian of a program at a point; see ``jacobian``."""
    names = list(source.inputs) if wrt is None else check_names(source, wrt)
    places = _steps(source)
    chosen = _last_ones(source, places) if outputs is None else _find(source, places, outputs)
    reports = {
        name: differentiate_source(
            source._replace(statements=source.statements[: places[name] + 1]), point, wrt=names, check=check
        )
        for name in chosen
    }
    warnings: dict[tuple[str, str], Diagnostic] = {}
    for report in reports.values():
        for warning in report.warnings:
            if warning.kind != "unused":  # what one output does not use is another one, or used by it
                warnings.setdefault((warning.kind, warning.message), warning)
    statuses = {report.check.status for report in reports.values()}
    return JacobianReport(
        program=source.text,
        inputs=point,
        names=tuple(names),
        values={name: report.value for name, report in reports.items()},
        jacobian={name: dict(report.gradients) for name, report in reports.items()},
        checks={name: report.check for name, report in reports.items()},
        status=next(x for x in (Outcome.FAIL, Outcome.SKIPPED, Outcome.PASS) if x in statuses),
        warnings=tuple(warnings.values()),
        read_as=source.read_as,
    )


def _steps(source: Source) -> dict[str, int]:
    """Return the place of the last statement that gives each named step its value, in order."""
    found: dict[str, int] = {}
    for place, statement in enumerate(source.statements):
        name = statement.name
        if name is not None and source.defaults.get(name) is not statement:
            found.pop(name, None)
            found[name] = place
    return found


def _last_ones(source: Source, places: Mapping[str, int]) -> list[str]:
    """Return the steps that no later statement uses. Raises InputError where there are none."""
    found = [
        name
        for name, place in places.items()
        if not any(name in statement.code[::4] for statement in source.statements[place + 1 :])
    ]
    if source.statements[-1].name is None or not found:
        raise InputError(
            "the last statement has no name, so the outputs are to be named",
            source.text,
            source.statements[-1].start,
            source.statements[-1].end,
            'name each output: "u = x*y; v = x + y"'
            + (f", or --outputs {','.join(places)}" if places else ""),
        )
    return found


def _find(source: Source, places: Mapping[str, int], outputs: Sequence[str]) -> list[str]:
    """Return the names, each of which must be a step. Raises InputError."""
    chosen = list(dict.fromkeys(canonical_name(normalise(name)) for name in outputs))
    if not chosen:
        raise InputError("there is no output", hint="--outputs u,v")
    for name in chosen:
        if name in places:
            continue
        if name in source.inputs:
            raise InputError(f"{name} is an input, not a step of the program")
        known = f"the steps are {listing(list(places))}" if places else "no step of the program has a name"
        raise InputError(f"{name} is no step of the program", hint=did_you_mean(name, places) or known)
    return chosen
