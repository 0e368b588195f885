"""Every engine gives what the single-point path gives, row by row, wherever the row is."""

from __future__ import annotations

import itertools
import math
import platform
import random
import struct
import subprocess
import sys

import numpy as np
import pytest

from backprop_cli import BackpropError, compile_rows, gradient
from backprop_cli.batch.engines import careful, engine, jit
from backprop_cli.batch.engines.engine import KernelEngine, choose_engine
from backprop_cli.batch.engines.results import Results, empty_aligned, is_aligned
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import STATUSES
from backprop_cli.compile.kernel import build_kernel
from backprop_cli.errors import UsageError
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import TABLE
from backprop_cli.system.threads import map_ahead, read_ahead
from larger_terms import larger_term, larger_term_of_value
from test_random_programs import random_program

EXACT = mpmath_namespace(40)
ENGINES = pytest.mark.parametrize("worth_compiling", [None, 0], ids=["numpy", "jit"])
FUNCTIONS = [op for op in TABLE if not op.condition and not op.special]

# Zeros of both signs, kinks, the edges of domains, where functions overflow, underflow and saturate, and
# numbers whose squares do.
EDGES = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 1 / 3, 0.3, -1.2, 1.0000000001, 0.9999999999),
    *(20.0, -20.0, 27.3, -38.0, 355.0, -355.0, 709.0, 710.0, -745.0, -746.0, 1e3, -1e3, 1e-5, 1e10),
    *(1e-160, 1e160, 1e-300, -1e-300, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan),
]


def batch_of(text, wrt=None, upstream=1.0, values=()):
    source = read_source(text)
    return Batch(source, list(source.inputs) if wrt is None else wrt, upstream, values)


def distance(x, y, scale):
    """Return how far two numbers are apart in ulps of the larger of y and ``scale``."""
    if x == y or (x != x and y != y):
        return 0.0
    if not (math.isfinite(x) and math.isfinite(y)):
        return math.inf
    # Below 1e-300 doubles lose digits one by one.
    return abs(x - y) / math.ulp(max(abs(y), scale, 1e-300))


def compare(batch, results, columns, row, ulps, scale=0.0, op=None):
    """Compare a row with the single-point path. op: the operation that is all of the program."""
    point = {name: float(column[row]) for name, column in columns.items()}
    got = [float(numbers[row]) for numbers in results.numbers()]
    status = STATUSES[results.status[row]]
    if not all(map(math.isfinite, point.values())):
        assert status == "bad input", point
        assert all(x != x for x in got)
        return
    single = batch.evaluate(point)
    expected = [math.nan if x is None else x for x in (single.value, *single.gradients, *single.values)]
    assert status == single.status, (batch.source.text, point, got, expected)
    assert (row in results.overflowing) == single.overflows, (batch.source.text, point)
    scales = [scale] * len(got)
    if op and op.cancels:
        scales[1:] = [float(larger_term(op, i, list(point.values()), EXACT)) for i in range(op.arity)]
    if op and op.value_cancels:
        scales[0] = float(larger_term_of_value(op, list(point.values()), EXACT))
    for x, y, size in zip(got, expected, scales, strict=True):
        assert distance(x, y, size) <= ulps, (batch.source.text, point, got, expected)


def points_of(op):
    names = ["x", "y", "z"][: op.arity]
    rng = random.Random(op.name)
    if op.arity < 3:
        points = list(itertools.product(EDGES, repeat=op.arity))
    else:
        points = [tuple(rng.choices(EDGES, k=op.arity)) for _ in range(1200)]
    points += [tuple(rng.gauss(0, size) for _ in names) for size in (0.1, 1, 10, 100) for _ in range(60)]
    text = "where(x < y, x*y, z)" if op.name == "where" else op.write(names)
    return text, names, points


@ENGINES
@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
def test_an_operation_at_its_edges_among_other_rows(op, worth_compiling):
    text, names, points = points_of(op)
    batch = batch_of(text)
    computing = KernelEngine(batch, {}, worth_compiling=worth_compiling, check_inputs=True)
    columns = {
        name: np.array(numbers) for name, numbers in zip(names, zip(*points, strict=True), strict=True)
    }
    results = computing.compute(columns, len(points))
    for row in range(len(points)):
        compare(batch, results, columns, row, ulps=4, op=op)


