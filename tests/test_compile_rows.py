"""What ``compile_rows`` is called with: no call ends the interpreter, and none writes where it should not."""

from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli import BackpropError, compile_rows
from backprop_cli.batch.rowwise import RowResults

COUNT = 999
ENGINES = ["jit", "numpy", "python"]
PROGRAMS = {engine: compile_rows("a*b + a*sin(c)", engine=engine) for engine in ENGINES}
LONGER = {engine: compile_rows("a*b*c*d*e", engine=engine) for engine in ENGINES}


class Strange:
    """What NumPy can make no array of."""

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        raise TypeError("no")


def columns(names: str = "abc", count: int = COUNT) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=count) for name in names}


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def unaligned(array: Any) -> Any:
    return np.frombuffer(bytearray(b"\0" + array.tobytes()), np.uint8)[1:].view(array.dtype)


ARRAYS = {
    "short": (lambda x: x[:-1].copy(), "shape"),
    "long": (lambda x: np.concatenate([x, x]), "shape"),
    "of two dimensions": (lambda x: x[:, None].copy(), "shape"),
    "of other numbers": (lambda x: x.astype(np.float32), "float32"),
    "of the other order of bytes": (lambda x: x.astype(x.dtype.newbyteorder()), "holds"),
    "with gaps": (lambda x: np.concatenate([x, x])[::2], "gaps"),
    "backwards": (lambda x: x[::-1], "gaps"),
    "read-only": (lambda x: read_only(x.copy()), "read-only"),
    "unaligned": (unaligned, "unaligned"),
    "a list": (lambda x: x.tolist(), "list"),
    "nothing": (lambda _: None, "NoneType"),
}
FIELDS = {
    "value": lambda out, make: replace(out, value=make(out.value)),
    "gradient": lambda out, make: replace(out, gradients={**out.gradients, "b": make(out.gradients["b"])}),
    "status": lambda out, make: replace(out, status=make(out.status)),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_results_do_not_fit_is_refused(engine: str, field: str, name: str) -> None:
    rows, given_columns = PROGRAMS[engine], columns()
    make, words = ARRAYS[name]
    if field == "status" and name in ("of the other order of bytes", "unaligned"):
        return  # of bytes there is no other
    out = FIELDS[field](rows(given_columns), make)
    with pytest.raises(BackpropError, match=words):
        rows(given_columns, out)


@pytest.mark.parametrize("engine", ENGINES)
def test_results_of_something_else_are_refused(engine: str) -> None:
    rows, longer = PROGRAMS[engine], LONGER[engine]
    results = rows(columns())
    few = longer(columns("abcde", 3))
    for out in (few, replace(results, gradients=few.gradients), results.value, {}, (1, 2)):
        with pytest.raises(BackpropError, match="out"):
            rows(columns(), out)
    with pytest.raises(BackpropError, match="respect to a, b and c, not to a, b, c, d and e"):
        longer(columns("abcde"), results)
    with pytest.raises(BackpropError, match=r"out\.gradients is of type list"):
        rows(columns(), replace(results, gradients=list(results.gradients.values())))


@pytest.mark.parametrize("engine", ENGINES)
def test_results_that_share_their_memory_are_refused(engine: str) -> None:
    rows, given_columns = PROGRAMS[engine], columns()
    results = rows(given_columns)
    memory = np.empty(3 * COUNT)
    for out in (
        replace(results, value=results.gradients["a"]),
        replace(results, status=results.value.view(np.uint8)[8:][:COUNT]),
        replace(results, value=memory[:COUNT], gradients={**results.gradients, "a": memory[10:][:COUNT]}),
    ):
        with pytest.raises(BackpropError, match="two arrays of out"):
            rows(given_columns, out)
    for column in (memory[:COUNT], memory[5:][:COUNT], memory[::3], memory[:COUNT][::-1]):
        column[:] = 1.0
        with pytest.raises(BackpropError, match="with a column"):
            rows({**given_columns, "c": column}, replace(results, value=memory[4:][:COUNT]))


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_beside_each_other_are_written(engine: str) -> None:
    rows, given_columns = PROGRAMS[engine], columns()
    memory = np.concatenate([given_columns["a"], np.empty(4 * COUNT), given_columns["b"]])
    parts = memory.reshape(6, COUNT)
    out = RowResults(
        value=parts[1], gradients=dict(zip("abc", parts[2:5], strict=True)), status=np.empty(COUNT, np.uint8)
    )
    found = rows({"a": parts[0], "b": parts[5], "c": given_columns["c"]}, out)
    expected = rows(given_columns)
    np.testing.assert_array_equal(found.value, expected.value)
    np.testing.assert_array_equal(parts[3], expected.gradients["b"])
    np.testing.assert_array_equal(parts[[0, 5]], [given_columns["a"], given_columns["b"]])
    assert not found.status.any()


LAYOUTS = [
    np.ascontiguousarray, list, tuple, unaligned, read_only, np.asfortranarray, memoryview,
    lambda x: np.repeat(x, 2)[::2], lambda x: x[::-1].copy()[::-1], lambda x: x.astype(">f8"),
    lambda x: np.stack([x, x], axis=1)[:, 0], lambda x: np.ma.masked_array(x, mask=False),
]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_in_any_memory_are_read(engine: str) -> None:
    rows, given_columns = PROGRAMS[engine], columns()
    expected = rows(given_columns)
    for layout in LAYOUTS:
        found = rows({**given_columns, "b": layout(given_columns["b"].copy())})
        np.testing.assert_array_equal(found.gradients["a"], expected.gradients["a"])


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_masked_is_bad_input(engine: str) -> None:
    rows = PROGRAMS[engine]
    for numbers in ([1.0, 2.0], [1, 2]):
        masked = np.ma.masked_array(numbers, mask=[False, True])
        results = rows({"a": masked, "b": [1, 1], "c": [1, 1]})
        assert results.status.tolist() == [0, 4]
        assert np.isnan(results.value[1])


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=9),
    st.lists(st.floats(), max_size=4), st.lists(st.integers(), max_size=4), st.complex_numbers(),
    st.sampled_from([object(), int, [None], [[1.0]], {}, {"a": [1]}, range(3), np.float64(1), Strange()]),
    st.sampled_from([[1, [2]], [10**400], ["1"], np.zeros((3, 0)), np.array(1.0), [[0.0], [0.0, 0.0]]]),
    st.tuples(
        st.sampled_from(["i1", ">u8", "f2", "<f8", ">f8", "g", "c8", "S3", "U2", "M8[s]", "O", "?", "f8,i2"]),
        st.sampled_from([1, 2, -1, -3]),
    ).map(lambda drawn: np.zeros(3 * abs(drawn[1]), drawn[0])[:: drawn[1]]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(ENGINES),
    st.dictionaries(st.sampled_from([*"abcdx", 1, None]), JUNK, max_size=4) | JUNK,
    st.none() | JUNK | st.fixed_dictionaries({"value": JUNK, "gradients": JUNK, "status": JUNK}),
)
def test_any_call_returns_or_is_refused(engine: str, given_columns: Any, out: Any) -> None:
    if isinstance(out, dict) and set(out) == {"value", "gradients", "status"}:
        out = RowResults(**out)
    if isinstance(given_columns, dict):
        given_columns = {**columns(count=3), **given_columns}
    try:
        results = PROGRAMS[engine](given_columns, out)
    except BackpropError:
        return
    assert len(results.value) == len(results.status)


