"""What data sets are accepted on: commands, a scheduler with workers, a storage, somebody who looks."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable

BACKPROP = str(Path(sys.executable).parent / "backprop")
PAUSE = 0.6
"""Seconds that each part takes more where something is to happen meanwhile."""
_SLOW = """
import os, time
plain = os.replace
def late(source, target):
    if str(target).endswith(".parquet"):
        time.sleep({pause})
        while os.path.exists({held!r}):
            time.sleep(0.02)
    plain(source, target)
os.replace = late
"""


def start(*args: str, **variables: str) -> subprocess.Popen[str]:
    """Start the command."""
    environment = {**os.environ, **variables}
    return subprocess.Popen([BACKPROP, *args], stderr=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str], status: int) -> str:
    """Wait for its end, and return what it says."""
    _, said = process.communicate(timeout=3600)
    if process.returncode != status or "Traceback" in said:
        raise SystemExit(f"status {process.returncode} instead of {status}: {said}")
    return said.strip()


def until(condition: Callable[[], bool], seconds: float = 600) -> None:
    """Wait for something to happen."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("it does not come")
        time.sleep(0.02)


class Slowly:
    """Has each part take longer, and stand still just before its end while it is held.

    variables: with which a command or a worker is such.
    """

    def __init__(self, folder: Path) -> None:
        self._held = folder / "held"
        (folder / "site").mkdir(parents=True, exist_ok=True)
        code = _SLOW.format(pause=PAUSE, held=str(self._held))
        (folder / "site/sitecustomize.py").write_text(code)
        self.variables = {"PYTHONPATH": str(folder / "site")}

    def hold(self) -> None:
        """Have no part come to its end."""
        self._held.touch()

    def release(self) -> None:
        """Have them go on."""
        self._held.unlink()


class Watcher(threading.Thread):
    """Opens every file of results as soon as it is seen."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.opened, self.bad, self.is_over = out, 0, [], False
        self.start()

    def run(self) -> None:
        """Look until it is over."""
        seen: set[tuple[str, int]] = set()
        while not self.is_over:
            for path in self.out.rglob("*.parquet"):
                try:
                    key = str(path), path.stat().st_ino
                    if key not in seen:
                        parquet.read_metadata(path)
                        seen.add(key)
                except (OSError, pa.ArrowException) as error:
                    self.bad.append(f"{path.name}: {error}")
            time.sleep(0.01)
        self.opened = len(seen)

    def end(self) -> str:
        """Look no more, and return what was seen."""
        self.is_over = True
        self.join()
        assert not self.bad, self.bad
        return f"{self.opened} files seen early, all whole"


class Dask:
    """A scheduler and two workers, whose parts take longer."""

    def __init__(self, folder: Path, slowly: Slowly) -> None:
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        self._variables = {**os.environ, **slowly.variables}
        self.scheduler = self._start("scheduler", "--port", "0", "--dashboard-address", ":0")
        self.workers = [self.start_worker(), self.start_worker()]
        until(self._file.exists)
        self.address = json.loads(self._file.read_text())["address"]

    def _start(self, what: str, *args: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self._file)]
        return subprocess.Popen([*command, *args], env=self._variables, stderr=subprocess.DEVNULL)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def kill_one(self) -> None:
        """Kill a worker, and start another."""
        victim = self.workers.pop(random.randrange(len(self.workers)))
        victim.kill()
        victim.wait()
        self.workers.append(self.start_worker())

    def stop_all(self, seconds: float) -> None:
        """Stop the workers, and have them go on after a while."""
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for worker in self.workers:
                worker.send_signal(number)
            time.sleep(seconds if number == signal.SIGSTOP else 0)

    def close(self) -> None:
        """End all."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


class Storage:
    """An S3 server of this machine with one bucket."""

    def __init__(self) -> None:
        import boto3
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self._client: Any = boto3.client("s3")
        self._client.create_bucket(Bucket="rows")

    def put_folder(self, folder: Path, prefix: str) -> None:
        """Write what is in a folder."""
        for path in folder.iterdir():
            self._client.put_object(Bucket="rows", Key=f"{prefix}{path.name}", Body=path.read_bytes())

    def names(self, prefix: str) -> list[str]:
        """Return what there is below a prefix."""
        found = self._client.list_objects_v2(Bucket="rows", Prefix=prefix).get("Contents", ())
        return [item["Key"].removeprefix(prefix) for item in found]

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._client.delete_object(Bucket="rows", Key=name)

    def unfinished(self) -> int:
        """Return how many uploads are neither done nor given up."""
        return len(self._client.list_multipart_uploads(Bucket="rows").get("Uploads", ()))

    def fetch(self, prefix: str, folder: Path) -> None:
        """Read what is below a prefix into a folder."""
        for name in self.names(prefix):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._client.get_object(Bucket="rows", Key=prefix + name)["Body"].read())

    def close(self) -> None:
        """End the server."""
        self._server.stop()
