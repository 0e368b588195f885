"""Arrays: values against NumPy, gradients against SymPy and differences, shapes, errors, what is shown."""

# ruff: noqa: N803 - matrices have capital letters

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from backprop_cli import budget, gradient
from backprop_cli.errors import BackpropError, InputError, LimitError, ParseError
from backprop_cli.expect.expectations import read_expectations
from backprop_cli.language.arrays import shapes
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS, ARRAY_OPS
from backprop_cli.language.arrays.rules import RULES
from backprop_cli.language.arrays.values import Array
from backprop_cli.language.source import read_source
from backprop_cli.render.json import render_report
from backprop_cli.report import Outcome

RNG = np.random.default_rng(7)
X = [[1.0, 2.0], [4.0, 3.0]]


def lse(x, axis=None):
    return np.log(np.sum(np.exp(x), axis=axis))


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# A program, its inputs by shape, and what NumPy makes of them.
PROGRAMS = [
    ("sum(w*x)", {"w": (3,), "x": (3,)}, lambda w, x: (w * x).sum()),
    ("w @ x", {"w": (4,), "x": (4,)}, lambda w, x: w @ x),
    ("sum(W @ x)", {"W": (2, 3), "x": (3,)}, lambda W, x: (W @ x).sum()),
    ("sum(x @ W)", {"W": (2, 3), "x": (2,)}, lambda W, x: (x @ W).sum()),
    ("mean(A @ B)", {"A": (2, 3), "B": (3, 2)}, lambda A, B: (A @ B).mean()),
    ("sum((A @ B)^2)", {"A": (2, 3), "B": (3, 2)}, lambda A, B: ((A @ B) ** 2).sum()),
    ("x.T @ A @ x", {"A": (3, 3), "x": (3,)}, lambda A, x: x @ A @ x),
    ("sum(A.T * B)", {"A": (2, 3), "B": (3, 2)}, lambda A, B: (A.T * B).sum()),
    ("sum(Aᵀ * B)", {"A": (2, 3), "B": (3, 2)}, lambda A, B: (A.T * B).sum()),
    ("dot(a, b)*c", {"a": (2,), "b": (2,), "c": ()}, lambda a, b, c: a @ b * c),
    ("sum(outer(a, b)*M)", {"a": (2,), "b": (3,), "M": (2, 3)}, lambda a, b, M: (np.outer(a, b) * M).sum()),
    ("sum(a + M)", {"a": (3,), "M": (2, 3)}, lambda a, M: (a + M).sum()),
    ("prod(a*M)", {"a": (3,), "M": (2, 1)}, lambda a, M: (a * M).prod()),
    ("mse(a, b)", {"a": (3,), "b": (3,)}, lambda a, b: ((a - b) ** 2).mean()),
    ("var(x)", {"x": (4,)}, lambda x: x.var()),
    ("var(x, ddof=1)", {"x": (4,)}, lambda x: x.var(ddof=1)),
    ("std(x)", {"x": (4,)}, lambda x: x.std()),
    ("sum(std(X, axis=0))", {"X": (4, 2)}, lambda X: X.std(axis=0).sum()),
    ("norm(x)", {"x": (3,)}, np.linalg.norm),
    ("norm(X)", {"X": (2, 3)}, lambda X: np.linalg.norm(X)),
    ("max(x) - min(x)", {"x": (5,)}, lambda x: x.max() - x.min()),
    ("sum(max(X, axis=1))", {"X": (2, 3)}, lambda X: X.max(axis=1).sum()),
    ("logsumexp(x)", {"x": (4,)}, lse),
    ("sum(logsumexp(X, axis=-1))", {"X": (2, 3)}, lambda X: lse(X, -1).sum()),
    ("softmax(x)[1]", {"x": (3,)}, lambda x: softmax(x)[1]),
    ("sum(softmax(X, axis=0)*M)", {"X": (2, 3), "M": (2, 3)}, lambda X, M: (softmax(X, 0) * M).sum()),
    ("-log_softmax(x)[2]", {"x": (3,)}, lambda x: -np.log(softmax(x)[2])),
    ("cross_entropy(x, 1)", {"x": (3,)}, lambda x: -np.log(softmax(x)[1])),
    ("cross_entropy(x, softmax(p))", {"x": (3,), "p": (3,)}, lambda x, p: -softmax(p) @ np.log(softmax(x))),
    (
        "cross_entropy(X, [2, 0])",
        {"X": (2, 3)},
        lambda X: -(np.log(softmax(X))[0, 2] + np.log(softmax(X))[1, 0]) / 2,
    ),
    ("x[0]*x[-1] + x[1]", {"x": (3,)}, lambda x: x[0] * x[-1] + x[1]),
    ("sum(X[1, :]*X[:, 0][0:1])", {"X": (2, 3)}, lambda X: (X[1, :] * X[:, 0][0:1]).sum()),
    ("sum(x[::-1]*x[None, 0:2][0, 1])", {"x": (3,)}, lambda x: (x[::-1] * x[1]).sum()),
    ("sum(X[..., 1])", {"X": (2, 2, 2)}, lambda X: X[..., 1].sum()),
    ("sum(sum(X, axis=(0, 2))^2)", {"X": (2, 3, 2)}, lambda X: (X.sum(axis=(0, 2)) ** 2).sum()),
    (
        "sum((X - mean(X, axis=1, keepdims=True))^3)",
        {"X": (2, 3)},
        lambda X: ((X - X.mean(axis=1, keepdims=True)) ** 3).sum(),
    ),
    ("sum([a, 2*b, a*b])", {"a": (), "b": ()}, lambda a, b: a + 2 * b + a * b),
    ("[[a, 1], [0, b]] @ x @ x", {"a": (), "b": (), "x": (2,)},
     lambda a, b, x: np.array([[a, 1], [0, b]]) @ x @ x),
    ("z = W@x + b; a = sigmoid(z); C = sum((a - y)^2)", {"W": (2, 3), "x": (3,), "b": (2,), "y": (2,)},
     lambda W, x, b, y: ((sigmoid(W @ x + b) - y) ** 2).sum()),
    ("h = tanh(W1@x + b1)\nC = (w2@h + b2)^2", {"W1": (3, 2), "x": (2,), "b1": (3,), "w2": (3,), "b2": ()},
     lambda W1, x, b1, w2, b2: (w2 @ np.tanh(W1 @ x + b1) + b2) ** 2),
    ("x = x*2; x = x + x; sum(x*x)", {"x": (3,)}, lambda x: (16 * x * x).sum()),
    ("h = W.T; sum(h@x) + sum(W)", {"W": (2, 2), "x": (2,)}, lambda W, x: (W.T @ x).sum() + W.sum()),
    ("sum(where(x > 0, x, 0.1*x))", {"x": (5,)}, lambda x: np.where(x > 0, x, 0.1 * x).sum()),
    ("sum(max(x, 0)*relu(y))", {"x": (4,), "y": (4,)},
     lambda x, y: (np.maximum(x, 0) * np.maximum(y, 0)).sum()),
    ("(w*x).sum()", {"w": (3,), "x": (3,)}, lambda w, x: (w * x).sum()),
    ("(X.sum(axis=0)**2).mean()", {"X": (2, 3)}, lambda X: (X.sum(axis=0) ** 2).mean()),
    ("np.dot(w, x) + np.sum(np.exp(x))", {"w": (3,), "x": (3,)}, lambda w, x: w @ x + np.exp(x).sum()),
    ("w.dot(x)*2", {"w": (3,), "x": (3,)}, lambda w, x: w @ x * 2),
    ("torch.softmax(z, dim=-1)[0]", {"z": (3,)}, lambda z: softmax(z)[0]),
    ("np.linalg.norm(x)", {"x": (3,)}, np.linalg.norm),
    ("(x @ np.array([1, 2, 3]))", {"x": (3,)}, lambda x: x @ [1, 2, 3]),
    ("det(A)", {"A": (1, 1)}, lambda A: A[0, 0]),
    ("det(A)", {"A": (3, 3)}, lambda A: np.linalg.det(A)),
    ("det(A)*trace(A)", {"A": (4, 4)}, lambda A: np.linalg.det(A) * np.trace(A)),
    ("sum(inv(A)*B)", {"A": (3, 3), "B": (3, 3)}, lambda A, B: (np.linalg.inv(A) * B).sum()),
    ("inv(A)[0, 0] + x @ inv(B) @ x", {"A": (1, 1), "B": (2, 2), "x": (2,)},
     lambda A, B, x: 1 / A[0, 0] + x @ np.linalg.inv(B) @ x),
    ("sum(cumsum(x)^2) + sum(cumsum(X, axis=1)^3)", {"x": (3,), "X": (2, 3)},
     lambda x, X: (x.cumsum() ** 2).sum() + (X.cumsum(axis=1) ** 3).sum()),
    ("cumsum(X) @ ravel(X)", {"X": (2, 3)}, lambda X: X.cumsum() @ X.ravel()),
    ("concatenate(x, y) @ concatenate(y, x)", {"x": (2,), "y": (3,)},
     lambda x, y: np.concatenate([x, y]) @ np.concatenate([y, x])),
    ("sum(concatenate(A, B, axis=-1)^2 @ x)", {"A": (2, 3), "B": (2, 1), "x": (4,)},
     lambda A, B, x: (np.concatenate([A, B], axis=-1) ** 2 @ x).sum()),
    ("sum(concatenate([A, B])^3)", {"A": (1, 2), "B": (1, 2)},
     lambda A, B: (np.concatenate([A, B]) ** 3).sum()),
    ("sum(reshape(X, shape=(3, -1)) @ y)", {"X": (2, 3), "y": (2,)},
     lambda X, y: (X.reshape(3, 2) @ y).sum()),
    ("inner(x, y)*size(X)/len(X)/size(X, axis=-1)", {"x": (3,), "y": (3,), "X": (2, 3)},
     lambda x, y, X: x @ y + 0 * X.sum()),
]  # fmt: skip