@ENGINES
@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
def test_an_operation_at_its_edges_alone(op, worth_compiling):
    # A row by itself is only looked at again if it gives reason to: here the kernel's own numbers are seen.
    text, names, points = points_of(op)
    batch = batch_of(text)
    computing = KernelEngine(batch, {}, worth_compiling=worth_compiling, check_inputs=True)
    for point in random.Random(1).sample(points, 300) if len(points) > 300 else points:
        columns = {name: np.array([x]) for name, x in zip(names, point, strict=True)}
        compare(batch, computing.compute(columns, 1), columns, 0, ulps=4, op=op)


BENT = [
    "relu(x)*y + abs(y)",
    "where(x > 0, x*log(x), y)",
    "exp(-x*x)*exp(-y*y)/(1 + x*x)",
    "sigmoid(100*x)*sigmoid(-100*y)",
    "sqrt(x^2 + y^2)/(1 + x/3)",
    "max(x, y)^1.7*tanh(x) - log(abs(x))",
    "x^3.5/y^7 + hypot(x, y)",
]


def bits(results, row):
    """Return the very bits of a row: of the numbers, the status, and whether something overflows."""
    numbers = [float(column[row]) for column in results.numbers()]
    return struct.pack(f"{len(numbers)}d", *numbers), results.status[row], row in results.overflowing


@ENGINES
@pytest.mark.parametrize("text", [*(points_of(op)[0] for op in FUNCTIONS), *BENT])
def test_a_row_does_not_depend_on_those_beside_it(text, worth_compiling):
    batch = batch_of(text)
    rng = random.Random(text)
    names = list(batch.source.inputs)
    count = 61  # prime, so that no vector is full at the end
    points = [[rng.choice([rng.choice(EDGES), rng.gauss(0, 1)]) for _ in names] for _ in range(count)]
    computing = KernelEngine(batch, {}, worth_compiling=worth_compiling, check_inputs=True)

    def compute(rows):
        some = np.array([points[row] for row in rows])
        # Columns have gaps where there are several: a row of the matrix is a point.
        results = computing.compute(dict(zip(names, some.T, strict=True)), len(rows))
        return {row: bits(results, place) for place, row in enumerate(rows)}

    together = compute(range(count))
    ordinary = [row for row in range(count) if together[row][1] == 0]
    for rows in ([*reversed(range(count))], ordinary, *([row] for row in rng.sample(range(count), 8))):
        for row, found in compute(rows).items():
            assert found == together[row], (text, points[row])


