"""``hessian``: text and a point in, second derivatives out, each with what is known of it.

Where there is time, the sweeps are made in reals with bounds, in as many digits as prove every double right;
sympy's second derivatives are compared in the same digits. Large programs are computed in doubles, and it is
said.
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.calculus.along import product_along
from backprop_cli.calculus.critical import critical_point, eigenvalues, with_proof
from backprop_cli.calculus.curvature import MOST_BOUNDED, curvature
from backprop_cli.calculus.exact import Exact
from backprop_cli.calculus.report import Entry, HessianReport
from backprop_cli.calculus.sides import sides_of_curvature
from backprop_cli.calculus.third import failed, third_order, triples
from backprop_cli.certain.compared import compare, has_digits, is_zero
from backprop_cli.certain.task import inputs_below, kinks_in
from backprop_cli.differentiate import compute_graph
from backprop_cli.errors import InputError, LimitError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.arguments import given_values, name_list
from backprop_cli.language.source import check_names, choose_point, read_source
from backprop_cli.operations.bounded import add_logs, bounded_reals, log2_size
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.report import ALL_DIGITS, BEYOND, FEW_DIGITS, TOO_SMALL, Outcome
from backprop_cli.system.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.calculus.third import Triple
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.operations.bounded import Bounded, BoundedReals
    from backprop_cli.operations.op import Number

_RIGHT = 17
# Nodes times digits.
_MOST_WORK = 200_000
_UNKNOWN = "it does not exist, or is not known"
_FEW, _MOST_KINKED = 12, 100_000

Pair = tuple[str, str]


def hessian(
    program: str,
    inputs: Mapping[str, float] | None = None,
    /,
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    along: Mapping[str, float] | None = None,
    order: int = 2,
    check: bool = True,
    notation: str | None = None,
    **more_inputs: float,
) -> HessianReport:
    """Return the second derivatives of a program at a point, and what kind of point it is.

    program, inputs, more_inputs, wrt, upstream, check, notation: as in ``gradient``.
    along: a direction, input -> number, 0 where it is left out: the report has the Hessian times it, and the
    second derivative along it. Of a program of more than 2,000 nodes only these are computed, not the matrix.
    order: 3 for the third derivatives, too, ``report.third``.

    ``report.entries[a][b].value`` is upstream · ∂²output/∂a∂b, a double; what is left out is 0. At a kink,
    and where the second derivative jumps, it is NaN, and the entry has both sides.

    Raises what ``gradient`` raises.

    >>> hessian("x^2*y", x=1, y=2).entries["x"]["y"].value
    2.0
    """
    given = given_values("inputs", inputs or {}) | given_values("inputs", more_inputs)
    direction = None if along is None else given_values("along", along)
    with collector_paused():
        source = read_source(program, given, notation)
        point = choose_point(source, given)
        names = None if wrt is None else name_list("wrt", wrt)
        return hessian_of_source(
            source, point, wrt=names, upstream=upstream, along=direction, order=order, check=check
        )


def hessian_of_source(
    source: Source,
    point: dict[str, float],
    *,
    wrt: Iterable[str] | None = None,
    upstream: float = 1.0,
    along: Mapping[str, float] | None = None,
    order: int = 2,
    check: bool = True,
    alone: bool = False,
    prove: bool = True,
) -> HessianReport:
    """Return the Hessian of a program at a point; see ``hessian``.

    alone: whether the point is judged as one of the inputs ``wrt`` alone, the others being fixed.
    prove: whether a critical point is to be proved, which takes some ms.
    """
    names = list(source.inputs) if wrt is None else check_names(source, wrt)
    if along is not None:
        _require_direction(source, along, names)
    if order not in (2, 3):
        raise InputError(f"the order is {order}", hint="2, or 3 for third derivatives, too")
    graph = lower_source(source)
    is_large = len(graph.ops) > MOST_BOUNDED
    # Value and gradient are checked too: else nothing would warn of those that lost their digits.
    draft = compute_graph(source, graph, point, names, upstream=upstream, check=check and not is_large).report
    has_matrix = along is None or not is_large
    found = (
        _second_order(source, graph, point, draft.upstream, names, check=check)
        if has_matrix
        else _Found({}, "doubles", None)
    )
    is_whole = not any(math.isnan(entry.value) for row in found.entries.values() for entry in row.values())
    report = HessianReport(
        program=source.text,
        inputs=point,
        output=draft.output,
        value=draft.value,
        upstream=draft.upstream,
        gradients=draft.gradients,
        names=tuple(names),
        entries=found.entries,
        status=_sum_up(found.entries, draft.check.status) if has_matrix else Outcome.SKIPPED,
        numbers=found.numbers,
        has_matrix=has_matrix,
        warnings=draft.warnings,
        read_as=source.read_as,
    )
    settings: dict[str, Any] = {}
    if not has_matrix:
        settings["no_eigenvalues"] = "the matrix was not formed"
    elif not is_whole:
        settings["no_eigenvalues"] = "not all second derivatives are known"
    elif found.exact is None:
        settings["no_eigenvalues"] = "the matrix is too large"
    else:
        values, reason = eigenvalues(found.exact, names)
        settings |= {"eigenvalues": values, "no_eigenvalues": reason}
        is_of_all = alone or set(names) == set(source.inputs)
        if values is not None and is_of_all and draft.upstream:
            critical = critical_point(found.exact, names)
            if critical is not None and prove:
                critical = with_proof(critical, found.exact, names)
            settings["critical"] = critical
    if order == 3:
        settings["third"] = _third_order(source, graph, point, draft.upstream, names, check=check)
        if any(entry.status == Outcome.FAIL for entry in settings["third"].values()):
            settings["status"] = Outcome.FAIL
    if along is not None:
        if found.exact is not None:
            product, bend = _product(found.exact, found.entries, names, along)
        else:
            product = _product_in_doubles(graph, point, draft.upstream, names, along)
            bend = _dot((number, along.get(name, 0.0)) for name, number in product.items())
        settings |= {"along": dict(along), "product": product, "bend": bend}
    return HessianReport(**(vars(report) | settings))


def second_derivatives(
    source: Source, graph: Graph, point: dict[str, float], names: list[str], upstream: float
) -> list[list[float]]:
    """Return the second derivatives alone: in doubles, and in more digits where these overflow on the way.

    NaN for what does not exist or is not known, as on a path to a kink.
    """
    found = _in_doubles(graph, point, upstream, names).entries
    lost = (entry for row in found.values() for entry in row.values() if not math.isfinite(entry.value))
    if len(graph.ops) <= MOST_BOUNDED and any(not entry.at_kink for entry in lost):
        found = _second_order(source, graph, point, upstream, names, check=False).entries
    return [[found[a][b].value if b in found.get(a, {}) else 0.0 for b in names] for a in names]


def _require_direction(source: Source, along: Mapping[str, float], names: list[str]) -> None:
    check_names(source, along)
    for name, step in along.items():
        if name not in source.inputs:  # an array
            element = check_names(source, [name])[0]
            raise InputError(f"{name} is an array: a direction moves its elements", hint=f"{element}=1")
        if name not in names:
            raise InputError(
                f"the direction moves {name}, by which the Hessian is not", hint=f"add {name} to --wrt"
            )
        if not math.isfinite(step):
            raise InputError(f"the direction has no finite {name}")
    if not any(along.values()):
        raise InputError("the direction is 0", hint="a direction has a step that is not 0: x=1,y=-2")


class _Found(NamedTuple):
    entries: dict[str, dict[str, Entry]]
    numbers: str
    exact: Exact | None


def _second_order(
    source: Source, graph: Graph, point: dict[str, float], upstream: float, names: list[str], *, check: bool
) -> _Found:
    if len(graph.ops) > MOST_BOUNDED:
        return _in_doubles(graph, point, upstream, names)
    formulas = None
    reason = "not asked for"
    doubles = sweep_graph(graph, point, upstream, FLOAT)
    breaks = dict.fromkeys(find_kinks(doubles), True)  # also where the value jumps and no slope passes
    for digits in LADDER:
        if digits != LADDER[0] and len(graph.ops) * digits > _MOST_WORK:
            break
        m = bounded_reals(digits)
        sweep = sweep_graph(graph, point, upstream, m)
        bent = curvature(sweep, m)
        exact = Exact(graph, m, sweep, bent.entries)
        first_kinks = breaks | kinks_in(sweep, m)
        kinks = {**first_kinks, **dict.fromkeys(bent.jumps, False)}
        below, first = inputs_below(sweep, kinks), inputs_below(sweep, first_kinks)
        pairs = _pairs(graph, bent.entries, names, below)
        smooth = [pair for pair in pairs if not below & {*pair}]
        if check and formulas is None:
            formulas, reason = _formulas(source, smooth)
        values = formulas.values(point, upstream, m) if formulas else {}
        if all(_is_settled(exact.entry(*pair), values.get(pair)) for pair in smooth):
            break
    entries: dict[str, dict[str, Entry]] = {}
    for count, (a, b) in enumerate(pairs):
        if below & {a, b}:
            entry = _at_kink(doubles, a, b, first, few=count < _FEW * _FEW)
        else:
            text = formulas.text((a, b)) if formulas and (a, b) in values else None
            entry = _judge(exact.entry(a, b), values.get((a, b)), text, reason, m)
        entries.setdefault(a, {})[b] = entry
        entries.setdefault(b, {})[a] = entry
    return _Found(entries, f"{m.base.digits} digits", exact)


def _third_order(
    source: Source, graph: Graph, point: dict[str, float], upstream: float, names: list[str], *, check: bool
) -> dict[Triple, Entry]:
    """Return the third derivatives. Raises LimitError for a program that is too large."""
    if len(graph.ops) > MOST_BOUNDED:
        raise LimitError(f"third derivatives are of programs of up to {MOST_BOUNDED:,} nodes")
    wanted = triples(names)
    kinks = dict.fromkeys(find_kinks(sweep_graph(graph, point, upstream, FLOAT)), True)
    reason = "not asked for"
    formulas = None
    for digits in LADDER:
        if digits != LADDER[0] and len(graph.ops) * digits * len(names) > _MOST_WORK:
            break
        m = bounded_reals(digits)
        sweep = sweep_graph(graph, point, upstream, m)
        below = inputs_below(sweep, kinks | kinks_in(sweep, m))
        found = third_order(graph, point, upstream, names, m)
        smooth = [] if found.jumps else [inputs for inputs in wanted if not below & {*inputs}]
        if check and formulas is None:
            formulas, reason = _formulas(source, smooth)
        values = formulas.values(point, upstream, m) if formulas else {}
        if all(_is_settled(found.numbers[inputs], values.get(inputs)) for inputs in smooth):
            break
    entries = {}
    for inputs in wanted:
        if inputs not in smooth:
            told = "at a kink" if below & {*inputs} else "a derivative on the way may jump here"
            entries[inputs] = Entry(math.nan, Outcome.SKIPPED, told, at_kink=True)
            continue
        text = formulas.text(inputs) if formulas and inputs in values else None
        entry = _judge(found.numbers[inputs], values.get(inputs), text, reason, m)
        entries[inputs] = entry if found.roads[inputs] else failed(entry)
    return entries


def _pairs(
    graph: Graph, entries: Mapping[int, Mapping[int, Number]], names: list[str], below: set[str]
) -> list[Pair]:
    """Return the pairs of the upper triangle that may be other than 0; those of few inputs all.

    Of an input on a path to a kink that is any pair. Raises LimitError where these are too many.
    """
    if len(names) <= _FEW:
        return [(a, b) for place, a in enumerate(names) for b in names[place:]]
    nodes = {graph.inputs[name]: name for name in names}
    places = {name: place for place, name in enumerate(names)}
    kinked = below & places.keys()
    if len(kinked) * len(names) > _MOST_KINKED:
        raise LimitError(f"{len(kinked):,} inputs are on a path to a kink", hint="--wrt takes some of them")
    found = {(nodes[i], nodes[j]) for i, row in entries.items() for j in row if i in nodes and j in nodes}
    found |= {(a, b) for a in kinked for b in names}
    ordered = {(a, b) if places[a] <= places[b] else (b, a) for a, b in found}
    return sorted(ordered, key=lambda pair: (places[pair[0]], places[pair[1]]))


def _in_doubles(graph: Graph, point: dict[str, float], upstream: float, names: list[str]) -> _Found:
    """Return the entries of a large program: no digits are counted, and nothing is compared."""
    sweep = sweep_graph(graph, point, upstream, FLOAT)
    bent = curvature(sweep, FLOAT)
    first_kinks = dict.fromkeys(find_kinks(sweep), True)
    kinks = {**first_kinks, **dict.fromkeys(bent.jumps, False)}
    below, first = inputs_below(sweep, kinks), inputs_below(sweep, first_kinks)
    reason = f"up to {MOST_BOUNDED:,} nodes are compared"
    entries: dict[str, dict[str, Entry]] = {}
    for a, b in _pairs(graph, bent.entries, names, below):
        if below & {a, b}:
            entry = _at_kink(sweep, a, b, first, few=False)
        else:
            value = bent.entries.get(graph.inputs[a], {}).get(graph.inputs[b], 0.0) + 0.0
            entry = Entry(value, Outcome.SKIPPED, reason if math.isfinite(value) else "not finite in doubles")
        entries.setdefault(a, {})[b] = entry
        entries.setdefault(b, {})[a] = entry
    return _Found(entries, "doubles", None)


def _formulas(source: Source, wanted: Sequence[tuple[str, ...]]) -> tuple[Any, str]:
    from backprop_cli.check.higher import higher_formulas

    found = higher_formulas(source, wanted)
    return found, "sympy's formula has no value here" if found else "sympy's formulas would be too large"


def _is_settled(x: Bounded, formula: Bounded | None) -> bool:
    if is_zero(x) or (x.is_noise and is_zero(formula)):
        return True
    return has_digits(x, _RIGHT) and has_digits(formula, _RIGHT)


def _judge(x: Bounded, formula: Bounded | None, text: str | None, reason: str, m: BoundedReals) -> Entry:
    """Return the entry of a number with its bound, compared with sympy's."""
    if not (x.value == x.value and abs(x.value) < m.base.inf):
        infinite = x.value == x.value
        value = m.base.to_float(x.value) if infinite else math.nan
        return Entry(value, Outcome.SKIPPED, "infinite" if infinite else _UNKNOWN)
    status, why = compare(x, formula, _RIGHT, reason)
    value = m.base.to_float(x.value) + 0.0
    if math.isinf(value):
        return Entry(
            value,
            status if status == Outcome.FAIL else Outcome.SKIPPED,
            why if status == Outcome.FAIL else BEYOND,
            text=m.certain_text(x),
            formula=text,
        )
    if x.is_noise and not x.is_exact:
        bound = max(x.error, add_logs(x.size, x.error))
        if math.isinf(bound):
            return Entry(math.nan, Outcome.SKIPPED, _UNKNOWN)
        if not is_zero(formula):
            return Entry(0.0, status, why, within=f"1e{math.ceil(bound / math.log2(10))}")
        return Entry(0.0, status, why, ALL_DIGITS, "0", formula=text)
    if abs(value) < sys.float_info.min and value != x.value:
        lost = add_logs(log2_size(value - x.value), x.error) - x.size
        digits = max(0, math.floor(-lost * math.log10(2)))
        return Entry(value, status, why or TOO_SMALL, digits, m.certain_text(x), formula=text)
    if has_digits(x, _RIGHT):
        digits = ALL_DIGITS
    else:
        digits = max(0, min(ALL_DIGITS, math.floor((x.size - x.error) / math.log2(10)) - 1))
    return Entry(value, status, why, digits, m.certain_text(x), formula=text)


