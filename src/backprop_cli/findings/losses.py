"""Where a double lost its digits, and how: an error followed back to the step that made it large.

Both sweeps have every number: values, partials and gradients, as doubles and in many digits. The error of a
number is what its own operation makes of the doubles it reads, and what each of them carries in; the larger
one is followed. The step on this way at which most digits go is the one to tell of.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.operations.bounded import log2_size
from backprop_cli.report import ALL_DIGITS, Loss, LossKind, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.graph.sweep import Sweep

_SUMS = frozenset({"add", "sub"})
# Of a term that keeps 12 digits or more beside a larger one nothing is lost that is warned of.
_ROUNDED_OFF = 1e-12


class Quantity(NamedTuple):
    """A number that both sweeps have. argnum: the operand of a slope."""

    place: Place
    node: int
    argnum: int = 0


class _Step(NamedTuple):
    """A step of the way back. source: what carries most of the error in, None where it is made here.

    lost: how many digits fewer are right than those of the source.
    """

    quantity: Quantity
    source: Quantity | None
    lost: float


def _ratio(a: Any, b: Any) -> float:
    """Return a/b for numbers that are not negative; infinity where it is beyond the doubles."""
    if not b:
        return math.inf
    exponent = log2_size(a) - log2_size(b)
    return 2.0**exponent if exponent < sys.float_info.max_exp else math.inf


class BothSweeps:
    """A sweep in doubles and the same in Bounded numbers of many digits, number by number."""

    def __init__(self, sweep: Sweep, exact: Sweep) -> None:
        self.sweep, self.exact = sweep, exact
        self.m = exact.primal[0].m.base
        # Gradients by many inputs come back by the same way.
        self._sources: dict[Quantity, Quantity | None] = {}
        self._digits: dict[Quantity, float] = {}

    def find_loss(self, quantity: Quantity) -> Loss | None:
        """Return where most digits of a double were lost.

        None where no step lost as much as one, and where doubles have no number: no digits were lost there.
        """
        steps = list(self.steps(quantity))
        place = max(range(len(steps)), key=lambda place: steps[place].lost)
        worst = steps[place]
        if worst.lost < 1 or not math.isfinite(self.double(worst.quantity)):
            return None
        is_most = 2 * worst.lost >= ALL_DIGITS - self.digits(quantity)
        if worst.source is None:
            loss = self._made_here(worst.quantity)
        elif steps[place + 1].source is None and self._is_absorbed(worst.quantity, worst.source):
            loss = self._absorbed(worst.source)
        else:
            loss = self._carried(worst.quantity, worst.source)
        return replace(loss, is_most=is_most)

    def _made_here(self, quantity: Quantity) -> Loss:
        number, operand = self.double(quantity), self.operand(quantity)
        if quantity.place == Place.GRADIENT and abs(number) >= sys.float_info.min:
            return self._cancelled(quantity)  # of contributions that are exact, the sums are rounded
        kind = LossKind.UNDERFLOW if abs(number) < sys.float_info.min else LossKind.INNER
        return Loss(quantity.node, quantity.place, kind, operand, number=number)

    def _is_absorbed(self, quantity: Quantity, source: Quantity) -> bool:
        """Tell whether what is left of a sum is its small term, which the sum had rounded."""
        if not (self.is_sum(quantity) and self.is_sum(source)):
            return False
        small = abs(self.true(self._terms(source)[0]))
        is_left = small / 10 <= abs(self.true(quantity)) <= 10 * small
        return is_left and bool(self.error(source) > _ROUNDED_OFF * small)

    def _absorbed(self, source: Quantity) -> Loss:
        small, large = self._terms(source)
        factor = _ratio(abs(self.true(large)), abs(self.true(small)))
        return Loss(source.node, source.place, LossKind.ABSORPTION, source=small.node, factor=factor)

    def _terms(self, quantity: Quantity) -> list[Quantity]:
        """Return the terms of a sum or difference, the smaller one first."""
        operands = self.sweep.graph.operands[quantity.node]
        return sorted((Quantity(Place.VALUE, x) for x in operands), key=lambda x: abs(self.true(x)))

    def _cancelled(self, quantity: Quantity) -> Loss:
        factor = _ratio(self.largest_term(quantity), abs(self.true(quantity)))
        return Loss(quantity.node, quantity.place, LossKind.CANCELLATION, factor=factor)

    def _carried(self, quantity: Quantity, source: Quantity) -> Loss:
        """Return the loss where an error is larger beside the result than beside what it came from."""
        place, node, _ = quantity
        if place == Place.GRADIENT or self.is_sum(quantity):
            return self._cancelled(quantity)
        op = self.sweep.graph.ops[node]
        kind = LossKind.DECISION if op is not None and op.condition else LossKind.AMPLIFICATION
        factor = _ratio(self.relative_error(quantity), self.relative_error(source))
        return Loss(node, place, kind, self.operand(quantity), source.node, factor=factor)

    @cached_property
    def uses(self) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Return (user, argnum) for every use of a node that a gradient comes back through."""
        found: dict[int, list[tuple[int, int]]] = {}
        for user, operands in enumerate(self.sweep.graph.operands):
            slopes = self.sweep.partials[user] or self.exact.partials[user] or ()
            for argnum, (operand, slope) in enumerate(zip(operands, slopes, strict=False)):
                if slope is not None:
                    found.setdefault(operand, []).append((user, argnum))
        return found

    # ---- numbers ----

    def double(self, quantity: Quantity) -> float:
        """Return the double, 0 where no gradient comes through."""
        number = _read(self.sweep, quantity)
        return 0.0 if number is None else float(number)

    def true(self, quantity: Quantity) -> Any:
        """Return the number in many digits."""
        number = _read(self.exact, quantity)
        return self.m.zero if number is None else number.value

    def error(self, quantity: Quantity) -> Any:
        """Return how far the double is off."""
        return abs(self.m.number(self.double(quantity)) - self.true(quantity))

    def relative_error(self, quantity: Quantity) -> float:
        """Return how far the double is off, beside the number; infinity where that is 0."""
        return _ratio(self.error(quantity), abs(self.true(quantity)))

    def digits(self, quantity: Quantity) -> float:
        """Return how many digits of the double are right, between 0 and 16."""
        if quantity not in self._digits:
            self._digits[quantity] = self._count_digits(quantity)
        return self._digits[quantity]

    def _count_digits(self, quantity: Quantity) -> float:
        number, true = self.double(quantity), self.true(quantity)
        if number == true:
            return float(ALL_DIGITS)
        if not (true and math.isfinite(number)):
            return 0.0
        lost = log2_size(number - true) - log2_size(true)
        return min(float(ALL_DIGITS), max(0.0, -lost * math.log10(2)))

    # ---- what a number is made of ----

    def is_sum(self, quantity: Quantity) -> bool:
        """Tell whether it is the value of a sum or difference."""
        op = self.sweep.graph.ops[quantity.node]
        return quantity.place == Place.VALUE and op is not None and op.name in _SUMS

    def operand(self, quantity: Quantity) -> int | None:
        """Return the operand that a slope is by."""
        is_slope = quantity.place == Place.SLOPE
        return self.sweep.graph.operands[quantity.node][quantity.argnum] if is_slope else None

    def largest_term(self, quantity: Quantity) -> Any:
        """Return the size of the largest term of a sum, or contribution to a gradient."""
        if quantity.place == Place.GRADIENT:
            terms = [self.true(bar) * self.true(slope) for bar, slope in self.contributions(quantity.node)]
        else:
            terms = [self.true(source) for source in self.sources(quantity)]
        return max(map(abs, terms))

    def contributions(self, node: int) -> list[tuple[Quantity, Quantity]]:
        """Return the gradient of each user of a node, and its slope."""
        if node == self.sweep.graph.output:
            return []  # what arrives there is given
        return [
            (Quantity(Place.GRADIENT, user), Quantity(Place.SLOPE, user, argnum))
            for user, argnum in self.uses.get(node, ())
        ]

    def sources(self, quantity: Quantity) -> list[Quantity]:
        """Return what a value or a slope is computed from, each once."""
        place, node, _ = quantity
        nodes = (
            self.sweep.graph.operands[node]
            if place == Place.VALUE
            else (node, *self.sweep.graph.operands[node])
        )
        return [Quantity(Place.VALUE, x) for x in dict.fromkeys(nodes)]

    def compute(self, quantity: Quantity, numbers: Mapping[int, Any]) -> Any:
        """Return a value or a slope of other operands, in many digits. numbers: node -> value."""
        place, node, argnum = quantity
        graph, m = self.sweep.graph, self.m
        op = graph.ops[node]
        xs = [numbers[x] for x in graph.operands[node]]
        if place == Place.VALUE:
            return m.value(op, xs)
        return m.partial(op, argnum, numbers[node], xs, graph.fixed(node))

    # ---- the way back ----

    def steps(self, quantity: Quantity) -> Iterator[_Step]:
        """Yield the steps from a number back to where most of its error was made."""
        following: Quantity | None = quantity
        while following is not None:
            quantity, following = following, self.source(following)
            before = ALL_DIGITS if following is None else self.digits(following)
            yield _Step(quantity, following, before - self.digits(quantity))

    def source(self, quantity: Quantity) -> Quantity | None:
        """Return what carries most of the error in; None where most is made here."""
        if quantity not in self._sources:
            self._sources[quantity] = self._find_source(quantity)
        return self._sources[quantity]

    def _find_source(self, quantity: Quantity) -> Quantity | None:
        is_gradient = quantity.place == Place.GRADIENT
        if not is_gradient and self.sweep.graph.ops[quantity.node] is None:
            return None
        own, carried = (self._of_gradient if is_gradient else self._of_operation)(quantity)
        if not carried:
            return None
        source = max(carried, key=carried.__getitem__)
        return source if carried[source] > own else None

    def _of_gradient(self, quantity: Quantity) -> tuple[Any, dict[Quantity, Any]]:
        number = self.m.number
        own, carried = number(self.double(quantity)), {}
        for bar, slope in self.contributions(quantity.node):
            own -= number(self.double(bar)) * number(self.double(slope))
            carried[bar] = self.error(bar) * abs(self.true(slope))
            carried[slope] = self.error(slope) * abs(self.true(bar))
        return abs(own), carried

    def _of_operation(self, quantity: Quantity) -> tuple[Any, dict[Quantity, Any]]:
        sources = self.sources(quantity)
        doubles = {x.node: self.m.number(self.double(x)) for x in sources}
        trues = {x.node: self.true(x) for x in sources}
        here = self._distance(quantity, doubles, self.m.number(self.double(quantity)))
        true = self.true(quantity)
        carried = {
            x: self._distance(quantity, {**trues, x.node: doubles[x.node]}, true)
            for x in sources
            if doubles[x.node] != trues[x.node]
        }
        return here, carried

    def _distance(self, quantity: Quantity, numbers: Mapping[int, Any], other: Any) -> Any:
        """Return how far a number is from what it would be of other operands; infinity where that is none."""
        try:
            distance = abs(self.compute(quantity, numbers) - other)
        except (ArithmeticError, ValueError):
            return self.m.inf
        return distance if distance == distance else self.m.inf


def _read(sweep: Sweep, quantity: Quantity) -> Any:
    """Return a number of a sweep; None where no gradient comes through."""
    place, node, argnum = quantity
    if place == Place.VALUE:
        return sweep.primal[node]
    if place == Place.GRADIENT:
        return sweep.adjoint[node]
    slopes = sweep.partials[node]
    return slopes[argnum] if slopes else None
