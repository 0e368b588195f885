"""The compiled engine: a kernel as one loop of vector instructions, by way of LLVM.

Every register of the kernel is a vector register of the processor, so a row is read once and written once.
The functions that processors lack are those of the C library for vectors (libmvec of glibc, within 4 ulp);
where there is none, those for single numbers. Compiling takes some 10 to 40 ms, and nothing of the user's
text gets into the code: names are positions, numbers are bits.

Flags of the processor tell which blocks must be looked at again; see ``interpreter``.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from backprop_cli.batch.engines.results import LINE, empty_aligned
from backprop_cli.compile.kernel import Instruction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.batch.engines.namespace import Array
    from backprop_cli.compile.kernel import Kernel

# The unit that is looked at again. Asking for the flags costs some 50 ns, these rows at least 2 µs.
_ROWS = 4096

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq"}
_INTRINSICS = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceil": "ceil"}
_FORMS: dict[str, tuple[str, ...]] = {
    **{name: (f"{{y}} = {word} {{vector}} {{0}}, {{1}}",) for name, word in _ARITHMETIC.items()},
    **{name: (f"{{y}} = fcmp {word} {{vector}} {{0}}, {{1}}",) for name, word in _COMPARISONS.items()},
    **{
        name: (f"{{y}} = call {{vector}} @llvm.{word}.v{{width}}f64({{vector}} {{0}})",)
        for name, word in _INTRINSICS.items()
    },
    "neg": ("{y} = fneg {vector} {0}",),
    "both": ("{y} = and {mask} {0}, {1}",),
    "either": ("{y} = or {mask} {0}, {1}",),
    "not": ("{y} = xor {mask} {0}, {true}",),
    "where": ("{y} = select {mask} {0}, {vector} {1}, {vector} {2}",),
    "max": (
        "{y}.is = fcmp ogt {vector} {1}, {0}",
        "{y} = select {mask} {y}.is, {vector} {1}, {vector} {0}",
    ),
    "min": (
        "{y}.is = fcmp olt {vector} {1}, {0}",
        "{y} = select {mask} {y}.is, {vector} {1}, {vector} {0}",
    ),
    "sign": (
        "{y}.above = fcmp ogt {vector} {0}, zeroinitializer",
        "{y}.below = fcmp olt {vector} {0}, zeroinitializer",
        "{y}.rest = select {mask} {y}.below, {vector} {minus_one}, {vector} zeroinitializer",
        "{y} = select {mask} {y}.above, {vector} {one}, {vector} {y}.rest",
    ),
}
"""Instruction -> lines with {y} for the result and {0}, {1} … for the operands; others are functions of C."""
_TWO_OPERANDS = frozenset(("pow", "atan2", "hypot"))

# first row, the row behind the last, rows of a block, arrays (columns, then outputs), a mark for each block
# -> how many blocks are marked
_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3, ctypes.c_char_p, ctypes.c_void_p)
_NO_ROWS = np.empty(0, np.intp)

# Behind the head of every object comes the first field of NumPy's PyArrayObject, the address of its data.
_DATA = object.__basicsize__


class _Machine(NamedTuple):
    """What the processor and its C library have.

    width: doubles in a vector register.  library: how functions for such vectors are called.  flags: those
    for invalid operation, division by zero, overflow and underflow.  fuses: whether it multiplies and adds
    with one rounding.
    """

    width: int
    library: str
    flags: int
    fuses: bool = True


@cache
def _machine() -> _Machine | None:
    """Return what the processor has, or None where we don't know its flags."""
    if sys.platform == "win32":
        return None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if platform.machine() in ("aarch64", "arm64"):
        return _Machine(2, "_ZGVnN2", 0b1111)
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512dq"):
        return _Machine(8, "_ZGVeN8", 0b11101)
    if features.get("avx2"):
        return _Machine(4, "_ZGVdN4", 0b11101, fuses=bool(features.get("fma")))
    return _Machine(2, "_ZGVbN2", 0b11101, fuses=False)


