"""What other tools say where derivatives are hard, beside what we say: run, and not quoted.

    python bench/corners.py

Two tables of Markdown: first and second derivatives by x, and standard uncertainties. A peer that is not
installed is left out; one that raises is quoted with the class of what it raised.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, NamedTuple

from backprop_cli import budget, gradient, hessian
from harness import AbsentError, load

Derivatives = Callable[["Corner", int], Any]


class Corner(NamedTuple):
    """A program of x (and y), the point, and what is true of ∂/∂x and ∂²/∂x².

    f: the same for a peer, with its functions in ``o``.
    """

    program: str
    point: dict[str, float]
    f: Callable[..., Any]
    truth: tuple[str, str]


CORNERS = (
    Corner("x^2", {"x": 0.0}, lambda _o, x: x**2, ("0", "2")),
    Corner("x^y", {"x": 0.0, "y": 2.0}, lambda _o, x, y: x**y, ("0", "2")),
    Corner("x^1.5", {"x": 0.0}, lambda _o, x: x**1.5, ("0 right", "∞ right")),
    Corner(
        "where(x > 0, sqrt(x), 0)",
        {"x": -1.0},
        lambda o, x: o.where(x > 0, o.sqrt(x), 0.0 * x),
        ("0", "0"),
    ),
    Corner("softplus(x)", {"x": 0.0}, lambda o, x: o.softplus(x), ("0.5", "0.25")),
    Corner("sqrt(x^2 + y^2)^2", {"x": 0.0, "y": 0.0}, lambda o, x, y: o.sqrt(x**2 + y**2) ** 2, ("0", "2")),
    Corner("abs(x)", {"x": 0.0}, lambda o, x: o.abs(x), ("-1 left, 1 right", "0 left, 0 right")),
    Corner("abs(x)*x", {"x": 0.0}, lambda o, x: o.abs(x) * x, ("0", "-2 left, 2 right")),
    Corner("max(x, 0)", {"x": 0.0}, lambda o, x: o.max(x, 0.0), ("0 left, 1 right", "0 left, 0 right")),
    Corner("max(x, 0)^2", {"x": 0.0}, lambda o, x: o.max(x, 0.0) ** 2, ("0", "0 left, 2 right")),
    Corner("sqrt(x)", {"x": 0.0}, lambda o, x: o.sqrt(x), ("∞ right", "-∞ right")),
)


class Functions(NamedTuple):
    """A peer's functions."""

    sqrt: Callable[..., Any]
    abs: Callable[..., Any]
    max: Callable[..., Any]
    where: Callable[..., Any]
    softplus: Callable[..., Any]


# ---- who answers ----


def of_backprop() -> Derivatives:
    """Return our own answer: a number, or the numbers on both sides."""

    def derivative(corner: Corner, order: int) -> Any:
        if order == 1:
            report = gradient(corner.program, corner.point)
            found = report.check.gradients["x"]
            return f"kink: {_sides(found.left, found.right)}" if found.at_kink else report.gradients["x"]
        entry = hessian(corner.program, corner.point).entries["x"]["x"]
        if not entry.at_kink:
            return entry.value
        return f"{'jumps' if 'jumps' in entry.reason else 'kink'}: {_sides(entry.left, entry.right)}"

    return derivative


def _sides(left: float | None, right: float | None) -> str:
    return ", ".join(
        f"{'none' if x is None else 'not known' if math.isnan(x) else _text(x)} {side}"
        for x, side in ((left, "left"), (right, "right"))
    )


def of_jax() -> Derivatives:
    """Return what jax.grad says, applied as often as the order is."""
    jax = load("jax")
    jax.config.update("jax_enable_x64", True)
    n = jax.numpy
    o = Functions(n.sqrt, n.abs, n.maximum, n.where, jax.nn.softplus)
    return lambda corner, order: _nested(jax.grad, o, corner, order)


def of_autograd() -> Derivatives:
    """Return what autograd.grad says."""
    autograd = load("autograd")
    n = load("autograd.numpy")
    o = Functions(n.sqrt, n.abs, n.maximum, n.where, lambda x: n.logaddexp(x, 0.0))
    return lambda corner, order: _nested(autograd.grad, o, corner, order)


def _nested(grad: Callable[..., Any], o: Functions, corner: Corner, order: int) -> Any:
    def function(*xs: Any) -> Any:
        return corner.f(o, *xs)

    for _ in range(order):
        function = grad(function)
    return float(function(*corner.point.values()))


def of_torch() -> Derivatives:
    """Return what PyTorch's autograd says."""
    torch = load("torch")
    o = Functions(
        torch.sqrt,
        torch.abs,
        lambda x, y: torch.maximum(x, torch.tensor(y, dtype=torch.float64)),
        torch.where,
        torch.nn.functional.softplus,
    )

    def derivative(corner: Corner, order: int) -> Any:
        xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in corner.point.values()]
        y = corner.f(o, *xs)
        for _ in range(order):
            (y,) = torch.autograd.grad(y, xs[0], create_graph=True)
        return float(y)

    return derivative


