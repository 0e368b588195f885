"""The benchmarks run, and do not time what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
SCRIPTS = [path.name for path in sorted(BENCH.glob("*.py")) if "harness.run" in path.read_text("utf-8")]
NEEDS = {"rows.py": "numpy", "fits.py": "scipy", "minima.py": "scipy"}


@pytest.fixture
def _on_path(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)


def smoke(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    if module := NEEDS.get(script):
        pytest.importorskip(module)
    return subprocess.run(
        [sys.executable, BENCH / script, "--smoke", *options],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def cells(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_all_benchmarks_are_found():
    assert {"big_programs.py", "one_shot.py", "rows.py"} <= set(SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_smoke_run_writes_a_table_with_ours_the_machine_and_versions(script):
    done = smoke(script)
    assert done.returncode == 0, done.stderr
    table = cells(done.stdout)
    assert len(table) > 3
    assert all(row[1:] and all(row) for row in table)
    for word in ("backprop", "Machine: ", "Versions: ", "sympy "):
        assert word in done.stdout


@pytest.mark.usefixtures("_on_path")
def test_tables_go_between_the_marks_of_a_page(tmp_path, monkeypatch, capsys):
    import harness

    page = tmp_path / "page.md"
    page.write_text(
        "# A\n<!-- bench/one_shot.py -->\nold\n<!-- end of bench/one_shot.py -->\nafter\n", "utf-8"
    )
    monkeypatch.setattr(sys, "argv", ["bench/one_shot.py"])
    options = harness.arguments("", rounds=1).parse_args(["--update", str(page)])
    harness.publish(options, ["| new |", "", "more"])
    assert capsys.readouterr().out == ""
    assert page.read_text("utf-8") == (
        "# A\n<!-- bench/one_shot.py -->\n| new |\n\nmore\n<!-- end of bench/one_shot.py -->\nafter\n"
    )


def test_the_page_has_a_place_for_the_tables_of_every_benchmark():
    page = (BENCH.parent / "docs" / "performance.md").read_text("utf-8")
    for script in SCRIPTS:
        assert page.count(f"<!-- bench/{script} -->") == 1
        assert page.count(f"<!-- end of bench/{script} -->") == 1


@pytest.mark.usefixtures("_on_path")
def test_a_ratio_is_taken_within_a_round():
    import harness

    times = {"ours": [1.0, 20.0, 3.0], "theirs": [2.0, 40.0, 1.0]}
    assert harness.ratio(times, "ours", "theirs") == 0.5


@pytest.mark.usefixtures("_on_path")
def test_every_contender_is_measured_once_a_round_and_the_order_changes():
    import harness

    called = []
    runs = {name: lambda name=name: called.append(name) for name in "abcd"}
    times = harness.interleave(runs, rounds=6)
    assert {len(seconds) for seconds in times.values()} == {6}
    rounds = [tuple(called[k : k + 4]) for k in range(0, 24, 4)]
    assert all(sorted(names) == list("abcd") for names in rounds)
    assert len(set(rounds)) > 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0123, "0.012"), (0.123, "0.12"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234")],
)
@pytest.mark.usefixtures("_on_path")
def test_numbers_have_two_digits_or_more(value, shown):
    import harness

    assert harness.number(value) == shown


@pytest.mark.usefixtures("_on_path")
def test_a_command_with_a_wrong_result_is_told_by_name():
    import harness
    import one_shot

    command = one_shot.python("a script", "print(-20, 15, 10, 5, 4)", "sympy")
    with pytest.raises(harness.WrongResultError, match=r"^a script: .* instead of"):
        command.verify()
    broken = one_shot.python("a script", "raise SystemExit(1)", "sympy")
    with pytest.raises(harness.WrongResultError, match=r"^a script: status 1"):
        broken.verify()


@pytest.mark.usefixtures("_on_path")
def test_a_command_that_is_not_there_is_absent():
    import harness
    import one_shot

    for command in (one_shot.Command("x", ["no-such-program"]), one_shot.python("x", "", "no-such-package")):
        with pytest.raises(harness.AbsentError, match="not installed"):
            command.verify()


@pytest.mark.usefixtures("_on_path")
def test_rows_with_a_wrong_number_are_told_by_name():
    np = pytest.importorskip("numpy")
    import harness
    import rows

    right = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    rows.verify("a peer", right, right)
    for wrong in (1 + 1e-9, np.nan):
        lines = [right[0], right[1] * np.array([1.0, wrong])]
        with pytest.raises(harness.WrongResultError, match=r"^a peer: line 1 differs at 1 rows"):
            rows.verify("a peer", lines, right)
    with pytest.raises(harness.WrongResultError, match=r"^a peer: 1 lines instead of 2"):
        rows.verify("a peer", right[:1], right)


@pytest.mark.usefixtures("_on_path")
def test_plain_numpy_is_held_against_sympy(monkeypatch):
    pytest.importorskip("numpy")
    import harness
    import rows
    from rowwise import by_hand
    from rowwise.formulas import ROSENBROCK

    columns = ROSENBROCK.data(10)
    rows.expected_lines(ROSENBROCK, columns)
    value, by_x, by_y = by_hand.rosenbrock(*columns)
    monkeypatch.setitem(by_hand.WHOLE, "Rosenbrock", lambda *_: [value, -by_x, by_y])
    with pytest.raises(harness.WrongResultError, match="Rosenbrock, row 0: line 1"):
        rows.expected_lines(ROSENBROCK, columns)


@pytest.mark.usefixtures("_on_path")
def test_ours_is_compared_with_jax_with_copying_and_with_the_fastest_peer():
    pytest.importorskip("numpy")
    import rows

    times = {"backprop, numpy": [1.0], "JAX jit": [3.0], "NumPy by hand": [2.0], rows.COPY: [0.5]}
    lines = cells(rows.goals(10, {"product": times}))
    assert lines[2:] == [
        ["backprop, numpy, relative to JAX jit", "3.00"],
        ["backprop, numpy, relative to copying as many bytes", "0.50"],
        ["backprop, numpy, relative to the fastest peer", "2.00 (NumPy by hand)"],
    ]
    del times["backprop, numpy"]
    assert rows.goals(10, {"product": times}) == ""


@pytest.mark.usefixtures("_on_path")
def test_what_we_say_at_the_corners_is_true():
    from corners import CORNERS, UNCERTAIN, ask, of_backprop, of_budget

    ours = of_backprop()
    for corner in CORNERS:
        for order, truth in enumerate(corner.truth, 1):
            said = ask(lambda: ours(corner, order))  # noqa: B023
            assert truth in said, (corner.program, order, said)
    squared, *_, kinked = (of_budget(program, x, u) for program, x, u, _ in UNCERTAIN)
    assert squared == "0; to second order 0.01414"
    assert kinked == "none: at a kink"


PLANTED = """
from functools import cached_property, lru_cache

