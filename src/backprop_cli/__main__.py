"""The command: what must be settled before anything else is imported, and how the process ends."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    """Run the command and end the process with its exit status."""
    # Importing sympy makes 100,000 objects that all stay. Collecting them in vain takes a quarter of a
    # short run, most of it at the end; see docs/decisions/0004-start-up.md.
    gc.disable()
    from backprop_cli.errors import Status

    try:
        status = _run()
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    finally:
        gc.freeze()
    if status == Status.INTERRUPTED:  # Typer may have caught it
        _end_at_once()
    sys.exit(status)


def _clean_up(number: int, _frame: object) -> NoReturn:
    """Take away what is half written, and end by the signal that came, so that the shell sees that.

    No exception: where one comes while a module is imported or an object is taken away, Python drops it.
    """
    import signal

    files = sys.modules.get("backprop_cli.system.files")
    if files is not None:
        files.remove_unfinished()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _end_at_once() -> NoReturn:
    """End after Ctrl-C, when all has been cleaned up, without waiting for threads.

    Where it came while a thread was being started, nobody would tell that thread to end, and the process
    would wait for it for ever.
    """
    from backprop_cli.errors import Status

    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(Status.INTERRUPTED)


def _run() -> int:
    import signal

    if hasattr(signal, "SIGPIPE"):
        # A reader that has seen enough (| head -1) ends the command quietly, as with any filter.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, _clean_up)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            # What a stream can't encode is written in an ASCII form, never as an error.
            stream.reconfigure(errors="backslashreplace")
    return run([_utf8(word) for word in sys.argv[1:]])


def run(argv: list[str]) -> int:
    """Run a command line in the world of this process, and return its exit status."""
    from backprop_cli import cli
    from backprop_cli.console.environment import Environment

    return cli.run(argv, Environment(sys.stdin, sys.stdout, sys.stderr, os.environ))


def _utf8(word: str) -> str:
    """Read an argument as UTF-8 also where the locale is ASCII."""
    try:
        return word if word.isascii() else os.fsencode(word).decode("utf-8")
    except UnicodeError:
        return word


if __name__ == "__main__":
    main()
