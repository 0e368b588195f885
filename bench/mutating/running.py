"""Runs mutants: the tests are collected once, and each mutant lives in a fork of that process."""

from __future__ import annotations

import ast
import gc
import importlib
import math
import os
import re
import resource
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import coverage

from mutating.mutants import Mutant
from mutating.planting import functions_of, plant

# A mutant that loops for ever, or makes ever larger numbers, is dead as well.
_SECONDS, _BYTES = 8, 8 << 30
_WALL_SECONDS = 900
_SURVIVED, _DIED = 0, 1


class Target(NamedTuple):
    """A file, its module, and the mutants of it that are to be run."""

    path: Path
    module: ModuleType
    mutants: list[Mutant]


class Fate(NamedTuple):
    """What became of a mutant: the test that noticed it, "" where it lives. tests: how many ran its line."""

    mutant: Mutant
    killer: str
    tests: int


def module_of(path: Path, package: Path) -> ModuleType:
    """Return the module that a file of the package is."""
    return importlib.import_module(".".join(path.relative_to(package.parent).with_suffix("").parts))


class Runner:
    """A plugin of pytest's, whose loop of tests runs them for the mutants instead.

    tell: is called with every fate.  limit: the seconds of tests that one mutant is given.
    """

    def __init__(self, targets: Sequence[Target], limit: float, tell: Callable[[Target, Fate], None]) -> None:
        self.targets, self.limit, self.tell = targets, limit, tell
        self.has_failed = False
        self.seconds: dict[str, float] = {}
        self.functions: dict[Path, list[FunctionType]] = {}
        self.kills: dict[tuple[Path, str], Counter[str]] = defaultdict(Counter)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep in mind that a test has failed."""
        self.has_failed |= report.failed

    def pytest_runtestloop(self, session: Any) -> bool:
        """Run the tests once, and those of its line for every mutant."""
        items = {item.nodeid: item for item in session.items}
        lines = self._measure(items)
        for target in self.targets:
            places = Places(target.path)
            self._check_planting(target, lines[target.path], items)
            for mutant in target.mutants:
                place = places.around(mutant.line)
                covering = {test for line in place.lines for test in lines[target.path].get(line, ())}
                tests = self._in_turn(covering, self.kills[target.path, place.name])
                killer = self._killer(target, mutant, [items[test] for test in tests])
                self.kills[target.path, place.name][killer] += 1
                self.tell(target, Fate(mutant, killer, len(tests)))
        return True

    def _check_planting(self, target: Target, lines: dict[int, list[str]], items: dict[str, Any]) -> None:
        """Raise where the file itself, planted as mutants are, fails: then no death counts."""
        unchanged = Mutant("none", 1, target.path.read_text(encoding="utf-8"))
        tests = self._in_turn({test for tests in lines.values() for test in tests}, Counter())
        killer = self._killer(target, unchanged, [items[test] for test in tests[:200]])
        if killer:
            raise RuntimeError(f"{target.path.name} unchanged fails: {killer}")

    def _measure(self, items: dict[str, Any]) -> dict[Path, dict[int, list[str]]]:
        """Run all tests once as they are; return those that run each line of the files."""
        files = [str(target.path) for target in self.targets]
        tracer = coverage.Coverage(data_file=None, include=files)
        tracer.start()
        passed = set()
        for nodeid, item in items.items():
            for target in self.targets:
                for kept in vars(target.module).values():
                    getattr(kept, "cache_clear", int)()  # so that each test runs all its lines
            tracer.switch_context(nodeid)
            start, self.has_failed = time.process_time(), False
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            self.seconds[nodeid] = time.process_time() - start
            if not self.has_failed:
                passed.add(nodeid)
        tracer.stop()
        self.functions = {target.path: functions_of(target.module) for target in self.targets}
        gc.collect()
        gc.freeze()  # what a fork does not touch is not copied
        data = tracer.get_data()
        return {
            target.path: {
                line: [test for test in tests if test in passed]
                for line, tests in data.contexts_by_lineno(str(target.path)).items()
            }
            for target in self.targets
        }

    def _in_turn(self, tests: set[str], kills: Counter[str]) -> list[str]:
        """Return tests, those first that noticed mutants of the same function, then the quickest."""
        ordered = sorted(tests, key=lambda test: (-kills[test], self.seconds[test], test))
        taken, spent = [], 0.0
        for test in ordered:
            if spent < self.limit:
                taken.append(test)
                spent += self.seconds[test]
        return taken

    def _killer(self, target: Target, mutant: Mutant, tests: Sequence[Any]) -> str:
        """Return the test that fails with a mutant, "" where none does."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            code = _DIED
            try:
                os.close(read)
                code = self._try_mutant(target, mutant, tests, write)
            finally:
                os._exit(code)
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        last = told.splitlines()[-1] if told else "when it was loaded"
        return "" if status == 0 else last

    def _try_mutant(self, target: Target, mutant: Mutant, tests: Sequence[Any], write: int) -> int:
        seconds = _SECONDS + math.ceil(3 * sum(self.seconds[item.nodeid] for item in tests))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_WALL_SECONDS)
        plant(target.module, mutant.source, self.functions[target.path])
        for kept in vars(target.module).values():
            getattr(kept, "cache_clear", int)()
        for item in tests:
            os.write(write, f"{item.nodeid}\n".encode())
            self.has_failed = False
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.has_failed:
                return _DIED
        return _SURVIVED


class Place(NamedTuple):
    """Where a mutant is: the function, and the lines that run it."""

    name: str
    lines: Sequence[int]


class Places:
    """The statements and functions of a file."""

    def __init__(self, path: Path) -> None:
        self.source = path.read_text(encoding="utf-8").splitlines()
        self.tree = ast.parse("\n".join(self.source))

    def around(self, line: int) -> Place:
        """Return the place of a line: of a constant, wherever its name stands in a function."""
        inner = list(self._nodes(line))
        functions = [x for x in inner if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)]
        statement = inner[-1]
        if functions and line >= functions[-1].body[0].lineno:
            return Place(functions[-1].name, _lines_of(statement))
        if functions:  # its defaults and decorators
            return Place(functions[-1].name, range(functions[-1].lineno, functions[-1].end_lineno + 1))
        return Place("", list(self._uses(statement)))

    def _nodes(self, line: int) -> Iterator[ast.stmt]:
        """Yield the statements around a line, the innermost last."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt):
                first = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])
                if first <= line <= (node.end_lineno or first):
                    yield node

    def _uses(self, statement: ast.stmt) -> Iterator[int]:
        names = {
            x.id for x in ast.walk(statement) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
        }
        if isinstance(statement, ast.ClassDef) or not names:
            names = {getattr(statement, "name", "")}
        word = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")
        for number, text in enumerate(self.source, 1):
            if word.search(text):
                yield number


def _lines_of(statement: ast.stmt) -> range:
    """Return the lines of a statement itself, without those of its body."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(last, statement.lineno) + 1)