def test_an_output_in_the_gaps_of_a_column_is_written() -> None:
    memory = np.ones((3, 8))
    rows = compile_rows("2*x", wrt=[], engine="numpy")
    out = RowResults(value=memory[1, 1:4], gradients={}, status=np.empty(3, np.uint8))
    assert rows({"x": memory[:, 0]}, out).value.tolist() == [2.0, 2.0, 2.0]
    assert memory.sum() == 27
    with pytest.raises(BackpropError, match="with a column"):
        rows({"x": memory[:, 2]}, out)


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_beyond_doubles_are_bad_input(engine: str) -> None:
    huge = np.array([np.longdouble("1e4000"), 1], np.longdouble)
    if not np.isfinite(huge).all():
        pytest.skip("long double is double here")
    with np.errstate(all="raise"):
        assert PROGRAMS[engine]({"a": huge, "b": [1, 1], "c": [1, 1]}).status.tolist() == [4, 0]


def test_every_process_has_its_own_threads_and_no_size_ends_it() -> None:
    code = """if True:
        import os, signal
        import numpy as np
        from backprop_cli import compile_rows

        for engine in ("jit", "numpy"):
            rows = compile_rows("a*b + sin(b)", engine=engine)
            try:
                rows({"a": np.broadcast_to(1.0, 2**45), "b": np.broadcast_to(1.0, 2**45)})
            except MemoryError:
                pass
            many = {"a": np.ones(2_000_000), "b": np.broadcast_to(0.0, 2_000_000)}
            assert rows(many).gradients["b"].sum() == 4_000_000
            if not hasattr(os, "fork"):
                continue
            child = os.fork()
            if not child:
                signal.alarm(60)
                assert rows(many).gradients["b"].sum() == 4_000_000
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.parametrize("count", [0, 1, 3, 7, 9, 17, 1001, 4097, (1 << 18) + 1])
def test_results_of_any_length_are_aligned_apart_and_right(count: int) -> None:
    a, b = np.random.default_rng(1).normal(size=(2, count))
    a[-1:] = 1e308  # the last row is looked at again
    found = compile_rows("a*b*2 + a^2", engine="jit")({"a": a, "b": b})
    arrays = [found.value, *found.gradients.values(), found.status]
    assert not any(np.shares_memory(x, y) for x, y in itertools.combinations(arrays, 2))
    assert all(x.ctypes.data % (64 if count > 4096 else 8) == 0 for x in arrays[:-1] if count)
    right = compile_rows("a*b*2 + a^2", engine="numpy")({"a": a, "b": b})
    assert found == right
