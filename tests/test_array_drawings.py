"""Drawings of programs with arrays: one box for an array, whatever its size."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from backprop_cli import gradient
from backprop_cli.draw.arrays import diagram_of_shapes, diagram_of_steps
from backprop_cli.draw.boxes import draw_boxes
from backprop_cli.draw.dot import render_dot
from backprop_cli.draw.mermaid import render_mermaid
from backprop_cli.draw.svg import render_svg
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.arrays.values import Array
from backprop_cli.language.source import read_source
from backprop_cli.report import Steps

LAYERS = "h = relu(W@x + b); z = V@h; C = cross_entropy(z, 1)"


def network(inputs: int, hidden: int) -> dict[str, object]:
    numbers = np.random.default_rng(7)
    return {
        "W": numbers.normal(size=(hidden, inputs)).tolist(),
        "x": numbers.normal(size=inputs).tolist(),
        "b": [0.5] * hidden,
        "V": numbers.normal(size=(3, hidden)).tolist(),
    }


def edges(diagram):
    return {(diagram.boxes[arrow.source].id, diagram.boxes[arrow.target].id) for arrow in diagram.arrows}


LAYER_EDGES = {
    ("W", "v1"), ("x", "v1"), ("v1", "v2"), ("b", "v2"), ("v2", "h"), ("V", "z"), ("h", "z"), ("z", "C"),
}  # fmt: skip


@pytest.mark.parametrize("size", [(2, 3), (40, 30)])
def test_a_network_of_layers_looks_like_layers(size):
    diagram = diagram_of_steps(gradient(LAYERS, network(*size), check=False), None)
    assert edges(diagram) == LAYER_EDGES
    titles = {box.id: box.title for box in diagram.boxes}
    assert titles["W"] == f"W ({size[1]}, {size[0]})"
    assert titles["z"] == "z (3,) = V @ h"
    assert titles["C"] == "C = cross_entropy(z, 1)"
    assert [box.role for box in diagram.boxes].count("output") == 1


def test_shapes_alone_make_the_same_drawing():
    shapes = {"W": Array((4, 2), ()), "x": Array((2,), ()), "b": Array((4,), ()), "V": Array((3, 4), ())}
    diagram = diagram_of_shapes(lower_source(read_source(LAYERS, shapes)))
    assert edges(diagram) == LAYER_EDGES
    assert not diagram.has_numbers
    assert all(not box.value for box in diagram.boxes)


def test_numbers_among_arrays_have_their_local_derivatives():
    report = gradient("p = [x[0], 2*x[1]]; q = p*p; q[0]*q[1] + k", x=[1, 2], k=3, check=False)
    diagram = diagram_of_steps(report, None)
    boxes = {box.id: box for box in diagram.boxes}
    assert (boxes["p"].value, boxes["p"].gradient) == ("[1, 4]", "[–, 8]")
    assert boxes["v1"].rule == "∂v1/∂q[0] = 16  ∂v1/∂q[1] = 1"
    assert {a.partial for a in diagram.arrows if diagram.boxes[a.target].id == "v2"} == {"1"}
    # A view has no box: what it shows are another's elements.
    assert edges(diagram_of_steps(gradient("u = x[1:]; sum(u*u)", x=[1, 2, 3]), None)) == {
        ("x", "v1"), ("v1", "v2"),
    }  # fmt: skip


def test_a_local_derivative_beside_arrays_says_what_it_holds():
    """∂u/∂k is 7 as a whole: 4 is that of u = t*k alone."""
    program = "t = k + 1; u = t*k; L = u*t + x[0]*sum(x)"
    found = diagram_of_steps(gradient(program, x=[1, 2], k=3, check=False), None)
    bare = diagram_of_shapes(lower_source(read_source(program, {"x": Array((2,), ())})))
    for diagram, slope in ((found, "4"), (bare, "t")):
        told = {
            (diagram.boxes[a.source].id, diagram.boxes[a.target].id): (a.partial, a.mark)
            for a in diagram.arrows
        }
        assert told["k", "u"] == (slope, "|t")
        assert told["k", "t"] == ("1", "")
    rules = {box.id: box.rule for box in bare.boxes}
    assert any("|" in rule for name, rule in rules.items() if "x[0]" in rule)


def test_all_steps_are_elements():
    report = gradient("sum(x*x)", x=[1, 2, 3], check=False)
    assert [box.id for box in diagram_of_steps(report, Steps.ALL).boxes][:3] == ["x[0]", "x[1]", "x[2]"]


@pytest.mark.parametrize(
    ("program", "title"),
    [
        ("C = sum((x[:1] - 1)^2)", "C in v2 (1,) = v1^2"),
        ("p = 2*x; p[1]", "p[1] in p (2,) = 2*x"),
        ("x[1]", "x[1] in x (2,)"),
        ("p = 2*x; p[1]*p[0]", "v1 = p[1]*p[0]"),
        ("u = x[:1]; v = exp(u); w = v[0]; w", "v[0] in v (1,) = exp(u)"),
    ],
)
def test_one_box_is_the_output_also_where_it_is_an_element(program, title):
    shapes = {"x": Array((2,), ())}
    for diagram in (
        diagram_of_steps(gradient(program, x=[3, 4], check=False), None),
        diagram_of_shapes(lower_source(read_source(program, shapes))),
    ):
        assert [box.title for box in diagram.boxes if box.role == "output"] == [title]


def test_every_form_draws_them():
    diagram = diagram_of_steps(gradient(LAYERS, network(2, 3), check=False), None)
    svg = render_svg(diagram)
    assert ">h (3,) = relu(v2)</text>" in svg
    assert "←×" not in svg
    dot = render_dot(diagram)
    assert 'n0 -> n4 [label=""]' in dot
    assert '-- "' not in render_mermaid(diagram)
    lines = draw_boxes(diagram, columns=None, unicode=True)
    text = "\n".join("".join(piece for piece, _ in line) for line in lines)
    assert "│ h (3,) = relu(v2)" in text
    assert "←×" not in text


def run(*words, **settings):
    return subprocess.run(
        [sys.executable, "-m", "backprop_cli", *words],
        capture_output=True,
        text=True,
        check=False,
        **settings,
    )


def test_the_command_draws_a_network_of_any_size(tmp_path):
    for name, values in network(300, 20).items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    words = [f"{name}=@{name}.json" for name in "WxbV"]
    done = run("graph", LAYERS, *words, cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(
        r"v1 \(20,\) = W @ x .* with g arriving, W gets outer\(g, x\), x gets W\.T @ g", done.stdout
    )
    plain = run("graph", LAYERS, *words, "--ascii", cwd=tmp_path)
    assert plain.stdout.isascii()
    refused = run("graph", LAYERS, *words, "--steps", "all", cwd=tmp_path)
    assert refused.returncode == 2
    assert "without --steps each array is one box" in refused.stderr
    assert run("graph", LAYERS, *words, "--output", "net.svg", cwd=tmp_path).returncode == 0
    assert (tmp_path / "net.svg").stat().st_size < 20_000


def test_a_long_network_is_told_by_one_element_of_each_array():
    report = gradient(LAYERS, network(60, 20), check=False)
    text = str(report.explain())
    assert "likewise for 1,199 other elements of W" in text
    # What only leads to other elements is not told.
    assert "W[0,1]" in text
    assert "W[7,1]" not in text.partition("Backward pass")[0]
    assert len(text) < 25_000