def arrays(inputs):
    return {name: RNG.normal(size=shape) if shape else float(RNG.normal()) for name, shape in inputs.items()}


def differences(function, point):
    """Slopes by central differences: right to some 1e-7."""
    found = {}
    for name, value in point.items():
        slopes = np.zeros(np.shape(value))
        for place in np.ndindex(np.shape(value)):
            step = np.zeros(np.shape(value))
            step[place] = 1e-6
            above, below = (function(**{**point, name: value + s}) for s in (step, -step))
            slopes[place] = (above - below) / 2e-6
        found[name] = slopes
    return found


def flat_gradients(report, point):
    found = {}
    for name, value in point.items():
        elements = shapes.element_names(name, np.shape(value))
        found[name] = np.reshape([report.gradients[element] for element in elements], np.shape(value))
    return found


@pytest.mark.parametrize(("program", "inputs", "function"), PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_a_program_is_what_numpy_makes_of_it(program, inputs, function):
    point = arrays(inputs)
    report = gradient(program, point)
    assert report.value == pytest.approx(float(function(**point)), rel=1e-12, abs=1e-14)
    assert report.check.status == Outcome.PASS
    found, wanted = flat_gradients(report, point), differences(function, point)
    for name in point:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-5, atol=1e-7)


def test_every_function_is_tried():
    text = " ".join(program for program, _, _ in PROGRAMS)
    assert all(
        f"{name}(" in text for name in {op.name for op in ARRAY_FUNCTIONS.values()} - {"matmul", "transpose"}
    )
    assert RULES.keys() == ARRAY_OPS.keys()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), min_size=2, max_size=3), st.data())