def is_supported() -> bool:
    """Tell whether kernels can be compiled for this machine."""
    return _machine() is not None and _finds_data()


@cache
def _finds_data() -> bool:
    """Tell whether an array's object has the address of its data where the kernel reads it.

    To ask NumPy for the addresses of the arrays takes longer than the loop does for some hundred rows.
    """
    array = np.zeros(3)
    views = (array, array[1:])
    return all(ctypes.c_void_p.from_address(id(x) + _DATA).value == x.ctypes.data for x in views)


class CompiledRunner:
    """Runs a compiled kernel. Threads may share it: it keeps nothing between calls.

    streams: whether results go past the caches to the memory. For more of them than the caches hold that
    saves reading the memory they replace, a third to a half of the traffic of a simple formula. Outputs must
    then be aligned (``is_aligned``).  check_inputs: whether blocks with a number that is not finite are to be
    looked at again.
    """

    def __init__(self, kernel: Kernel, *, streams: bool = False, check_inputs: bool = False) -> None:
        machine = _machine()
        assert machine is not None
        self._width = machine.width
        self._streams = streams
        self._outputs = len(kernel.outputs)
        # The engine owns the code: it must live as long as the function.
        lines = _write_module(kernel, machine, streams=streams, check_inputs=check_inputs)
        self._engine = _compile("\n".join(lines), machine)
        self._function = _KERNEL(self._engine.get_function_address("kernel"))
        self._pack = struct.Struct(f"{len(kernel.columns) + self._outputs}P").pack

    def run(self, columns: Sequence[Array], outputs: Sequence[Array]) -> Array:
        """Fill the outputs, and return the rows that must be looked at again.

        columns, outputs: arrays of doubles of one length.
        """
        rows = len(outputs[0])
        columns = [
            x if type(x) is np.ndarray and x.flags.c_contiguous else np.ascontiguousarray(x) for x in columns
        ]
        whole = rows - rows % self._width
        marked = self._run([*columns, *outputs], 0, whole, _ROWS) if whole else None
        is_doubtful = whole < rows and self._run_rest(columns, outputs, whole)
        if marked is None and not is_doubtful:
            return _NO_ROWS
        starts = [] if marked is None else [block * _ROWS for block in marked]
        blocks = [(start, min(start + _ROWS, whole)) for start in starts]
        blocks += [(whole, rows)] if is_doubtful else []
        step = _ROWS // self._width
        return np.concatenate(
            [
                self._find_rows(columns, first, min(first + step, stop))
                for start, stop in blocks
                for first in range(start, stop, step)
            ]
        )

    def _run_rest(self, columns: Sequence[Array], outputs: Sequence[Array], whole: int) -> bool:
        """Run the rows that don't fill a vector, and tell whether they must be looked at again."""
        width, rows = self._width, len(outputs[0])
        if whole and not self._streams:  # rows before them fill it
            return self._run([*columns, *outputs], rows - width, rows, width) is not None
        filled = [np.pad(column[whole:], (0, whole + width - rows), "edge") for column in columns]
        results = [empty_aligned(width) for _ in outputs]
        marked = self._run([*filled, *results], 0, width, width)
        for output, result in zip(outputs, results, strict=True):
            output[whole:] = result[: rows - whole]
        return marked is not None

    def _find_rows(self, columns: Sequence[Array], start: int, stop: int) -> Array:
        """Return the rows that raise a flag, or are suspect, each by itself.

        So what a row comes to has nothing to do with those beside it. Vectors of rows are asked first, then
        each row of those in doubt, in all places of a vector.
        """
        width = self._width
        rows = np.minimum(np.arange(start, stop + (start - stop) % width), stop - 1)
        for copies in (1, width):
            vectors = rows.repeat(copies).reshape(-1, width)
            some = [column[vectors.ravel()] for column in columns]
            nowhere = [empty_aligned(vectors.size)] * self._outputs
            marked = self._run([*some, *nowhere], 0, vectors.size, width)
            if marked is None:
                return _NO_ROWS
            rows = vectors[marked].ravel()
        return np.unique(rows)

    def _run(self, arrays: Sequence[Array], start: int, stop: int, block: int) -> Array | None:
        """Run whole vectors of rows, and return the numbers of the blocks that must be looked at again."""
        marks = _marks_type(-((start - stop) // block))()
        # ctypes lets go of the interpreter's lock during the call.
        if not self._function(start, stop, block, self._pack(*map(id, arrays)), marks):
            return None
        return np.flatnonzero(marks)


@lru_cache
def _marks_type(count: int) -> type[ctypes.Array[ctypes.c_uint8]]:
    """Return the type of arrays of a length, which takes as long to make as a call of the kernel."""
    return ctypes.c_uint8 * count


@lru_cache(16)
def _compile(text: str, machine: _Machine) -> llvm.ExecutionEngine:
    """Return the code of a module. The same of many files is compiled once."""
    features = llvm.get_host_cpu_features()
    flattened = features.flatten()
    if machine.width == 8:
        # LLVM halves wide vectors on processors that once slowed down for them.
        flattened += ",-prefer-256-bit"
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=flattened, opt=2
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), target)
    engine.finalize_object()
    return engine


