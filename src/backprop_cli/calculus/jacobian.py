"""``jacobian``: the derivatives of several outputs, every one cross-checked as by ``gradient``.

Reverse mode takes a sweep for each output, forward mode one for each input: they are by what takes fewer.
Where there is more to tell than numbers, at kinks and where digits are lost, an output is swept back all the
same.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.calculus.forward import forward_rows
from backprop_cli.calculus.report import JacobianReport
from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import InputError
from backprop_cli.findings.notices import shadowed_names
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.arguments import given_arrays, name_list
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.code import Statement, Temporary
from backprop_cli.language.reader import canonical_name, normalise
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.report import FEW_DIGITS, Outcome, skipped_check
from backprop_cli.system.collector import collector_paused
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.language.source import Source
    from backprop_cli.report import Check


def jacobian(
    program: str,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    outputs: Iterable[str] | None = None,
    wrt: Iterable[str] | None = None,
    check: bool = True,
    notation: str | None = None,
    **more_inputs: Any,
) -> JacobianReport:
    """Return the derivatives of several named steps of a program by its inputs.

    outputs: names of steps, each with the value that it has at the end, an array's for all its elements; by
    default those that no later statement uses.  The others are as in ``gradient``, and so are the errors
    raised.

    ``report.jacobian[output][input]`` is ∂output/∂input, a double.

    >>> jacobian("u = x*y; v = x + y", x=2, y=3).jacobian
    {'u': {'x': 3.0, 'y': 2.0}, 'v': {'x': 1.0, 'y': 1.0}}
    """
    given = given_arrays("inputs", inputs or {}) | given_arrays("inputs", more_inputs)
    chosen = None if outputs is None else name_list("outputs", outputs)
    with collector_paused():
        source = read_source(program, given, notation, array_output=True)
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
    rows: dict[str, _Row] = {}
    if 0 < len(names) < len(chosen):
        rows = _by_forward_sweeps(source, point, {name: places[name] for name in chosen}, names, check=check)
    forward = len(names) if rows else 0
    swept_back = tuple(name for name in chosen if name not in rows)
    for name in swept_back:
        part = _alone(source, places[name])
        report = differentiate_source(part, point, wrt=names, check=check)
        rows[name] = _Row(report.value, dict(report.gradients), report.check, report.warnings)
    warnings: dict[tuple[str, str], Diagnostic] = {}
    for name in chosen:
        for warning in rows[name].warnings:
            if warning.kind == "digits":
                warning = replace(warning, message=f"of {name}, {warning.message}")
            if warning.kind != "unused":  # what one output does not use is another one, or used by it
                warnings.setdefault((warning.kind, warning.message), warning)
    statuses = {row.check.status for row in rows.values()}
    return JacobianReport(
        program=source.text,
        inputs=point,
        names=tuple(names),
        values={name: rows[name].value for name in chosen},
        jacobian={name: rows[name].slopes for name in chosen},
        checks={name: rows[name].check for name in chosen},
        forward=forward,
        swept_back=swept_back,
        status=next(x for x in (Outcome.FAIL, Outcome.SKIPPED, Outcome.PASS) if x in statuses),
        warnings=tuple(warnings.values()),
        read_as=source.read_as,
    )


class _Row(NamedTuple):
    """An output, and what is known of it."""

    value: float
    slopes: dict[str, float]
    check: Check
    warnings: Sequence[Diagnostic]


def _by_forward_sweeps(
    source: Source, point: dict[str, float], places: Mapping[str, int], names: Sequence[str], *, check: bool
) -> dict[str, _Row]:
    """Return the outputs of which the numbers are all that is to be told. places: of their statements."""
    whole = _part(source, {*places.values()})
    graph = lower_source(whole)
    nodes = {name: node for node, name in graph.assignments}
    found = forward_rows(graph, point, [nodes[name] for name in places], names)
    warnings = (*source.warnings, *shadowed_names(Naming(graph)))
    rows: dict[str, _Row] = {}
    for name, place in places.items():
        if nodes[name] not in found:
            continue
        value, slopes = found[nodes[name]]
        checked = skipped_check(slopes, "not asked for")
        if check:
            checked = _cross_check(_alone(source, place), point, slopes)
            if not _is_all(checked):
                continue
        rows[name] = _Row(value, slopes, checked, warnings)
    return rows


def _cross_check(source: Source, point: dict[str, float], slopes: Mapping[str, float]) -> Check:
    # Only here is sympy needed, whose import is most of the time of a short run.
    from backprop_cli.check.cross_check import cross_check

    return cross_check(source, sweep_graph(lower_source(source), point, 1.0, FLOAT), slopes, {})


def _is_all(check: Check) -> bool:
    """Tell whether a check says all that is to be said: confirmed, and no digits are lost."""
    digits = [check.value_digits, *(found.digits for found in check.gradients.values())]
    confirmed = all(found.status == Outcome.PASS for found in check.gradients.values())
    return confirmed and all(count is not None and count >= FEW_DIGITS for count in digits)


def _part(source: Source, outputs: Collection[int]) -> Source:
    """Return the statements that those at some places are made of, arrays as a whole."""
    statements = source.statements
    ends = {step.first + prod(step.shape) - 1: step for step in source.steps}
    kept: list[int] = []
    wanted: set[Any] = set()
    whole: set[int] = set(outputs)
    for place in range(max(ends.keys() | outputs), -1, -1):
        if place in ends:
            elements = range(ends[place].first, place + 1)
            if any(x in whole or statements[x].name in wanted for x in elements):
                whole.update(elements)
        name, code, *_ = statements[place]
        if place in whole or name in wanted:
            kept.append(place)
            wanted.discard(name)
            wanted.update(code[::4])
    now = {place: count for count, place in enumerate(reversed(kept))}
    arrays = tuple(step._replace(first=now[step.first]) for step in source.steps if step.first in now)
    return source._replace(statements=[statements[place] for place in now], steps=arrays)


def _alone(source: Source, place: int) -> Source:
    """Return the program of one output, which comes last: also where it is an element of an array."""
    part, (name, _, start, end) = _part(source, {place}), source.statements[place]
    if part.statements[-1] is source.statements[place]:
        return part
    return part._replace(statements=[*part.statements, Statement(None, (name, 0, start, end), start, end)])


def _steps(source: Source) -> dict[str, int]:
    """Return the place of the last statement that gives each named step its value, in order.

    An array has its elements here, those that it has last.
    """
    first = {step.first + i: step.first for step in source.steps for i in range(prod(step.shape))}
    found: dict[str, dict[str, int]] = {}
    begun: dict[str, int] = {}
    for place, statement in enumerate(source.statements):
        name = statement.name
        if name is None or type(name) is Temporary or source.defaults.get(name) is statement:
            continue
        whole, start = name.partition("[")[0], first.get(place, place)
        if begun.get(whole) != start:
            begun[whole] = start
            found.pop(whole, None)
        found.setdefault(whole, {})[name] = place
    return {name: place for places in found.values() for name, place in places.items()}


def _arrays(source: Source, places: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the names of the elements of each array that a step is."""
    found: dict[str, list[str]] = {}
    for step in source.steps:
        names = element_names(step.name, step.shape)
        if step.shape and places.get(names[0]) == step.first:
            found[step.name] = names
    return found