def test_shapes_go_together_as_numpy_has_it(sizes, data):
    found = [tuple(size[: data.draw(st.integers(0, 3))]) for size in sizes]
    try:
        wanted = np.broadcast_shapes(*found)
    except ValueError:
        wanted = None
    assert shapes.broadcast(found) == wanted
    for shape in found if wanted is not None else ():
        places = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), wanted)
        assert shapes.spread(shape, wanted) == places.ravel().tolist()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_index_takes_what_numpy_takes(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    whole = st.integers(-4, 4)
    bound = st.one_of(st.none(), whole)
    part = st.one_of(whole, st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1, -2])), st.none())
    index = tuple(data.draw(st.lists(part, max_size=4)))
    numbers = np.arange(math.prod(shape)).reshape(shape)
    try:
        wanted = numbers[index]
    except IndexError:
        with pytest.raises(ValueError, match=r"axis|too many"):
            shapes.indexed(shape, index)
        return
    found, places = shapes.indexed(shape, index)
    assert (found, places) == (wanted.shape, wanted.ravel().tolist())


ERRORS = [
    ("sum(w*x)", {"w": [1, 2, 3], "x": [1, 2]}, "the shapes (3,) and (2,) do not fit at w*x"),
    ("W @ x", {"W": [[1, 2], [3, 4]], "x": [1, 2, 3]}, "the shapes (2, 2) and (3,) do not fit in @"),
    ("w*x", {"w": [1, 2], "x": 3}, "the output has the shape (2,), and gradients are of one number"),
    ("y = w*x", {"w": [1, 2], "x": 3}, "the output has the shape (2,), and gradients are of one number"),
    ("sum(w)", {"w": [[1, 2], [3]]}, "w is ragged: it has rows of 1 and 2 elements"),
    ("sum(w)", {"w": [1, [3]]}, "w is ragged: it has a number beside a list"),
    ("sum(w)", {"w": []}, "w has no elements"),
    ("sum(w)", {"w": [1, math.nan]}, "an element of w is nan"),
    ("sum(w)", {"w": ["a"]}, "an element of w is of type str, not a real number"),
    ("sum(w)", {"w": [0.0] * 1_000_001}, "w has more than 1,000,000 elements"),
    ("w[5]", {"w": [1, 2]}, "index 5 is beyond axis 0 of the shape (2,), which goes from -2 to 1"),
    ("w[0, 0]", {"w": [1, 2]}, "2 indexes are too many for the shape (2,)"),
    ("w[a]", {"w": [1, 2], "a": 0}, "'a' is no index"),
    ("w[0", {"w": [1, 2]}, "this [ is never closed"),
    ("[]", {"w": [1]}, "a value is expected before ']'"),
    (f"w[{'None, ' * 40}0]", {"w": [1]}, "an array has up to 32 axes"),
    (f"{'[' * 40}w{']' * 40}", {"w": 1}, "an array has up to 32 axes"),
    ("@w", {"w": [1]}, "a value is expected before '@'"),
    ("w[0]]", {"w": [1, 2]}, "this ] closes nothing"),
    ("np.inner(X, X)[0, 0]", {"X": X}, "inner is of two vectors of one size, not (2, 2) and (2, 2)"),
        ("X.reshape(3, 2).sum()", {"X": X}, "4 elements, of (2, 2), do not fill (3, 2)"),
        ("det(X[0])", {"X": X}, "det is of a square matrix, not (2,)"),
        ("det(np.ones((9, 9))*X[0, 0])", {"X": X}, "det is of up to 8 rows, not 9"),
        ("sum([w, 1)", {"w": [1]}, "] is expected, for '[', got ')'"),
    ("sum(w, axis=1)", {"w": [1, 2]}, "there is no axis 1 in the shape (2,)"),
    ("sum(softmax(w))", {"w": [[1, 2]]}, "softmax of (1, 2) needs an axis, such as axis=-1"),
    ("sin(w, axis=0)", {"w": [1, 2]}, "axis=0 has no place here"),
    ("sum(exp(w)", {"w": [1, 2]}, "this ( is never closed"),
    ("x^T*A*x", {"A": [[1, 2], [3, 4]], "x": [1, 2]}, "T has no value"),
    ("sum([a, w])", {"a": 1, "w": [1, 2]}, "a list is of equal shapes, and has () beside (2,)"),
    ("cross_entropy(x, y)", {"x": [1, 2], "y": 5}, "a label is a whole number from 0 to 1"),
    ("cross_entropy(x, y) + y", {"x": [1, 2], "y": 1}, "y is a label, and so has no further use"),
    ("sum(w)", {}, "w has no value, so it has no shape"),
    ("w @ x", {"w": [1, 2]}, "x has no value, so it has no shape"),
    ("sum(w)", {"w": [1, 2], "u": [1]}, "u is not in the program"),
    ("outer(a, b)[0, 0]", {"a": [[1]], "b": [1]}, "outer is of two vectors, not (1, 1) and (1,)"),
    ("var(x, ddof=3)", {"x": [1, 2]}, "a variance of 2 with ddof=3 has no value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "point", "message"), ERRORS, ids=[f"{row[0]} {row[2]:.20}" for row in ERRORS]
)
def test_what_is_wrong_is_said(program, point, message):
    with pytest.raises(BackpropError) as caught:
        gradient(program, point)
    assert caught.value.message == message
    assert isinstance(caught.value, (InputError, ParseError))


def test_a_program_of_too_many_steps_is_refused():
    with pytest.raises(LimitError, match=r"more than 4,000,000 operations"):
        gradient("sum(x[:, None]*x[None, :])", x=[1.0] * 3000)


@pytest.mark.parametrize(
    "program", ["sum(outer(x, x))", "sum(x[:, None] @ x[None, :])", "sum(dot(x, 2)*x[:, None])"]
)
def test_a_program_of_too_many_steps_is_refused_before_they_are_made(program):
    with pytest.raises(LimitError, match=r"more than 4,000,000 operations"):
        gradient(program, x=[1.0] * 100_000)  # 10^10 products would fill any memory


@pytest.mark.parametrize(
    "formula", ["softmax(softmax(softmax(x)))", "sum(softmax(x)[:, None]*softmax(x), axis=0)"]
)
def test_a_formula_that_is_too_long_is_refused_before_it_is_made(formula):
    source = read_source("sum(x)", {"x": Array((600,), (0.0,) * 600)})
    with pytest.raises(LimitError, match="too long where it is written out"):
        read_expectations(f"x={formula}", source)


def test_shares_of_classes_are_inputs_and_labels_are_not():
    shares = gradient("cross_entropy(z, p)", z=[1, 2], p=[0, 1])
    assert list(shares.gradients) == ["z[0]", "z[1]", "p[0]", "p[1]"]
    label = gradient("cross_entropy(z, p)", z=[1, 2], p=1)
    assert list(label.gradients) == ["z[0]", "z[1]"]
    assert shares.value == pytest.approx(label.value, rel=1e-14)


SAID = [
    ("sum(exp(x))", {"x": [1, 800]}, "exp(x)[1] overflows: it is beyond 1.79769e308, got x[1] = 800"),
    ("sum(sqrt(x - 1))", {"x": [1, 0.5]}, "sqrt needs an operand >= 0, got (x - 1)[1] = -0.5"),
    ("z = [a, b]; sum(log(z))", {"a": 1, "b": -1}, "log needs an operand > 0, got b = -1"),
    ("sum(log(softmax(x)))", {"x": [0, 800]}, "softmax(x)[0] underflows to 0, got sub in softmax(x) = -800;"),
    ("norm(x)", {"x": [0, 0]}, "norm(x) has a kink at x[0] = 0, x[1] = 0:"),
    (
        "sum(max(X, axis=0))",
        {"X": [[1, 2], [1, 0]]},
        "max(X, axis=0)[0] has a kink at X[0,0] = 1, X[1,0] = 1:",
    ),
    ("std(x)", {"x": [1, 1]}, "sqrt in std(x) is at the edge of its domain at div in std(x) = 0:"),
]


@pytest.mark.parametrize(("program", "point", "message"), SAID, ids=[row[0] for row in SAID])
def test_what_is_said_of_an_element_names_it(program, point, message):
    try:
        told = gradient(program, point, check=False).warnings[0].message
    except BackpropError as error:
        told = error.message
    assert told.startswith(message)


def test_a_column_beside_a_row_is_warned_of():
    report = gradient("mean(a*b)", a=[[1], [2], [3]], b=[1, 2, 3], check=False)
    assert [w.message for w in report.warnings] == ["the shapes (3, 1) and (3,) make (3, 3) here"]
    assert not gradient("mean(a*b)", a=[[1], [2], [3]], b=[[1], [2], [3]], check=False).warnings


def test_an_array_step_is_one_row_and_its_elements_are_nodes():
    report = gradient("z = W@x + b; C = sum(z^2)", W=[[1, 2], [3, 4]], x=[1, -1], b=[0.5, 0], check=False)
    assert [(record.name, getattr(record, "shape", None)) for record in report.arrays.values()] == [
        ("W", (2, 2)), ("x", (2,)), ("b", (2,)), ("v1", (2,)), ("z", (2,)), ("v2", (2,)), ("C", ()),
    ]  # fmt: skip
    assert report.arrays["W"].gradient == [[-1, 1], [-2, 2]]
    assert report.arrays["v1"].expr == "W @ x"
    assert report.arrays["z"].elements == ("z[0]", "z[1]")
    nodes = {node.id: node for node in report.nodes}
    assert nodes["z[1]"].value == -1
    assert nodes["z[1]"].gradient == report.arrays["z"].gradients[1] == -2


def test_what_is_another_array_s_element_has_its_gradient_there_alone():
    report = gradient("h = W.T; u = [W[0,0], 3]; sum(h@u) + sum(W)", W=[[1, 2], [3, 4]], check=False)
    assert report.arrays["h"].gradients == (None,) * 4
    assert report.arrays["u"].gradients == (None, None)
    assert report.arrays["h"].value == [[1, 3], [2, 4]]


def test_an_array_may_be_a_default_and_be_given_again():
    assert gradient("b = [1, 2]; sum(b*x)", x=[3, 4], check=False).value == 11
    assert gradient("b = [1, 2]; sum(b*x)", x=[3, 4], b=[0, 1], check=False).value == 4
    assert gradient("b = [1, 2]; sum(b*x)", x=[3, 4], b=2, check=False).value == 14


def test_names_of_an_array_are_those_of_its_elements():
    report = gradient("sum(w*x)", w=[1, 2], x=[3, 4], wrt=["w"], check=False)
    assert report.gradients == {"w[0]": 3, "w[1]": 4}
    assert list(gradient("sum(w*x)", w=[1, 2], x=[3, 4], wrt=["w[1]"], check=False).gradients) == ["w[1]"]
    with pytest.raises(InputError):
        gradient("sum(w*x)", w=[1, 2], x=[3, 4], wrt=["w[2]"])


def test_the_json_has_arrays_in_their_shape():
    report = gradient("z = W@x; C = cross_entropy(z, y)", W=[[1, 2], [3, 4]], x=[1, -1], y=1)
    record = json.loads(render_report(report))
    schema = json.loads(
        __import__("importlib")
        .resources.files("backprop_cli.schemas")
        .joinpath("grad.schema.json")
        .read_text()
    )
    Draft202012Validator(schema).validate(record)
    assert record["inputs"] == {"W": [[1, 2], [3, 4]], "x": [1, -1]}
    assert np.shape(record["gradients"]["W"]) == (2, 2)
    assert record["arrays"]["z"]["shape"] == [2]
    assert set(record["check"]["gradients"]) == {"W[0,0]", "W[0,1]", "W[1,0]", "W[1,1]", "x[0]", "x[1]"}


def test_a_loss_is_right_where_the_logits_are_far_apart():
    report = gradient("cross_entropy(z, 0)", z=[50.0, 0.0, -800.0])
    assert report.value == pytest.approx(1.9287498479639178e-22, rel=1e-14)
    assert report.check.value_digits >= 14
    assert report.gradients["z[2]"] == 0 or report.gradients["z[2]"] > 0


def test_an_index_without_an_array_is_a_name_as_it_was():
    source = read_source("100*(x[1] - x[0]**2)**2 + (1 - x[0])**2")
    assert list(source.inputs) == ["x_1", "x_0"]
    assert source.notation


def run(*words, cwd=None):
    command = [sys.executable, "-m", "backprop_cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_a_narrow_terminal_gets_lines_and_all_shows_elements():
    words = ["grad", "C = sum(relu(W@x))", "W=[[1, 2], [3, 4]]", "x=[1, 1]"]
    assert "W[0,1]" not in run(*words).stdout
    assert "W[0,1]" in run(*words, "--all").stdout
    for form in ("csv", "markdown", "latex", "json"):
        assert run(*words, "--format", form).returncode == 0


LAYER = ("grad", "z = W@x + b; L = sum(relu(z)^2)", "W=[[1,2],[3,4]]", "x=[1,2]", "b=[0.5,-0.5]")


def test_what_is_expected_of_an_array_is_expected_of_each_element():
    words = ["check", *LAYER[1:], "--points", "0"]
    good = run(
        *words, "--expect", "W=outer(z, x)*2", "--expect", "z=[11, 21.0]", "--expect", "value=sum(z^2)"
    )
    assert good.returncode == 0, good.stdout
    assert "W[1,0] = (outer(z, x)*2)[1,0]" in good.stdout
    assert "z[1] = 21.0" in good.stdout
    bad = run(*words, "--expect", "W=[[11, 22], [21, 40]]")
    assert bad.returncode == 1
    assert bad.stdout.count("FAIL") == 1
    misfit = run(*words, "--expect", "b=[1, 2, 3]")
    assert misfit.returncode == 2
    assert "b is of shape (2,), what is expected of (3,)" in misfit.stderr


def test_a_shape_is_enough_for_a_graph():
    shapes_alone = ["W:2x2", "x:2", "b:2"]
    drawn = run("graph", LAYER[1], *shapes_alone)
    assert drawn.returncode == 0
    assert "z (2,) = v1 + b" in drawn.stdout
    assert "z[1] = v1[1] + b[1]" in run("graph", LAYER[1], *shapes_alone, "--steps", "all").stdout
    assert "13 operations on 8 inputs" in run("graph", "--stats", LAYER[1], *shapes_alone).stdout
    computed = run("grad", LAYER[1], *shapes_alone)
    assert computed.returncode == 2
    assert "W:2x2, a shape without values, is for graph, export, fit and minimize" in computed.stderr
    mixed = run("graph", LAYER[1], "W:2x2", "x=[1,2]", "b:2")
    assert mixed.returncode == 2
    assert "W has a shape and no values" in mixed.stderr
    assert "do not fit in @" in run("graph", LAYER[1], "W:2x3", "x:2", "b:2").stderr


@pytest.mark.parametrize("engine", ["python", "numpy", "jit"])
def test_columns_of_elements_are_an_array_of_a_row(tmp_path, engine):
    (tmp_path / "r.csv").write_text("x[0],x[1],y\n1,2,0\n-1,3,1\n")
    program = "z = W@x; cross_entropy(z, [0.5, 0.5]) + y*sum(z)"
    found = run("batch", program, "--data", "r.csv", "W=[[1,2],[3,4]]", "--engine", engine, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    for line, (x, y) in zip(found.stdout.splitlines()[1:], [([1, 2], 0), ([-1, 3], 1)], strict=True):
        report = gradient(program, W=[[1, 2], [3, 4]], x=x, y=y, check=False)
        numbers = [report.value, *report.gradients.values()]
        assert [float(cell) for cell in line.split(",")[:-1]] == pytest.approx(numbers, rel=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["grad", "cross_entropy(z, y)", "z=[1, 2]", "y=1", "--save-case", "cases.toml"],
            "--save-case keeps inputs, and y is the number of a class",
        ),
        (["budget", "w @ x", "w=[1,2]", "x=@x.csv"], "x can't come from a file here"),
        (["budget", "w @ x", "w=[1,2]", "x=[3±0.1,foo]"], "a value can't depend on the name foo"),
        (["budget", "w @ x", "w=[1,2]", "x=[3±0.1±1,4]"], "'3±0.1±1' is not one uncertainty"),
        (["minimize", "x^2", "x=[1]", "--rate", "[1]"], "for '--rate'"),
    ],
)
def test_what_takes_no_arrays_says_so(words, message):
    found = run(*words)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("language", ["c", "python", "javascript"])
def test_a_program_with_arrays_is_exported(tmp_path, language):
    found = run("export", "--to", language, *LAYER[1:], cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "z_0" in found.stdout or "z[0]" in found.stdout


def test_one_element_is_told_for_all_of_a_long_array():
    words = ["explain", "z = W@x; a = sigmoid(z); C = sum((a - 0.5)^2)", f"W={[[0.5, -1]] * 4}", "x=[1,-1]"]
    told = run(*words).stdout
    assert "likewise for 7 other elements of W" in told
    assert "W[0,0] = 0.5" in told
    assert "W[0,1] = -1" not in told.replace("−", "-")
    assert "z[3]" in told  # four elements are told each
    whole = json.loads(run(*words, "--json").stdout)
    assert len(whole["inputs"]) == 10


def test_a_direction_may_be_an_array_or_an_element():
    words = ["hessian", *LAYER[1:], "--along", "W=[[1,0],[0,1]],b[1]=2", "--json"]
    found = json.loads(run(*words).stdout)
    assert found["along"]["direction"] == {"W[0,0]": 1, "W[0,1]": 0, "W[1,0]": 0, "W[1,1]": 1, "b[1]": 2}
    assert run("hessian", *LAYER[1:], "--along", "b[7]=2").returncode == 2


def test_more_second_derivatives_than_there_is_room_for_are_refused():
    words = ["hessian", "sum(x)^2", f"x={[1] * 2100}"]
    found = run(*words)
    assert found.returncode == 2
    assert "more than 2,000,000 second derivatives are not 0" in found.stderr


@pytest.mark.parametrize(
    "words", [["--steps", "all"], ["--steps", "named"], ["--paths", "W[0,1]"], ["--why", "z[0]"]]
)
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "marp", "json"])
def test_every_form_tells_of_elements(words, form):
    found = run("explain", *LAYER[1:], *words, "--format", form)
    assert found.returncode == 0, found.stderr
    if form == "latex":
        assert "{W}_{0,1}" in found.stdout or "{z}_{0}" in found.stdout