# --------------------------------------------------------------------------------------------------
# The code, in the language of LLVM


def _write_module(kernel: Kernel, machine: _Machine, *, streams: bool, check_inputs: bool) -> Iterator[str]:
    width = machine.width
    vector, mask = f"<{width} x double>", f"<{width} x i1>"
    how = f"align {LINE}, !nontemporal !0" if streams else "align 8"
    names = {name for name, _ in kernel.instructions}
    for name in sorted(names & _INTRINSICS.keys()):
        intrinsic = _INTRINSICS[name]
        yield f"declare {vector} @llvm.{intrinsic}.v{width}f64({vector})"
    yield f"declare {vector} @llvm.fma.v{width}f64({vector}, {vector}, {vector})"
    for name in sorted(names - _FORMS.keys()):
        yield from _write_function(name, machine)
    yield "declare i32 @feclearexcept(i32)"
    yield "declare i32 @fetestexcept(i32)"
    yield f"declare i1 @llvm.vector.reduce.or.v{width}i1({mask})"
    yield "declare i64 @llvm.umin.i64(i64, i64)"
    yield "define i64 @kernel(i64 %first, i64 %rows, i64 %size, ptr %arrays, ptr %marks)"
    yield f'  "min-legal-vector-width"="{64 * width}" {{'
    yield "entry:"
    arrays = [f"column.{index}" for index in range(len(kernel.columns))]
    arrays += [f"output.{index}" for index in range(len(kernel.outputs))]
    for place, name in enumerate(arrays):
        yield f"  %at.{name} = getelementptr ptr, ptr %arrays, i64 {place}"
        yield f"  %object.{name} = load ptr, ptr %at.{name}"
        yield f"  %data.{name} = getelementptr i8, ptr %object.{name}, i64 {_DATA}"
        yield f"  %{name} = load ptr, ptr %data.{name}"
    yield "  br label %block"
    yield "block:"
    yield "  %start = phi i64 [%first, %entry], [%stop, %finish]"
    yield "  %marked = phi i64 [0, %entry], [%now.marked, %finish]"
    yield "  %further = add i64 %start, %size"
    yield "  %stop = call i64 @llvm.umin.i64(i64 %further, i64 %rows)"
    yield f"  call i32 @feclearexcept(i32 {machine.flags})"
    yield "  br label %loop"
    yield "loop:"
    yield "  %row = phi i64 [%start, %block], [%next, %loop]"
    yield f"  %suspects = phi {mask} [zeroinitializer, %block], [%all.suspects, %loop]"
    for index in range(len(kernel.columns)):
        yield f"  %from.{index} = getelementptr double, ptr %column.{index}, i64 %row"
        yield f"  %r{index} = load {vector}, ptr %from.{index}, align 8"
    yield from _write_body(kernel, machine)
    for index, output in enumerate(kernel.outputs):
        yield f"  %to.{index} = getelementptr double, ptr %output.{index}, i64 %row"
        yield f"  store {vector} {_operand(output, width)}, ptr %to.{index}, {how}"
    inputs = range(len(kernel.columns)) if check_inputs else ()
    yield from _write_suspects(kernel, [*inputs, *(kernel.outputs if kernel.watch else ())], width)
    yield f"  %next = add i64 %row, {width}"
    yield "  %more = icmp ult i64 %next, %stop"
    yield "  br i1 %more, label %loop, label %finish"
    yield "finish:"
    yield f"  %flags = call i32 @fetestexcept(i32 {machine.flags})"
    yield "  %flagged = icmp ne i32 %flags, 0"
    yield f"  %suspect = call i1 @llvm.vector.reduce.or.v{width}i1({mask} %all.suspects)"
    yield "  %doubtful = or i1 %flagged, %suspect"
    yield "  %mark = zext i1 %doubtful to i8"
    yield "  %counted = zext i1 %doubtful to i64"
    yield "  %now.marked = add i64 %marked, %counted"
    yield "  %done = sub i64 %start, %first"
    yield "  %number = udiv i64 %done, %size"
    yield "  %place = getelementptr i8, ptr %marks, i64 %number"
    yield "  store i8 %mark, ptr %place"
    yield "  %again = icmp ult i64 %stop, %rows"
    yield "  br i1 %again, label %block, label %end"
    yield "end:"
    yield "  ret i64 %now.marked"
    yield "}"
    yield "!0 = !{i32 1}"


