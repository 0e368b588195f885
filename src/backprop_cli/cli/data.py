"""Where the data of ``backprop batch`` comes from, and where its results go."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from backprop_cli.batch.dialect import PLAIN, Dialect, separator
from backprop_cli.batch.forms import ENDING_OF_COMPRESSED, ENDINGS, ENDINGS_OUT, FORMS, TEXT, Form
from backprop_cli.console.environment import Environment, is_terminal
from backprop_cli.console.output import Output, open_input
from backprop_cli.errors import FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from backprop_cli.batch.cells import Table
    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.job import Job
    from backprop_cli.batch.points import Points
    from backprop_cli.console.progress import Progress

# Smaller data is answered row by row before NumPy and pyarrow, which take 0.2 s, are imported; both ways
# are even at some 400 kB.
_SMALL = 1 << 18
# A stream that has not ended and has nothing more for so many seconds may wait for ever.
_PATIENCE = 0.05


class Data(NamedTuple):
    """Data that is open.

    size: in bytes, None for a stream, and for what is read otherwise than it stands in the file.
    begun: what of a stream has been read.
    """

    file: BinaryIO
    name: str
    form: Form
    size: int | None
    begun: bytes = b""


def form_of_data(name: str) -> Form:
    """Return the form of the data by the ending of the file's name; of a stream it is csv."""
    from backprop_cli.system.files import opened_by_shell

    path = Path(name)
    if name == "-" or opened_by_shell(name) is not None or (path.exists() and not path.is_file()):
        return Form.csv
    ending = Path(path.stem if path.suffix.lower() in ENDING_OF_COMPRESSED else name).suffix
    if ending.lower() not in ENDINGS:
        _open_file(name).close()  # what is not there has no form
        raise UsageError(
            f"the form of {name} can't be told by its ending",
            hint=f"the endings are {', '.join(ENDINGS)}; or give --input-format {FORMS}",
        )
    return ENDINGS[ending.lower()]


def form_of_output(name: str, data: Form) -> Form:
    """Return the form of the results by the ending of the file's name.

    On standard output they have the form of the data, as long as that is text.
    """
    if name == "-":
        return data if data in TEXT else Form.csv
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS_OUT:
        raise UsageError(
            f"the form of {name} can't be told by its ending",
            hint=f"the endings are {', '.join(ENDINGS_OUT)}; or give --format {FORMS}",
        )
    return ENDINGS_OUT[ending]


def open_data(
    environment: Environment, name: str, form: Form, stack: ExitStack, dialect: Dialect = PLAIN
) -> Data:
    """Open data for reading. Raises FileError."""
    file = stack.enter_context(open_input(environment, "the data") if name == "-" else _open_file(name))
    status = os.fstat(file.fileno())
    is_regular = stat.S_ISREG(status.st_mode)
    from backprop_cli.batch.recoded import recode

    plain = recode(file, name, form, dialect, sniffed=is_regular)
    return Data(plain, name, form, status.st_size if is_regular and plain is file else None)


def _open_file(name: str) -> BinaryIO:
    if not name:
        raise FileError("the data is a file without a name")
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None


def load_data(
    environment: Environment,
    name: str,
    form: Form,
    dialect: Dialect,
    choose: Callable[[tuple[str, ...]], dict[str, str]],
    needs: str,
    of: str = "",
    *,
    allow_bad: bool = False,
) -> tuple[dict[str, Floats], int]:
    """Return columns by the names that they are wanted by, and how many rows were left out.

    choose: returns name -> column for the names of all columns.  needs, of, allow_bad: see ``load_columns``.

    Raises FileError, and InputError for a cell that is no number.
    """
    from backprop_cli.batch.points import Points
    from backprop_cli.language.source import Source

    wanted: dict[str, str] = {}

    def prepare(names: tuple[str, ...]) -> Points:
        wanted.update(choose(names))
        renamed = {name: column for name, column in wanted.items() if name != column}
        return Points(Source("", [], dict.fromkeys(wanted, (0, 0)), {}), {}, renamed, dialect)

    columns, skipped = load_rows(environment, name, form, dialect, prepare, needs, of, allow_bad=allow_bad)
    return {name: columns[name] for name in wanted}, skipped


def load_rows(
    environment: Environment,
    name: str,
    form: Form,
    dialect: Dialect,
    prepare: Callable[[tuple[str, ...]], Points],
    needs: str,
    of: str = "",
    *,
    allow_bad: bool = False,
) -> tuple[dict[str, Floats], int]:
    """Return all rows of the columns that points are read from, and how many were left out.

    prepare: returns the points for the names of all columns.  needs, of, allow_bad: see ``load_columns``.

    Raises FileError, and InputError for a cell that is no number.
    """
    from backprop_cli.batch.frames.read import open_reader
    from backprop_cli.descent.rows import load_columns

    with ExitStack() as stack:
        data = open_data(environment, name, form, stack, dialect)
        reader = open_reader(data.file, data.name, data.form, data.size, data.begun, stack, dialect)
        points = prepare((*reader.names, *reader.elements))
        if reader.has_header:
            points.check_header(reader.names, reader.elements, is_text=reader.is_text)
        reader.check(points, None)
        return load_columns(reader, points, needs, of, allow_bad=allow_bad)