def test_a_function_of_arrays_in_a_formula_is_shown_as_it_is_written():
    for words in (
        ["explain", "sum(x)", "x=[1,2]", "--format", "latex"],
        ["grad", "mean(x@x)", "x=[1,2]", "--format", "latex"],
    ):
        assert run(*words).returncode == 0


def test_a_report_gives_its_arrays_as_sympys_symbols():
    report = gradient("sum(x*[1, 2])", x=[3, 4], check=False)
    assert str(report.expression()) == "x[0] + 2*x[1]"


def test_a_plot_takes_arrays_as_values():
    words = ["plot", "sum(w*x)", "w=[1,2]", "x=0..1", "--json"]
    curve = json.loads(run(*words).stdout)["curves"][0]
    assert curve["fixed"] == {"w[0]": 1, "w[1]": 2}
    assert curve["samples"][-1]["slope"] == 3
    assert "q is not in the program" in run(*words, "q=[1]").stderr


def test_a_power_of_an_array_tells_of_what_varies():
    told = {name: a.backward for name, a in gradient("sum(x^2 + 2^x)", x=[-1, 2], check=False).arrays.items()}
    assert told["v1"] == "a power with the exponent 2 passes to its base the gradient times 2*x"
    assert told["v2"] == "a power with the base 2 passes to its exponent the gradient times 2^x*log(2)"


