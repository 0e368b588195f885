"""A local derivative and the whole derivative of a node never share a symbol where they differ."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli import gradient
from backprop_cli.errors import BackpropError
from backprop_cli.operations.table import OPS
from backprop_cli.text import held_mark, ordinal
from conftest import Run

SKIP = ("u = w*x; L = u + w", "w=2", "x=5")


@pytest.mark.parametrize(
    ("program", "marks"),
    [
        ("u = w*x; L = u + w", {"L": ["", "|u"]}),
        ("y = x*x", {"y": ["|1st", "|2nd"]}),
        ("u = x*2; y = where(u > x, u, x)", {"y": ["", "", "|u"]}),
        ("u = w*x; v = w + x; L = u*v", {}),  # a branch point, whose local derivatives are whole
        ("u = w*x; v = u + 1; L = v*w*x", {"v1": ["", "|v"], "L": ["", "|v1"]}),
        ("y = 2*x + 3", {}),
        ("y = max(x, x*2, x*3, x*4, x*5)", None),
    ],
)
def test_what_a_local_derivative_holds(program: str, marks: dict[str, list[str]] | None) -> None:
    names = dict.fromkeys(re.findall(r"\b[wx]\b", program), 1.5)
    nodes = gradient(program, names, check=False).nodes
    found = {node.id: [node.mark(i) for i in range(len(node.operands))] for node in nodes}
    found = {name: texts for name, texts in found.items() if any(texts)}
    if marks is None:
        marks = {"y": ["|1st", "", "", "", ""]}
    assert found == marks


def test_numbers_in_order() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"
    ]  # fmt: skip
    assert held_mark((), 0, ("x",)) == ""
    assert held_mark((("a", "b", "c", "d"), ()), 0, ("x", "y")) == "|1st"


LEAVES = st.sampled_from(["x", "y", "0.7", "a"])
TEXTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds("({}){}({})".format, inner, st.sampled_from("+*-"), inner)
        | st.builds("{}({})".format, st.sampled_from(["sin", "tanh", "exp"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_a_local_derivative_without_a_mark_is_the_whole_one(first: str, second: str) -> None:
    """Each node by each operand, as programs of their own: the operand is an input, all before it is cut."""
    names = {"x": 0.3, "y": -0.4}
    try:
        report = gradient(f"a = {first.replace('a', 'x')}; {second}", names, check=False)
    except BackpropError:
        return
    given_names = {name: x for name, x in names.items() if name in report.inputs}
    nodes = {node.id: node for node in gradient(report.program, given_names, check=False).nodes}
    order = list(nodes)
    for node in nodes.values():
        for argnum, operand in enumerate(node.operands):
            if not isinstance(operand, str) or node.partials[argnum] is None or OPS[node.op].condition:
                continue
            # The derivative of the node by the operand, over all paths between them.
            slopes = {operand: 1.0}
            for name in order[order.index(operand) + 1 : order.index(node.id) + 1]:
                of = nodes[name]
                slopes[name] = sum(
                    slopes.get(str(x), 0.0) * (p or 0.0)
                    for x, p in zip(of.operands, of.partials, strict=True)
                )
            whole, local = slopes[node.id], node.partials[argnum]
            assert node.mark(argnum) or whole == pytest.approx(local, rel=1e-12)


def test_every_form_has_the_mark(backprop: Run) -> None:
    assert "∂L/∂w|u = 1" in backprop("grad", *SKIP).stdout
    assert "∂L/∂w|u: u is held, though it depends on w" in backprop("grad", *SKIP).stdout
    assert "∂L/∂w|u = 1" in backprop("grad", *SKIP, "--exact").stdout
    assert r"\partial L/\partial w|_{u} = 1" in backprop("grad", *SKIP, "--format", "latex").stdout
    assert json.loads(backprop("grad", *SKIP, "--json").stdout)["nodes"][-1]["held"] == [[], ["u"]]
    paths = backprop("explain", *SKIP, "--paths", "w").stdout
    assert "∂L/∂w|u = 1" in paths
    assert "∂L/∂w = 5 + 1 = 6" in paths
    record = json.loads(backprop("explain", *SKIP, "--paths", "w", "--json").stdout)
    assert [path.get("held") for path in record["paths"]["paths"]] == [None, ["|u"]]
    story = backprop("explain", SKIP[0] + "; C = L*2", *SKIP[1:]).stdout
    assert "∂C/∂L · ∂L/∂w|u = 2 · 1 = 2" in story
    assert "in ∂L/∂w|u, u is held, though it depends on w" in story
    maths = backprop("explain", "y = x*x; z = 2*y", "x=3", "--format", "latex").stdout
    assert r"\left.\frac{\partial y}{\partial x}\right|_{\text{2nd}}" in maths
    assert "∂L/∂w|u" in backprop("explain", *SKIP, "--limit", "L").stdout
    page = backprop("graph", *SKIP, "--format", "html").stdout
    assert '"held": ["", "u"]' in page or '"held":["","u"]' in page


def test_a_long_chain_is_looked_through_once_and_not_for_ever() -> None:
    chain = "; ".join(["s = x*y", *["s = s*0.5 + y*0.1"] * 20_000, "L = s + x"])
    nodes = gradient(chain, x=1.0, y=2.0, check=False).nodes
    assert nodes[-1].mark(1) == "|s"
    free = "; ".join(["s = y", *["s = s*0.5 + y*0.1"] * 20_000, "L = s + x"])
    assert gradient(free, x=1.0, y=2.0, check=False).nodes[-1].held == ((), ())
    mixed = "; ".join(["s = y", *["s = s*0.5 + x*s*0.1"] * 4_000])
    assert any(node.held[0] for node in gradient(mixed, x=1.0, y=2.0, check=False).nodes[-3:])
