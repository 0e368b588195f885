"""What is wrong, or worth knowing, and where in a text. An error carries one, a warning is one."""

from __future__ import annotations

from backprop_cli.record import Record

Span = tuple[int, int]
"""Where a piece of a text starts and ends, in characters."""


class Diagnostic(Record):
    """One finding.

    kind: its class, for programs that read it.  message: one sentence.  text: the source it is about, or "".
    spans: pieces of the text, the one that the message is about first, then others that have to do with it.
    hint: what would be accepted, or "".  node: the id of the node it is about, if there is one.
    """

    kind: str
    message: str
    text: str = ""
    spans: tuple[Span, ...] = ()
    hint: str = ""
    node: str | None = None

    @property
    def start(self) -> int:
        """Where the piece starts that the message is about."""
        return self.spans[0][0] if self.spans else 0

    @property
    def end(self) -> int:
        """Where that piece ends."""
        return self.spans[0][1] if self.spans else 0
