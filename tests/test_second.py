"""``explain --order 2``: what is told of the second derivatives is true, line by line."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema
import pytest

from backprop_cli import gradient, hessian
from backprop_cli.errors import DomainError, InputError, LimitError, UsageError
from backprop_cli.render.pens import TextPen
from backprop_cli.render.second import second_lines
from backprop_cli.schemas import schema_text
from backprop_cli.tell.second import tell_second

PROGRAMS: list[tuple[str, dict[str, float]]] = [
    ("sin(x*y)", {"x": 1, "y": 2}),
    ("u = w*x; k = w^2; L = u*k", {"w": 2, "x": 5}),
    ("x*x", {"x": 3}),
    ("x^3 + x^2*y", {"x": 2, "y": -1}),
    ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1}),
    ("atan2(y, x)*hypot(x, y)", {"x": 1, "y": 2}),
    ("relu(x)^2*y + where(x > 0, x^2, 0)", {"x": 2, "y": 3}),
    ("max(x, y)^2*x", {"x": 2, "y": 3}),
    ("x^y", {"x": 2, "y": 3}),
    ("h = tanh(W @ [x, y]); sum(h^2)", {"W": [[1, -2], [0.5, 0.25]], "x": 0.5, "y": 0.1}),
    ("2*x + y", {"x": 1, "y": 1}),
]


@pytest.mark.parametrize(("program", "point"), PROGRAMS, ids=[text for text, _ in PROGRAMS])
def test_the_entries_are_those_of_the_hessian(program: str, point: Any) -> None:
    second = tell_second(gradient(program, point, wrt=["x", "y"] if "W" in point else None, check=False))
    if "W" in point:
        program, point = "tanh(x - 2*y)^2 + tanh(x/2 + y/4)^2", {"x": 0.5, "y": 0.1}
    wanted = hessian(program, point, check=False)
    for a in second.names:
        for b in second.names:
            entry = wanted.entries.get(a, {}).get(b)
            assert second.entry(a, b) == pytest.approx(0.0 if entry is None else entry.value, rel=1e-14)


def value_of(side: str) -> float:
    """Return what a side of numbers comes to."""
    text = side.replace("−", "-").replace("·", "*")
    return float(eval(text, {}, {}))


@pytest.mark.parametrize(("program", "point"), PROGRAMS[:-2], ids=[text for text, _ in PROGRAMS[:-2]])
def test_every_equation_holds(program: str, point: Any) -> None:
    """The side of numbers is the result, and each symbol the number in its place, as it was told before."""
    report = gradient(program, point, check=False)
    told = second_lines(tell_second(report), TextPen(report.output, 1.0, None))
    lines = [line.text for line in told if line.kind == "equation"]
    known = {f"∂{report.output}/∂{node.id}": node.gradient for node in report.nodes}
    for text in lines:
        left, *sides = text.split(" = ")
        numbers = [side for side in sides if "∂" not in side]
        assert value_of(numbers[0]) == pytest.approx(value_of(numbers[-1]), rel=1e-12, abs=1e-300)
        known.setdefault(left, value_of(numbers[-1]))
        assert known[left] == pytest.approx(value_of(numbers[-1]), rel=1e-12)
        for symbols in (side for side in sides if "∂" in side and len(numbers) > 1):
            for symbol, number in zip(
                re.split(r" · | \+ ", symbols), re.split(r" · | \+ ", numbers[0]), strict=True
            ):
                if symbol in known:
                    assert known[symbol] == pytest.approx(value_of(number), rel=1e-12), (text, symbol)


@pytest.mark.parametrize("seed", range(8))
def test_random_programs_have_the_hessian_told(seed: int) -> None:
    rng = random.Random(seed)
    program = "x"
    for _ in range(4):
        form = rng.choice(
            ("sin({0})*{1}", "({0} + {1})^2", "exp(-({0}))", "{1}/(1 + ({0})^2)", "({0})*({0})")
        )
        program = form.format(program, rng.choice("xyz"))
    point = {name: rng.uniform(0.2, 1.2) for name in "xyz" if name in program.replace("exp", "")}
    second = tell_second(gradient(program, point, check=False))
    wanted = hessian(program, point, check=False).entries
    for a in second.names:
        for b in second.names:
            assert second.entry(a, b) == pytest.approx(wanted[a][b].value, rel=1e-12)


def test_what_is_refused() -> None:
    with pytest.raises(DomainError, match=r"relu\(x\) is at a kink"):
        gradient("relu(x)^2", x=0).explain(order=2)
    with pytest.raises(DomainError, match="jumps here"):
        gradient("elu(x)", x=0).explain(order=2)
    with pytest.raises(DomainError, match="at a kink"):
        gradient("floor(sign(x)) + y", x=0, y=1).explain(order=2)
    with pytest.raises(LimitError, match="too many for --order 2"):
        gradient("+".join(f"x{i}^2" for i in range(8)), {f"x{i}": 1.0 for i in range(8)}).explain(order=2)
    with pytest.raises(UsageError, match="the output itself"):
        gradient("x^2", x=1, upstream=10).explain(order=2)
    with pytest.raises(InputError, match="the order is 3"):
        gradient("x^2", x=1).explain(order=3)


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "marp", "json"])
def test_every_form_tells_it(backprop: Any, form: str) -> None:
    found = backprop("explain", "sin(x*y)", "x=1", "y=2", "--order", "2", "--format", form)
    assert found.returncode == 0, found.stderr
    if form == "json":
        record = json.loads(found.stdout)
        jsonschema.validate(record, json.loads(schema_text("explain")))
        assert record["second"]["hessian"]["x"]["y"] == pytest.approx(-2.2347417)
    else:
        assert "The second derivatives" in found.stdout


def test_in_ascii_nothing_else_is_written(backprop: Any) -> None:
    found = backprop("explain", "sin(x*y)", "x=1", "y=2", "--order", "2", "--ascii")
    assert found.stdout.isascii()
    assert "d^2v2/dxdy = d^2v2/dydx = -2.23474" in found.stdout


@pytest.mark.parametrize(
    ("program", "x", "told"),
    [
        ("1/x", 1e-110, "is 2e330, beyond what doubles hold"),
        ("exp(-x^2)", 40, "too small for a double"),
        ("x/x", 3, "can't be told from 0 in 50 digits"),
    ],
)
def test_what_no_double_tells_is_refused(program: str, x: float, told: str) -> None:
    with pytest.raises(DomainError, match=told) as caught:
        gradient(program, x=x).explain(order=2)
    assert "hessian" in caught.value.hint
