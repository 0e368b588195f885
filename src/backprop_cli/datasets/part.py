"""One part of a data set: a file in, a file out, and the record of it. What a worker does.

A worker needs NumPy and pyarrow beside this package, and no SymPy, Typer or rich.
"""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from backprop_cli import __version__
from backprop_cli.batch.forms import TEXT
from backprop_cli.batch.job import Work, prepare
from backprop_cli.batch.tally import OK, STATUSES, Tally
from backprop_cli.datasets.opened import open_input
from backprop_cli.datasets.places import open_store
from backprop_cli.errors import BackpropError, StorageError, UsageError, with_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.job import Job
    from backprop_cli.batch.program import Batch
    from backprop_cli.datasets.inputs import Input


class Part(NamedTuple):
    """What one worker is asked for. number: from 1, in the order of names.

    job: with the forms of this part and a fixed engine.  output: the folder of results.  name: of these.
    aside: where files of this machine stand until they are whole.  threads: how many compute.
    version: of the package that asks.
    """

    number: int
    job: Job
    input: Input
    output: str
    name: str
    aside: str = ""
    threads: int = 1
    version: str = __version__


class Outcome(NamedTuple):
    """What became of a part: its record, or what is wrong. is_passing: whether another try may go well."""

    number: int
    record: dict[str, Any] | None
    message: str = ""
    is_passing: bool = False


def run_part(part: Part) -> Outcome:
    """Do a part. What a user can cause is told, not raised."""
    try:
        return Outcome(part.number, _run(part))
    except StorageError as error:
        return Outcome(part.number, None, error.message, is_passing=True)
    except BackpropError as error:
        return Outcome(part.number, None, with_name(error.message, part.input.name))
    except MemoryError:
        return Outcome(part.number, None, f"{part.input.name}: the memory is not enough")


def run_parts(parts: Sequence[Part]) -> list[Outcome]:
    """Do parts, one after the other."""
    return [run_part(part) for part in parts]


class Look(NamedTuple):
    """What one part shows of all. engine: that they are done with.  read_as: how the program was read.

    unread: the columns that are inputs whose value is given.
    """

    engine: str
    read_as: str
    unread: list[str]


def look(part: Part) -> Look:
    """Return what a part shows of all, after everything has been checked. Raises what a user can cause."""
    from backprop_cli.batch.engines.engine import settle_engine

    with ExitStack() as stack:
        reader = open_input(part.input, part.job.dialect, stack)
        work = _prepare(part, reader)
        points = work.points
        columns = [name for name in points.inputs if name not in points.given]
        engine = settle_engine(part.job.engine, work.batch, points.start, columns)
        return Look(engine, work.batch.source.read_as, work.unread)


def read_program(part: Part) -> Batch:
    """Return the program over the columns of a part."""
    with ExitStack() as stack:
        return prepare(part.job, open_input(part.input, part.job.dialect, stack)).batch


def pack(parts: Sequence[Part]) -> tuple[str, bytes]:
    """Return parts as they go to other machines: the version first, by which the rest is read or not."""
    return parts[0].version, pickle.dumps(tuple(parts))


def run_packed(numbers: Sequence[int], version: str, packed: bytes) -> list[Outcome]:
    """Do parts that come from elsewhere. numbers: their own."""
    try:
        parts = _unpack(version, packed)
    except UsageError as error:
        return [Outcome(number, None, error.message) for number in numbers]
    return run_parts(parts)


def look_packed(version: str, packed: bytes) -> Look:
    """Return what a part shows that comes from elsewhere. Raises what a user can cause."""
    return look(_unpack(version, packed)[0])


def _unpack(version: str, packed: bytes) -> Sequence[Part]:
    """Return parts. Raises UsageError where another version has sent them."""
    message = f"a worker has backprop {__version__}, and {version} asks it"
    hint = f"pip install backprop_cli=={version} on the scheduler and all workers"
    if version != __version__:
        raise UsageError(message, hint=hint)
    try:
        parts: Sequence[Part] = pickle.loads(packed)
    except (TypeError, AttributeError, ImportError):
        raise UsageError(f"{message}, but not the same of it", hint=hint) from None
    return parts


def _run(part: Part) -> dict[str, Any]:
    from backprop_cli.batch.frames.run import open_writer, run_columns
    from backprop_cli.datasets.drawn import draw_part, rows_as_json
    from backprop_cli.datasets.totals import TotallingWriter

    tally, job = Tally(), part.job
    sample = draw_part(job, part.number)
    store = open_store(part.output, part.aside)
    with ExitStack() as stack:
        reader = open_input(part.input, part.job.dialect, stack)
        work = _prepare(part, reader)
        with store.open_whole(part.name) as binary, ExitStack() as inner:
            sink = _as_text(binary, inner) if job.shape in TEXT else binary
            writer = open_writer(sink, job.shape, work.columns, work.kept, work.points, job.form, work.lists)
            totals = TotallingWriter(writer, work.columns)
            run_columns(
                reader,
                work.batch,
                work.points,
                tally,
                sample,
                totals,
                _do_nothing,
                _ignore,
                engine=job.engine,
                keep=job.keep,
                threads=part.threads,
            )
    drawn = {"sample": rows_as_json(sample)} if sample else {}
    return _record(part, tally, totals) | {"bytes": store.size(part.name)} | drawn


def _record(part: Part, tally: Tally, totals: Any) -> dict[str, Any]:
    statuses = {str(status): tally.met[status].rows for status in STATUSES if status in tally.met}
    met = {
        str(kind): {"rows": found.rows, "first": list(found.first), "message": found.message}
        for kind, found in tally.met.items()
    }
    return {
        "part": part.number,
        "name": part.name,
        "source": part.input.source,
        "rows": tally.rows,
        "statuses": {str(OK): tally.rows - sum(statuses.values())} | statuses,
        "met": met,
        "lost": sorted(totals.lost),
        "sums": totals.as_hex(),
    }


def _prepare(part: Part, reader: Reader) -> Work:
    """Bring a part together with its data, and check all that can be before anything is written."""
    job = part.job
    work = prepare(job, reader)
    reader.check(work.points, job.shape if job.keep else None)
    if work.kept is not None and part.input.keys:
        # What the folders say stays in the folders.
        work = work._replace(kept=reader.names[: len(reader.names) - len(part.input.keys)])
    return work


def _as_text(binary: BinaryIO, stack: ExitStack) -> TextIO:
    from backprop_cli.console.output import Output

    wrapper = TextIOWrapper(binary, encoding="utf-8", errors=Output.data_errors(), newline="")
    stack.callback(wrapper.detach)  # which brings what was written to the file
    return wrapper


def _do_nothing() -> None:
    pass


def _ignore(count: int) -> None:
    pass