def _last_ones(source: Source, places: Mapping[str, int]) -> list[str]:
    """Return the steps that no later statement uses, arrays as a whole.

    Raises InputError where there are none.
    """
    statements = source.statements
    last_use = {what: place for place, statement in enumerate(statements) for what in statement.code[::4]}
    used = {name for name, place in places.items() if last_use.get(name, -1) > place}
    used.update(*(names for names in _arrays(source, places).values() if used.intersection(names)))
    found = [name for name in places if name not in used]
    if statements[-1].name is None or not found:
        raise InputError(
            "the last statement has no name, so the outputs are to be named"
            if statements[-1].name is None
            else "all that the program names is an input, so there is no output",
            source.text,
            statements[-1].start,
            statements[-1].end,
            'name each output: "u = x*y; v = x + y"'
            + (f", or --outputs {','.join(places)}" if places else ""),
        )
    return found


def _find(source: Source, places: Mapping[str, int], outputs: Sequence[str]) -> list[str]:
    """Return the names, each of which must be a step; an array's is all its elements. Raises InputError."""
    arrays = _arrays(source, places)
    given = (canonical_name(normalise(name)) for name in outputs)
    chosen = list(dict.fromkeys(one for name in given for one in arrays.get(name, [name])))
    if not chosen:
        raise InputError("there is no output", hint="--outputs u,v")
    for name in chosen:
        if name in places:
            continue
        if name in source.inputs or name in source.shapes:
            raise InputError(f"{name} is an input, not a step of the program")
        steps = [step for step in places if "[" not in step]
        known = [*steps, *arrays]
        told = f"the steps are {listing(known)}" if known else "no step of the program has a name"
        raise InputError(f"{name} is no step of the program", hint=did_you_mean(name, known) or told)
    return chosen