def _at_kink(sweep: Sweep, a: str, b: str, below: set[str], *, few: bool) -> Entry:
    """Return the entry of inputs on a path to a kink: on the diagonal the second derivative on each side.

    below: the inputs on a path to what has no slope; the others to where only the second derivative jumps.
    """
    reason = "at a kink" if below & {a, b} else "the second derivative jumps"
    if a != b:
        return Entry(math.nan, Outcome.SKIPPED, reason, at_kink=True)
    left, right = sides_of_curvature(sweep, a) if few else (math.nan, math.nan)
    return Entry(math.nan, Outcome.SKIPPED, reason, at_kink=True, left=left, right=right)


def _sum_up(entries: Mapping[str, Mapping[str, Entry]], first: Outcome) -> Outcome:
    """Return the status of the whole. first: that of value and gradient."""
    found = {entry.status for row in entries.values() for entry in row.values()}
    if Outcome.FAIL in (first, *found):
        return Outcome.FAIL
    return Outcome.SKIPPED if Outcome.SKIPPED in found else Outcome.PASS


def _product(
    exact: Exact, entries: Mapping[str, Mapping[str, Entry]], names: list[str], along: Mapping[str, float]
) -> tuple[dict[str, float], float]:
    """Return the Hessian times a direction, and the second derivative along it; NaN where it is not known."""
    m, inputs = exact.m, exact.graph.inputs
    zero: Bounded = m.zero
    direction = {inputs[name]: m.number(along[name]) for name in names if along.get(name)}
    rows = product_along(exact.sweep, direction, m).rows
    unknown = {name for name, row in entries.items() if any(math.isnan(x.value) for x in row.values())}
    product = {
        name: math.nan if name in unknown else _double(rows.get(inputs[name], zero), m) for name in names
    }
    if unknown:
        return product, math.nan
    bend = sum((rows[node] * step for node, step in direction.items() if node in rows), zero)
    return product, _double(bend, m)


