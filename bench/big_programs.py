"""Big programs: from the text to the value and all gradients, ours and others side by side.

Everybody gets the same text and the same point. We read the text; for the others Python compiles and runs it
with their numbers in place of the inputs. Every measurement is a process of its own, and the rounds go
through all peers in turn. What is shown is the least CPU time of the rounds; imports are not part of it.
The value and some gradients are compared with ours in every round, and one that differs ends the run.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import util
from typing import Any, NamedTuple

import harness
from programs import SHAPES, Sample

Gradients = dict[str, float]
Outcome = tuple[float, Gradients]
Solve = Callable[[Sample], Outcome]

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SMOKE = (200,)
SAMPLED = 8
TOLERANCE = 1e-9
TIME_LIMIT = 900


# ---- ours and the others: each returns what solves a sample, once its imports are made ----


def ours() -> Solve:
    """Call the library's function, without the cross-check."""
    from backprop_cli import gradient

    def solve(sample: Sample) -> Outcome:
        report = gradient(sample.text, sample.point, check=False)
        return report.value, report.gradients

    return solve


def run_text(sample: Sample, numbers: dict[str, Any], relu: Callable[[Any], Any]) -> Any:
    """Have Python compile and run the program, and return what its last statement assigns."""
    names = {**numbers, "relu": relu}
    exec(compile(sample.text, "program", "exec"), names)
    return names[sample.output]


def micrograd() -> Solve:
    """Its backward pass recurses, so the limit is raised: at 1,000 it fails from 500 operations on."""
    from micrograd.engine import Value

    sys.setrecursionlimit(10**8)

    def solve(sample: Sample) -> Outcome:
        inputs = {name: Value(x) for name, x in sample.point.items()}
        output = run_text(sample, inputs, Value.relu)
        output.backward()
        return output.data, {name: x.grad for name, x in inputs.items()}

    return solve


def autograd() -> Solve:
    """Its ``grad`` of a list takes time quadratic in the inputs, so its graph is walked here."""
    import autograd.numpy as np
    from autograd.core import VJPNode, add_outgrads
    from autograd.tracer import new_box, trace_stack
    from autograd.util import toposort

    def solve(sample: Sample) -> Outcome:
        with trace_stack.new_trace() as trace:
            roots = {name: VJPNode.new_root() for name in sample.point}
            boxes = {name: new_box(x, trace, roots[name]) for name, x in sample.point.items()}
            output = run_text(sample, boxes, lambda x: np.maximum(x, 0.0))
        adjoint = {output._node: (1.0, False)}
        for node in toposort(output._node):
            if node.parents:
                bar = adjoint.pop(node)
                for parent, contribution in zip(node.parents, node.vjp(bar[0]), strict=True):
                    adjoint[parent] = add_outgrads(adjoint.get(parent), contribution)
        return float(output._value), {
            name: float(adjoint.get(root, (0.0,))[0]) for name, root in roots.items()
        }

    return solve


def casadi() -> Solve:
    """Its SX graph and the gradient graph, evaluated by its virtual machine."""
    from casadi import SX, Function, fmax, gradient, vertcat

    def solve(sample: Sample) -> Outcome:
        symbols = {name: SX.sym(name) for name in sample.point}
        output = run_text(sample, symbols, lambda x: fmax(x, 0))
        inputs = vertcat(*symbols.values())
        function = Function("f", [inputs], [output, gradient(output, inputs)])
        value, slopes = function(list(sample.point.values()))
        return float(value), dict(zip(symbols, slopes.full().ravel().tolist(), strict=True))

    return solve


def torch() -> Solve:
    """Tensors of no dimension."""
    import torch

    def solve(sample: Sample) -> Outcome:
        inputs = {
            name: torch.tensor(x, dtype=torch.float64, requires_grad=True) for name, x in sample.point.items()
        }
        output = run_text(sample, inputs, torch.relu)
        output.backward()
        return output.item(), {name: x.grad.item() for name, x in inputs.items()}

    return solve


class Peer(NamedTuple):
    """Somebody who differentiates. package: what has to be installed.  most: operations in some minutes."""

    title: str
    package: str
    load: Callable[[], Solve]
    most: int = 1_000_000


PEERS = {
    "ours": Peer("backprop", "backprop_cli", ours),
    "micrograd": Peer("micrograd", "micrograd", micrograd),
    "autograd": Peer("autograd", "autograd", autograd, 100_000),
    "casadi": Peer("CasADi SX", "casadi", casadi, 100_000),
    "torch": Peer("PyTorch scalars", "torch", torch, 100_000),
}


