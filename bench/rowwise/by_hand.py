"""What an engineer writes by hand for the six formulas with NumPy: derivatives worked out, terms shared.

WHOLE has the plain form, an expression over whole arrays for each line of the result. BLOCK has the same for
a block of rows that fits the cache: each step writes to a line of the result or to a scratch line, so that
nothing is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from rowwise.formulas import Array, Formula, Kernel

BLOCK_ROWS = 16_384
SCRATCH = 2
"""The most scratch lines that a formula needs."""


def product(a: Array, b: Array, c: Array, f: Array) -> list[Array]:
    """(a*b + c)*f."""
    d = a * b + c
    return [d * f, f * b, f * a, f.copy(), d]


def neuron(w1: Array, x1: Array, w2: Array, x2: Array, b: Array) -> list[Array]:
    """tanh(w1*x1 + w2*x2 + b)."""
    h = np.tanh(w1 * x1 + w2 * x2 + b)
    g = 1 - h * h
    return [h, g * x1, g * w1, g * x2, g * w2, g]


def rosenbrock(x: Array, y: Array) -> list[Array]:
    """(1 - x)^2 + 100*(y - x^2)^2."""
    u = 1 - x
    q = 10 * (y - x * x)
    by_y = 20 * q
    return [u * u + q * q, -2 * (u + x * by_y), by_y]


def likelihood(s: Array, x: Array, mu: Array) -> list[Array]:
    """Gaussian: -log(s) - (x - mu)^2/(2*s^2)."""
    r = 1 / s
    z = (x - mu) * r
    zz = z * z
    by_mu = z * r
    return [-0.5 * zz - np.log(s), (zz - 1) * r, -by_mu, by_mu]


def quotient(x: Array, y: Array, z: Array) -> list[Array]:
    """sqrt(x^2 + y^2)/(1 + x/z), whose divisor is (x + z)/z."""
    h = np.sqrt(x * x + y * y)
    s = 1 / (x + z)
    zs = z * s
    value = h * zs
    k = zs / h
    return [value, x * k - value * s, y * k, h * s * s * x]


def network(x1: Array, x2: Array, t: Array, p: Mapping[str, float]) -> list[Array]:
    """Return the squared error of the 2-4-1 network, gradients in the order of its inputs."""
    h = [np.tanh(p[f"w{j}1"] * x1 + p[f"w{j}2"] * x2 + p[f"b{j}"]) for j in (1, 2, 3, 4)]
    e = p["v1"] * h[0] + p["v2"] * h[1] + p["v3"] * h[2] + p["v4"] * h[3] + (p["b0"] - t)
    g = 2 * e
    d = [g * p[f"v{j}"] * (1 - hj * hj) for j, hj in enumerate(h, start=1)]
    by_x1 = d[0] * p["w11"] + d[1] * p["w21"] + d[2] * p["w31"] + d[3] * p["w41"]
    by_x2 = d[0] * p["w12"] + d[1] * p["w22"] + d[2] * p["w32"] + d[3] * p["w42"]
    units = [line for dj in d[1:] for line in (dj * x1, dj * x2, dj)]
    return [e * e, d[0] * x1, by_x1, d[0] * x2, by_x2, d[0], *units, *(g * hj for hj in h), g, -g]


def product_block(columns: Sequence[Array], out: Array, _: Array) -> None:
    """Write value and gradients of a block."""
    a, b, c, f = columns
    value, by_a, by_b, by_c, by_f = out
    np.multiply(a, b, out=by_f)
    np.add(by_f, c, out=by_f)
    np.multiply(by_f, f, out=value)
    np.multiply(f, b, out=by_a)
    np.multiply(f, a, out=by_b)
    np.copyto(by_c, f)


def neuron_block(columns: Sequence[Array], out: Array, _: Array) -> None:
    """Write value and gradients of a block."""
    w1, x1, w2, x2, b = columns
    h, by_w1, by_x1, by_w2, by_x2, g = out
    np.multiply(w1, x1, out=h)
    np.multiply(w2, x2, out=g)
    np.add(h, g, out=h)
    np.add(h, b, out=h)
    np.tanh(h, out=h)
    np.multiply(h, h, out=g)
    np.subtract(1, g, out=g)
    np.multiply(g, x1, out=by_w1)
    np.multiply(g, w1, out=by_x1)
    np.multiply(g, x2, out=by_w2)
    np.multiply(g, w2, out=by_x2)


def rosenbrock_block(columns: Sequence[Array], out: Array, scratch: Array) -> None:
    """Write value and gradients of a block."""
    x, y = columns
    value, by_x, by_y = out
    u, _ = scratch
    np.multiply(x, x, out=by_y)
    np.subtract(y, by_y, out=by_y)
    np.multiply(by_y, 10, out=by_y)
    np.multiply(by_y, by_y, out=value)
    np.subtract(1, x, out=u)
    np.multiply(u, u, out=by_x)
    np.add(value, by_x, out=value)
    np.multiply(by_y, 20, out=by_y)
    np.multiply(x, by_y, out=by_x)
    np.add(by_x, u, out=by_x)
    np.multiply(by_x, -2, out=by_x)


def likelihood_block(columns: Sequence[Array], out: Array, scratch: Array) -> None:
    """Write value and gradients of a block."""
    s, x, mu = columns
    value, by_s, by_x, by_mu = out
    r, log = scratch
    np.divide(1, s, out=r)
    np.subtract(x, mu, out=value)
    np.multiply(value, r, out=value)
    np.multiply(value, r, out=by_mu)
    np.negative(by_mu, out=by_x)
    np.multiply(value, value, out=value)
    np.subtract(value, 1, out=by_s)
    np.multiply(by_s, r, out=by_s)
    np.log(s, out=log)
    np.multiply(value, -0.5, out=value)
    np.subtract(value, log, out=value)


def quotient_block(columns: Sequence[Array], out: Array, scratch: Array) -> None:
    """Write value and gradients of a block."""
    x, y, z = columns
    value, by_x, by_y, by_z = out
    s, h = scratch
    np.multiply(x, x, out=h)
    np.multiply(y, y, out=s)
    np.add(h, s, out=h)
    np.sqrt(h, out=h)
    np.add(x, z, out=s)
    np.divide(1, s, out=s)
    np.multiply(z, s, out=by_z)
    np.multiply(h, by_z, out=value)
    np.divide(by_z, h, out=by_z)
    np.multiply(x, by_z, out=by_x)
    np.multiply(y, by_z, out=by_y)
    np.multiply(value, s, out=by_z)
    np.subtract(by_x, by_z, out=by_x)
    np.multiply(h, s, out=by_z)
    np.multiply(by_z, s, out=by_z)
    np.multiply(by_z, x, out=by_z)


def network_block(columns: Sequence[Array], out: Array, scratch: Array, p: Mapping[str, float]) -> None:
    """Write value and gradients of a block; a unit's activation is kept in the line of its own weight."""
    x1, x2, t = columns
    value, by_x1, by_x2, g, by_t = out[0], out[2], out[4], out[19], out[20]
    # Gradients by w, w and b of each unit: the inputs x1 and x2 stand among those of the first.
    units = [(out[1], out[3], out[5]), *(tuple(out[k : k + 3]) for k in (6, 9, 12))]
    s, _ = scratch
    np.subtract(p["b0"], t, out=value)
    for j, h in enumerate(out[15:19], start=1):
        np.multiply(x1, p[f"w{j}1"], out=h)
        np.multiply(x2, p[f"w{j}2"], out=s)
        np.add(h, s, out=h)
        np.add(h, p[f"b{j}"], out=h)
        np.tanh(h, out=h)
        np.multiply(h, p[f"v{j}"], out=s)
        np.add(value, s, out=value)
    np.multiply(value, 2, out=g)
    np.multiply(value, value, out=value)
    np.negative(g, out=by_t)
    for j, (by_w1, by_w2, d) in enumerate(units, start=1):
        h = out[14 + j]
        np.multiply(h, h, out=d)
        np.subtract(1, d, out=d)
        np.multiply(h, g, out=h)
        np.multiply(g, p[f"v{j}"], out=s)
        np.multiply(d, s, out=d)
        np.multiply(d, x1, out=by_w1)
        np.multiply(d, x2, out=by_w2)
        for by_x, weight in ((by_x1, p[f"w{j}1"]), (by_x2, p[f"w{j}2"])):
            if j == 1:
                np.multiply(d, weight, out=by_x)
            else:
                np.multiply(d, weight, out=s)
                np.add(by_x, s, out=by_x)


