"""Published problems of minimisation: programs, starts, and the minima that are known.

The 35 functions of Moré, Garbow & Hillstrom (ACM TOMS 7, 1981) in their small sizes, each from its standard
start and from 10 and 100 times that, and functions of two inputs that collections of test functions share
(Jamil & Yang, 2013, and the papers that they name), from two places of their domain each. Everything is in
words that Python reads too. minima are the published values, the least first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_FACTORS = (1, 10, 100)


class Problem(NamedTuple):
    """A function. start: of x1, x2, …  minima: values of known local minima and of limits at infinity.

    factors: of the start.
    """

    name: str
    program: str
    start: tuple[float, ...]
    minima: tuple[float, ...] = ()
    factors: tuple[int, ...] = _FACTORS

    def starts(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield the starts with their names; that of a start of zeros is one."""
        for factor in self.factors if any(self.start) else self.factors[:1]:
            point = {f"x{place}": x * factor for place, x in enumerate(self.start, 1)}
            yield f"{self.name}, {factor}·start" if factor != 1 else self.name, point


def _squares(residuals: Iterable[str], before: str = "") -> str:
    """Return the sum of squares, a statement for each residual."""
    named = list(residuals)
    lines = [f"r{place} = {text}" for place, text in enumerate(named, 1)]
    total = " + ".join(f"r{place}**2" for place in range(1, len(named) + 1))
    return "; ".join([*([before] if before else []), *lines, total])


def _plus(terms: Iterable[str]) -> str:
    return " + ".join(terms)


def _rows(numbers: str, term: Callable[[float, float], str], at: Callable[[int], float]) -> list[str]:
    """Return a residual for each number y of a table, at t, in the order of rows. term: of t and y."""
    return [term(at(place), float(y)) for place, y in enumerate(numbers.split(), 1)]


