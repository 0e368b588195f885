"""A job over data: what is asked for, what that comes to once the data is open, and the run."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.batch.cells import Table, is_utf8
from backprop_cli.batch.dialect import PLAIN, Dialect
from backprop_cli.batch.forms import BINARY, DELIMITERS, TEXT, Form
from backprop_cli.batch.groups import Groups, find_column
from backprop_cli.batch.points import Points, column_name, read_over_columns
from backprop_cli.batch.program import Batch
from backprop_cli.batch.sums import Reducer
from backprop_cli.batch.tally import Tally, note_cut
from backprop_cli.batch.writers import CsvWriter, JsonWriter, result_columns
from backprop_cli.errors import UsageError
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.source import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO, TextIO

    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.sample import Sample
    from backprop_cli.batch.sums import Reduction
    from backprop_cli.language.arrays.shapes import Shape
    from backprop_cli.language.arrays.values import Value


class Job(NamedTuple):
    """What is asked for.

    given: the inputs that are the same in every row.  renamed: input -> the column it is read from, where
    that has another name.  wrt: the inputs to differentiate by, None for all.  values: the steps whose values
    are wanted.  form: of the data.  shape: of the results.  keep: whether the data is repeated before them.
    notation: what the program is written in, None for what is seen from its signs.
    reduction: what the rows are brought together by, None for one result each.  skips: whether rows without
    a result are left out of it.  dialect: how the data is written.
    order: 2 for second derivatives, too.  outputs: steps whose gradients are wanted, too.
    prefix: begins the names of results.  group: the column that tells apart what is reduced, "" for none.
    check: how many rows of a data set are drawn, to be computed once more.  seed: that draws them.
    """

    program: str
    given: Mapping[str, Value]
    renamed: Mapping[str, str]
    wrt: Sequence[str] | None
    upstream: float
    values: Sequence[str]
    form: Form
    shape: Form
    keep: bool = False
    engine: str = "auto"
    notation: str | None = None
    reduction: Reduction | None = None
    skips: bool = False
    dialect: Dialect = PLAIN
    prefix: str = ""
    group: str = ""
    order: int = 1
    outputs: Sequence[str] = ()
    check: int = 0
    seed: int | None = None

    @property
    def may_go_by_row(self) -> bool:
        """Whether no form and no engine asks for columns."""
        return self.form in TEXT and self.shape in TEXT and self.engine in ("auto", "python")


class Work(NamedTuple):
    """A job beside its data.

    columns: the names of the results.  kept: the columns of the data that are repeated, None for none.
    names: of the columns of the data.
    unread: those that are inputs whose value is given.
    lists: the names that gradients of arrays are written under as lists, and their shapes.
    """

    job: Job
    batch: Batch
    points: Points
    columns: list[str]
    kept: tuple[str, ...] | None
    unread: list[str]
    names: tuple[str, ...]
    lists: Mapping[str, Shape]

    def groups(self) -> Groups | None:
        """Return what brings the rows together, None where each has its own result."""
        job, count = self.job, len(self.columns) - 1
        if job.reduction is None:
            return None
        make = partial(Reducer, job.reduction, count, skips=job.skips)
        return Groups(self.kept[0] if self.kept else "", self.names, make)


class Run(NamedTuple):
    """How a job runs. sink: takes the results, None for nothing.  flush: brings them to their place.

    advance: is called with the count of units read, as ``Reader.unit`` names them.
    """

    sink: TextIO | BinaryIO | None
    flush: Callable[[], None]
    advance: Callable[[int], None]
    sample: Sample | None


def prepare(job: Job, table: Table | Reader) -> Work:
    """Bring a job and its data together. Raises ParseError, InputError or UsageError."""
    names = (*table.names, *table.elements)
    source = read_over_columns(job.program, job.given, job.renamed, job.notation, names)
    wanted = list(source.inputs) if job.wrt is None else check_names(source, job.wrt)
    points = Points(source, job.given, job.renamed, job.dialect)
    if table.has_header:
        points.check_header(table.names, table.elements, is_text=table.is_text)
    batch = Batch(source, wanted, job.upstream, job.values, job.order, job.outputs)
    more = [column for one in batch.more for column in one.columns]
    results = result_columns(wanted, batch.values, job.prefix, more)
    twice = next((name for name, count in Counter(results).items() if count > 1), None)
    if twice is not None:
        raise UsageError(
            f"two columns of the results would be called {twice}",
            hint="rename a step or an input, and name a step once",
        )
    lists = {
        f"{job.prefix}grad_{array}": source.shapes[array] for array in _lists(points, wanted, table.names)
    }
    kept = table.names if job.keep else None
    if job.group:
        kept = (find_column(job.group, table.names) if table.has_header else job.group,)
    if kept is not None:
        _check_kept(kept, job.shape, [*results, *lists])
    return Work(
        job,
        batch,
        points,
        results,
        kept,
        sorted(points.given.keys() & map(column_name, table.names)),
        table.names,
        lists,
    )


def _lists(points: Points, wanted: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    """Yield the arrays whose gradient is wanted as a whole, and whose elements are no columns themselves."""
    alone = set(map(column_name, columns))
    for array, shape in points.shapes.items():
        elements = element_names(array, shape)
        if elements[0] in wanted and not alone.intersection(map(points.column, elements)):
            first = wanted.index(elements[0])
            if list(wanted[first : first + len(elements)]) == elements:
                yield array


def run_work(work: Work, table: Table | Reader, run: Run) -> tuple[Tally, set[str]]:
    """Read, compute, count and write all rows. Return the counts, and keys of later rows that were lost."""
    if isinstance(table, Table):
        return _run_rows(work, table, run)
    from backprop_cli.batch.frames.run import open_writer, run_columns

    job, tally = work.job, Tally()
    table.check(work.points, job.shape if job.keep else None)  # before anything is written
    writer = None
    if run.sink is not None:
        writer = open_writer(run.sink, job.shape, work.columns, work.kept, work.points, job.form, work.lists)
    run.flush()
    run_columns(
        table,
        work.batch,
        work.points,
        tally,
        run.sample,
        writer,
        run.flush,
        run.advance,
        engine=job.engine,
        keep=work.kept is not None,
        groups=work.groups(),
    )
    return tally, set() if writer is None else writer.lost


def _run_rows(work: Work, table: Table, run: Run) -> tuple[Tally, set[str]]:
    batch, points, tally = work.batch, work.points, Tally()
    writer = None if run.sink is None else _row_writer(work, run.sink)
    run.flush()
    groups = work.groups()
    for row in table.rows:
        result = batch.compute_row(row, points)
        tally.add(result)
        if work.job.keep:
            note_cut(tally, [row])
        if run.sample is not None:
            for _ in run.sample.places(1):
                run.sample.take(tally.rows, partial(points.read, row), result)
        if groups is not None:
            groups.add(row, result)
        elif writer is not None:
            writer.write_result(row, result)
            run.flush()
    if groups is not None and writer is not None:
        for shown, result in groups.results(len(batch.wrt)):
            writer.write_result(shown, result)
    return tally, set() if writer is None else writer.lost


def _row_writer(work: Work, sink: TextIO | BinaryIO) -> CsvWriter | JsonWriter:
    text: TextIO = sink  # type: ignore[assignment]
    if work.job.shape is Form.jsonl:
        inputs = [work.kept[place] for place in work.points.inputs_at(work.kept or ())] if work.kept else ()
        return JsonWriter(text, work.columns, work.lists, keep=work.kept is not None, inputs=inputs)
    return CsvWriter(text, DELIMITERS[work.job.shape], work.kept or (), work.columns)


def has_columns() -> bool:
    """Tell whether NumPy and pyarrow are there, without the time that importing them takes."""
    from importlib.util import find_spec

    try:
        return find_spec("numpy") is not None and find_spec("pyarrow") is not None
    except ValueError:  # they are kept from being imported
        return False


def need_columns(job: Job) -> None:
    """Raise UsageError if the job can't do without NumPy and pyarrow, and they are not there."""
    if has_columns():
        return
    what = f"the engine {job.engine}"
    if job.form in BINARY:
        what = f"reading {BINARY[job.form]}"
    elif job.shape in BINARY:
        what = f"writing {BINARY[job.shape]}"
    raise UsageError(f"{what} needs NumPy and pyarrow", hint="pip install 'backprop_cli[batch]'")


def _check_kept(data: Sequence[str], form: Form, results: Sequence[str]) -> None:
    """Check that the columns of the data can stand beside those of the result. Raises UsageError."""
    names = Counter(name.strip() for name in data)
    taken = set(results)
    for name, count in names.items():
        if name in taken:
            raise UsageError(
                f"the data has a column {name} of its own",
                hint="--prefix out_ names the results otherwise; or omit --keep",
            )
        if form in BINARY and not is_utf8(name):
            raise UsageError(
                f"{form} can't keep the column {name}, whose name is not UTF-8",
                hint="--format csv can; or omit --keep",
            )
        if form not in DELIMITERS and count > 1:
            what = "object" if form is Form.jsonl else "file"
            raise UsageError(
                f"the data has two columns {name!r}, which one {what} can't keep",
                hint="--format csv can; or omit --keep",
            )
    if form is not Form.jsonl and not names:
        raise UsageError("the first row has no keys to make a header of", hint="--format jsonl needs none")
