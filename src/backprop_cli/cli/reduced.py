"""``backprop batch --reduce`` over a data set: all rows of all files come to one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from backprop_cli.cli.app import turn_on_collector
from backprop_cli.cli.data import open_sink, refuse_one_file, tell_columns
from backprop_cli.cli.sample import tell_rows, tell_sample
from backprop_cli.datasets.places import is_remote
from backprop_cli.errors import FileError, Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.job import Job, Work
    from backprop_cli.cli.sample import SampleOptions
    from backprop_cli.console.output import Output
    from backprop_cli.datasets.inputs import Input


def run_reduced(
    job: Job,
    names: Sequence[str],
    files: Sequence[Input],
    target: str,
    drawn: SampleOptions,
    output: Output,
) -> int:
    """Bring the rows of files together, and tell what became of them. Return the exit status.

    job: in the form of the first file.  names: what stands for the files.  target: of the row.
    """
    from backprop_cli.batch.job import Run, need_columns, prepare, run_work
    from backprop_cli.console.progress import Progress

    need_columns(job._replace(engine="numpy"))
    _refuse_among(names, files, target, output)
    from backprop_cli.datasets.whole import WholeReader

    sample = drawn.draw()
    with ExitStack() as stack:
        reader = WholeReader(files, job.dialect, job.group)
        work = _with_engine(prepare(job, reader))
        tell_columns(work.batch.source.read_as, work.unread, output)
        sink = None if output.quiet and target == "-" else open_sink(target, job.shape, output, stack)
        progress = stack.enter_context(Progress(output.environment, reader.total, reader.unit))
        turn_on_collector()
        tally, _ = run_work(work, reader, Run(sink, _do_nothing, progress.advance, sample))
    tell_rows(tally, output, starts=reader.starts)
    if sample is not None and not tell_sample(sample, work.batch, tally.rows, drawn, output, reader.starts):
        return Status.CHECK_FAILED
    return Status.UNDEFINED if tally.faults() and not job.skips else Status.DONE


def _with_engine(work: Work) -> Work:
    """Return work that one engine does from end to end: between two the last bits may differ.

    Of the columns that of the groups is kept, alone.
    """
    from backprop_cli.batch.engines.engine import settle_engine

    points = work.points
    columns = [name for name in points.inputs if name not in points.given]
    engine = settle_engine(work.job.engine, work.batch, points.start, columns)
    return work._replace(job=work.job._replace(engine=engine), names=work.kept or work.names)


def _refuse_among(names: Sequence[str], files: Sequence[Input], target: str, output: Output) -> None:
    """Raise UsageError where the result would be data, of this run or of the next."""
    path = None if target == "-" else Path(target).resolve()
    folders = {Path(name).resolve() for name in names if not is_remote(name) and Path(name).is_dir()}
    if path is not None and folders & set(path.parents):
        raise UsageError(f"the data and the results are both in {path.parent}/", hint="another folder")
    for file in files:
        if is_remote(file.source):
            continue
        if path == Path(file.source).resolve():
            raise UsageError("the data and the results are one file", hint="write to another")
        try:
            refuse_one_file(Path(file.source).stat(), target, output.environment)
        except OSError as error:
            raise FileError(f"can't read {file.source}: {error.strerror}") from None


def _do_nothing() -> None:
    pass