BARD = "0.14 0.18 0.22 0.25 0.29 0.32 0.35 0.39 0.37 0.58 0.73 0.96 1.34 2.10 4.39"
GAUSS = (
    "0.0009 0.0044 0.0175 0.0540 0.1295 0.2420 0.3521 0.3989 0.3521 0.2420 0.1295 0.0540 0.0175 0.0044 0.0009"
)
MEYER = "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872"
KOWALIK = "0.1957 0.1947 0.1735 0.1600 0.0844 0.0627 0.0456 0.0342 0.0323 0.0235 0.0246"
KOWALIK_AT = (4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
OSBORNE_1 = """0.844 0.908 0.932 0.936 0.925 0.908 0.881 0.850 0.818 0.784 0.751 0.718 0.685 0.658 0.628
0.603 0.580 0.558 0.538 0.522 0.506 0.490 0.478 0.467 0.457 0.448 0.438 0.431 0.424 0.420
0.414 0.411 0.406"""
OSBORNE_2 = """1.366 1.191 1.112 1.013 0.991 0.885 0.831 0.847 0.786 0.725 0.746 0.679 0.608 0.655 0.616
0.606 0.602 0.626 0.651 0.724 0.649 0.649 0.694 0.644 0.624 0.661 0.612 0.558 0.533 0.495
0.500 0.423 0.395 0.375 0.372 0.391 0.396 0.405 0.428 0.429 0.523 0.562 0.607 0.653 0.672
0.708 0.633 0.668 0.645 0.632 0.591 0.559 0.597 0.625 0.739 0.710 0.729 0.720 0.636 0.581
0.428 0.292 0.162 0.098 0.054"""


def _box(place: int) -> str:
    t = place / 10
    return f"exp(-{t}*x1) - exp(-{t}*x2) - x3*(exp(-{t}) - exp(-{place}))"


def _biggs(place: int) -> str:
    t = place / 10
    y = math.exp(-t) - 5 * math.exp(-place) + 3 * math.exp(-4 * t)
    return f"x3*exp(-{t}*x1) - x4*exp(-{t}*x2) + x6*exp(-{t}*x5) - {y!r}"


def _gulf(place: int) -> str:
    y = 25 + (-50 * math.log(place / 100)) ** (2 / 3)
    return f"exp(-abs({y!r} - x2)**x3/x1) - {place / 100}"


def _brown_dennis(place: int) -> str:
    t = place / 5
    return f"(x1 + {t}*x2 - {math.exp(t)!r})**2 + (x3 + {math.sin(t)!r}*x4 - {math.cos(t)!r})**2"


def _watson(n: int) -> str:
    def residual(place: int) -> str:
        t = place / 29
        slope = _plus(f"{(j - 1) * t ** (j - 2)!r}*x{j}" for j in range(2, n + 1))
        value = _plus(f"{t ** (j - 1)!r}*x{j}" for j in range(1, n + 1))
        return f"{slope} - ({value})**2 - 1"

    return _squares([*map(residual, range(1, 30)), "x1", "x2 - x1**2 - 1"])


def _rosenbrock(n: int) -> str:
    return _squares(text for i in range(1, n, 2) for text in (f"10*(x{i + 1} - x{i}**2)", f"1 - x{i}"))


def _powell(n: int) -> str:
    return _plus(
        f"(x{i} + 10*x{i + 1})**2 + 5*(x{i + 2} - x{i + 3})**2"
        f" + (x{i + 1} - 2*x{i + 2})**4 + 10*(x{i} - x{i + 3})**4"
        for i in range(1, n, 4)
    )


def _penalty_1(n: int) -> str:
    near = _plus(f"(x{i} - 1)**2" for i in range(1, n + 1))
    sizes = _plus(f"x{i}**2" for i in range(1, n + 1))
    return f"1e-5*({near}) + ({sizes} - 0.25)**2"


def _penalty_2(n: int) -> str:
    def y(i: int) -> float:
        return math.exp(i / 10) + math.exp((i - 1) / 10)

    middle = [
        text
        for i in range(2, n + 1)
        for text in (
            f"(exp(x{i}/10) + exp(x{i - 1}/10) - {y(i)!r})**2",
            f"(exp(x{i}/10) - {math.exp(-0.1)!r})**2",
        )
    ]
    sizes = _plus(f"{n - i + 1}*x{i}**2" for i in range(1, n + 1))
    return f"(x1 - 0.2)**2 + 1e-5*({_plus(middle)}) + ({sizes} - 1)**2"


def _dimensioned(n: int) -> str:
    near = _plus(f"(x{i} - 1)**2" for i in range(1, n + 1))
    total = _plus(f"{i}*(x{i} - 1)" for i in range(1, n + 1))
    return f"s = {total}; {near} + s**2 + s**4"


def _trigonometric(n: int) -> str:
    total = _plus(f"cos(x{i})" for i in range(1, n + 1))
    return _squares((f"{n} - c + {i}*(1 - cos(x{i})) - sin(x{i})" for i in range(1, n + 1)), f"c = {total}")


def _almost_linear(n: int) -> str:
    total, product = _plus(f"x{i}" for i in range(1, n + 1)), "*".join(f"x{i}" for i in range(1, n + 1))
    return _squares([*(f"x{i} + s - {n + 1}" for i in range(1, n)), f"{product} - 1"], f"s = {total}")


def _neighbour(place: int, n: int) -> str:
    return f"x{place}" if 1 <= place <= n else "0"


def _boundary(n: int) -> str:
    h = 1 / (n + 1)
    return _squares(
        f"2*x{i} - {_neighbour(i - 1, n)} - {_neighbour(i + 1, n)} + {h * h / 2!r}*(x{i} + {i * h + 1!r})**3"
        for i in range(1, n + 1)
    )


def _integral(n: int) -> str:
    h = 1 / (n + 1)
    cubes = "; ".join(f"c{j} = (x{j} + {j * h + 1!r})**3" for j in range(1, n + 1))

    def residual(i: int) -> str:
        below = _plus(f"{j * h!r}*c{j}" for j in range(1, i + 1))
        above = _plus([f"{1 - j * h!r}*c{j}" for j in range(i + 1, n + 1)] or ["0"])
        return f"x{i} + {h / 2!r}*({1 - i * h!r}*({below}) + {i * h!r}*({above}))"

    return _squares(map(residual, range(1, n + 1)), cubes)


def _tridiagonal(n: int) -> str:
    return _squares(
        f"(3 - 2*x{i})*x{i} - {_neighbour(i - 1, n)} - 2*{_neighbour(i + 1, n)} + 1" for i in range(1, n + 1)
    )


def _banded(n: int) -> str:
    def residual(i: int) -> str:
        others = [j for j in range(max(1, i - 5), min(n, i + 1) + 1) if j != i]
        return f"x{i}*(2 + 5*x{i}**2) + 1 - ({_plus(f'x{j}*(1 + x{j})' for j in others)})"

    return _squares(map(residual, range(1, n + 1)))


def _linear(n: int, m: int) -> str:
    total = _plus(f"x{j}" for j in range(1, n + 1))
    own = [f"x{i} - s - 1" for i in range(1, n + 1)]
    return _squares([*own, *(["-s - 1"] * (m - n))], f"s = {2 / m!r}*({total})")


def _rank_one(n: int, m: int, *, edges: bool) -> str:
    """Return linear functions of one sum; without edges, first and last of rows and columns are 0."""
    inner = range(1, n + 1) if edges else range(2, n)
    total = _plus(f"{j}*x{j}" for j in inner)
    rows = range(1, m + 1) if edges else range(1, m - 1)
    more = [] if edges else ["0*x1 - 1"] * 2  # a constant alone would be an input
    return _squares([*(f"{i}*s - 1" for i in rows), *more], f"s = {total} + 0*x1 + 0*x{n}")


def _chebyquad(n: int) -> str:
    lines = [f"u{j} = 2*x{j} - 1" for j in range(1, n + 1)]
    lines += [f"t1_{j} = u{j}; t2_{j} = 2*u{j}**2 - 1" for j in range(1, n + 1)]
    lines += [
        f"t{i}_{j} = 2*u{j}*t{i - 1}_{j} - t{i - 2}_{j}" for i in range(3, n + 1) for j in range(1, n + 1)
    ]
    wanted = [0.0 if i % 2 else -1 / (i * i - 1) for i in range(1, n + 1)]
    means = [
        f"({_plus(f't{i}_{j}' for j in range(1, n + 1))})/{n} - ({y!r})" for i, y in enumerate(wanted, 1)
    ]
    return _squares(means, "; ".join(lines))


def _osborne_2(t: float, y: float) -> str:
    bells = _plus(f"x{i}*exp(-({t} - x{i + 7})**2*x{i + 4})" for i in (2, 3, 4))
    return f"{y} - (x1*exp(-{t}*x5) + {bells})"


MORE = (
    Problem("Rosenbrock", _rosenbrock(2), (-1.2, 1), (0,)),
    Problem(
        "Freudenstein & Roth",
        _squares(["-13 + x1 + ((5 - x2)*x2 - 2)*x2", "-29 + x1 + ((x2 + 1)*x2 - 14)*x2"]),
        (0.5, -2),
        (0, 48.98425367924),
    ),
    Problem(
        "Powell, badly scaled", _squares(["1e4*x1*x2 - 1", "exp(-x1) + exp(-x2) - 1.0001"]), (0, 1), (0,)
    ),
    Problem("Brown, badly scaled", _squares(["x1 - 1e6", "x2 - 2e-6", "x1*x2 - 2"]), (1, 1), (0,)),
    Problem(
        "Beale",
        _squares(f"{y} - x1*(1 - x2**{i})" for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))),
        (1, 1),
        (0, 0.45202),
    ),
    Problem(
        "Jennrich & Sampson",
        _squares(f"{2 + 2 * i} - (exp({i}*x1) + exp({i}*x2))" for i in range(1, 11)),
        (0.3, 0.4),
        (124.36218235561, 259.58),
    ),
    Problem(
        "Helical valley",
        _squares(
            ["10*(x3 - 10*u)", "10*(sqrt(x1**2 + x2**2) - 1)", "x3"],
            "u = where(x1 > 0, atan(x2/x1), atan(x2/x1) + pi)/(2*pi)",
        ),
        (-1, 0, 0),
        (0,),
    ),
    Problem(
        "Bard",
        _squares(_rows(BARD, lambda t, y: f"{y} - (x1 + {t}/({16 - t}*x2 + {min(t, 16 - t)}*x3))", float)),
        (1, 1, 1),
        (8.21487730657e-3, 17.4286),
    ),
    Problem(
        "Gaussian",
        _squares(_rows(GAUSS, lambda t, y: f"x1*exp(-x2*({t} - x3)**2/2) - {y}", lambda i: (8 - i) / 2)),
        (0.4, 1, 0),
        (1.12793276961e-8,),
    ),
    Problem(
        "Meyer",
        _squares(_rows(MEYER, lambda t, y: f"x1*exp(x2/({t} + x3)) - {y}", lambda i: 45 + 5 * i)),
        (0.02, 4000, 250),
        (87.9458551709,),
    ),
    Problem("Gulf research", _squares(map(_gulf, range(1, 21))), (5, 2.5, 0.15), (0,)),
    Problem("Box, three inputs", _squares(map(_box, range(1, 11))), (0, 10, 20), (0,)),
    Problem("Powell, singular", _powell(4), (3, -1, 0, 1), (0,)),
    Problem(
        "Wood",
        "100*(x2 - x1**2)**2 + (1 - x1)**2 + 90*(x4 - x3**2)**2 + (1 - x3)**2"
        " + 10*(x2 + x4 - 2)**2 + (x2 - x4)**2/10",
        (-3, -1, -3, -1),
        (0,),
    ),
    Problem(
        "Kowalik & Osborne",
        _squares(
            _rows(
                KOWALIK,
                lambda t, y: f"{y} - x1*({t * t!r} + {t}*x2)/({t * t!r} + {t}*x3 + x4)",
                lambda i: KOWALIK_AT[i - 1],
            )
        ),
        (0.25, 0.39, 0.415, 0.39),
        (3.07505603849e-4, 1.02734e-3),
    ),
    Problem(
        "Brown & Dennis", _squares(map(_brown_dennis, range(1, 21))), (25, 5, -5, -1), (85822.2016263563,)
    ),
    Problem(
        "Osborne 1",
        _squares(
            _rows(
                OSBORNE_1,
                lambda t, y: f"{y} - (x1 + x2*exp(-{t}*x4) + x3*exp(-{t}*x5))",
                lambda i: 10 * (i - 1),
            )
        ),
        (0.5, 1.5, -1, 0.01, 0.02),
        (5.46489469748e-5,),
    ),
    Problem(
        "Biggs, six inputs", _squares(map(_biggs, range(1, 14))), (1, 2, 1, 1, 1, 1), (0, 5.65564992564e-3)
    ),
    Problem(
        "Osborne 2",
        _squares(_rows(OSBORNE_2, _osborne_2, lambda i: (i - 1) / 10)),
        (1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5),
        (4.01377362935e-2,),
    ),
    Problem("Watson, 6", _watson(6), (0,) * 6, (2.28767005355e-3,)),
    Problem("Watson, 9", _watson(9), (0,) * 9, (1.39976013843e-6,)),
    Problem("Rosenbrock, 4", _rosenbrock(4), (-1.2, 1) * 2, (0,)),
    Problem("Powell, singular, 8", _powell(8), (3, -1, 0, 1) * 2, (0,)),
    Problem("Penalty I, 4", _penalty_1(4), (1, 2, 3, 4), (2.24997750099e-5,)),
    Problem("Penalty II, 4", _penalty_2(4), (0.5,) * 4, (9.37629312e-6,)),
    Problem("Variably dimensioned, 6", _dimensioned(6), tuple(1 - j / 6 for j in range(1, 7)), (0,)),
    Problem("Trigonometric, 6", _trigonometric(6), (1 / 6,) * 6, (0,)),
    Problem("Brown, almost linear, 6", _almost_linear(6), (0.5,) * 6, (0, 1)),
    Problem(
        "Boundary value, 6", _boundary(6), tuple(t * (t - 1) for t in (j / 7 for j in range(1, 7))), (0,)
    ),
    Problem(
        "Integral equation, 6", _integral(6), tuple(t * (t - 1) for t in (j / 7 for j in range(1, 7))), (0,)
    ),
    Problem("Broyden, tridiagonal, 6", _tridiagonal(6), (-1,) * 6, (0,)),
    Problem("Broyden, banded, 6", _banded(6), (-1,) * 6, (0,)),
    Problem("Linear, full rank", _linear(4, 8), (1,) * 4, (4,)),
    Problem("Linear, rank 1", _rank_one(4, 8, edges=True), (1,) * 4, (8 * 7 / (2 * 17),)),
    Problem("Linear, rank 1, zeros", _rank_one(4, 8, edges=False), (1,) * 4, ((64 + 24 - 6) / (2 * 13),)),
    Problem("Chebyquad, 6", _chebyquad(6), tuple(j / 7 for j in range(1, 7)), (0,)),
    Problem("Chebyquad, 8", _chebyquad(8), tuple(j / 9 for j in range(1, 9)), (3.51687372568e-3,)),
)