LIMIT = 3

def double(x=1):
    return 2 * x

@lru_cache
def kept():
    return 1 + 1

class Pair:
    most = 5

    def sum(self):
        return 1 + 2

    @property
    def low(self):
        return 1 - 2

    @cached_property
    def high(self):
        return 4 - 2

def inside():
    return lambda: 5 - 1

made = inside()
"""


@pytest.mark.usefixtures("_on_path")
def test_a_mistake_is_planted_for_all_who_imported_what_it_is_in(tmp_path, monkeypatch):
    from mutating.planting import functions_of, plant

    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "planted_user.py").write_text("from planted import *\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import planted
    import planted_user as user

    def seen():
        pair = user.Pair()
        return (
            user.LIMIT,
            user.double(),
            user.kept.__wrapped__(),
            pair.most,
            pair.sum(),
            pair.low,
            pair.high,
            user.made(),
        )

    functions = functions_of(planted)
    plant(planted, PLANTED, functions)
    assert seen() == (3, 2, 2, 5, 3, -1, 2, 4)
    changed = PLANTED.replace(" + ", " * ").replace(" - ", " + ").replace("= 3", "= 4").replace("= 5", "= 6")
    plant(planted, changed.replace("x=1", "x=7"), functions)
    assert seen() == (4, 14, 1, 6, 2, 3, 6, 6)
