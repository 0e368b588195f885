"""Ours, and the peers that derive the formulas by themselves.

Each function returns what binds a formula to rows. A module is imported when its contender is made ready: an
absent one is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

import harness
from rowwise.formulas import Array, Bind, Formula, Kernel, Lines


def bound(kernel: Kernel) -> Bind:
    """Return the Bind of a kernel that takes the columns as they are."""
    return lambda columns, out: lambda: kernel(columns, out)


def ours(formula: Formula, engine: str, *, new_arrays: bool = False) -> Bind:
    """Our engine; with new arrays for the results, or writing over those of the call before."""
    if engine != "numpy":
        harness.load("llvmlite")
    from backprop_cli import compile_rows

    rows = compile_rows(formula.program, formula.columns, formula.constants, engine=engine)

    def bind(columns: Sequence[Array], _: Array) -> Callable[[], Lines]:
        named = dict(zip(formula.columns, columns, strict=True))
        results = None if new_arrays else rows(named)

        def run() -> Lines:
            found = rows(named, results)
            return [found.value, *found.gradients.values()]

        return run

    return bind


def copy(_: Formula, threads: int) -> Bind:
    """Copy as many bytes as the formula reads and writes: what the memory allows."""
    pool = ThreadPoolExecutor(threads)

    def bind(columns: Sequence[Array], out: Array) -> Callable[[], Lines]:
        size = (len(columns) + len(out)) * len(columns[0]) // 2  # each number copied is read and written
        source, target = np.ones(size), out.reshape(-1)[:size]
        bounds = [size * k // threads for k in range(threads + 1)]
        parts = [(target[i:j], source[i:j]) for i, j in pairwise(bounds)]

        def run() -> Lines:
            if threads == 1:
                np.copyto(target, source)
            else:
                for job in [pool.submit(np.copyto, *part) for part in parts]:
                    job.result()
            return out

        return run

    return bind


def jax(formula: Formula, *, donated: bool) -> Bind:
    """JAX's jit of vmap(value_and_grad).

    donated: the arrays of the last results are given up for the new ones to be written to. Without that
    each call allocates, and the system hands out zeroed pages for 1e7 rows anew.
    """
    jax = harness.load("jax")
    jax.config.update("jax_enable_x64", True)
    function = formula.function({"tanh": jax.numpy.tanh, "log": jax.numpy.log, "sqrt": jax.numpy.sqrt})
    every = tuple(range(len(formula.inputs)))
    axes = [0 if name in formula.columns else None for name in formula.inputs]
    mapped = jax.vmap(jax.value_and_grad(function, argnums=every), in_axes=axes)
    compiled = jax.jit(mapped)
    into = jax.jit(lambda _, *arguments: mapped(*arguments), donate_argnums=0, keep_unused=True)

    def bind(columns: Sequence[Array], _: Array) -> Callable[[], Lines]:
        arguments = formula.arguments(map(jax.numpy.asarray, columns))
        empty = jax.numpy.empty(len(columns[0]))
        last = (empty, tuple(empty.copy() for _ in every)) if donated else None

        def run() -> Lines:
            nonlocal last
            if donated:
                value, gradients = last = jax.block_until_ready(into(last, *arguments))
            else:
                value, gradients = jax.block_until_ready(compiled(*arguments))
            return [value, *gradients]

        return run

    return bind


def torch(formula: Formula) -> Bind:
    """PyTorch, eager: one backward pass from the sum of all values."""
    torch = harness.load("torch")
    function = formula.function({"tanh": torch.tanh, "log": torch.log, "sqrt": torch.sqrt})

    def bind(columns: Sequence[Array], _: Array) -> Callable[[], Lines]:
        given = formula.arguments(map(torch.from_numpy, columns))
        # A constant stands at every row, or its gradients would be added up.
        rows = [torch.as_tensor(x, dtype=torch.float64).expand(len(columns[0])) for x in given]
        inputs = [row.detach().requires_grad_() for row in rows]

        def run() -> Lines:
            value = function(*inputs)
            gradients = torch.autograd.grad(value, inputs, torch.ones_like(value))
            return [value.detach().numpy(), *(gradient.numpy() for gradient in gradients)]

        return run

    return bind


def autograd(formula: Formula) -> Bind:
    """autograd: one forward and one backward pass for a chunk of rows."""
    harness.load("autograd")
    import autograd.numpy as anp
    from autograd import make_vjp

    function = formula.function({"tanh": anp.tanh, "log": anp.log, "sqrt": anp.sqrt})
    derive = make_vjp(function, argnum=tuple(range(len(formula.inputs))))

    def of_chunk(arguments: Sequence[Array], rows: int) -> Sequence[Array]:
        back, value = derive(*(np.broadcast_to(x, rows) for x in arguments))
        return [value, *back(np.ones(rows))]

    return bound(chunked(formula, of_chunk, 65_536))


def sympy(formula: Formula) -> Bind:
    """SymPy: derivatives as formulas, written out as NumPy code with common terms shared."""
    expressions, names = symbolic(formula)
    function = harness.load("sympy").lambdify(names, expressions, modules="numpy", cse=True)
    return bound(chunked(formula, lambda arguments, _: function(*arguments), 16_384))


def symbolic(formula: Formula) -> tuple[list[Any], list[Any]]:
    """Return SymPy's expressions of the value and the gradients, and the inputs they are written in."""
    sympy = harness.load("sympy")
    names = [sympy.Symbol(name, real=True) for name in formula.inputs]
    value = formula.function({"tanh": sympy.tanh, "log": sympy.log, "sqrt": sympy.sqrt})(*names)
    return [value, *(value.diff(name) for name in names)], names


def chunked(
    formula: Formula, of_chunk: Callable[[Sequence[Any], int], Sequence[Array]], chunk_rows: int
) -> Kernel:
    """Return a kernel that computes a chunk of rows at a time, and copies its results.

    Columns of every intermediate do not fit the memory at 1e7 rows. Of chunks of 16,384, 65,536 and 262,144
    rows each peer has those that serve it best.
    """

    def kernel(columns: Sequence[Array], out: Array) -> Array:
        rows = len(columns[0])
        for start in range(0, rows, chunk_rows):
            chunk = slice(start, min(start + chunk_rows, rows))
            arguments = formula.arguments(column[chunk] for column in columns)
            for line, result in zip(out, of_chunk(arguments, chunk.stop - start), strict=True):
                line[chunk] = result
        return out

    return kernel


def casadi(formula: Formula) -> Bind:
    """CasADi: a function mapped over rows by threads, on the memory of the columns and the results."""
    ca = harness.load("casadi")
    columns = [ca.SX.sym(name) for name in formula.columns]
    inputs = [ca.SX.sym(name) for name in formula.inputs]
    value = formula.function({"tanh": ca.tanh, "log": ca.log, "sqrt": ca.sqrt})(*inputs)
    gradients = ca.vertsplit(ca.gradient(value, ca.vertcat(*inputs)))
    results = ca.substitute([value, *gradients], inputs, list(map(ca.SX, formula.arguments(columns))))
    function = ca.Function("row", columns, results)

    def bind(columns: Sequence[Array], out: Array) -> Callable[[], Lines]:
        buffer, evaluate = function.map(len(columns[0]), "thread", harness.cores()).buffer()
        for position, column in enumerate(columns):
            buffer.set_arg(position, memoryview(column))
        for position, line in enumerate(out):
            buffer.set_res(position, memoryview(line))

        def run(_: object = buffer) -> Lines:  # evaluate does not hold the buffer that it works on
            evaluate()
            return out

        return run

    return bind