WHOLE: Mapping[str, Callable[..., list[Array]]] = {
    "product": product,
    "neuron": neuron,
    "Rosenbrock": rosenbrock,
    "likelihood": likelihood,
    "quotient": quotient,
    "network": network,
}
BLOCK: Mapping[str, Callable[..., None]] = {
    "product": product_block,
    "neuron": neuron_block,
    "Rosenbrock": rosenbrock_block,
    "likelihood": likelihood_block,
    "quotient": quotient_block,
    "network": network_block,
}


def whole(formula: Formula) -> Kernel:
    """Return the plain form: new arrays for every result."""
    function = WHOLE[formula.name]
    constants = [formula.constants] if formula.constants else []
    return lambda columns, _: function(*columns, *constants)


def in_blocks(formula: Formula, threads: int) -> Kernel:
    """Return the form in blocks; each thread takes a stretch of rows and has scratch lines of its own."""
    function = BLOCK[formula.name]
    constants = [formula.constants] if formula.constants else []
    scratch = [np.empty((SCRATCH, BLOCK_ROWS)) for _ in range(threads)]
    pool = ThreadPoolExecutor(threads)

    def stretch(columns: Sequence[Array], out: Array, lines: Array, first: int, last: int) -> None:
        for start in range(first, last, BLOCK_ROWS):
            block = slice(start, min(start + BLOCK_ROWS, last))
            size = block.stop - start
            function([column[block] for column in columns], out[:, block], lines[:, :size], *constants)

    def kernel(columns: Sequence[Array], out: Array) -> Array:
        rows = len(columns[0])
        if threads == 1 or rows <= BLOCK_ROWS:
            stretch(columns, out, scratch[0], 0, rows)
            return out
        bounds = [rows * k // threads for k in range(threads + 1)]
        jobs = [
            pool.submit(stretch, columns, out, lines, first, last)
            for lines, (first, last) in zip(scratch, pairwise(bounds), strict=True)
        ]
        for job in jobs:
            job.result()
        return out

    return kernel
