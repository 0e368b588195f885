"""Wrong derivatives of a single step: taken at the wrong place, forgotten, or another function's."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.binding import ATOM, Piece
from backprop_cli.language.code import fold
from backprop_cli.language.reader import read_value
from backprop_cli.notation.partials import formula_piece
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.expect.paths import Same
    from backprop_cli.graph.naming import Naming
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.language.code import Code
    from backprop_cli.operations.op import Op

_Place = tuple[int, int]
"""A step, and which of its operands."""
# One step of a longer program at a time would take too long.
_MOST_STEPS = 40


class _Wrong(NamedTuple):
    """A wrong derivative. formula: in the names of the row; None for the right one at the result."""

    op: Op
    which: str
    formula: Code | None
    number: float

    @property
    def kind(self) -> str:
        return f"derivative {self.op.name} {self.which}"


def mistaken_derivatives(
    sweep: Sweep, naming: Naming, node: int, got: float, expected: float, same: Same
) -> Iterator[tuple[str, str]]:
    """Yield (kind, sentence) where one wrong derivative, at one step or at all such, gives what is expected.

    got: the gradient of the node as it is.
    """
    every: dict[str, dict[_Place, _Wrong]] = {}
    steps = 0
    for user in _on_the_way(sweep, node):
        for argnum, slope in enumerate(sweep.partials[user] or ()):
            if slope is None:
                continue
            steps += 1
            for wrong in _wrongs(sweep, user, argnum):
                if math.isclose(wrong.number, slope) or not math.isfinite(wrong.number):
                    continue
                every.setdefault(wrong.kind, {})[user, argnum] = wrong
                if steps <= _MOST_STEPS:
                    found = _gradient_with({(user, argnum): wrong.number}, sweep, node)
                    if same(found, expected) and not math.isclose(found, got):
                        yield f"{wrong.kind} {user}", _told(naming, user, argnum, wrong)
    for kind, places in every.items():
        if len(places) > 1:
            found = _gradient_with({place: wrong.number for place, wrong in places.items()}, sweep, node)
            if same(found, expected) and not math.isclose(found, got):
                (user, argnum), wrong = next(iter(places.items()))
                yield kind, f"{_told(naming, user, argnum, wrong)}, and so at every such step"


def _on_the_way(sweep: Sweep, node: int) -> list[int]:
    """Return the steps on the paths from a node to the output."""
    reached = {node}
    found = []
    for user in range(node + 1, sweep.graph.end):
        if sweep.adjoint[user] is not None and not reached.isdisjoint(sweep.graph.operands[user]):
            reached.add(user)
            found.append(user)
    return found


def _gradient_with(wrong: Mapping[_Place, float], sweep: Sweep, node: int) -> float:
    """Return the gradient of a node where some local derivatives are others."""
    graph = sweep.graph
    bars = {graph.output: sweep.upstream}
    for user in range(graph.output, node, -1):
        bar = bars.pop(user, 0.0)
        if bar:
            for argnum, slope in enumerate(sweep.partials[user] or ()):
                if slope is not None:
                    x = graph.operands[user][argnum]
                    bars[x] = bars.get(x, 0.0) + bar * wrong.get((user, argnum), slope)
    return bars.get(node, 0.0)


def _wrongs(sweep: Sweep, user: int, argnum: int) -> Iterator[_Wrong]:
    """Yield what may be taken for a local derivative."""
    op, operands = sweep.graph.ops[user], sweep.operands(user)
    if op is None or len(operands) != op.arity or op.condition or op.takes_condition:
        return
    point = dict(zip(op.args, operands, strict=True))
    for which, formula in enumerate(_mistaken(op, argnum)):
        yield _Wrong(op, f"{argnum} {which}", formula, _number(formula, point))
    if op.arity == 1:
        yield _Wrong(op, "misplaced", None, _at(op, sweep.primal[user]))


def _told(naming: Naming, user: int, argnum: int, wrong: _Wrong) -> str:
    op = wrong.op
    terms = [_term(naming, x) for x in naming.graph.operands[user]]
    if wrong.formula is None:
        told = f"the derivative of {op.name} is taken at its result"
        return f"{told} {naming.id(user)}; it belongs at {terms[0].text}"
    call = op.write([term.text for term in terms])
    fixed = [naming.graph.constant[x] for x in naming.graph.operands[user]]
    whole = f"{call} with respect to {terms[argnum].text}" if fixed.count(False) > 1 else call
    text = formula_piece(wrong.formula, op, terms).text
    if text == call:
        return f"{whole} is taken for its own derivative"
    return f"{text} is taken for the derivative of {whole}"


@cache
def _mistaken(op: Op, argnum: int) -> tuple[Code, ...]:
    """Return formulas that are taken for a derivative, in the names of the row.

    The row has some; others are its own: with the operand where the result belongs, z*(1 - z) for the
    sigmoid, and the function itself.
    """
    of_row = op.mistaken[argnum] if op.mistaken else ()
    found = [read_value(text) for text in of_row]
    if op.arity == 1 and not op.infix:
        right = op.derivatives[argnum]
        call = op.write(op.args)
        found += [read_value(text) for text in (right.replace(call, op.args[0]), call) if text != right]
    return tuple(found)


def _term(naming: Naming, x: int) -> Piece:
    """Return an operand as a student knows it: by its name, or as it stands in the program."""
    op = naming.graph.ops[x]
    if op is None or naming.is_named(x) or naming.graph.constant[x]:
        return Piece(naming.operand(x), ATOM)
    source = naming.source(x)
    return Piece(f"({source})" if op.infix else source, ATOM)


def _at(op: Op, place: float) -> float:
    """Return the derivative at another place; NaN where it has none."""
    try:
        return float(FLOAT.partial(op, 0, FLOAT.value(op, [place]), [place], (False,)))
    except (ArithmeticError, ValueError):
        return math.nan


def _number(code: Code, point: Mapping[str, float]) -> float:
    """Return the value of a formula; NaN where it has none."""

    def apply(op: Op, xs: Sequence[float], _span: object) -> float:
        return float(FLOAT.value(op, xs))

    try:
        return fold(code, lambda what, _: _leaf(what, point), apply)
    except (ArithmeticError, ValueError):
        return math.nan


def _leaf(what: str | float, point: Mapping[str, float]) -> float:
    return what if not isinstance(what, str) else point[what] if what in point else CONSTANTS[what]
