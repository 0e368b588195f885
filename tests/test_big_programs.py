"""Big programs: every gradient right, memory and work linear in the size, output that stays sensible."""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import subprocess
import sys
from pathlib import Path

import pytest

from backprop_cli import gradient
from backprop_cli.language.reader import read_statements
from big_programs import measure_apart
from console import BIN, environment
from programs import SHAPES, Sample

EACH_SHAPE = pytest.mark.parametrize("shape", SHAPES)
MOST_BYTES = 1_500


# ---- a plain tape ----


class Traced:
    """A number that writes down what is done with it. tape: the operands of every number, the partials."""

    tape: list[tuple[tuple[int, ...], tuple[float, ...]]]

    def __init__(self, value: float, operands: tuple[Traced, ...] = (), partials: tuple[float, ...] = ()):
        self.value = value
        self.place = len(Traced.tape)
        Traced.tape.append((tuple(x.place for x in operands), partials))

    def __add__(self, other: Traced) -> Traced:
        return Traced(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: Traced) -> Traced:
        return Traced(self.value * other.value, (self, other), (other.value, self.value))

    def relu(self) -> Traced:
        return Traced(max(self.value, 0.0), (self,), (1.0 if self.value > 0 else 0.0,))


def run_on_tape(sample: Sample) -> tuple[float, dict[str, float]]:
    """Return value and gradients as Python itself and a tape of twenty lines find them."""
    Traced.tape = []
    inputs = {name: Traced(x) for name, x in sample.point.items()}
    names = {**inputs, "relu": Traced.relu}
    exec(compile(sample.text, "program", "exec"), names)
    output = names[sample.output]
    adjoint = [0.0] * len(Traced.tape)
    adjoint[output.place] = 1.0
    for place in range(output.place, -1, -1):
        for operand, partial in zip(*Traced.tape[place], strict=True):
            adjoint[operand] += adjoint[place] * partial
    return output.value, {name: adjoint[x.place] for name, x in inputs.items()}


@EACH_SHAPE
@pytest.mark.parametrize("size", [100, 20_000])
def test_value_and_gradients_are_those_of_a_plain_tape(shape: str, size: int) -> None:
    sample = SHAPES[shape](size)
    report = gradient(sample.text, sample.point, check=False)
    assert (report.value, dict(report.gradients)) == run_on_tape(sample)


@EACH_SHAPE
def test_sympy_agrees(shape: str) -> None:
    sample = SHAPES[shape](1_000)
    assert gradient(sample.text, sample.point).check.status == "pass"


@EACH_SHAPE
@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_shape_has_as_many_operations_as_it_is_asked_for(shape: str, size: int) -> None:
    code = [entry for statement in read_statements(SHAPES[shape](size).text) for entry in statement.code]
    assert sum(arity > 0 for arity in code[1::4]) == pytest.approx(size, rel=0.2)


# ---- linear ----


@EACH_SHAPE
def test_memory_is_bounded_per_operation(shape: str) -> None:
    small, large = (measure_apart("ours", shape, size) for size in (25_000, 100_000))
    assert small is not None
    assert large is not None
    assert large.memory < MOST_BYTES * 100_000
    assert (large.memory - small.memory) < MOST_BYTES * 75_000


@EACH_SHAPE
def test_work_is_linear(shape: str) -> None:
    calls = []
    for size in (4_000, 8_000):
        sample = SHAPES[shape](size)
        with cProfile.Profile() as profile:
            gradient(sample.text, sample.point, check=False)
        calls.append(pstats.Stats(profile).total_calls / (size + len(sample.point)))  # type: ignore[attr-defined]
    assert calls[1] == pytest.approx(calls[0], rel=0.05)


# ---- the command ----


def run_big(path: Path, *options: str) -> tuple[str, int]:
    """Return the output of the command and the most memory it took, in bytes."""
    command = [BIN / "backprop", "grad", "--file", path, "--no-check", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
    assert process.stdout is not None
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0
    return text, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.fixture
def program_file(tmp_path: Path) -> Path:
    path = tmp_path / "big.txt"
    path.write_text(SHAPES["perceptron"](30_000).with_point())
    return path


def test_the_table_of_a_big_program_is_short(program_file: Path) -> None:
    text, _ = run_big(program_file)
    lines = text.splitlines()
    assert len(lines) < 100
    assert sum("more nodes (--all shows them)" in line for line in lines) == 1
    assert lines[-1].startswith("loss = ")


def test_the_json_of_a_big_program_is_complete_and_written_as_it_is_made(program_file: Path) -> None:
    sample = SHAPES["perceptron"](30_000)
    _, least = run_big(program_file)
    text, most = run_big(program_file, "--json")
    found = json.loads(text)
    assert (found["value"], found["gradients"]) == run_on_tape(sample)
    assert len(found["nodes"]) > 30_000
    assert found["nodes"][-1]["id"] == found["output"] == "loss"
    assert found["check"]["gradients"].keys() == sample.point.keys()
    assert most - least < len(text) / 4


# ---- the records ----


def test_records_are_a_sequence() -> None:
    nodes = gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5, check=False).nodes
    assert [node.id for node in nodes] == ["a", "b", "c", "f", "v1", "v2", "v3"]
    assert nodes[-1] == list(nodes)[-1]
    assert nodes[1:3] == tuple(nodes)[1:3]
    assert [node.id for node in reversed(nodes)][:2] == ["v3", "v2"]
    with pytest.raises(IndexError):
        nodes[7]


# ---- the benchmark ----


def test_the_benchmark_runs() -> None:
    script = Path(__file__).parents[1] / "bench" / "big_programs.py"
    done = subprocess.run(
        [sys.executable, script, "--smoke"], capture_output=True, text=True, env=environment(), check=True
    )
    rows = [line for line in done.stdout.splitlines() if " backprop |" in line]
    assert [row.split(",")[0] for row in rows] == [f"| {shape}" for shape in SHAPES]