def _write_body(kernel: Kernel, machine: _Machine) -> Iterator[str]:
    """Write the instructions; a quotient is made of the reciprocal where that is needed too."""
    width = machine.width
    first = len(kernel.columns)
    reciprocals = {
        args[1]: index
        for index, (name, args) in enumerate(kernel.instructions, first)
        if name == "div" and args[0] == 1.0 and isinstance(args[0], float) and machine.fuses
    }
    written = set()
    for index, instruction in enumerate(kernel.instructions, first):
        name, args = instruction
        reciprocal = reciprocals.get(args[1]) if name == "div" else None
        if reciprocal is not None and reciprocal not in written:
            written.add(reciprocal)
            yield from _write_instruction(f"%r{reciprocal}", Instruction("div", (1.0, args[1])), width)
        if reciprocal is None:
            yield from _write_instruction(f"%r{index}", instruction, width)
        elif reciprocal != index:
            yield from _write_quotient(f"%r{index}", args, f"%r{reciprocal}", width)


def _write_quotient(result: str, args: Sequence[float], reciprocal: str, width: int) -> Iterator[str]:
    """Write a correctly rounded quotient by five quick instructions: a division takes as long as fifteen.

    The first step makes the product right to one ulp, the second one rounds it as a division does.
    Source: Markstein, Computation of elementary functions on the IBM RISC System/6000, 1990, theorem 7.2.
    """
    vector = f"<{width} x double>"
    x, y = (_operand(arg, width) for arg in args)
    fused = f"call {vector} @llvm.fma.v{width}f64({vector}"
    yield f"  {result}.q0 = fmul {vector} {x}, {reciprocal}"
    yield f"  {result}.minus = fneg {vector} {y}"
    for step, name in enumerate((f"{result}.q1", result)):
        quotient = f"{result}.q{step}"
        yield f"  {result}.rest{step} = {fused} {quotient}, {vector} {result}.minus, {vector} {x})"
        yield f"  {name} = {fused} {result}.rest{step}, {vector} {reciprocal}, {vector} {quotient})"