# ---- one measurement, in a process of its own ----


class Measurement(NamedTuple):
    """What one process found.

    seconds: of CPU, for one sample.  imports: seconds before it.  memory: bytes at the peak, beyond those of
    a tiny sample.  gradients: some of them.
    """

    seconds: float
    imports: float
    memory: int
    value: float
    gradients: Gradients


def measure(peer: str, shape: str, size: int) -> Measurement:
    """Solve one sample in this process."""
    sample = SHAPES[shape](size)
    start = time.process_time()
    solve = PEERS[peer].load()
    imports = time.process_time() - start
    solve(SHAPES[shape](100))
    before = _peak()
    start = time.process_time()
    value, gradients = solve(sample)
    seconds = time.process_time() - start
    names = list(sample.point)
    sampled = {*names[:: max(len(names) // SAMPLED, 1)], names[-1]}
    return Measurement(seconds, imports, _peak() - before, value, {name: gradients[name] for name in sampled})


def _peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure_apart(peer: str, shape: str, size: int) -> Measurement | None:
    """Solve one sample in a new process; None if that fails."""
    command = [sys.executable, __file__, "--measure", peer, shape, str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        harness.progress(f"{peer} fails at {size:,} operations, {shape}: {str(error.stderr)[-300:]}")
        return None
    return Measurement(*json.loads(done.stdout))


# ---- all of them ----


def compare(shape: str, size: int, rounds: int, peers: list[str]) -> dict[str, list[Measurement]]:
    """Measure all peers in turn, and check what they find. Those that fail are left out."""
    found: dict[str, list[Measurement]] = {}
    failed = set()
    for _ in range(rounds):
        for peer in peers:
            measured = None if peer in failed else measure_apart(peer, shape, size)
            if measured is None:
                failed.add(peer)
                continue
            require_agreement(peer, measured, found.get("ours", [measured])[0])
            found.setdefault(peer, []).append(measured)
    return {peer: runs for peer, runs in found.items() if peer not in failed}


def require_agreement(peer: str, measured: Measurement, right: Measurement) -> None:
    """End the run if a value or a gradient is another than ours."""
    pairs = [(measured.value, right.value)]
    pairs += [(measured.gradients[name], slope) for name, slope in right.gradients.items()]
    if not all(math.isclose(x, y, rel_tol=TOLERANCE, abs_tol=1e-12) for x, y in pairs):
        raise harness.WrongResultError(f"{peer} finds something else than backprop: {pairs}")


HEAD = [
    "program, operations",
    "contender",
    "µs per operation",
    "ratio",
    "with imports, s",
    "bytes per operation",
]


def rows(shape: str, size: int, found: dict[str, list[Measurement]]) -> list[list[str]]:
    """Return the lines of the table for one program."""
    base = min(run.seconds for run in found["ours"])
    lines = []
    for peer, runs in found.items():
        seconds = min(run.seconds for run in runs)
        lines.append(
            [
                f"{shape}, {size:,}",
                PEERS[peer].title,
                harness.number(seconds / size * 1e6),
                harness.number(seconds / base),
                harness.number(seconds + min(run.imports for run in runs)),
                harness.number(max(run.memory for run in runs) / size),
            ]
        )
    return lines


def main() -> None:
    """Run the benchmark, or one measurement of it."""
    parser = harness.arguments(__doc__.splitlines()[0], rounds=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="operations of the programs")
    parser.add_argument("--measure", nargs=3, metavar=("PEER", "SHAPE", "SIZE"), help="print one measurement")
    options = parser.parse_args()
    if options.measure:
        peer, shape, size = options.measure
        print(json.dumps(measure(peer, shape, int(size))))
        return
    sizes, rounds = (SMOKE, 1) if options.smoke else (options.sizes, options.rounds)
    present = [name for name, peer in PEERS.items() if util.find_spec(peer.package)]
    lines = []
    for size in sizes:
        for shape in SHAPES:
            harness.progress(f"{shape}, {size:,} operations")
            able = [name for name in present if size <= PEERS[name].most]
            lines += rows(shape, size, compare(shape, size, rounds, able))
    harness.publish(
        options,
        [
            f"The least CPU time of {rounds} rounds; the ratio is to that of backprop.",
            harness.table(HEAD, lines),
            harness.skipped({PEERS[name].title: "not installed" for name in PEERS if name not in present}),
            f"Machine: {harness.machine()}.",
            f"Versions: {harness.versions([peer.package for peer in PEERS.values()] + ['sympy'])}.",
        ],
    )


if __name__ == "__main__":
    harness.run(main)
