"""How a file of text is written: what separates cells, how numbers look, which words are none."""

from __future__ import annotations

import re
from functools import cache

from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.record import Record

SPACES = "spaces"
"""In place of a delimiter: any run of spaces and tabs."""


class Dialect(Record):
    """How a file of text differs from a CSV of UTF-8 under a header.

    delimiter: "" for that of the form.  encoding: "" for UTF-8, or what a byte order mark says.
    columns: the names of data without a header, () where it has one.  skipped: lines before all others.
    comment: what lines that are left out begin with, "" for none.  decimal, thousands: the signs in numbers.
    missing: cells that stand for no value.  is_ragged: whether rows may be shorter or longer than the header.
    """

    delimiter: str = ""
    encoding: str = ""
    columns: tuple[str, ...] = ()
    skipped: int = 0
    comment: str = ""
    decimal: str = "."
    thousands: str = ""
    missing: tuple[str, ...] = ()
    is_ragged: bool = False

    @property
    def has_plain_numbers(self) -> bool:
        """Whether numbers are written as elsewhere."""
        return self.decimal == "." and not self.thousands

    def number_pattern(self) -> str:
        """Return what numbers look like, as a regular expression that RE2 reads, too."""
        return _number_pattern(self.decimal, self.thousands)

    def plain_number(self, cell: str) -> str | None:
        """Return a number with a point and without groups, None for a cell that is none."""
        cell = cell.strip(" \t").replace("−", "-")
        if not re.fullmatch(self.number_pattern(), cell):
            return None
        if self.thousands:
            cell = cell.replace(self.thousands, "")
        return cell.replace(self.decimal, ".")

    def sentinels(self) -> tuple[float, ...]:
        """Return the numbers that stand for no value, such as -999."""
        texts = map(self.plain_number, self.missing)
        return tuple(float(text) for text in texts if text is not None)


@cache
def _number_pattern(decimal: str, thousands: str) -> str:
    """Return the pattern. Groups have three digits: 1.5 is 15 in no dialect."""
    point = re.escape(decimal)
    whole = "[0-9]+"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    return f"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


PLAIN = Dialect()


def separator(form: Form, dialect: Dialect) -> str:
    """Return what separates the cells, once runs of spaces are tabs."""
    return "\t" if dialect.delimiter == SPACES else dialect.delimiter or DELIMITERS.get(form, ",")
