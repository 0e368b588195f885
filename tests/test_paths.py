"""What is said of paths: the numbers along them are what it says."""

from __future__ import annotations

import math
import random
import re
from collections import Counter

import pytest

from backprop_cli import Report, gradient
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.verify import verify_source
from backprop_cli.language.source import choose_point, read_assignments, read_source
from backprop_cli.tell.paths import Path, find_paths


def diagnosis(program: str, point: dict[str, float], expected: str) -> str:
    source = read_source(program, point)
    expectation = read_expectation(expected, source)
    (verdict,) = verify_source(source, choose_point(source, point), [expectation]).verdicts
    return verdict.diagnosis


@pytest.mark.parametrize(
    ("program", "point", "expected", "told"),
    [
        ("x*x", "x=3", "x=x", "x enters v1 twice, and one contribution is not counted: +3"),
        ("x^x", "x=3", "x=x*x^(x-1)", "x enters v1 twice, and one contribution is not counted: +29.6625"),
        ("x^x", "x=3", "x=x^x*log(x)", "x enters v1 twice, and one contribution is not counted: +27"),
        ("a = x*x; a*a", "x=3", "a=a", "a enters v1 twice, and one contribution is not counted: +9"),
        ("x - x*x", "x=4", "x=-3", "x enters v1 twice, and one contribution is not counted: -4"),
        ("x - x*x", "x=4", "x=1", "that is the contribution of x straight to v2 alone"),
        ("u = x^2; x*u", "x=3", "x=u", "the path through u is missing: +18"),
        ("u = x^2; x*u", "x=3", "x=2*x^2", "the contribution of x straight to v1 is missing: +9"),
        ("u = x^2; (x*u)*3 + 5*x + sin(x)", "x=3", "x=5 + cos(x)", "the paths through v1 are missing: +81"),
        ("u = x^2; (x*u)*3 + 5*x + sin(x)", "x=3", "x=81", "that is the paths through v1 alone"),
    ],
)
def test_what_is_missing(program: str, point: str, expected: str, told: str) -> None:
    assert diagnosis(program, read_assignments(point.split()), expected).split("; or ")[0] == told


# ---- random programs ----


def random_program(chance: random.Random) -> str:
    names = ["x", "y"]
    lines = []
    for count in range(chance.randrange(2, 6)):
        left, right = chance.choice(names), chance.choice([*names, "x"])
        names.append(f"n{count}")
        lines.append(f"n{count} = {left} {chance.choice('+-**')} {right}")
    return "; ".join([*lines, " + ".join(chance.sample(names[2:], chance.randrange(1, len(names) - 1)))])


def terms_of(paths: list[Path]) -> float:
    return sum(path.product for path in paths)


def straight(report: Report, user: str) -> list[float]:
    """Return what comes back to x from each place in which it is an operand of a node."""
    (node,) = [node for node in report.nodes if node.id == user]
    slopes = zip(node.operands, node.partials, strict=True)
    return [node.gradient * (slope or 0.0) for operand, slope in slopes if operand == "x"]


TOLD = re.compile(
    r"(?:that is )?the (?P<many>paths?) through (?P<node>\w+) (?:is|are|has|have|alone)|"
    r"(?:that is )?the contribution of x straight to (?P<straight>\w+)|"
    r"x enters (?P<entered>\w+) (?P<times>twice|\d+ times)"
)


@pytest.mark.parametrize("seed", range(8))
def test_every_sentence_on_paths_is_true(seed: int) -> None:
    chance = random.Random(seed)
    met: Counter[str] = Counter()
    while met.total() - met[""] < 25:
        program = random_program(chance)
        point = {name: float(chance.choice((2, 3, 5, 7, -3, 11))) for name in read_source(program).inputs}
        if "x" not in point:
            continue
        report = gradient(program, point, check=False)
        paths = list(find_paths(report, "x").paths)
        if len(paths) < 2 or len(paths) >= 100:
            continue
        got = report.gradients["x"]
        left_out = terms_of(chance.sample(paths, chance.randrange(1, len(paths))))
        expected = got - left_out * chance.choice((1, 1, 2))
        for told in diagnosis(program, point, f"x={expected!r}").split("; or "):
            met[check_sentence(told, report, paths, expected)] += 1
    assert len({*met} - {""}) >= 2


def check_sentence(told: str, report: Report, paths: list[Path], expected: float) -> str:
    """Hold a sentence against the paths; return what it is about, "" if it is not about paths."""
    found = TOLD.match(told)
    if not found:
        assert "path" not in told
        assert "contribution" not in told
        return ""
    part = report.gradients["x"] - expected
    part = expected if "alone" in told else part / 2 if "opposite" in told else part
    if "missing: " in told or "counted: " in told:
        assert float(told.split(": ")[1]) == pytest.approx(part, rel=1e-5)
    if found["node"]:
        through = [path for path in paths if found["node"] in path.nodes]
        assert found["node"] != report.output
        assert math.isclose(terms_of(through), part), (report.program, told)
        assert (found["many"] == "path") == (len(through) == 1), (report.program, told)
        return "through"
    user = found["straight"] or found["entered"]
    terms = straight(report, user)
    assert any(math.isclose(term, part) for term in terms), (report.program, told)
    assert len(terms) == {None: 1, "twice": 2}.get(found["times"]), (report.program, told)
    return "straight" if found["straight"] else "enters"
