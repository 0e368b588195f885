"""Streams, which give what they have when they have it."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO


class Portion(NamedTuple):
    """What a stream had. ended: whether that was the last of it."""

    data: bytes
    ended: bool


def read_portion(file: BinaryIO, enough: int, patience: float = 0.0) -> Portion:
    """Wait for data of a stream, and return what is there.

    enough: the most bytes to read.  patience: the seconds to wait for more once there is some.
    Raises OSError.
    """
    descriptor = file.fileno()
    parts = [os.read(descriptor, enough)]
    size = len(parts[0])
    while parts[-1] and size < enough and select.select([descriptor], [], [], patience)[0]:
        parts.append(os.read(descriptor, enough - size))
        size += len(parts[-1])
    return Portion(b"".join(parts), not parts[-1])
