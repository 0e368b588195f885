"""Python of arrays: what NumPy, PyTorch and TensorFlow mean, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from backprop_cli import gradient
from backprop_cli.errors import BackpropError, ParseError
from conftest import Run
from test_arrays import X, softmax


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("np.sum(np.maximum(X, 2))", 11),
        ("np.max(X)", 4),
        ("torch.var(X, correction=1)", np.var(X, ddof=1)),
        ("np.std(X)", np.std(X)),
        ("X.std(ddof=1)", np.std(X, ddof=1)),
        ("np.sum(np.absolute(np.array([-1, 2]) * X.max(axis=0)))", 10),
        ("torch.var(X)", np.var(X, ddof=1)),
        ("torch.std(X, dim=0)[0]", np.std(X, axis=0, ddof=1)[0]),
        ("torch.var(X, unbiased=False)", np.var(X)),
        ("np.max(X, 1)[0] + torch.max(X)", 6),
        ("X.pow(2).sum() + X.exp().log().mean() - X[0].sqrt().max()", 32.5 - np.sqrt(2)),
        ("(X - 2).relu().sum()*np.pi", 3 * np.pi),
        ("np.multiply(X, X).sum() + np.subtract(X, 1).sum() + torch.mul(X, 2).mean()", 41),
        ("torch.clamp(X, min=2).sum() + X.clamp(0, 3).sum()", 20),
        ("np.concatenate([X[0], X[1, :1]])[2]*torch.cat((X, X), dim=1)[1, 3]", 12),
        (
            "np.stack([X[0], X[1]])[1, 0] + np.eye(2)[1] @ X[0] + np.zeros((2, 2)).sum() + np.ones(2) @ X[1]",
            13,
        ),
        ("X.reshape(1, -1)[0, 2] + X.view(4)[3] + X.flatten()[1]", 9),
        ("len(X)*X.size*X.shape[1]*X[0, 0]", 16),
        ("tf.reduce_sum(tf.square(X), axis=0)[0] + K.mean(X)", 19.5),
        ("nn.Tanh()(X).sum() + nn.MSELoss()(X[0], X[1])", np.tanh(X).sum() + 5),
        ("F.mse_loss(X[0], X[1], reduction='sum') + F.l1_loss(X[0], X[1])", 12),
        ("F.cross_entropy(X, torch.tensor([0, 1]))", -(np.log(softmax(np.array(X)))[[0, 1], [0, 1]]).mean()),
        ("F.binary_cross_entropy_with_logits(X[0], X[1]/5)", np.mean(np.log1p(np.exp([1, 2])) - [0.8, 1.2])),
        (
            "-np.mean(X/5*np.log(X) + (1 - X/5)*np.log(X + 1))",
            -np.mean(np.array(X) / 5 * np.log(X) + (1 - np.array(X) / 5) * np.log(np.array(X) + 1)),
        ),
        ("X[:, np.newaxis].sum() + X[0][1] + X.T[1, 0] + torch.norm(X, p=2)**2", 44),
        ("def f(X):\n    z = X @ X[0]\n    return z.mean()", 7.5),
        ("import numpy as np; w = np.array([1.0, -1.0]); loss = ((X @ w)**2).mean(); loss.backward()", 1),
        ("np.asarray(X + 1)[0]*2 @ [1, 1]", 10),
        ("np.reshape(X, shape=(4, 1))[2, 0]", 4),
        ("torch.sum(X, dim=[0, 1]) + torch.linalg.vector_norm(X[0])**2", 15),
    ],
)
def test_python_means_what_its_library_does(program, value):
    assert gradient(program, X=X).value == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("X.var()", "divides by n in NumPy and by n - 1 in PyTorch"),
        ("X.max(1)[0]", "has an index beside it in PyTorch"),
        ("X.max(dim=1)[0]", "has an index beside it in PyTorch"),
        ("torch.max(X + 1, dim=1)[0]", "max has an index beside it in PyTorch"),
        ("max(X + 1, dim=1)[0]", "dim=1 has no place here"),
        ("np.linalg.norm(X, ord=1)", "a norm here is that of order 2"),
        ("np.sum(X, axis=k)", "axis= is a whole number here"),
        ("np.sum(X, where=1)", "sum takes no where= here"),
        ("X.sum(0, 1)", "sum takes 1 operand here"),
        ("F.mse_loss(X, X, reduction='none')", "read with reduction='mean' alone"),
        ("np.concatenate(X)", "concatenate joins what is listed"),
        ("np.einsum('ij->', X)", "einsum is of arrays, and not among the functions that are read"),
        ("np.linalg.qr(X)", "qr is not a function that is known here"),
        ("sum(x**2 for x in X)", "a loop within an expression is not read"),
        ("X.shape[k]*X[0, 0]", ".shape is no number"),
        ("X.shape.sum()", ".shape is no number"),
        ("X.reshape()[0, 0]", "reshape needs sizes"),
        ("np.zeros(0) @ X[0]", "zeros is read with 1 to 10,000 elements"),
        ("np.dot(X)", "dot takes 2 operands here"),
        ("np.sum()", "sum takes 1 operand here"),
        ("np.concatenate()", "concatenate has 0 operands here"),
        ("np.reshape()", "reshape takes 1 operand here"),
        ("torch.var(X, unbiased=n)", "unbiased= is True or False here"),
        ("np.zeros(n) @ X[0]", "zeros is read with whole numbers alone"),
    ],
)
def test_what_libraries_do_in_two_ways_is_refused(program, message):
    with pytest.raises(ParseError) as caught:
        gradient(program, X=X)
    assert message in caught.value.message


@pytest.mark.parametrize("program", ["nn.MSELoss()(x, y)", "torch.cat((x, y)).mul(x)", "np.sum(x)[0] + y"])
def test_what_only_arrays_have_is_refused_of_numbers(program):
    with pytest.raises(BackpropError):
        gradient(program, x=1, y=3)


@pytest.mark.parametrize("words", [["graph"], ["export", "--to", "python"], ["explain"], ["grad"]])
def test_a_program_of_arrays_without_shapes_says_so(backprop: Run, words):
    done = backprop(*words, "np.dot(w, x).sum()")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "has no value" in done.stderr
    assert backprop("read", "np.dot(w, x).sum()").stdout == "sum(dot(w, x))\n"
