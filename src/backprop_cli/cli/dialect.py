"""The options that say how a file of data is written."""

from __future__ import annotations

import codecs
from typing import Annotated, NamedTuple

import typer

from backprop_cli.batch.dialect import SPACES, Dialect
from backprop_cli.batch.forms import BINARY, DELIMITERS, Form
from backprop_cli.errors import UsageError

_NAMED_SIGNS = {"tab": "\t", "\\t": "\t", "space": " ", "semicolon": ";", "pipe": "|", "comma": ","}


class DialectOptions(NamedTuple):
    """The options that say how a file of text differs from a CSV of UTF-8 under a header."""

    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", metavar="SIGN", help="What separates cells: ';', '|', tab, spaces."),
    ] = None
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="A,B,...", help="The names of the columns: the data has no header."
        ),
    ] = None
    skip: Annotated[
        int,
        typer.Option(
            "--skip-lines", metavar="N", min=0, show_default=False, help="Lines to leave out first."
        ),
    ] = 0
    comment: Annotated[
        str | None,
        typer.Option("--comment", metavar="SIGN", help="Leave out the lines that begin with it."),
    ] = None
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", metavar="NAME", help="Of the text: latin-1, cp1252, utf-16.  [default: utf-8]"
        ),
    ] = None
    decimal: Annotated[
        str | None, typer.Option("--decimal", metavar="SIGN", help="The decimal sign: , or .")
    ] = None
    thousands: Annotated[
        str | None,
        typer.Option("--thousands", metavar="SIGN", help="What groups digits by three: . , ' or space."),
    ] = None
    missing: Annotated[
        list[str] | None,
        typer.Option("--missing", metavar="WORD,...", help="Cells that are no value: NA,-,-999."),
    ] = None
    ragged: Annotated[
        bool, typer.Option("--ragged", help="Rows may have fewer or more cells than the header.")
    ] = False

    def read(self, form: Form) -> Dialect:
        """Return them for data of a form. Raises UsageError."""
        dialect = Dialect(
            delimiter=_read_delimiter(self.delimiter),
            encoding=_read_encoding(self.encoding),
            columns=_read_list("--columns", [self.columns]) if self.columns is not None else (),
            skipped=self.skip,
            comment=_read_comment(self.comment),
            decimal=_read_sign("--decimal", self.decimal, ".,") or ".",
            thousands=_read_sign("--thousands", self.thousands, ".,' _\u00a0\u202f"),
            missing=_read_list("--missing", self.missing) if self.missing else (),
            is_ragged=self.ragged,
        )
        self._refuse_elsewhere(form)
        if dialect.thousands == dialect.decimal:
            raise UsageError(
                f"{dialect.decimal!r} can't be the decimal sign and group digits",
                hint="--decimal , --thousands . reads 1.234,5",
            )
        if dialect.delimiter and dialect.delimiter in (dialect.decimal, dialect.thousands):
            raise UsageError(
                f"{dialect.delimiter!r} can't separate cells and stand in numbers",
                hint="--delimiter ';' --decimal ,",
            )
        return dialect

    def _refuse_elsewhere(self, form: Form) -> None:
        """Raise UsageError for an option that has no meaning in a form."""
        given = {
            "--delimiter": self.delimiter,
            "--columns": self.columns,
            "--ragged": self.ragged,
            "--skip-lines": self.skip,
            "--comment": self.comment,
            "--encoding": self.encoding,
            "--decimal": self.decimal,
            "--thousands": self.thousands,
            "--missing": self.missing,
        }
        allowed = given.keys() if form in DELIMITERS else () if form in BINARY else list(given)[3:]
        for option, value in given.items():
            if value and option not in allowed:
                raise UsageError(
                    f"{option} is for text, and the data is {form}",
                    hint="--input-format csv, if it is that",
                )


def _read_delimiter(text: str | None) -> str:
    if text is None:
        return ""
    if text == SPACES:
        return text
    sign = _NAMED_SIGNS.get(text, text)
    if len(sign) != 1 or not sign.isascii() or sign.isalnum() or sign in "\"'\r\n.+-\0":
        raise UsageError(
            f"--delimiter can't be {text!r}", hint="one sign, such as ';' or '|', or tab, or spaces"
        )
    return sign


def _read_sign(option: str, text: str | None, signs: str) -> str:
    if text is None:
        return ""
    sign = _NAMED_SIGNS.get(text, text)
    if len(sign) != 1 or sign not in signs:
        raise UsageError(f"{option} can't be {text!r}", hint="--decimal , --thousands . reads 1.234,5")
    return sign


def _read_comment(text: str | None) -> str:
    if text is not None and not text.strip():
        raise UsageError(f"--comment can't be {text!r}", hint="--comment '#'")
    return text or ""


def _read_encoding(name: str | None) -> str:
    if name is None:
        return ""
    try:
        "a".encode(name)  # refuses base64 and the like, which are codecs, too
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        raise UsageError(
            f"there is no encoding {name!r}", hint="latin-1, cp1252, utf-16, shift_jis, …"
        ) from None
    return "" if found.name == "utf-8" else found.name


def _read_list(option: str, texts: list[str]) -> tuple[str, ...]:
    words = tuple(word.strip() for text in texts for word in text.split(","))
    if not any(words):
        raise UsageError(
            f"{option} names nothing", hint=f"{option} a,b" if option == "--columns" else f"{option} NA,-999"
        )
    return words
