"""Problems made from a seed: chains of steps over small whole numbers, at no kink unless that is asked for.

Only ``Random.random`` is drawn from, whose numbers Python promises to keep the same in every version.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import UsageError
from backprop_cli.language.source import choose_point, read_source
from backprop_cli.quiz.problem import Problem
from backprop_cli.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    from backprop_cli.report import Report

    _T = TypeVar("_T")

# Operations that make whole numbers of whole numbers, with whole slopes.
FORMS = {
    "+": "{} + {}",
    "-": "{} - {}",
    "*": "{}*{}",
    "^": "{}^2",
    "neg": "-{}",
    "relu": "relu({})",
    "abs": "abs({})",
    "max": "max({}, {})",
    "min": "min({}, {})",
}
MOST_STEPS, MOST_PROBLEMS = 8, 1000
_KINKED = ("relu", "abs", "max", "min")
_INPUTS, _STEPS, _OUTPUT = "abcdfghkm", "pqrstuv", "L"
_LARGEST_INPUT, _LARGEST = 5, 100
_NEW_INPUT = 0.65
_MOST_TRIES = 400


class Recipe(Record):
    """What problems are made of. operations: keys of FORMS.  kinks: whether each is to be at a kink."""

    operations: tuple[str, ...]
    steps: int
    seed: int
    kinks: bool = False


def make_problems(recipe: Recipe, count: int) -> Iterator[Problem]:
    """Yield problems that differ, as far as there are so many. Raises UsageError where none is found."""
    seen: set[str] = set()
    for number in range(1, count + 1):
        draws = _Draws(f"{recipe.seed}/{number}")
        report, text = _find(recipe, draws, seen)
        seen.add(text)
        yield Problem(number, report)


def _find(recipe: Recipe, draws: _Draws, seen: set[str]) -> tuple[Report, str]:
    """Return a computed program that is fit for a sheet, one not seen if there is any, and its text."""
    found = None
    for _ in range(_MOST_TRIES):
        program, point = _draw(recipe, draws)
        text = f"{program} {point}"
        if found is not None and text in seen:
            continue
        source = read_source(program)
        report = differentiate_source(source, choose_point(source, point), check=False)
        if not _is_fit(report, kinks=recipe.kinks):
            continue
        found = report, text
        if text not in seen:
            break
    if found is None:
        raise UsageError(
            "no such problem is found that has small numbers and a gradient beside 0",
            hint="fewer --steps, more of them with --kinks, or + among --ops",
        )
    return found


def _is_fit(report: Report, *, kinks: bool) -> bool:
    """Tell whether a problem is solvable by hand, rule by rule, and not all of its gradients vanish."""
    nodes = report.nodes
    numbers = [abs(x) for node in nodes for x in (node.value, node.gradient)]
    return (
        max(numbers) <= _LARGEST
        and any(report.gradients.values())
        and any(node.kink is not None for node in nodes) == kinks
        and all(node.swept is None for node in nodes)
    )


def _draw(recipe: Recipe, draws: _Draws) -> tuple[str, dict[str, float]]:
    """Return a program, each step of which uses the one before it, and its point."""
    inputs = list(_INPUTS)
    used: list[str] = []
    made: list[str] = []
    statements = []
    last = _take(inputs, used)
    for place, operation in enumerate(_operations(recipe, draws), 1):
        name = _OUTPUT if place == recipe.steps else _STEPS[place - 1]
        operands = [last]
        if FORMS[operation].count("{}") > 1:
            earlier = [x for x in (*used, *made) if x != last]
            is_new = not earlier or (inputs and draws.number() < _NEW_INPUT)
            operands.append(_take(inputs, used) if is_new else draws.one(earlier))
            if draws.number() < 0.5:
                operands.reverse()
        statements.append(f"{name} = {FORMS[operation].format(*operands)}")
        made.append(name)
        last = name
    sizes: list[int] = []
    return "; ".join(statements), {name: draws.small(sizes, zero=recipe.kinks) for name in used}


def _take(inputs: list[str], used: list[str]) -> str:
    used.append(inputs.pop(0))
    return used[-1]


def _operations(recipe: Recipe, draws: _Draws) -> list[str]:
    """Return the operations of the steps: each once before any comes again."""
    drawn: list[str] = []
    while len(drawn) < recipe.steps:
        rest = list(recipe.operations)
        while rest:
            drawn.append(rest.pop(draws.below(len(rest))))
    return drawn[: recipe.steps]


class _Draws:
    """Random numbers of a seed."""

    def __init__(self, seed: str) -> None:
        self.number = Random(seed).random

    def below(self, end: int) -> int:
        return int(self.number() * end)

    def one(self, among: Sequence[_T]) -> _T:
        return among[self.below(len(among))]

    def small(self, sizes: list[int], *, zero: bool) -> float:
        """Return a small whole number.

        sizes: those that are left to draw, so that numbers differ while they can.
        zero: whether it may be 0 and come again, as it must at a kink.
        """
        if zero or not sizes:
            sizes[:] = range(not zero, _LARGEST_INPUT + 1)
        size = float(sizes.pop(self.below(len(sizes))))
        return -size if size and self.number() < 0.5 else size


def read_operations(text: str) -> tuple[str, ...]:
    """Return the operations of a list such as "+ * relu". Raises UsageError."""
    names = text.replace(",", " ").replace("**", "^").replace("×", "*").replace("−", "-").split()
    known = " ".join(FORMS)
    for name in names:
        if name not in FORMS:
            raise UsageError(
                f"{name!r} can't be in --ops: exercises keep to whole numbers", hint=f"some of {known}"
            )
    if not names:
        raise UsageError("--ops names no operation", hint=f"some of {known}")
    return tuple(dict.fromkeys(names))


def require_kinks(operations: tuple[str, ...]) -> None:
    """Raise UsageError where no operation has a kink."""
    if not set(operations) & set(_KINKED):
        raise UsageError("none of --ops has a kink", hint=f"--kinks needs one of {' '.join(_KINKED)}")
