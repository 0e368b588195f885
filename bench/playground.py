"""The playground in Chromium against the command line, on random programs.

npm install pyodide@0.28.3
python bench/playground.py --pyodide node_modules/pyodide --count 200

Both run `backprop grad PROGRAM … --json` and have to say the same: the status, every word, and all
numbers but for the last bits, where the sin or exp of the browser is another one: then a digit less may be
right.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import math
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from backprop_cli.playground import build_playground

CLOSE = 1e-9
VALUES = ("0", "1", "2", "-1", "0.5", "1/3", "pi")
ASK = """words => new Promise(resolve => {
  const id = ++count;
  worker.addEventListener("message", ({ data }) => data.id === id && resolve(data));
  worker.postMessage({ id, words });
})"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(folder: str) -> Iterator[str]:
    """Serve a folder on this machine alone, and give its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def wait(page: Any) -> str:
    """Wait for the answer that is on its way, and return the state."""
    page.wait_for_selector("#answer[aria-busy=false]", timeout=180_000)
    return str(page.text_content("#state"))


def ask(page: Any, program: str, rest: str) -> dict[str, Any]:
    """Return what `grad --json` says in the browser: {status, out, err}."""
    found = page.evaluate(ASK, {"command": "grad", "program": program, "rest": f"{rest} --json"})
    assert "failure" not in found, found
    return dict(found["answer"])


def run_command(program: str, rest: str) -> dict[str, Any]:
    """Return what the command says."""
    words = [sys.executable, "-m", "backprop_cli", "grad", program, *shlex.split(rest), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr}


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return where two answers differ."""
    if one["status"] != other["status"]:
        return [f"status {one['status']} and {other['status']}"]
    return [
        found
        for stream in ("out", "err")
        for found in _differences(_read(one[stream]), _read(other[stream]), stream)
    ]


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _differences(one: Any, other: Any, at: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differences(one[key], other[key], f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(*pair, f"{at}[{place}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=CLOSE):
            yield f"{at}: {one!r} and {other!r}"
    elif at.endswith("digits") and isinstance(one, int) and isinstance(other, int) and abs(one - other) == 1:
        return
    elif one != other:
        yield f"{at}: {one!r} and {other!r}"


def programs(count: int) -> Iterator[tuple[str, str]]:
    """Yield random programs, each with its values."""
    rng = random.Random(11)
    for _ in range(count):
        text = _write(rng, 3)
        used = sorted(set(re.findall(r"\b[abc]\b", text)))
        yield text, " ".join(f"{name}={rng.choice(VALUES)}" for name in used)


def _write(rng: random.Random, depth: int) -> str:
    if depth == 0:
        return rng.choice("abc")
    one, other = _write(rng, depth - 1), _write(rng, depth - 1)
    if rng.random() < 0.5:
        return f"({one} {rng.choice('+-*/^')} {other})"
    name = rng.choice(["exp", "log", "sin", "tanh", "sigmoid", "relu", "abs", "sqrt", "max", "floor"])
    return f"{name}({one}, {other})" if name == "max" else f"{name}({one})"


def main() -> int:
    """Compare, and print how many agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pyodide", default="node_modules/pyodide")
    parser.add_argument("--count", type=int, default=200)
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    wrong = statuses = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        build_playground(folder, asked.pyodide)
        with serve(folder) as address:
            browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(address)
            wait(page)
            for program, rest in programs(asked.count):
                here = ask(page, program, rest)
                found = differences(run_command(program, rest), here)
                statuses += here["status"] == 0
                wrong += bool(found)
                for line in found:
                    print(f"{program}  {rest}: {line}", flush=True)
            browser.close()
    print(f"{asked.count} programs, {statuses} with a gradient, {asked.count - wrong} agree")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