@pytest.mark.parametrize("name", ["numpy", "jit", "python"])
def test_a_row_does_not_depend_on_threads_and_blocks(name, monkeypatch):
    rows = compile_rows("relu(x)*tanh(y) + exp(-x*x*y*y)/sqrt(1 + y)", engine=name)
    monkeypatch.setattr(engine, "_PART", 1 << 14)
    monkeypatch.setattr(engine, "_STREAMED", 1 << 16)
    count = 100_001 if name != "python" else 2_001
    rng = np.random.default_rng(1)
    x = np.where(
        rng.random(count) < 1e-4, rng.choice([0.0, 30.0, 1e200, np.nan], count), rng.normal(size=count)
    )
    y = rng.uniform(0, 30, count)
    whole = rows({"x": x, "y": y})
    monkeypatch.setattr(engine, "_BLOCK", 777)
    smaller = compile_rows("relu(x)*tanh(y) + exp(-x*x*y*y)/sqrt(1 + y)", engine=name)
    starts = [0, 1, 13, 4_100, count // 2, count - 9, count]
    for start, stop in itertools.pairwise(sorted({min(start, count) for start in starts})):
        part = smaller({"x": x[start:stop], "y": y[start:stop]})
        assert part.value.tobytes() == whole.value[start:stop].tobytes()
        assert part.status.tobytes() == whole.status[start:stop].tobytes()
        for by, gradient_part in part.gradients.items():
            assert gradient_part.tobytes() == whole.gradients[by][start:stop].tobytes()


@ENGINES
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed, worth_compiling):
    rng = random.Random(seed)
    compared = 0
    while compared < 40:
        text = random_program(rng, rng.randint(1, 4))
        try:
            batch = batch_of(text, upstream=rng.choice([1.0, -3.0]))
        except BackpropError:
            continue
        names = list(batch.source.inputs)
        if not names:
            continue
        try:
            computing = KernelEngine(batch, {}, worth_compiling=worth_compiling)
        except (ArithmeticError, ValueError):
            continue
        rows = 30
        columns = {
            name: np.array([rng.choice([0.0, 1.0, -1.0, 2.0, rng.gauss(0, 3)]) for _ in range(rows)])
            for name in names
        }
        results = computing.compute(columns, rows)
        for row in range(rows):
            point = {name: float(column[row]) for name, column in columns.items()}
            single = batch.evaluate(point)
            # Rounding moves a program's kinks: where one path decides otherwise there is nothing to compare.
            if single.status == "ok" and STATUSES[results.status[row]] == "ok":
                got = [float(numbers[row]) for numbers in results.numbers()]
                size = max(map(abs, [single.value, *single.gradients]))
                for x, y in zip(got, [single.value, *single.gradients], strict=True):
                    assert x == pytest.approx(y, rel=1e-9, abs=1e-9 * max(size, 1.0)), (text, point)
        compared += 1


@ENGINES
@pytest.mark.parametrize(
    "text",
    [
        "(a*b + c)*a",
        "where(a > 0, log(a), b*c)",
        "where(a > b, sqrt(a - b), sqrt(b - a))*c",
        "relu(a)*relu(-b) + max(a, b, c)",
        "relu(relu(a) - relu(b))*c",
        "a/b + b/c",
        "exp(a*300) + b*c",
        "sqrt(a)^2 + b + c",
        "abs(a) - abs(b)*floor(c)",
        "(a*1e200)*(b*1e200) - c",
        "tanh(1/(a*b)) + c",
        "max(a, 0)*min(b, 1) + clip(c, a, b)",
        "a^b + c^2 + 0*a",
        "log(-1)*a + b + c",
        "where(a < b, 1/0, c)",
        "atan2(a, b)/hypot(b, c)",
    ],
)
def test_whole_programs(text, worth_compiling):
    rng = random.Random(text)
    batch = batch_of(text)
    names = list(batch.source.inputs)
    name = "numpy" if worth_compiling is None else "jit"
    computing = choose_engine(name, batch, {}, names)
    rows = 500
    columns = {
        name: np.array(
            [
                rng.choice([0.0, -0.0, 1.0, -2.0, 2.0, *(rng.gauss(0, 2) for _ in range(6))])
                for _ in range(rows)
            ]
        )
        for name in names
    }
    results = computing.compute(columns, rows)
    for row in range(rows):
        compare(batch, results, columns, row, ulps=16, scale=0.1)  # terms of size 1 may cancel


