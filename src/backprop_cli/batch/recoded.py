"""Data as it is elsewhere: decompressed, as UTF-8, without the lines that are none; a chunk at a time."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from backprop_cli.batch.dialect import SPACES, separator
from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.errors import FileError, UsageError
from backprop_cli.system.pipes import ChunkedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backprop_cli.batch.dialect import Dialect

_CHUNK = 1 << 20
COMPRESSIONS = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\0", ".zst": b"\x28\xb5\x2f\xfd"}
"""The endings of compressed files, and what these begin with."""
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; that of UTF-32 begins with one of UTF-16."""
_WORDS = re.compile(rb'"[^"\r\n]*"|[^ \t\r\n]+')


def compression_of(begin: bytes) -> str | None:
    """Return the ending of the compression that a file is in by its first bytes, None for none."""
    found = (ending for ending, magic in COMPRESSIONS.items() if begin.startswith(magic))
    return next(found, None)


def encoding_of(begin: bytes) -> str:
    """Return the encoding that a byte order mark says, "" for UTF-8."""
    return next((encoding for mark, encoding in _MARKS.items() if begin.startswith(mark)), "")


def recode(file: BinaryIO, name: str, form: Form, dialect: Dialect, *, sniffed: bool) -> BinaryIO:
    """Return data as the readers take it: the file itself where nothing has to be done.

    sniffed: whether the first bytes may be looked at for a compression, a mark or an array of JSON, which
    would wait for them in a stream.
    """
    begin = _peek(file, name) if sniffed else b""
    compression = compression_of(begin)
    chunks: Iterator[bytes] | None = None
    if compression is not None:
        unpacked = _checked(_read(_decompressed(file, compression)), name)
        file = ChunkedFile(unpacked, file, is_live=False)
        begin = file.peek(4096)
    encoding = dialect.encoding or (encoding_of(begin) if form in (*DELIMITERS, Form.jsonl) else "")
    if encoding:
        chunks = _as_utf8(_read(file), name, encoding)
    for step in _line_steps(form, dialect):
        chunks = step(_whole_lines(_read(file) if chunks is None else chunks))
    if form is Form.jsonl and sniffed:
        whole = file if chunks is None else ChunkedFile(chunks, file, is_live=False)
        if whole.peek(4096).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):  # type: ignore[attr-defined]
            return ChunkedFile(_array_items(_read(whole), name), file, is_live=False)
        return whole
    return file if chunks is None else ChunkedFile(chunks, file, is_live=not sniffed)


def _peek(file: BinaryIO, name: str) -> bytes:
    try:
        return bytes(file.peek(4096))  # type: ignore[attr-defined]
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None


def _read(file: Any) -> Iterator[bytes]:
    """Yield what a file has when it has it."""
    while chunk := file.read1(_CHUNK):
        yield chunk


def _decompressed(file: BinaryIO, ending: str) -> Any:
    """Return what is in a compressed file."""
    import bz2
    import gzip
    import lzma

    if ending != ".zst":
        openers: dict[str, Callable[[BinaryIO], Any]] = {
            ".gz": gzip.open,
            ".bz2": bz2.open,
            ".xz": lzma.open,
        }
        return openers[ending](file)
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise UsageError(
            "reading .zst needs pyarrow", hint="pip install 'backprop_cli[batch]', or zstdcat FILE | …"
        ) from None
    return pa.CompressedInputStream(file, "zstd")


def _checked(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield what is decompressed. Raises FileError where it is damaged."""
    from lzma import LZMAError

    try:
        yield from chunks
    except (EOFError, OSError, zlib.error, LZMAError) as error:
        what = "it ends too soon" if isinstance(error, EOFError) else str(error)
        raise FileError(f"can't decompress {name}: {what}") from None


def _as_utf8(chunks: Iterator[bytes], name: str, encoding: str) -> Iterator[bytes]:
    """Yield text of another encoding as UTF-8. Bytes that a table of letters lacks stay as they are."""
    decoder = codecs.getincrementaldecoder(encoding)(
        "strict" if encoding.startswith("utf") else "surrogateescape"
    )
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8", "surrogateescape")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        raise FileError(
            f"{name} is not text in {encoding}: {getattr(error, 'reason', error)}",
            hint="--encoding says what it is written in",
        ) from None


def _line_steps(form: Form, dialect: Dialect) -> list[Callable[[Iterator[list[bytes]]], Iterator[bytes]]]:
    """Return what has to be done line by line, in order."""
    wanted = [
        (dialect.skipped or dialect.comment, lambda lines: _without(lines, dialect)),
        (dialect.delimiter == SPACES, _by_words),
        (dialect.columns, lambda lines: _under_header(lines, separator(form, dialect), dialect)),
    ]
    return [step for condition, step in wanted if condition]


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of chunks; only the last may lack its end."""
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if lines:
            yield [line + b"\n" for line in lines]
    if rest:
        yield [rest]


def _without(parts: Iterator[list[bytes]], dialect: Dialect) -> Iterator[bytes]:
    """Yield the lines that are neither skipped nor comments; a line that begins in quotes is none."""
    skipped, comment = dialect.skipped, dialect.comment.encode()
    is_first, in_quotes = True, False
    for lines in parts:
        if is_first:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
            is_first = False
        kept = lines[skipped:]
        skipped = max(0, skipped - len(lines))
        lasting = []
        for line in kept:
            if in_quotes or not (comment and line.lstrip().startswith(comment)):
                lasting.append(line)
                in_quotes ^= line.count(b'"') % 2 == 1
        yield b"".join(lasting)


def _by_words(parts: Iterator[list[bytes]]) -> Iterator[bytes]:
    """Yield lines whose words are separated by tabs."""
    for lines in parts:
        yield b"".join(b"\t".join(_WORDS.findall(line)) + b"\n" for line in lines)


def _under_header(parts: Iterator[list[bytes]], sign: str, dialect: Dialect) -> Iterator[bytes]:
    """Yield lines below a header of the names that columns are given."""
    names = ['"' + name.replace('"', '""') + '"' for name in dialect.columns]
    yield (sign.join(names) + "\n").encode()
    for lines in parts:
        yield b"".join(lines).removeprefix(codecs.BOM_UTF8)


def _array_items(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the items of an array of JSON, a line each, as they are written. Raises FileError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    text, enough = "", 0
    for chunk in chain(chunks, [None]):
        text += decoder.decode(chunk or b"", final=chunk is None)
        if chunk is None or len(text) >= enough:
            items, text = _whole_items(text.lstrip())
            yield "".join(items).encode("utf-8", "surrogateescape")
            enough = 2 * len(text)  # an item that is longer than that is tried again with twice as much
    if not re.fullmatch(r"(\[\s*)?\]\s*", text):
        raise FileError(f"{name} is no array of JSON from {text[:30]!r} on")


def _whole_items(text: str) -> tuple[list[str], str]:
    """Return the items of an array that are whole, and what is left, from the sign before the next on."""
    items, at = [], 0
    while text[at : at + 1] in ("[", ","):
        start = _skip_blanks(text, at + 1)
        try:
            end = _scan(text, start)[1]
        except (ValueError, RecursionError):
            break
        behind = _skip_blanks(text, end)
        if text[behind : behind + 1] not in (",", "]"):
            break
        items.append(re.sub(r"[\r\n]+", " ", text[start:end]) + "\n")
        at = behind
    return items, text[at:]


_scan = json.JSONDecoder(parse_int=float).raw_decode
_BLANKS = re.compile(r"\s*")


def _skip_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None
    return found.end()
