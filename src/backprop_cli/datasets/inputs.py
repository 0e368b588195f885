"""The files of a data set: those of folders and globs, their names there, and what their folders say."""

from __future__ import annotations

import glob
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from backprop_cli.batch.forms import ENDING_OF_COMPRESSED, ENDINGS, ENDINGS_OUT, FORMS, Form
from backprop_cli.datasets.places import is_remote, walk
from backprop_cli.errors import FileError, UsageError
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WILD = re.compile(r"[*?[]")
_KEY = re.compile(r"([^=/]+)=([^/]*)")
_FEW = 3


class Input(NamedTuple):
    """A file of a data set.

    source: its path or address.  name: below what was asked for.  stamp: what changes when the file does: the
    time, or the tag that a storage gives it.
    """

    source: str
    name: str
    form: Form
    size: int
    stamp: str

    @property
    def keys(self) -> dict[str, str]:
        """What its folders say: year=2024 is a column ``year``."""
        found = (_KEY.fullmatch(part) for part in PurePosixPath(self.name).parts[:-1])
        return {unquote(pair[1]): unquote(pair[2]) for pair in found if pair}

    def output_name(self, form: Form) -> str:
        """Return the name of its results in a form."""
        path = PurePosixPath(self.name)
        if path.suffix.lower() in ENDING_OF_COMPRESSED:
            path = path.with_suffix("")
        ending = path.suffix.lower()
        if ENDINGS_OUT.get(ending) == form:
            return str(path)
        return str(path.with_suffix(f".{form}") if ending in ENDINGS else f"{path}.{form}")


class Found(NamedTuple):
    """The files of a data set in the order of their names, and those whose ending says no form."""

    inputs: list[Input]
    left_out: list[str]


class _File(NamedTuple):
    source: str
    name: str
    size: int
    stamp: str


def is_data_set(name: str) -> bool:
    """Tell whether a name of data may stand for several files, or for some beyond this machine."""
    if is_remote(name):
        return True
    path = Path(name)
    return path.is_dir() or (_WILD.search(name) is not None and not path.exists())


def find_inputs(names: Sequence[str], form: Form | None) -> Found:
    """Find the files of a data set. form: of all, None for that of each ending.

    Raises FileError or UsageError where there are none, or two of one name.
    """
    inputs: dict[str, Input] = {}
    left_out: list[str] = []
    for file in (file for name in names for file in _files(name)):
        own = form or _form_of(file.name)
        if own is None:
            left_out.append(file.name)
            continue
        other = inputs.setdefault(file.name, Input(file.source, file.name, own, file.size, file.stamp))
        if other.source != file.source:
            raise UsageError(f"{other.source} and {file.source} would have results of one name, {file.name}")
    if not inputs:
        told = f"{listing(left_out[:_FEW])} can't be told by the ending" if left_out else "there are none"
        raise FileError(
            f"no files of data in {listing(list(names))}: {told}",
            hint=f"the endings are {', '.join(ENDINGS)}; or give --input-format {FORMS}" if left_out else "",
        )
    return Found([inputs[name] for name in sorted(inputs)], sorted(left_out))


def _form_of(name: str) -> Form | None:
    path = PurePosixPath(name)
    if path.suffix.lower() in ENDING_OF_COMPRESSED:
        path = path.with_suffix("")
    return ENDINGS.get(path.suffix.lower())


def _files(name: str) -> Iterable[_File]:
    """Return the files that a name of data stands for."""
    if is_remote(name):
        return _remote_files(name)
    path = Path(name)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return [_local_file(path.resolve().parent / path.name, None)]
    if not _WILD.search(name):
        raise FileError(f"can't read {name}: {'no file or folder' if path.exists() else 'there is none'}")
    return _matching(name)


def _in_folder(folder: Path) -> Iterator[_File]:
    root = _above_keys(folder.resolve())
    for inner in walk(folder.resolve()):
        if not _is_hidden(inner):
            yield _local_file(folder.resolve() / inner, root)


def _matching(pattern: str) -> Iterator[_File]:
    parts = Path(pattern).parts
    first = next(place for place, part in enumerate(parts) if _WILD.search(part))
    start = Path(*parts[:first]).resolve()
    root = _above_keys(start)
    # Path.glob would take hidden files for others.
    for match in sorted(glob.glob(str(Path(*parts[first:])), root_dir=start, recursive=True)):  # noqa: PTH207
        if _is_hidden(match) and not _is_hidden("/".join(parts[first:])):
            continue
        path = start / match
        inner = walk(path) if path.is_dir() and "**" not in parts else [""]
        for file in (path / name for name in inner if not _is_hidden(name)):
            if file.is_file():
                yield _local_file(file, root)


def _local_file(path: Path, root: Path | None) -> _File:
    root = root or _above_keys(path.parent)
    try:
        info = path.stat()
    except OSError as error:
        raise FileError(f"can't read {path}: {error.strerror}") from None
    return _File(str(path), path.relative_to(root).as_posix(), info.st_size, str(info.st_mtime_ns))


def _above_keys(folder: Path) -> Path:
    """Return the folder that a data set begins at: year=2024 is a part of it."""
    while _KEY.fullmatch(folder.name):
        folder = folder.parent
    return folder


def _is_hidden(name: str) -> bool:
    """Tell whether a file, or a folder that it is in, stands beside the data: _SUCCESS, .crc."""
    return any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)


def _remote_files(address: str) -> Iterator[_File]:
    from backprop_cli.datasets.storage import list_remote

    fixed, pattern = address, ""
    if _WILD.search(address):
        parts = address.split("/")
        first = next(place for place, part in enumerate(parts) if _WILD.search(part))
        fixed, pattern = "/".join(parts[:first]), "/".join(parts[first:])
    base = fixed.rstrip("/")
    found = list_remote(base, pattern)
    if list(found) == [""]:  # a single file
        base, _, name = base.rpartition("/")
        found = {name: found[""]}
    inner = ""
    while _KEY.fullmatch(base.rpartition("/")[2]):
        base, _, key = base.rpartition("/")
        inner = f"{key}/{inner}"
    for name, (size, stamp) in found.items():
        if not _is_hidden(name):
            yield _File(f"{base}/{inner}{name}", inner + name, size, stamp)
