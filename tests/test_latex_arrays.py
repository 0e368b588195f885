r"""LaTeX of vectors and matrices is read as mathematics has it, or refused."""

import re

import numpy as np
import pytest

from backprop_cli import gradient
from backprop_cli.errors import BackpropError
from backprop_cli.language.source import read_source
from test_arrays import run

VALUES = {
    "w": [0.1, 0.2, 0.3], "x": [1.0, 2.0, 3.0], "y": [2.0, 1.0, 0.5], "v": [0.5, -1.0], "b": 0.5,
    "W": [[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]], "A": [[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]],
    "C": [[1.0, -2.0], [0.5, 0.3], [2.0, 1.5]], "lambda": 0.3, "x_bar": 2.0,
}  # fmt: skip
N = {name: np.array(value) for name, value in VALUES.items()}


def given_for(text):
    """Return the values of the names in a text."""
    found = {
        name: value
        for name, value in VALUES.items()
        if re.search(rf"(?<![A-Za-z\\]){name}(?![A-Za-z])", text)
    }
    if r"\lambda" in text:
        found["lambda"] = VALUES["lambda"]
    if r"\bar{x}" in text:
        found["x_bar"] = VALUES["x_bar"]
    return found


READ = [
    (r"w^\top x + b", "w @ x + b"),
    (r"\mathbf{w}^T \mathbf x", "w @ x"),
    (r"\boldsymbol{w}^{\mathsf{T}}\bm{x}", "w @ x"),
    (r"w^{\intercal} x", "w @ x"),
    (r"\vec{w}\cdot\vec{x}", "w @ x"),
    (r"\frac{1}{2} x^\top A x", "1/2*x @ A @ x"),
    (r"x^\top W^\top v", "x @ W.T @ v"),
    (r"v^\top (W A) x", "v @ (W @ A) @ x"),
    (r"w^\top (x y^\top) x", "w @ outer(x, y) @ x"),
    (r"2 x^\top y b", "2*x @ y*b"),
    (r"\|x\|^2", "sum(x^2)"),
    (r"\|x - y\|", "norm(x - y)"),
    (r"\left\| x - y \right\|_2", "norm(x - y)"),
    (r"\lVert A x - y \rVert_2^2", "sum((A @ x - y)^2)"),
    (r"||x - y||^2 + \lambda", "sum((x - y)^2) + lambda"),
    (r"\|x\|_1 + \Vert x \Vert_\infty", "sum(abs(x)) + max(abs(x))"),
    (r"\frac{\lambda}{2}\|W\|_F^2", "lambda/2*sum(W^2)"),
    (r"\arccos\left(\frac{w\cdot x}{\|w\|\|x\|}\right)", "acos(w @ x/(norm(w)*norm(x)))"),
    (r"v^\top \tanh(W x + v)", "v @ tanh(W @ x + v)"),
    (r"\mathbf{h} = \tanh(W x) \\ L = \|h - v\|^2", "h = tanh(W @ x); L = sum((h - v)^2)"),
    (r"h = \tanh(W x) \\ L = \sum_i h_i^2", "h = tanh(W @ x); L = sum(h^2)"),
    (r"w^\top (x \odot y)", "w @ (x*y)"),
    (r"\mathrm{softmax}(x)^\top y", "softmax(x) @ y"),
    (r"\max(0, x)^\top y", "max(0, x) @ y"),
    (r"\sum_i w_i x_i + b", "sum(w*x) + b"),
    (r"\sum_{i=1}^{3} w_i x_i", "sum(w*x)"),
    (r"\sum_{i=0}^{n-1} w_i x_i", "sum(w*x)"),
    (r"\sum\limits_{i=1}^{n} (y_i - w_i x_i)^2 / b", "sum((y - w*x)^2/b)"),
    (r"\frac{1}{b}\sum_{i=1}^n \log(1+e^{-y_i x_i})", "1/b*sum(log(1 + exp(-y*x)))"),
    (r"\log \sum_i e^{x_i}", "log(sum(exp(x)))"),
    (r"-\sum_{i} w_i \log_2(w_i),", "-sum(w*log2(w))"),
    (r"\sum_j y_j \log \sigma(x_j) - b", "sum(y*log(sigmoid(x))) - b"),
    (r"\sum_i \left(x_i - \bar{x}\right)^2", "sum((x - x_bar)^2)"),
    (r"\frac{\sum_i w_i x_i}{\sqrt{\sum_k w_k}}", "sum(w*x)/sqrt(sum(w))"),
    (r"\sum_i \sum_j A_{ij} x_i y_j", "sum(sum(A*x[:, None]*y, axis=-1))"),
    (r"\sum_{i,j} A_{i,j} x_i y_j", "sum(sum(A*x[:, None]*y, axis=-1))"),
    (r"\sum_i x_i \sum_j A_{ji} y_j", "sum(x*sum(A.T*y, axis=-1))"),
    (r"\sum_i v_i \tanh\left(\sum_k W_{ik} x_k\right)", "sum(v*tanh(sum(W*x, axis=-1)))"),
    (r"\sum_{ijk} W_{ij} A_{jk} C_{ki}",
     "sum(sum(sum(W[:, :, None]*A*C.T[:, None, :], axis=-1), axis=-1))"),
    (r"\prod_i x_i", "prod(x)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), READ, ids=[text for text, _ in READ])
def test_it_is_read_as_what_the_language_computes(text, plain):
    given = given_for(text)
    report = gradient(text, given)
    assert report.read_as == plain
    assert report.check.status == "pass"
    again = gradient(plain, given, check=False)
    assert (again.value, again.gradients) == (report.value, report.gradients)


SUMS = [
    (r"\sum_i \sum_j A_{ij} x_i y_j", lambda n: n["x"] @ n["A"] @ n["y"]),
    (r"\sum_i \sum_j A_{ji} x_i y_j", lambda n: n["y"] @ n["A"] @ n["x"]),
    (r"\sum_j \sum_i A_{ij} x_i y_j", lambda n: n["x"] @ n["A"] @ n["y"]),
    (r"\sum_i \sum_j \sum_k W_{ij} A_{jk} C_{ki}", lambda n: np.trace(n["W"] @ n["A"] @ n["C"])),
    (r"\sum_k \sum_i v_i W_{ik} x_k^2", lambda n: n["v"] @ n["W"] @ n["x"] ** 2),
    (r"\sum_i x_i \sum_j y_j \sum_k A_{jk} w_k", lambda n: n["x"].sum() * (n["y"] @ n["A"] @ n["w"])),
    (r"\sum_i (x_i - \sum_j A_{ij} y_j)^2", lambda n: ((n["x"] - n["A"] @ n["y"]) ** 2).sum()),
    (r"\|A x - y\|^2", lambda n: np.sum((n["A"] @ n["x"] - n["y"]) ** 2)),
    (r"w^\top (x y^\top) x", lambda n: (n["w"] @ n["x"]) * (n["y"] @ n["x"])),
    (r"x^\top A^\top A x", lambda n: np.sum((n["A"] @ n["x"]) ** 2)),
]


@pytest.mark.parametrize(("text", "value"), SUMS, ids=[text for text, _ in SUMS])
def test_the_value_is_that_of_numpy(text, value):
    assert gradient(text, given_for(text), check=False).value == pytest.approx(value(N), rel=1e-13)


REFUSED = [
    (r"\tanh(w x)", "a column times a column is no product"),
    (r"\mathbf{w} x", "a column times a column is no product"),
    (r"\tanh(w * x)", "this product of a column and a column has two readings"),
    (r"\|w \times x\|", "this product of a column and a column has two readings"),
    (r"x^\top y^\top A", "a row times a row is no product"),
    (r"\|x^\top + y\|", "a row and a column do not fit here"),
    (r"\mathrm{sum}(x^2)", "a power with a column is read in several ways"),
    (r"x^\top A^{-1} x", "a power with a matrix is read in several ways"),
    (r"\|b / x\|", "nothing is divided by a column"),
    (r"\|\exp(A)\|_F", "exp of a matrix is read in two ways"),
    (r"|x|^\top y", "|x| of a column is read in several ways"),
    (r"\|A\|^2", "a matrix has several norms"),
    (r"\|A\|_1", "abs of a matrix is read in two ways"),
    (r"\|x\|_3", "this norm is not read"),
    (r"\sum_i w", "within a sum an array stands with its index"),
    (r"\sum_i x_i w", "within a sum an array stands with its index"),
    (r"h = A x \\ \sum_i x_i h", "what is summed has an array without an index"),
    (r"h = b + 1 \\ \sum_i x_i h_i", "a number has no index"),
    (r"\sum_i 3 + x^\top y", "the index i is not used"),
    (r"\sum_i \sum_j x_i + x^\top y", "the index j is not used"),
    (r"\sum_i A_i + b", "A has 2 axes, not 1"),
    (r"\sum_i A_{ii} + b", "an index stands twice below one name"),
    (r"\sum_k v_k x_k", "the index k goes to 2 in v and 3 in x"),
    (r"\sum_{i=1}^2 x_i + b", "a sum over a part is not read"),
    (r"\sum_{i=2}^3 x_i + b", "a sum over a part is not read"),
    (r"\sum_{i=1}^{n-1} x_i + b", "a sum over a part is not read"),
    (r"\sum_{i=0}^{n} x_i + b", "a sum over a part is not read"),
    (r"\sum_{i=1}^{b} x_i", "a sum over a part is not read"),
    (r"\sum_{j \neq k} x_j + b", "an index is expected below this sign"),
    (r"\sum x_i + b^\top", "an index is expected below this sign"),
    (r"\sum_i \sum_i A_{ii}", "i is the index of two sums"),
    (r"\sum_i q_i x_i", "q has no value"),
    (r"\sum_i \|x_i\|", "norm is of whole arrays, and here of their elements"),
    (r"\mathrm{softmax}(W)^\top v", "softmax of a matrix is not read"),
    (r"\|x", "this \\ is never closed"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_mathematics_does_not_define_is_refused(text, message):
    with pytest.raises(BackpropError) as caught:
        gradient(text, given_for(text))
    assert caught.value.message == message


def test_a_sum_is_read_where_the_count_is_given_and_right():
    report = gradient(r"\frac{1}{n} \sum_{i=1}^{n} x_i^2", x=[1, 2, 3], n=3)
    assert (report.read_as, report.value) == ("1/n*sum(x^2)", pytest.approx(14 / 3))
    with pytest.raises(BackpropError, match="a sum over a part"):
        gradient(r"\frac{1}{n} \sum_{i=1}^{n} x_i^2", x=[1, 2, 3], n=4)


def test_without_arrays_nothing_changes():
    assert read_source(r"\frac{a}{b} c", ["a", "b", "c"]).read_as == "a/b*c"
    with pytest.raises(BackpropError, match=r"\\sum is not read") as caught:
        read_source(r"\sum_i x_i", ["x_i"])
    assert "x=[1, 2, 3]" in caught.value.hint


def test_the_square_of_a_norm_has_no_kink():
    report = gradient(r"\|x\|^2", x=[0, 0])
    assert report.gradients == {"x[0]": 0.0, "x[1]": 0.0}
    assert report.check.status == "pass"


def test_the_command_shows_what_was_read():
    found = run("grad", r"\mathbf{z} = W x + b \\ L = \frac{1}{2}\|\tanh(\mathbf{z})\|^2", "W=[[1,2],[3,4]]",
                "x=[0.1,0.2]", "b=[0.1,0.2]")  # fmt: skip
    assert found.returncode == 0
    assert "read as: z = W @ x + b; L = 1/2*sum(tanh(z)^2)" in found.stdout
    wrong = run("grad", r"\log(W x)^\top y", "W=[[1,-2],[3,4]]", "x=[1,2]", "y=[1,1]")
    assert (wrong.returncode, "log needs an operand > 0" in wrong.stderr) == (3, True)