@ENGINES
def test_a_row_that_is_not_right_is_found_wherever_it_is(worth_compiling):
    batch = batch_of("log(x) + y")
    computing = KernelEngine(batch, {}, worth_compiling=worth_compiling)
    for rows in (1, 7, 8, 9, 4096, 4097, 16384, 16385, 50_001):
        for place in {0, rows // 2, rows - 1}:
            columns = {"x": np.full(rows, 2.0), "y": np.zeros(rows)}
            columns["x"][place] = -1.0
            results = computing.compute(columns, rows)
            assert np.flatnonzero(results.status).tolist() == [place]
            assert STATUSES[results.status[place]] == "undefined"
            assert np.flatnonzero(np.isnan(results.value)).tolist() == [place]


@ENGINES
def test_inputs_that_are_the_same_in_every_row(worth_compiling):
    batch = batch_of("(a*b + c)*f", values=())
    computing = KernelEngine(batch, {"b": 3.0, "f": 5.0}, worth_compiling=worth_compiling)
    assert computing.kernel.columns == ("a", "c")
    columns = {"a": np.array([2.0, 1.0]), "c": np.array([-10.0, 0.0])}
    results = computing.compute(columns, 2)
    assert results.value.tolist() == [-20.0, 15.0]
    assert [gradient.tolist() for gradient in results.gradients] == [[15, 15], [10, 5], [5, 5], [-4, 3]]


@ENGINES
def test_values_on_the_way(worth_compiling):
    batch = batch_of("e = a*b; d = log(e); L = where(a > 0, d, a)", values=["d", "e"])
    computing = KernelEngine(batch, {}, worth_compiling=worth_compiling)
    results = computing.compute({"a": np.array([2.0, -1.0]), "b": np.array([3.0, 1.0])}, 2)
    assert results.values[1].tolist() == [6.0, -1.0]
    assert results.values[0][0] == pytest.approx(math.log(6))
    assert math.isnan(results.values[0][1])
    assert results.status.tolist() == [0, 0]


def test_the_engines_are_tested_with_a_planted_mistake(monkeypatch):
    monkeypatch.setitem(jit._FORMS, "mul", jit._FORMS["add"])
    batch = batch_of("x*y")
    columns = {"x": np.array([3.0]), "y": np.array([5.0])}
    results = KernelEngine(batch, {}, worth_compiling=0).compute(columns, 1)
    with pytest.raises(AssertionError):
        compare(batch, results, columns, 0, ulps=4)


def test_careful_sweeps_do_what_kernels_leave(monkeypatch):
    seen = []
    real = careful.examine
    monkeypatch.setattr(engine, "examine", lambda *args: seen.append(args[2]) or real(*args))
    batch = batch_of("relu(x)*y")
    computing = KernelEngine(batch, {}, worth_compiling=None)
    columns = {"x": np.linspace(1, 2, 40_000), "y": np.ones(40_000)}
    computing.compute(columns, 40_000)
    assert seen == []
    columns["x"][20_000] = 0.0
    results = computing.compute(columns, 40_000)
    assert seen == [1]  # of two blocks
    assert STATUSES[results.status[20_000]] == "kink"


def test_a_kernel_is_compiled_once_that_pays():
    batch = batch_of("a*b")
    computing = KernelEngine(batch, {}, worth_compiling=2500)
    columns = {"a": np.ones(1000), "b": np.ones(1000)}
    for _ in range(4):
        assert computing.compute(columns, 1000).value.tolist() == [1.0] * 1000
    assert list(computing._compiled) == [False]
    assert KernelEngine(batch, {}, worth_compiling=None).compute(columns, 1000).value[0] == 1.0


@pytest.mark.parametrize("name", ["numpy", "jit", "python", "auto"])
def test_rows_from_python(name):
    rows = compile_rows("relu(a*b + log(c))*f", constants={"f": 5}, engine=name)
    results = rows({"a": [1, 2, math.nan, 3, 0], "b": [1, 2, 3, math.inf, 1], "c": [1, -1, 1, 1, 1]})
    assert [STATUSES[code] for code in results.status] == [
        "ok",
        "undefined",
        "bad input",
        "bad input",
        "kink",
    ]
    assert results.value[[0, 4]].tolist() == [5.0, 0.0]
    assert results.gradients["f"][0] == 1.0
    assert list(results.gradients) == ["a", "b", "c", "f"]


@pytest.mark.parametrize("name", ["numpy", "jit"])
def test_many_rows_from_python_are_written_over(name):
    rows = compile_rows("(a*b + c)*f", engine=name)
    count = 1_000_003  # no multiple of anything; more than the caches hold
    rng = np.random.default_rng(0)
    columns = {x: rng.normal(size=count) for x in "abcf"}
    columns["a"][[0, 500_000, count - 1]] = np.nan
    first = rows(columns)
    value = (columns["a"] * columns["b"] + columns["c"]) * columns["f"]
    np.testing.assert_array_equal(first.value, value)
    np.testing.assert_array_equal(first.gradients["a"][1:10], (columns["f"] * columns["b"])[1:10])
    assert np.flatnonzero(first.status).tolist() == [0, 500_000, count - 1]
    again = rows({name: column * 2 for name, column in columns.items()}, out=first)
    assert again.value is first.value
    assert again.value[1] != value[1]


def test_columns_that_do_not_fit_are_refused():
    rows = compile_rows("a*b")
    for columns in ({"a": [1.0]}, {"a": [1.0], "b": [1.0, 2.0]}, {"a": [[1.0]], "b": [[1.0]]}):
        with pytest.raises(BackpropError, match="column"):
            rows(columns)
    with pytest.raises(BackpropError):
        compile_rows("a*b", constants={"a": 1, "b": 2})
    with pytest.raises(BackpropError):
        compile_rows("a*b", ["a"])
    for column in ([1j], [True], ["1/2"], 1.0, [[1.0]]):
        with pytest.raises(BackpropError, match="the column b"):
            rows({"a": [1.0], "b": column})
    with pytest.raises(BackpropError, match="there is no engine 'cuda'"):
        compile_rows("a*b", engine="cuda")
    with pytest.raises(BackpropError, match="wrt is the text"):
        compile_rows("ab*b", wrt="ab")


def test_without_numpy_the_extra_is_named():
    code = "import sys; sys.modules['numpy'] = None\nfrom backprop_cli import compile_rows"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ImportError: compile_rows needs NumPy: pip install 'backprop_cli[batch]'\n")


def test_memory_begins_at_a_line_of_the_cache():
    for count in (1, 7, 1000):
        array = empty_aligned(count)
        assert len(array) == count
        assert is_aligned(array)
    assert not is_aligned(empty_aligned(9)[1:])


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_items_stay_in_order(ahead):
    asked = []

    def items():
        for item in range(20):
            asked.append(item)
            yield item

    pairs = map_ahead(lambda x: x * x, items(), ahead)
    assert next(pairs) == (0, 0)
    assert len(asked) == ahead + 1
    assert list(pairs) == [(x, x * x) for x in range(1, 20)]


def test_items_are_read_ahead():
    asked = []

    def items():
        for item in range(20):
            asked.append(item)
            yield item

    some = read_ahead(items(), 2)
    assert next(some) == 0
    assert list(some) == list(range(1, 20))
    assert asked == list(range(20))


def test_what_fails_while_reading_ahead_fails_in_its_place():
    some = read_ahead((int(x) for x in ["1", "2", "x", "4"]), 3)
    assert [next(some), next(some)] == [1, 2]
    with pytest.raises(ValueError, match="x"):
        next(some)


def test_what_fails_in_a_thread_fails_in_order():
    def divide(x):
        return 1 / x

    pairs = map_ahead(divide, iter([1, 2, 0, 4]), 2)
    assert [next(pairs), next(pairs)] == [(1, 1.0), (2, 0.5)]
    with pytest.raises(ZeroDivisionError):
        next(pairs)


# --------------------------------------------------------------------------------------------------
# The code


def code_of(text, **constants):
    source = read_source(text)
    graph = lower_source(source)
    return build_kernel(graph, list(source.inputs), constants)


@pytest.mark.parametrize(
    ("text", "instructions"),
    [
        ("(a*b+c)*f", 5),
        ("relu(a)", 4),  # the gate, its slope, and whether it is at the kink
        ("sigmoid(a)", 11),  # one exponential for the value and the slope
        ("a^2", 2),
        ("a^3", 3),
        ("abs(a)", 3),
        ("a*1 + 0", 0),
        ("where(a > 0, log(a), a)", 6),  # one decision for the value, one for the slope,
        ("a/b", 4),  # the slopes share a reciprocal
    ],
)
def test_code_is_short(text, instructions):
    assert len(code_of(text).instructions) == instructions


def test_no_text_of_the_user_gets_into_the_code():
    kernel = code_of("ret_void*exp(define) + i64", i64=3.0)
    machine = jit._machine()
    text = "\n".join(jit._write_module(kernel, machine, streams=False, check_inputs=True))
    assert "ret_void" not in text
    assert "%r" in text


@pytest.mark.parametrize(
    ("machine", "has_vectors"),
    [
        (jit._machine(), False),
        (jit._Machine(4, "_ZGVdN4", 0b11101), True),
        (jit._Machine(2, "_ZGVbN2", 0b11101, fuses=False), True),
    ],
    ids=["a C library without vectors", "vectors of four", "vectors of two"],
)
def test_other_machines(monkeypatch, machine, has_vectors):
    if platform.machine() != "x86_64" and has_vectors:
        pytest.skip("these are vectors of x86-64")
    monkeypatch.setattr(jit, "_machine", lambda: machine)
    if not has_vectors:
        monkeypatch.setattr(jit, "_has_symbol", lambda _symbol: False)
    batch = batch_of(
        "where(x > 0, log(x), exp(x))/y + tanh(x*y)*atan2(x, y) + relu(y)^3 + sign(x) - floor(y)"
    )
    computing = KernelEngine(batch, {}, worth_compiling=0)
    rng = np.random.default_rng(0)
    rows = 4101
    columns = {"x": rng.normal(size=rows), "y": rng.normal(size=rows)}
    columns["y"][[5, 4100]] = 0.0
    results = computing.compute(columns, rows)
    assert np.flatnonzero(results.status).tolist() == [5, 4100]
    for row in (0, 1, 5, 6, 7, 4094, 4096, 4099, 4100):
        compare(batch, results, columns, row, ulps=64, scale=1.0)


def test_where_arrays_are_laid_out_otherwise_nothing_is_compiled(monkeypatch):
    monkeypatch.setattr(jit, "_DATA", jit._DATA + 8)
    jit._finds_data.cache_clear()
    with pytest.raises(UsageError, match="the engine jit is not made for this machine"):
        compile_rows("x", engine="jit")
    assert KernelEngine(batch_of("x"), {}, worth_compiling=0).compute({"x": np.ones(9)}, 9).value[0] == 1.0
    jit._finds_data.cache_clear()


def test_constants_are_part_of_the_code():
    kernel = code_of("a*b*c", b=2.0, c=4.0)
    assert [name for name, _ in kernel.instructions].count("mul") == 3


def test_a_large_program_takes_fewer_rows_at_a_time():
    text = "\n".join(["y = x", *["y = y*x + tanh(y)"] * 900, "y"])
    batch = batch_of(text)
    computing = choose_engine("numpy", batch, {}, ["x"])
    columns = {"x": np.linspace(-0.5, 0.5, 300)}
    columns["x"][7] = 0.0
    results = computing.compute(columns, 300)
    assert computing._block_runner()._size < 1 << 15
    for row in (0, 7, 299):
        compare(batch, results, columns, row, ulps=1e6)
    with pytest.raises(BackpropError, match="too large for the engine jit"):
        choose_engine("jit", batch, {}, ["x"])
    assert not choose_engine("auto", batch, {}, ["x"]).can_compile


def test_results_can_be_empty():
    batch = batch_of("a*b")
    for worth in (None, 0):
        results = KernelEngine(batch, {}, worth_compiling=worth).compute(
            {"a": np.empty(0), "b": np.empty(0)}, 0
        )
        assert isinstance(results, Results)
        assert len(results.value) == 0


@pytest.mark.parametrize("op", [op for op in TABLE if op.special], ids=lambda op: op.name)
def test_a_special_function_is_computed_row_by_row(op):
    *orders, x = op.domain.inside[0]
    program = f"{op.name}({', '.join(f'{int(n)}' for n in orders) + ', ' * len(orders)}x)*y"
    columns = {"x": np.full(3, x), "y": np.arange(3.0)}
    single = gradient(program, x=x, y=2.0, check=False)
    for name in ("auto", "python"):
        found = compile_rows(program, engine=name)(columns)
        assert (found.value[2], found.gradients["x"][2]) == (single.value, single.gradients["x"])
    for name in ("numpy", "jit"):
        with pytest.raises(UsageError, match=f"the engine {name} has no {op.name}"):
            compile_rows(program, engine=name)(columns)
