"""Random programs over every operation: the three routes agree, whatever the point."""

from __future__ import annotations

import random

import pytest

from backprop_cli import BackpropError, gradient
from backprop_cli.operations.table import TABLE

FUNCTIONS = [op for op in TABLE if not op.infix and op.name != "where" and not op.special]
NUMBERS = ["0", "1", "2", "0.5", "3.7", "1e-3", "pi", "10"]
VALUES = [0.0, 1.0, -1.0, 2.0, 0.5, 1e-8, 1e8]


def random_program(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice("abcd" * 4) if rng.random() < 0.8 else rng.choice(NUMBERS)

    def part() -> str:
        return random_program(rng, depth - 1)

    kind = rng.random()
    if kind < 0.5:
        return f"({part()} {rng.choice('+-*/^+*')} {part()})"
    if kind < 0.54:
        return f"-{part()}"
    if kind < 0.58:
        return f"({part()})^{rng.choice(['2', '3', '0.5', '-1', '1', '0', '1.5'])}"
    if kind < 0.65:
        return f"where({part()} {rng.choice(['<', '<=', '>', '>='])} {part()}, {part()}, {part()})"
    op = rng.choice(FUNCTIONS)
    return f"{op.name}({', '.join(part() for _ in range(op.arity + (op.variadic and rng.random() < 0.3)))})"


@pytest.mark.parametrize("seed", range(8))
def test_a_right_table_is_never_called_wrong(seed: int) -> None:
    rng = random.Random(seed)
    passed = 0
    for _ in range(60):
        program = "; ".join([*(f"{name} = 1" for name in "abcd"), random_program(rng, rng.randint(1, 4))])
        point = {name: rng.choice([*VALUES, *(rng.uniform(-3, 3) for _ in VALUES)]) for name in "abcd"}
        try:
            check = gradient(program, point).check
        except BackpropError as error:
            assert error.kind == "domain", (program, point)  # noqa: PT017
            continue
        assert check.status != "fail", (program, point, check)
        passed += check.status == "pass"
    assert passed > 20
