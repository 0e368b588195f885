"""Text in XML."""

from __future__ import annotations

import re

# What XML 1.0 can't hold.
_FOREIGN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def in_xml(text: str) -> str:
    """Return a text that XML can hold, with � for what it can't. It is not escaped."""
    return _FOREIGN.sub("\ufffd", text)
