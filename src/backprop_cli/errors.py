"""Every error a user can cause, with the place in the text and what would be accepted."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from backprop_cli.diagnostic import Diagnostic, Span


class Status(IntEnum):
    """The exit statuses of the command, each with what it means."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a number that knows what it means."""
        status = int.__new__(cls, number)
        status._value_ = number
        status.meaning = meaning
        return status

    DONE = 0, "done"
    CHECK_FAILED = 1, "a check failed: sympy disagrees, an expectation is not met, or --strict asked for more"
    TROUBLE = 2, "a mistake in the program, a value or an option, or an unusable file or package"
    UNDEFINED = 3, "the value or a requested gradient does not exist or is not finite"
    INTERRUPTED = 130, "interrupted with Ctrl-C"


class BackpropError(Exception):
    """The base of all errors that a user can cause.

    message: one sentence, what was wrong.  text: the source it stands in, or "".
    start, end: the span of the piece in ``text``, in characters.  hint: what would be accepted.
    others: spans of further pieces that have to do with it.
    ``kind`` names the class in JSON; ``status`` is the exit status that the command ends with.
    """

    kind = "error"
    status = Status.TROUBLE

    def __init__(
        self,
        message: str,
        text: str = "",
        start: int = 0,
        end: int = 0,
        hint: str = "",
        others: tuple[Span, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.start = start
        self.end = end
        self.hint = hint
        self.others = others

    @property
    def diagnostic(self) -> Diagnostic:
        """What is told of the error."""
        from backprop_cli.diagnostic import Diagnostic  # none is made before something is wrong

        spans = ((self.start, self.end), *self.others)
        return Diagnostic(self.kind, self.message, self.text, spans, self.hint)


class UsageError(BackpropError):
    """The command line itself is wrong: an unknown option, a missing argument."""

    kind = "usage"


class ParseError(BackpropError):
    """The program, or a value, is not in the language.

    is_certain: whether the text is in a foreign notation beyond doubt, and refused in its terms.
    """

    kind = "parse"
    is_certain = False


class InputError(BackpropError):
    """An input is missing, unknown, malformed or given twice."""

    kind = "input"


class ShapeError(InputError):
    """An array is needed, and there is none: the shape of an input is not known."""


class FileError(BackpropError):
    """A file or a stream can't be read or written."""

    kind = "file"


class LimitError(BackpropError):
    """What is asked for takes larger numbers, or more digits, than are computed with."""

    kind = "limit"


class NotRationalError(BackpropError):
    """A fraction is asked for where the program has none."""

    kind = "rational"


class UncertainError(BackpropError):
    """More is asked for than could be confirmed."""

    kind = "uncertain"
    status = Status.CHECK_FAILED


class PackageError(BackpropError):
    """A package that is needed can't be imported."""

    kind = "package"


class DomainError(BackpropError):
    """The value, or a requested gradient, does not exist or is not finite at this point."""

    kind = "domain"
    status = Status.UNDEFINED


class StorageError(FileError):
    """A storage beyond this machine did not do what was asked; it may yet."""

    kind = "storage"


def with_name(message: str, name: str) -> str:
    """Return a message that names the file it is about."""
    return message if name in message else f"{name}: {message}"