def _double(x: Bounded, m: BoundedReals) -> float:
    """Return the double nearest to a number, NaN where it is not known."""
    if x.is_noise:
        return 0.0
    return m.base.to_float(x.value) + 0.0 if is_zero(x) or has_digits(x, FEW_DIGITS) else math.nan


def _dot(pairs: Iterable[tuple[float, float]]) -> float:
    """Return the sum of products, which rounds once. What is beyond doubles counts nothing times 0."""
    terms = [0.0 if math.isinf(x) and not y else x * y for x, y in pairs]
    if not all(map(math.isfinite, terms)):
        return sum(terms)
    try:
        return math.fsum(terms)
    except OverflowError:
        exact = sum(map(Fraction, terms), Fraction())
        if abs(exact) <= Fraction(sys.float_info.max):
            return float(exact)
        return math.inf if exact > 0 else -math.inf


def _product_in_doubles(
    graph: Graph, point: dict[str, float], upstream: float, names: list[str], along: Mapping[str, float]
) -> dict[str, float]:
    """Return a Hessian that is not formed times a direction; NaN where an input is on a path to a kink."""
    sweep = sweep_graph(graph, point, upstream, FLOAT)
    direction = {graph.inputs[name]: along[name] for name in names if along.get(name)}
    found = product_along(sweep, direction, FLOAT)
    kinks = {**dict.fromkeys(find_kinks(sweep), True), **dict.fromkeys(found.jumps, False)}
    if inputs_below(sweep, kinks).intersection(names):
        return dict.fromkeys(names, math.nan)
    return {name: found.rows.get(graph.inputs[name], 0.0) + 0.0 for name in names}