def of_casadi() -> Derivatives:
    """Return what CasADi's SX says; it has no softplus, which is written in its stable form."""
    casadi = load("casadi")
    o = Functions(
        casadi.sqrt,
        casadi.fabs,
        casadi.fmax,
        casadi.if_else,
        lambda x: casadi.fmax(x, 0) + casadi.log1p(casadi.exp(-casadi.fabs(x))),
    )

    def derivative(corner: Corner, order: int) -> Any:
        xs = [casadi.SX.sym(name) for name in corner.point]
        y = corner.f(o, *xs)
        for _ in range(order):
            y = casadi.gradient(y, xs[0])
        return float(casadi.Function("f", xs, [y])(*corner.point.values()))

    return derivative


def of_sympy() -> Derivatives:
    """Return what SymPy's derivative comes to when numbers are put in."""
    sympy = load("sympy")
    o = Functions(
        sympy.sqrt,
        sympy.Abs,
        sympy.Max,
        lambda condition, x, y: sympy.Piecewise((x, condition), (y, True)),
        lambda x: sympy.log(1 + sympy.exp(x)),
    )

    def derivative(corner: Corner, order: int) -> Any:
        xs = sympy.symbols(list(corner.point), real=True)
        formula = sympy.diff(corner.f(o, *xs), xs[0], order)
        at = {x: sympy.nsimplify(number) for x, number in zip(xs, corner.point.values(), strict=True)}
        return formula.subs(at).doit()

    return derivative


PEERS: dict[str, tuple[str, Callable[[], Derivatives]]] = {
    "JAX": ("jax", of_jax),
    "autograd": ("autograd", of_autograd),
    "PyTorch": ("torch", of_torch),
    "CasADi": ("casadi", of_casadi),
    "SymPy": ("sympy", of_sympy),
}


# ---- uncertainties ----

UNCERTAIN = (
    ("x^2", 0.0, 0.1, lambda _o, x: x**2),
    ("cos(x)", 0.0, 0.1, lambda o, x: o.cos(x)),
    ("exp(x)", 1.0, 0.5, lambda o, x: o.exp(x)),
    ("abs(x)", 0.0, 0.1, lambda _o, x: abs(x)),
)


def of_uncertainties() -> Callable[..., Any]:
    """Return the standard uncertainty that uncertainties finds."""
    made, functions = load("uncertainties"), load("uncertainties.umath")
    return lambda f, x, u: f(functions, made.ufloat(x, u)).std_dev


def of_gtc() -> Callable[..., Any]:
    """Return the standard uncertainty that GTC finds."""
    gtc = load("GTC")
    return lambda f, x, u: gtc.uncertainty(f(gtc, gtc.ureal(x, u)))


def of_metrolopy() -> Callable[..., Any]:
    """Return the standard uncertainty that MetroloPy finds."""
    made = load("metrolopy")
    return lambda f, x, u: f(made, made.gummy(x, u)).u


def of_budget(program: str, x: float, u: float) -> str:
    """Return ours: to first order, and to second where it has one."""
    report = budget(program, {"x": f"{x!r}±{u!r}"})
    if report.uncertainty is None:
        return "none: at a kink"
    second = report.second
    more = "" if second is None else f"; to second order {_text(second.uncertainty)}"
    return f"{_text(report.uncertainty)}{more}"


METROLOGY: dict[str, tuple[str, Callable[[], Callable[..., Any]]]] = {
    "uncertainties": ("uncertainties", of_uncertainties),
    "GTC": ("GTC", of_gtc),
    "MetroloPy": ("metrolopy", of_metrolopy),
}


# ---- the tables ----


def _text(answer: Any) -> str:
    """Return an answer for a cell."""
    if isinstance(answer, str):
        return answer
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return f"`{str(answer)[:40]}`"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    return "NaN" if math.isnan(number) else f"{number + 0.0:.4g}"


def ask(question: Callable[[], Any]) -> str:
    """Return an answer, or the class of what was raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _text(question())
    except Exception as error:  # noqa: BLE001, whatever a peer raises is its answer
        return f"raises {type(error).__name__}"


def present(peers: dict[str, tuple[str, Callable[[], Any]]]) -> dict[str, Any]:
    """Return those of the peers that are installed, under their names with the version."""
    found = {}
    for name, (package, make) in peers.items():
        try:
            found[f"{name} {metadata.version(package)}"] = make()
        except (AbsentError, metadata.PackageNotFoundError):
            continue
    return found


def show(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    print("|", " | ".join(header), "|")
    print("|", " | ".join("---" for _ in header), "|")
    for row in rows:
        print("|", " | ".join(row), "|")
    print()


def main() -> None:
    """Print both tables."""
    peers, ours = present(PEERS), of_backprop()
    rows = [
        [
            f"`{corner.program}` at {', '.join(f'{x:g}' for x in corner.point.values())}",
            "∂/∂x" if order == 1 else "∂²/∂x²",
            corner.truth[order - 1],
            *(ask(lambda: peer(corner, order)) for peer in (ours, *peers.values())),  # noqa: B023
        ]
        for corner in CORNERS
        for order in (1, 2)
    ]
    show(["function", "", "truth", "backprop", *peers], rows)
    tools = present(METROLOGY)
    rows = [
        [
            f"`{program}`, x = {x:g} ± {u:g}",
            ask(lambda: of_budget(program, x, u)),  # noqa: B023
            *(ask(lambda: tool(f, x, u)) for tool in tools.values()),  # noqa: B023
        ]
        for program, x, u, f in UNCERTAIN
    ]
    show(["standard uncertainty", "backprop", *tools], rows)


if __name__ == "__main__":
    main()