def begin(data: Data) -> tuple[Data, bool]:
    """Tell whether data is so little that it is best read by rows, for which the beginning may be read."""
    if data.size is not None:
        return data, data.size <= _SMALL
    if not _is_recoded(data) and (is_terminal(data.file) or os.name != "posix"):
        return data, True
    from backprop_cli.system.pipes import read_portion

    try:
        begun, ended = read_portion(data.file, _SMALL, _PATIENCE)
    except OSError as error:
        raise FileError(f"can't read {data.name}: {error.strerror}") from None
    return data._replace(begun=begun), ended


def open_table(
    data: Data, job: Job, environment: Environment, stack: ExitStack
) -> tuple[Table | Reader, Callable[[int], None]]:
    """Return data to be read row by row or in columns, and what is told how far that is.

    What of a stream has been read before is all of it where it is read by rows.
    """
    from backprop_cli.batch.job import has_columns, need_columns

    by_row = job.may_go_by_row
    if by_row and job.engine == "auto" and has_columns():
        data, by_row = begin(data)
    if by_row:
        return _open_rows(data, job.dialect, environment, stack), _ignore
    need_columns(job)
    from backprop_cli.batch.frames.read import open_reader
    from backprop_cli.console.progress import Progress

    reader = open_reader(data.file, data.name, data.form, data.size, data.begun, stack, job.dialect)
    progress = stack.enter_context(Progress(environment, reader.total, reader.unit))
    return reader, progress.advance


def _open_rows(data: Data, dialect: Dialect, environment: Environment, stack: ExitStack) -> Table:
    from backprop_cli.batch.cells import read_csv, read_jsonl
    from backprop_cli.console.progress import Progress

    unit = "lines" if data.size is None else "bytes"
    progress = stack.enter_context(Progress(environment, data.size, unit))
    binary = BytesIO(data.begun) if data.begun else data.file
    # Bytes that are not UTF-8 spoil their own row at most.
    stream = TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
    stack.callback(stream.detach)  # the file is closed by who opened it
    lines = _lines(stream, data.name, progress)
    if data.form is Form.jsonl:
        return read_jsonl(lines)
    return read_csv(lines, separator(data.form, dialect), ragged=dialect.is_ragged)


def _lines(stream: TextIOWrapper, name: str, progress: Progress) -> Iterator[str]:
    by_line = progress.total is None
    try:
        for line in stream:
            # Characters for bytes: near enough to show how far it is.
            progress.advance(1 if by_line else len(line))
            yield line
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None


def open_results(
    name: str, data: Data, job: Job, output: Output, stack: ExitStack
) -> tuple[TextIO | BinaryIO | None, Callable[[], None]]:
    """Return where results go, None for nowhere, and what is to be called when some are written."""
    if output.quiet and name == "-":
        return None, _do_nothing
    if data.size is not None or _is_recoded(data):
        refuse_one_file(os.fstat(data.file.fileno()), name, output.environment)
    sink = open_sink(name, job.shape, output, stack)
    # A stream is answered as it comes.
    hurried = data.size is None or (name == "-" and output.environment.writes_terminal)
    return sink, sink.flush if hurried else _do_nothing


def refuse_one_file(data: os.stat_result, name: str, environment: Environment) -> None:
    """Raise UsageError where results would replace the data, or be read as more of it, whose end never comes.

    name: of the results.
    """
    from backprop_cli.system.files import opened_by_shell

    try:
        if name == "-":
            there = os.fstat(environment.stdout.fileno()) if environment.stdout else None
        else:
            written = opened_by_shell(name)
            there = Path(name).stat() if written is None else os.fstat(written)
    except (OSError, ValueError):  # what is not there yet, a stream that is no file, or is not open
        return
    if there is not None and os.path.samestat(there, data):
        raise UsageError("the data and the results are one file", hint="write to another")


def _is_recoded(data: Data) -> bool:
    from backprop_cli.system.pipes import ChunkedFile

    return isinstance(data.file, ChunkedFile)


def tell_columns(read_as: str, unread: Sequence[str], output: Output) -> None:
    """Tell how a program was read, and which columns are not, because their value is given."""
    output.tell_reading(read_as)
    for column in unread:
        output.remark(f"warning: the column {column} is not read: its value is given")


def _do_nothing() -> None:
    pass


def _ignore(count: int) -> None:
    pass


def open_sink(name: str, form: Form, output: Output, stack: ExitStack) -> TextIO | BinaryIO:
    """Open a file, or standard output, for results of a form: as text, or for bytes."""
    if name == "-":
        text = output.data_stream()
        return text if form in TEXT else text.buffer
    from backprop_cli.system.files import open_whole

    binary = stack.enter_context(open_whole(name))
    if form not in TEXT:
        return binary
    wrapper = TextIOWrapper(binary, encoding="utf-8", errors=output.data_errors(), newline="")
    stack.callback(wrapper.detach)  # which brings what was written to the file
    return wrapper
