"""Conditions of several comparisons, taken apart into ``where`` of one comparison each.

``where(p and q, a, b)`` is ``where(p, where(q, a, b), b)``; ``x < y < z`` is two comparisons, and so is
``x == y``, which is ``x <= y and x >= y``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign.builder import Item, Piece, called, grouped
from backprop_cli.language.tokens import OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORDERINGS = frozenset(("<", "<=", ">", ">="))
COMPARISONS = ORDERINGS | {"==", "!="}
_BINDING = {"or": 1, "and": 2, "not": 3}
_YES, _NO = -1, -2
_LARGEST = 10_000
"""How many tokens a choice may have: what follows several comparisons is repeated."""


class _Part(NamedTuple):
    """A part of a condition. first: its first test.  holds, fails: (test, outcome) that decide it so.

    The code of conditions by jumps: Aho, Lam, Sethi & Ullman, Compilers, 2nd ed., section 6.7.
    """

    first: int
    holds: tuple[tuple[int, bool], ...]
    fails: tuple[tuple[int, bool], ...]

    @property
    def negated(self) -> _Part:
        return _Part(self.first, self.fails, self.holds)


def decided(text: str, condition: Item, yes: Item, no: Item, first: int, last: int) -> Piece:
    """Return the choice that a condition makes. Raises ParseError."""
    tests = _Tests(text, first, last)
    for item in _opened(condition):
        tests.take(item)
    whole = tests.complete()
    tests.lead(whole.holds, _YES)
    tests.lead(whole.fails, _NO)
    behind: dict[int, Item] = {_YES: yes, _NO: no}
    for place in reversed(range(len(tests.tests))):
        taken, other = (behind[tests.ways[place][outcome]] for outcome in (True, False))
        behind[place] = choice = called("where", [tests.tests[place], taken, other], first, last)
        if len(tests.tests) > 1 and choice.size > _LARGEST:
            message = "these conditions repeat too much of the program"
            raise ParseError(message, text, first, last, "name its parts: y = …")
    return choice


def joined_conditions(joint: str, conditions: Sequence[Item]) -> Piece:
    """Return conditions in parentheses with ``and`` or ``or`` between them, or one with ``not`` before it."""
    items: list[Item] = []
    for condition in conditions:
        sign = Token(OPERATOR, joint, condition.first, condition.first)
        items += [sign, grouped(condition)] if items or joint == "not" else [grouped(condition)]
    return grouped(Piece(items, conditions[0].first, conditions[-1].last))


class _Tests:
    """The comparisons of a condition, and where each of them leads.

    ways: by outcome, the test that comes next, or what is decided.  run: the items of a comparison so far.
    parts, waiting: those that are complete, and the joints and parentheses between and before them.
    """

    def __init__(self, text: str, first: int, last: int) -> None:
        self.text = text
        self.span = first, last
        self.tests: list[Piece] = []
        self.ways: list[dict[bool, int]] = []
        self.run: list[Item] = []
        self.parts: list[_Part] = []
        self.waiting: list[str] = []
        self.is_closed = False  # whether a parenthesis was closed last

    def take(self, item: Item) -> None:
        """Take the next item: a joint, a parenthesis around conditions, or a piece of a comparison."""
        joint = _sign(item)
        if item is _OPENING or joint == "not":
            if self.run or self.is_closed:
                raise ParseError("'and' or 'or' is missing here", self.text, item.first, item.last)
            self.waiting.append(joint)
        elif item is _CLOSING:
            self.end_run()
            self.join(1)
            self.waiting.pop()
            self.is_closed = True
        elif joint in _BINDING:
            self.end_run()
            self.join(_BINDING[joint])
            self.waiting.append(joint)
        else:
            self.run.append(item)

    def complete(self) -> _Part:
        """Return the whole condition."""
        self.end_run()
        self.join(1)
        return self.parts.pop()

    def join(self, binding: int) -> None:
        """Join the parts whose joint binds no looser than this."""
        while self.waiting and self.waiting[-1] != "(" and _BINDING[self.waiting[-1]] >= binding:
            joint = self.waiting.pop()
            right = self.parts.pop()
            self.parts.append(right.negated if joint == "not" else self.both(joint, self.parts.pop(), right))

    def both(self, joint: str, left: _Part, right: _Part) -> _Part:
        """Return two parts with ``and`` or ``or`` between them: the first may leave it to the second."""
        if joint == "and":
            self.lead(left.holds, right.first)
            return _Part(left.first, right.holds, left.fails + right.fails)
        self.lead(left.fails, right.first)
        return _Part(left.first, left.holds + right.holds, right.fails)

    def lead(self, outcomes: Sequence[tuple[int, bool]], to: int) -> None:
        """Say what comes after these outcomes of tests."""
        for test, outcome in outcomes:
            self.ways[test][outcome] = to

    def end_run(self) -> None:
        """Turn the items since the last joint into a part: as many tests as they have comparisons."""
        if not self.run:
            if not self.is_closed:
                raise ParseError("a condition is expected here", self.text, *self.span)
            self.is_closed = False
            return
        places = [i for i, item in enumerate(self.run) if _sign(item) in COMPARISONS]
        if not places:
            self.parts.append(self.test(self.run))
        ends = [-1, *places, len(self.run)]
        for place, before, behind in zip(places, ends[:-2], ends[2:], strict=True):
            left, right = self.run[before + 1 : place], self.run[place + 1 : behind]
            part = self.comparison(left, self.run[place], right)
            self.parts.append(part if before < 0 else self.both("and", self.parts.pop(), part))
        self.run = []

    def comparison(self, left: list[Item], sign: Item, right: list[Item]) -> _Part:
        """Return the part that a comparison is."""
        word = _sign(sign)
        if word in ORDERINGS:
            return self.test([*left, sign, *right])
        signs = (Token(OPERATOR, order, sign.first, sign.last) for order in ("<=", ">="))
        at_most, at_least = (self.test([*left, order, *right]) for order in signs)
        equal = self.both("and", at_most, at_least)
        return equal if word == "==" else equal.negated

    def test(self, items: Sequence[Item]) -> _Part:
        """Return the part that is one test."""
        place = len(self.tests)
        self.tests.append(Piece(items, items[0].first, items[-1].last))
        self.ways.append({})
        return _Part(place, ((place, True),), ((place, False),))


def _sign(item: Item) -> str:
    return item.word if isinstance(item, Token) and item.lastindex == OPERATOR else ""


_OPENING, _CLOSING = Token(OPERATOR, "(", 0, 0), Token(OPERATOR, ")", 0, 0)
"""What stands around conditions in parentheses."""


def _opened(condition: Item) -> Iterator[Item]:
    """Return the items of a condition; conditions in parentheses within it, between those two."""
    waiting = [(_bare(condition), 0)]
    while waiting:
        items, place = waiting.pop()
        if place == len(items):
            if waiting:
                yield _CLOSING
            continue
        waiting.append((items, place + 1))
        item = items[place]
        inner = _bare(item) if isinstance(item, Piece) and _stands_alone(items, place) else []
        if any(_sign(part) in _BINDING or _sign(part) in COMPARISONS for part in inner):
            yield _OPENING
            waiting.append((inner, 0))
        else:
            yield item


def _stands_alone(items: Sequence[Item], place: int) -> bool:
    """Tell whether nothing but joints stands around an item, so that it is a condition of its own."""
    neighbours = (*items[max(place - 1, 0) : place], *items[place + 1 : place + 2])
    return all(_sign(item) in _BINDING for item in neighbours)


def _bare(item: Item) -> list[Item]:
    """Return the items within the parentheses that hold all of one."""
    items = [item]
    while len(items) == 1 and isinstance(items[0], Piece):
        items = list(items[0].items)
        if len(items) == 3 and [_sign(items[0]), _sign(items[-1])] == ["(", ")"]:
            items = items[1:-1]
    return items
