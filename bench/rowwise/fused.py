"""What an engineer writes by hand for the six formulas with Numba: one loop over the rows for each.

The error model of NumPy leaves out the test for a division by zero, so that the compiler can work on four
rows at a time. No fast-math: the results are those of the statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt, tanh

from numba import njit, prange

from rowwise.formulas import Array, Formula, Kernel


def product(a, b, c, f, value, by_a, by_b, by_c, by_f):
    """(a*b + c)*f."""
    for i in prange(len(a)):
        d = a[i] * b[i] + c[i]
        value[i] = d * f[i]
        by_a[i] = f[i] * b[i]
        by_b[i] = f[i] * a[i]
        by_c[i] = f[i]
        by_f[i] = d


def neuron(w1, x1, w2, x2, b, value, by_w1, by_x1, by_w2, by_x2, by_b):
    """tanh(w1*x1 + w2*x2 + b)."""
    for i in prange(len(b)):
        h = tanh(w1[i] * x1[i] + w2[i] * x2[i] + b[i])
        g = 1 - h * h
        value[i] = h
        by_w1[i] = g * x1[i]
        by_x1[i] = g * w1[i]
        by_w2[i] = g * x2[i]
        by_x2[i] = g * w2[i]
        by_b[i] = g


def rosenbrock(x, y, value, by_x, by_y):
    """(1 - x)^2 + 100*(y - x^2)^2."""
    for i in prange(len(x)):
        u = 1 - x[i]
        q = 10 * (y[i] - x[i] * x[i])
        value[i] = u * u + q * q
        by_x[i] = -2 * (u + 20 * x[i] * q)
        by_y[i] = 20 * q


def likelihood(s, x, mu, value, by_s, by_x, by_mu):
    """Gaussian: -log(s) - (x - mu)^2/(2*s^2)."""
    for i in prange(len(s)):
        r = 1 / s[i]
        z = (x[i] - mu[i]) * r
        value[i] = -0.5 * z * z - log(s[i])
        by_s[i] = (z * z - 1) * r
        by_x[i] = -z * r
        by_mu[i] = z * r


def quotient(x, y, z, value, by_x, by_y, by_z):
    """sqrt(x^2 + y^2)/(1 + x/z), whose divisor is (x + z)/z."""
    for i in prange(len(x)):
        h = sqrt(x[i] * x[i] + y[i] * y[i])
        s = 1 / (x[i] + z[i])
        zs = z[i] * s
        k = zs / h
        value[i] = h * zs
        by_x[i] = x[i] * k - h * zs * s
        by_y[i] = y[i] * k
        by_z[i] = h * s * s * x[i]


def network(x1, x2, t, p, out):
    """Return the squared error of the 2-4-1 network; p has the weights in the order of the inputs."""
    w11, w12, b1, w21, w22, b2, w31, w32, b3, w41, w42, b4, v1, v2, v3, v4, b0 = p
    for i in prange(len(t)):
        h1 = tanh(w11 * x1[i] + w12 * x2[i] + b1)
        h2 = tanh(w21 * x1[i] + w22 * x2[i] + b2)
        h3 = tanh(w31 * x1[i] + w32 * x2[i] + b3)
        h4 = tanh(w41 * x1[i] + w42 * x2[i] + b4)
        e = v1 * h1 + v2 * h2 + v3 * h3 + v4 * h4 + b0 - t[i]
        g = 2 * e
        d1 = g * v1 * (1 - h1 * h1)
        d2 = g * v2 * (1 - h2 * h2)
        d3 = g * v3 * (1 - h3 * h3)
        d4 = g * v4 * (1 - h4 * h4)
        out[0, i] = e * e
        out[1, i] = d1 * x1[i]
        out[2, i] = d1 * w11 + d2 * w21 + d3 * w31 + d4 * w41
        out[3, i] = d1 * x2[i]
        out[4, i] = d1 * w12 + d2 * w22 + d3 * w32 + d4 * w42
        out[5, i] = d1
        out[6, i] = d2 * x1[i]
        out[7, i] = d2 * x2[i]
        out[8, i] = d2
        out[9, i] = d3 * x1[i]
        out[10, i] = d3 * x2[i]
        out[11, i] = d3
        out[12, i] = d4 * x1[i]
        out[13, i] = d4 * x2[i]
        out[14, i] = d4
        out[15, i] = g * h1
        out[16, i] = g * h2
        out[17, i] = g * h3
        out[18, i] = g * h4
        out[19, i] = g
        out[20, i] = -g


LOOPS = {
    "product": product,
    "neuron": neuron,
    "Rosenbrock": rosenbrock,
    "likelihood": likelihood,
    "quotient": quotient,
    "network": network,
}


def fused(formula: Formula, *, parallel: bool) -> Kernel:
    """Return the loop of a formula, compiled at its first call."""
    compiled = njit(parallel=parallel, fastmath=False, error_model="numpy", boundscheck=False)
    function = compiled(LOOPS[formula.name])
    weights = tuple(formula.constants.values())

    def kernel(columns: Sequence[Array], out: Array) -> Array:
        if weights:
            function(*columns, weights, out)
        else:
            function(*columns, *out)
        return out

    return kernel