def _write_suspects(kernel: Kernel, watched: list[float], width: int) -> Iterator[str]:
    """Collect the rows at a kink, and those where what is watched is not finite."""
    vector, mask = f"<{width} x double>", f"<{width} x i1>"
    suspects = "%suspects"
    if kernel.suspect is not None:
        yield f"  %with.kinks = or {mask} {suspects}, %r{kernel.suspect}"
        suspects = "%with.kinks"
    for index, operand in enumerate(watched):
        text = _operand(operand, width)
        # ∞ - ∞ and NaN - NaN are NaN.
        yield f"  %zero.{index} = fsub {vector} {text}, {text}"
        yield f"  %lost.{index} = fcmp uno {vector} %zero.{index}, zeroinitializer"
        yield f"  %with.lost.{index} = or {mask} {suspects}, %lost.{index}"
        suspects = f"%with.lost.{index}"
    yield f"  %all.suspects = or {mask} {suspects}, zeroinitializer"


def _write_function(name: str, machine: _Machine) -> Iterator[str]:
    """Make a function of the C library known for vectors, if need be by its form for single numbers."""
    width = machine.width
    vector = f"<{width} x double>"
    count = 2 if name in _TWO_OPERANDS else 1
    types = ", ".join([vector] * count)
    symbol = f"{machine.library}{'v' * count}_{name}"
    if _has_symbol(symbol):
        yield f"declare {vector} @{symbol}({types})"
        yield f"define internal {vector} @vector.{name}({_parameters(vector, count)}) alwaysinline {{"
        yield f"  %y = call {vector} @{symbol}({_parameters(vector, count)})"
        yield f"  ret {vector} %y"
    else:
        yield f"declare double @{name}({', '.join(['double'] * count)})"
        yield f"define internal {vector} @vector.{name}({_parameters(vector, count)}) {{"
        for lane in range(width):
            for x in range(count):
                yield f"  %x{x}.{lane} = extractelement {vector} %x{x}, i32 {lane}"
            arguments = ", ".join(f"double %x{x}.{lane}" for x in range(count))
            yield f"  %y.{lane} = call double @{name}({arguments})"
            before = f"%v.{lane - 1}" if lane else "poison"
            yield f"  %v.{lane} = insertelement {vector} {before}, double %y.{lane}, i32 {lane}"
        yield f"  ret {vector} %v.{width - 1}"
    yield "}"


def _parameters(vector: str, count: int) -> str:
    return ", ".join(f"{vector} %x{x}" for x in range(count))


@cache
def _has_symbol(symbol: str) -> bool:
    if sys.platform == "linux":
        try:
            llvm.load_library_permanently("libmvec.so.1")
        except RuntimeError:
            return False
    return llvm.address_of_symbol(symbol) is not None


def _operand(operand: float, width: int) -> str:
    if isinstance(operand, int):
        return f"%r{operand}"
    (bits,) = struct.unpack("<Q", struct.pack("<d", operand))
    return f"<{', '.join([f'double 0x{bits:016X}'] * width)}>"


def _write_instruction(result: str, instruction: Instruction, width: int) -> Iterator[str]:
    name, args = instruction
    operands = [_operand(arg, width) for arg in args]
    words = {
        "y": result,
        "width": width,
        "vector": f"<{width} x double>",
        "mask": f"<{width} x i1>",
        "true": f"<{', '.join(['i1 true'] * width)}>",
        "one": _operand(1.0, width),
        "minus_one": _operand(-1.0, width),
    }
    for line in _FORMS.get(name) or (_call_form(name, len(args)),):
        yield f"  {line.format(*operands, **words)}"


def _call_form(name: str, count: int) -> str:
    arguments = ", ".join(f"{{vector}} {{{argnum}}}" for argnum in range(count))
    return f"{{y}} = call {{vector}} @vector.{name}({arguments})"
