"""Where data sets are: folders of this machine, or of a storage beyond it."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backprop_cli.errors import FileError
from backprop_cli.system.files import open_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|([A-Za-z0-9]+)::")
WORK = ".backprop"
"""Behind the name of a folder of results: what stands beside it."""


def is_remote(address: str) -> bool:
    """Tell whether an address has a scheme, such as s3://."""
    return _SCHEME.match(address) is not None


def local_path(address: str) -> str:
    """Return the path of a file:// address, and any other as it is."""
    return re.sub(r"(?i)^file://(localhost)?(?=/)", "", address)


class Store(Protocol):
    """A folder. Names are those below it, with / between folders. Raises FileError."""

    address: str

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, None where there is none."""

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what files hold, of those that are there."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless it is there, and tell whether it was not."""

    def sizes(self) -> dict[str, int]:
        """Return the files of the folder, and how many bytes each has."""

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def open_whole(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing, which is there when all is written."""


def open_store(address: str, aside: str = "") -> Store:
    """Return a folder. aside: where what is not whole stands until it is, "" for beside it."""
    if is_remote(address):
        from backprop_cli.datasets.storage import RemoteStore

        return RemoteStore(address)
    return LocalStore(Path(address), Path(aside or address))


class LocalStore:
    """A folder of this machine."""

    def __init__(self, root: Path, aside: Path) -> None:
        self.address = str(root)
        self._root = root
        self._aside = aside

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, None where there is none."""
        with _telling(f"can't read {self._root / name}"):
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                return None

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what files hold, of those that are there."""
        found = {name: self.read(name) for name in names}
        return {name: data for name, data in found.items() if data is not None}

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with self.open_whole(name) as file:
            file.write(data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless it is there, and tell whether it was not."""
        with _telling(f"can't write {self._root / name}"):
            (self._root / name).parent.mkdir(parents=True, exist_ok=True)
            self._aside.mkdir(parents=True, exist_ok=True)
            whole = self._aside / f"{secrets.token_hex(8)}.tmp"
            try:
                whole.write_bytes(data)
                os.link(whole, self._root / name)
            except FileExistsError:
                return False
            finally:
                whole.unlink(missing_ok=True)
            return True

    def sizes(self) -> dict[str, int]:
        """Return the files of the folder, and how many bytes each has."""
        return {name: info.st_size for name, info in walk(self._root).items()}

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        with _telling(f"can't read {self._root / name}"):
            return (self._root / name).stat().st_size

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with _telling(f"can't remove {self._root / name}"):
            (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def open_whole(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing, which is there when all is written."""
        path = self._root / name
        with _telling(f"can't write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._aside.mkdir(parents=True, exist_ok=True)
        with open_whole(str(path), self._aside) as file:
            yield file


def walk(root: Path) -> dict[str, os.stat_result]:
    """Return the files below a folder, none where it is not there. Links are followed, but not in circles."""
    found: dict[str, os.stat_result] = {}

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError) or Path(error.filename) != root:
            raise error

    with _telling(f"can't read {root}"):
        for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
            inner = Path(folder).resolve()
            circles = (inner, *inner.parents)
            folders[:] = [name for name in folders if Path(folder, name).resolve() not in circles]
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    found[path.relative_to(root).as_posix()] = path.stat()
    return found


@contextmanager
def _telling(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"{doing}: {error.strerror or error}") from None
