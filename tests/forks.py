"""Forks of one process in which all that the command imports is there, for tests that start it often.

To start Python and to import what a command needs takes ten times as long as most commands. The process is
this file, run as a script; ``bin/backprop`` stands in for the command in a shell.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
from contextlib import suppress

MOST = 120
"""Seconds that a command may take."""


def ask(server: str, args: list[str], variables: dict[str, str], streams: tuple[int, int, int]) -> int:
    """Run the command in a fork, with these variables and streams, in the current folder: its exit status.

    The status is negative after a signal, as with ``subprocess``.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(MOST)
        connection.connect(server)
        socket.send_fds(connection, [b"."], streams)
        connection.sendall(marshal.dumps((os.getcwd(), args, variables)))  # noqa: PTH109
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4)
    return int.from_bytes(answer, "big", signed=True)


def _serve(server: str) -> None:
    """Fork for each who asks, until standard input ends."""
    import select
    import signal

    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(server)
        listening.listen(64)
        print("ready", flush=True)  # noqa: T201
        while True:
            ready, _, _ = select.select([listening, woken, 0], [], [])
            if 0 in ready:
                return
            if woken in ready:
                os.read(woken, 512)
                _report_ended(running)
            if listening in ready:
                connection, _ = listening.accept()
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _become_command(connection)
                running[pid] = connection


def _report_ended(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as connection, suppress(OSError):  # who asked may have gone
            connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become_command(connection: socket.socket) -> None:
    """Do what the command does, and end."""
    import atexit
    import threading
    import traceback

    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as told:
        folder, args, variables = marshal.loads(told.read())
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, (name, mode, buffering) in enumerate(
        (("stdin", "r", -1), ("stdout", "w", -1), ("stderr", "w", 1))
    ):
        # New ones: an old one would keep what it knows of the file that was there.
        setattr(sys, name, open(number, mode, buffering, "utf-8", "surrogateescape", closefd=False))  # noqa: SIM115
    sys.argv = ["backprop", *args]
    status = 1
    try:
        sys.modules["backprop_cli.__main__"].main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, a traceback tells it
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    from importlib import import_module

    for name in sys.argv[2:]:
        import_module(name)
    _serve(sys.argv[1])