class Landscape(NamedTuple):
    """A function of a collection. domain: least and most of each input.  minima: as in Problem."""

    name: str
    program: str
    domain: tuple[tuple[float, float], ...]
    minima: tuple[float, ...] = ()

    def starts(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield two starts: at a fifth and at seven tenths of the domain."""
        for part in (0.2, 0.7):
            point = {
                f"x{place}": low + part * (high - low) for place, (low, high) in enumerate(self.domain, 1)
            }
            yield f"{self.name}, {part:g}", point


def _square(end: float, start: float | None = None) -> tuple[tuple[float, float], ...]:
    return ((-end if start is None else start, end),) * 2


COLLECTED = (
    Landscape("Himmelblau", "(x1**2 + x2 - 11)**2 + (x1 + x2**2 - 7)**2", _square(5), (0,)),
    Landscape(
        "Goldstein & Price",
        "(1 + (x1 + x2 + 1)**2*(19 - 14*x1 + 3*x1**2 - 14*x2 + 6*x1*x2 + 3*x2**2))"
        "*(30 + (2*x1 - 3*x2)**2*(18 - 32*x1 + 12*x1**2 + 48*x2 - 36*x1*x2 + 27*x2**2))",
        _square(2),
        (3, 30, 84, 840),
    ),
    Landscape("Booth", "(x1 + 2*x2 - 7)**2 + (2*x1 + x2 - 5)**2", _square(10), (0,)),
    Landscape("Matyas", "0.26*(x1**2 + x2**2) - 0.48*x1*x2", _square(10), (0,)),
    Landscape(
        "Styblinski & Tang",
        "(x1**4 - 16*x1**2 + 5*x1 + x2**4 - 16*x2**2 + 5*x2)/2",
        _square(5),
        (-78.3323314075428, -64.1956069, -50.0588826),
    ),
    Landscape(
        "Branin",
        "(x2 - 5.1*x1**2/(4*pi**2) + 5*x1/pi - 6)**2 + 10*(1 - 1/(8*pi))*cos(x1) + 10",
        ((-5, 10), (0, 15)),
        (0.397887357729738,),
    ),
    Landscape("McCormick", "sin(x1 + x2) + (x1 - x2)**2 - 1.5*x1 + 2.5*x2 + 1", ((-1.5, 4), (-3, 4))),
    Landscape(
        "Camel, six humps",
        "(4 - 2.1*x1**2 + x1**4/3)*x1**2 + x1*x2 + (-4 + 4*x2**2)*x2**2",
        ((-3, 3), (-2, 2)),
        (-1.03162845348988, -0.215463824383716, 2.10425031031131),
    ),
    Landscape(
        "Camel, three humps", "2*x1**2 - 1.05*x1**4 + x1**6/6 + x1*x2 + x2**2", _square(5), (0, 0.298638442)
    ),
    Landscape("Easom", "-cos(x1)*cos(x2)*exp(-((x1 - pi)**2 + (x2 - pi)**2))", _square(100)),
    Landscape(
        "Ackley",
        "20 + exp(1) - 20*exp(-0.2*sqrt((x1**2 + x2**2)/2)) - exp((cos(2*pi*x1) + cos(2*pi*x2))/2)",
        _square(32),
    ),
    Landscape("Rastrigin", "20 + x1**2 - 10*cos(2*pi*x1) + x2**2 - 10*cos(2*pi*x2)", _square(5.12)),
    Landscape(
        "Levy",
        "sin(3*pi*x1)**2 + (x1 - 1)**2*(1 + sin(3*pi*x2)**2) + (x2 - 1)**2*(1 + sin(2*pi*x2)**2)",
        _square(10),
    ),
    Landscape("Bohachevsky", "x1**2 + 2*x2**2 - 0.3*cos(3*pi*x1) - 0.4*cos(4*pi*x2) + 0.7", _square(100)),
    Landscape(
        "Zakharov",
        "x1**2 + x2**2 + (0.5*x1 + x2)**2 + (0.5*x1 + x2)**4",
        _square(10, -5),
        (0,),
    ),
    Landscape("Dixon & Price", "(x1 - 1)**2 + 2*(2*x2**2 - x1)**2", _square(10), (0,)),
    Landscape("Griewank", "(x1**2 + x2**2)/4000 - cos(x1)*cos(x2/sqrt(2)) + 1", _square(600)),
    Landscape("Drop wave", "-(1 + cos(12*sqrt(x1**2 + x2**2)))/(0.5*(x1**2 + x2**2) + 2)", _square(5.12)),
    Landscape("Schaffer", "0.5 + (sin(x1**2 - x2**2)**2 - 0.5)/(1 + 0.001*(x1**2 + x2**2))**2", _square(100)),
    Landscape("Bukin", "100*sqrt(abs(x2 - 0.01*x1**2)) + 0.01*abs(x1 + 10)", ((-15, -5), (-3, 3))),
    Landscape("Trid", "(x1 - 1)**2 + (x2 - 1)**2 - x1*x2", _square(4), (-2,)),
    Landscape("Michalewicz", "-sin(x1)*sin(x1**2/pi)**20 - sin(x2)*sin(2*x2**2/pi)**20", _square(math.pi, 0)),
    Landscape("Egg crate", "x1**2 + x2**2 + 25*(sin(x1)**2 + sin(x2)**2)", _square(5)),
    Landscape("Exponential", "-exp(-0.5*(x1**2 + x2**2))", _square(1), (-1,)),
    Landscape("Adjiman", "cos(x1)*sin(x2) - x1/(x2**2 + 1)", ((-1, 2), (-1, 1))),
    Landscape(
        "Cross in tray",
        "-1e-4*(abs(sin(x1)*sin(x2)*exp(abs(100 - sqrt(x1**2 + x2**2)/pi))) + 1)**0.1",
        _square(10),
    ),
    Landscape("Trecanni", "x1**4 + 4*x1**3 + 4*x1**2 + x2**2", _square(5), (0,)),
    Landscape("Zirilli", "x1**4/4 - x1**2/2 + x1/10 + x2**2/2", _square(10), (-0.352386073800034, -0.1523)),
)

PROBLEMS: Sequence[Problem | Landscape] = (*MORE, *COLLECTED)
