"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager, suppress
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


_unfinished: set[Path] = set()
"""The files that are being written, or are about to be."""


def remove_unfinished() -> None:
    """Remove what is half written: the process ends."""
    for path in _unfinished:
        path.unlink(missing_ok=True)


def write_file(name: str, data: bytes) -> Path:
    """Write a file, in place of one that is there already, and return its path.

    Raises FileError, also for "-", which is said for standard output where that can be meant.
    """
    if name == "-":
        raise FileError("a file is to be named, and - is none", hint="./- is a file of that name")
    with open_whole(name) as file:
        file.write(data)
    return Path(os.path.realpath(name))


@contextmanager
def open_whole(name: str, aside: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing, in place of one that is there already. Raises FileError.

    The data is first written beside it, or in the folder ``aside``, under a random name: a reader never sees
    half a file, an old one outlives a failure, and runs in one folder don't meet. /dev/stdout, /dev/fd/3 and
    their like are open already, and written on as they are.
    """
    try:
        opened = opened_by_shell(name)
        if opened is not None:
            with os.fdopen(os.dup(opened), "wb") as file:
                yield file
            return
        path = Path(os.path.realpath(name))  # a link goes on pointing to the file
        if path.is_dir() or name.endswith(("/", os.sep)):
            raise FileError(f"can't write {name}: it is a folder")
        if path.exists() and not path.is_file():
            with path.open("wb") as device:  # or a pipe, which nothing can take the place of
                yield device
            return
        mode = path.stat().st_mode & 0o7777 if path.exists() else None
        beside = (aside or path.parent) / f".backprop-{secrets.token_hex(8)}.tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        _unfinished.add(beside)
        try:
            # Of a new file the umask decides on the permissions, as for any other program.
            with os.fdopen(os.open(beside, flags, 0o666), "w+b") as file:
                yield file
            if mode is not None:
                beside.chmod(mode)
            beside.replace(path)
        except FileExistsError:
            raise  # it is another's
        except BaseException:  # Ctrl-C comes at any place
            beside.unlink(missing_ok=True)
            raise
        finally:
            _unfinished.discard(beside)
    except (OSError, ValueError) as error:
        raise FileError(f"can't write {name}: {getattr(error, 'strerror', None) or error}") from None


class _Scratch(FileIO):
    """A file without a name, with an error that says which disk is full."""

    def write(self, data: Any) -> int:
        with _telling_scratch():
            return super().write(data)


def open_scratch() -> BinaryIO:
    """Open a file without a name in the folder for temporary files. Raises FileError, when written too."""
    from tempfile import TemporaryFile

    with _telling_scratch(), TemporaryFile(buffering=0) as file:
        return BufferedRandom(_Scratch(os.dup(file.fileno()), "r+b"))


@contextmanager
def _telling_scratch() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        from tempfile import gettempdir

        told = error.strerror or str(error)
        with suppress(OSError):  # there may be no such folder at all
            told = f"can't write in {gettempdir()}, the folder for temporary files: {told}"
        raise FileError(told, hint="TMPDIR=FOLDER in front of the command names another") from None


_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,6})")


def opened_by_shell(name: str) -> int | None:
    """Return the number of the open file that a name stands for, None for any other name."""
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered[1]) if numbered else _STREAMS.get(name)
