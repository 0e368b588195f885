"""Object storage and all else that fsspec reads and writes. Imported only where an address has a scheme."""

from __future__ import annotations

from contextlib import contextmanager
from io import RawIOBase, UnsupportedOperation
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import BackpropError, FileError, StorageError, UsageError
from backprop_cli.system.pipes import ChunkedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from typing import BinaryIO


_CHUNK = 1 << 20


def open_filesystem(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and its path there. Raises UsageError or StorageError."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError:
        raise UsageError(f"{address} needs fsspec", hint="pip install fsspec, for S3 s3fs as well") from None
    try:
        files, path = url_to_fs(address)
    except ImportError as error:
        raise UsageError(f"{address} can't be opened: {_said(error)}") from None
    except ValueError as error:
        raise UsageError(f"there is no such storage: {_said(error)}", hint="s3://bucket/folder") from None
    return files, str(path).rstrip("/")


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Tell what a storage ends with: StorageError for what may pass, FileError for what will not."""
    try:
        yield
    except BackpropError:
        raise
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise FileError(f"{doing}: {_said(error)}") from None
    except Exception as error:  # noqa: BLE001 - each storage has errors of its own
        raise StorageError(f"{doing}: {_said(error)}") from None


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class RemoteStore:
    """A folder of a storage. What is written there is seen when it is whole."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._files, self._root = open_filesystem(self.address)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, None where there is none."""
        with telling(f"can't read {self.address}/{name}"):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return what files hold, of those that are there: many at a time."""
        paths = {self._path(name): name for name in names}
        with telling(f"can't read {self.address}"):
            found = self._files.cat(list(paths), on_error="return") if paths else {}
        failed = next((x for x in found.values() if isinstance(x, Exception)), None)
        if failed is not None and not isinstance(failed, FileNotFoundError):
            raise StorageError(f"can't read {self.address}: {_said(failed)}")
        return {paths[path]: data for path, data in found.items() if isinstance(data, bytes)}

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with telling(f"can't write {self.address}/{name}"):
            self._files.pipe_file(self._path(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless it is there, and tell whether it was not."""
        with telling(f"can't write {self.address}/{name}"):
            try:
                self._files.pipe_file(self._path(name), data, mode="create")
            except FileExistsError:
                return False
            return True

    def sizes(self) -> dict[str, int]:
        """Return the files of the folder, and how many bytes each has."""
        return {name: size for name, (size, _) in list_remote(self.address, "").items() if name}

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        with telling(f"can't read {self.address}/{name}"):
            self._files.invalidate_cache()
            return int(self._files.info(self._path(name))["size"])

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with telling(f"can't remove {self.address}/{name}"):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    @contextmanager
    def open_whole(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for writing, which is there when all is written."""
        doing = f"can't write {self.address}/{name}"
        with telling(doing):
            file = self._files.open(self._path(name), "wb", autocommit=False)
        upload = _Transfer(file, doing)
        try:
            yield upload  # type: ignore[misc]
            with telling(doing):
                file.close()
                file.commit()
        except BaseException:
            upload.is_over = True
            file.closed = True
            with telling(doing):
                file.discard()
            raise
        upload.is_over = True


def list_remote(address: str, pattern: str) -> dict[str, tuple[int, str]]:
    """Return the files below an address by their names, with size and tag; "" names a file that it is itself.

    pattern: of a glob, "" for all.
    """
    files, path = open_filesystem(address)
    with telling(f"can't read {address}"):
        files.invalidate_cache()
        found = files.glob(f"{path}/{pattern}", detail=True) if pattern else files.find(path, detail=True)
    return {
        str(name)[len(path) :].lstrip("/"): (int(info["size"] or 0), _stamp(info))
        for name, info in found.items()
        if info["type"] == "file" and not str(name).endswith("/")
    }


def _stamp(info: dict[str, Any]) -> str:
    """Return what changes when a file does."""
    keys = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "created")
    return next((str(info[key]).strip('"') for key in keys if info.get(key)), "")


def open_remote(address: str) -> BinaryIO:
    """Open a file of a storage for reading."""
    files, path = open_filesystem(address)
    doing = f"can't read {address}"
    with telling(doing):
        file = files.open(path, "rb", cache_type="readahead")
    return _Transfer(file, doing)  # type: ignore[return-value]


def stream_remote(address: str, stack: ExitStack) -> BinaryIO:
    """Open a file of a storage to be read from its beginning to its end."""
    file = stack.enter_context(open_remote(address))
    chunks = iter(lambda: file.read(_CHUNK), b"")
    return ChunkedFile(chunks, file, is_live=False)


class _Transfer(RawIOBase):
    """A file of a storage, with errors that say which it is."""

    def __init__(self, file: Any, doing: str) -> None:
        self._file = file
        self._doing = doing
        self._position = 0
        self.is_over = False

    def readable(self) -> bool:
        return bool(self._file.readable())

    def writable(self) -> bool:
        return bool(self._file.writable())

    def seekable(self) -> bool:
        return self.readable()

    def tell(self) -> int:
        return self._position if self.writable() else int(self._file.tell())

    def seek(self, offset: int, whence: int = 0) -> int:
        if self.writable():
            raise UnsupportedOperation("it is written from its beginning to its end")
        with telling(self._doing):
            return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        with telling(self._doing):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        data = bytes(data)
        if self.is_over:  # nobody waits for what a writer that is taken away has still to say
            return len(data)
        with telling(self._doing):
            self._file.write(data)
        self._position += len(data)
        return len(data)
