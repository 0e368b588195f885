"""What a user's own program computed at every row of data: "a=@grad_a"; and the records of the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.batch.points import column_name
from backprop_cli.errors import InputError
from backprop_cli.expect.expectations import GRADIENT, names_of, read_target
from backprop_cli.language.reader import normalise
from backprop_cli.record import Record
from backprop_cli.report import Outcome
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.batch.tally import Occurrence, Start
    from backprop_cli.language.source import Source

_FORM = "with --data it is a column: a=@grad_a, value=@loss"


class Tolerance(Record):
    """How far numbers may be apart.

    rtol: relative to the larger of the two.  atol: absolute; None as in ``Criteria``.
    as_written: whether half a unit of the last decimal that is written is allowed as well.
    """

    rtol: float
    atol: float | None
    as_written: bool


class ColumnClaim(Record):
    """A column that is expected to hold a gradient, or the values of the program or a step.

    text: as it was written.  of: "gradient" or "value".  name: of the node, "" for the program's value.
    """

    text: str
    of: str
    name: str
    column: str

    @property
    def target(self) -> str:
        """Return what is claimed something of: "a", "value", "value:e"."""
        if self.of == GRADIENT:
            return self.name
        return f"value:{self.name}" if self.name else "value"

    @property
    def claim(self) -> str:
        """Return what is claimed: "a = @grad_a"."""
        return f"{self.target} = @{self.column}"


class Example(Record):
    """A row that differs: its number, its inputs, the number in the data, and what was got."""

    row: int
    inputs: dict[str, float]
    expected: float
    got: float


class Slip(Record):
    """Rows that differ in the same way.

    rows: how many.  first: the numbers of the first few.  last: of the last.  diagnosis: what differs, or "".
    where: what is true of the inputs and steps of these rows, and of those of no other, or "".
    worst: the one with the largest relative difference.
    """

    rows: int
    first: tuple[int, ...]
    last: int
    diagnosis: str
    where: str
    worst: Example


class ColumnVerdict(Record):
    """The judgement of a column.

    rows: how many were compared.  off: how many differ.  confirmed: how many of these differ from the
    number of many digits, too; the others differ from the double.  lost: how many are met by that number
    alone, whose double has lost digits.  slips: what is behind those that are off, the most rows first.
    """

    claim: ColumnClaim
    tolerance: Tolerance
    rows: int
    off: int
    confirmed: int
    lost: int
    slips: tuple[Slip, ...]

    @property
    def status(self) -> Outcome:
        """Tell whether no row is off."""
        return Outcome.FAIL if self.off else Outcome.PASS


class RowsVerification(Record):
    """The verdicts on the columns of some data.

    program: its text.  read_as: as in a report.  inputs: those that are the same in every row.
    rows: how many there are.  faults: those that can't be compared, by status.  files: whose rows they
    are, () for a single one.
    """

    program: str
    read_as: str
    inputs: dict[str, float]
    upstream: float
    rows: int
    faults: Mapping[str, Occurrence]
    verdicts: tuple[ColumnVerdict, ...]
    seconds: float
    files: tuple[Start, ...] = ()

    @property
    def compared(self) -> int:
        """Return how many rows are compared."""
        return self.rows - sum(met.rows for met in self.faults.values())

    @property
    def status(self) -> Outcome:
        """Tell whether no row is off; an error where none is, but some can't be compared."""
        if any(verdict.off for verdict in self.verdicts):
            return Outcome.FAIL
        return Outcome.ERROR if self.faults else Outcome.PASS


def read_column_claim(text: str, source: Source) -> ColumnClaim:
    """Return what is expected of the data. Raises InputError."""
    text = normalise(text)
    of, name = read_target(text, source)
    left, _, right = text.partition("=")
    column = column_name(right.strip().removeprefix("@"))
    if not right.strip().startswith("@") or not column:
        raise InputError(f"{right.strip()!r} is no column", text, len(left) + 1, len(text), _FORM)
    inputs = list(source.inputs)
    if of == GRADIENT and name not in inputs:
        start = text.find(name)
        if name in names_of(source):
            told = f"the gradient of the step {name} can't be compared row by row"
            raise InputError(told, text, start, start + len(name), f"its inputs are {listing(inputs)}")
        told = f"{name} is not an input of the program"
        hint = did_you_mean(name, inputs) or f"its inputs are {listing(inputs)}"
        raise InputError(told, text, start, start + len(name), hint)
    return ColumnClaim(text, of, name, column)