def test_an_array_is_told_to_be_one_where_a_node_is_asked_for():
    found = run("explain", *LAYER[1:], "--limit", "x")
    assert found.returncode == 2
    assert "x is an array" in found.stderr
    assert "such as x[0]" in found.stderr


def test_a_budget_has_a_quantity_for_each_element():
    report = budget("W @ x @ v", W="[[1±1%, 2], [3, 4]]", x="[3±0.1, 4.00(20)]", v="[1, 2]")
    single = budget("(a*x + b*y)*v + (c*x + d*y)*w", a="1±1%", b=2, c=3, d=4, x="3±0.1", y="4±0.2", v=1, w=2)
    assert list(report.parts) == ["W[0,0]", "x[0]", "x[1]"]
    assert report.uncertainty == pytest.approx(single.uncertainty, rel=1e-14)
    found = run("budget", "w @ x", "w=[1,2]", "x=[3±0.1,4±0.2]", "--correlate", "x[0],x[1]=0.5", "--json")
    assert json.loads(found.stdout)["uncertainty"] == pytest.approx(
        math.sqrt(0.01 + 0.16 + 2 * 0.5 * 0.1 * 0.4)
    )


@pytest.mark.parametrize("ending", ["toml", "jsonl"])
def test_cases_of_arrays_are_kept_and_read_again(tmp_path, ending):
    file = tmp_path / f"cases.{ending}"
    for words in (
        ["w @ x + sum(w)*k", "w=[1,2]", "x=[3,4]", "k=2"],
        ["w @ W @ w", "w=[1,2]", "W=[[1,2],[3,1/3]]", "--wrt", "W,w[0]"],
    ):
        assert run("grad", *words, "--save-case", str(file), "--quiet").returncode == 0
    found = run("check", "--suite", str(file))
    assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "2 cases: 2 passed")
    text = file.read_text()
    file.write_text(text.replace("[5.0, 6.0]", "[5.0, 7.0]"))
    wrong = run("check", "--suite", str(file))
    assert (wrong.returncode, "w[1] = 7.0: expected 7, got 6" in wrong.stdout) == (1, True)


def test_a_suite_expects_arrays_as_they_are_written(tmp_path):
    file = tmp_path / "cases.toml"
    file.write_text("""
[[case]]
program = "z = W @ x + b; L = sum(z^2)"
inputs = { W = [[1, 2], [3, "1/4"]], x = [3, 4], b = 0.5 }
expect = { W = [[69, 92], [63, 84]], x = "2*(z @ W)", "value:z" = [11.5, 10.5], b = [44, "sum(2*z)"] }

[[case]]
program = "sum(x)"
inputs = { x = [0, [1]] }
""")
    found = run("check", "--suite", str(file))
    assert found.stdout.splitlines()[-1] == "2 cases: 1 passed, 1 in error"
    assert "x is ragged" in found.stdout


def test_a_transpose_of_a_transpose_is_told_as_the_array():
    report = gradient("sum(W.T @ x)", W=[[1, 2], [3, 4]], x=[1, 2])
    assert report.arrays["v1"].backward == "with g arriving, W.T gets outer(g, x), x gets W @ g"
