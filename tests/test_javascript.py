"""The operations in JavaScript, as text; what they compute is compared in ``test_page``."""

from __future__ import annotations

import pytest

from backprop_cli.batch.engines.namespace import FUNCTIONS
from backprop_cli.compile import javascript
from backprop_cli.compile.javascript import use_name, write_operations
from backprop_cli.compile.laws import Holds
from backprop_cli.compile.registers import INSTRUCTIONS
from backprop_cli.compile.target import Target, write_code
from backprop_cli.compile.tracer import Tracer
from backprop_cli.operations.table import OPS, TABLE

PLAIN = Target({**javascript._EXPRESSIONS, "exp": "exp({0})"}, javascript._number, "{name} = {expression}")


def test_every_instruction_can_be_written():
    assert set(INSTRUCTIONS) <= javascript._EXPRESSIONS.keys()
    assert set(INSTRUCTIONS) - {"ratio"} <= FUNCTIONS.keys()  # the laws make a quotient of it


def test_what_is_used_once_stands_where_it_is_used():
    m = Tracer(Holds.BITS)
    x, y = m.emit("column", "x"), m.emit("column", "y")
    once = -(x - y * 2.0) / m.exp(x + 1.0)
    assert write_code([once], PLAIN) == ([], ["(-(x - (y * 2))) / exp(x + 1)"])


def test_what_is_used_more_than_once_gets_a_name():
    m = Tracer(Holds.BITS)
    x = m.emit("column", "x")
    e = m.exp(x)
    lines, codes = write_code([e, e + 1.0, 0.5, x], PLAIN)
    assert [line.text for line in lines] == ["t1 = exp(x)"]
    assert codes == ["t1", "t1 + 1", "0.5", "x"]


def test_deep_expressions_are_broken_up():
    m = Tracer(Holds.BITS)
    y = m.emit("column", "x")
    for _ in range(1000):
        y = m.exp(y)
    lines, (result,) = write_code([y], PLAIN)
    assert max(text.count("(") for text in (*(line.text for line in lines), result)) < 50


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.0, "0"), (-0.0, "-0"), (0.1, "0.1"), (1e300, "1e+300"), (float("inf"), "Infinity"), (True, "true")],
)
def test_numbers(x, text):
    assert javascript._number(x) == text


def test_an_operation_is_written_once_per_pattern_of_constants():
    code = write_operations([(OPS["max"], (False, False, True)), (OPS["where"], (False, False, False))])
    assert use_name("max", (False, False, True)) == "max xxc"
    assert '"max xxc": {value: (x1, x2, x3) => max(max(x1, x2), x3), partials:' in code
    assert "reads: (x1, x2, x3) => [true, x1, !x1]}" in code
    assert code.count("undefined") == 1  # by the constant there is no partial
    assert "sigmoid" not in code


def test_the_whole_table_is_short():
    code = write_operations([(op, (False,) * op.arity) for op in TABLE if not op.special])
    assert len(code) < 15_000
