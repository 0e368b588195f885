"""The plan of a data set, and what has been done of it: OUT.backprop/, beside the folder of results."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_cli.datasets.drawn import seed_of
from backprop_cli.datasets.part import Part
from backprop_cli.datasets.places import WORK, LocalStore, open_store
from backprop_cli.errors import FileError, UsageError
from backprop_cli.record import Record, short_repr
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.job import Job
    from backprop_cli.datasets.inputs import Input

_PLAN, _DONE, _MANIFEST, SUCCESS = "plan.json", "done", "manifest.json", "_SUCCESS"
_SCHEMA = "backprop/dataset@1"
_FRESH = "--fresh writes it anew; or another folder"
# What decides no number of a part, or stands in it in another way.
_UNPLANNED = ("form", "shape", "skips", "reduction")


class Plan(Record):
    """All parts of a data set, in the order of names. output: the folder of results."""

    output: str
    parts: tuple[Part, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what a run that goes on with it must have in common."""
        first = self.parts[0]
        options = {name: _plain(value) for name, value in first.job._asdict().items()}
        return {
            "schema": _SCHEMA,
            "version": first.version,
            **{name: value for name, value in options.items() if name not in _UNPLANNED},
            "parts": [_part_as_json(part) for part in self.parts],
        }

    def settled(self, engine: str) -> Plan:
        """Return the plan with an engine, and the seed that draws rows: the same for the same data."""
        first = self.parts[0].job
        seed = first.seed
        if first.check and seed is None:
            seed = seed_of([first.program, *(part.input.name for part in self.parts)])
        parts = (part._replace(job=part.job._replace(engine=engine, seed=seed)) for part in self.parts)
        return Plan(self.output, tuple(parts))


def _part_as_json(part: Part) -> dict[str, Any]:
    file = part.input
    told = {"source": file.source, "form": str(file.form), "size": file.size, "stamp": file.stamp}
    return {"name": part.name, **told}


def _plain(value: Any) -> Any:
    """Return an option as JSON has it."""
    return {name: _plain(x) for name, x in vars(value).items()} if isinstance(value, Record) else value


def make_plan(job: Job, shape: Form | None, inputs: Sequence[Input], output: str) -> Plan:
    """Return the parts: one for each input, written in the form asked for, else in its own.

    job: of whatever forms. Raises UsageError for two results of one name.
    """
    parts: dict[str, Part] = {}
    for number, file in enumerate(inputs, 1):
        own = job._replace(form=file.form, shape=shape or file.form)
        name = file.output_name(own.shape)
        if name in parts:
            raise UsageError(f"{parts[name].input.name} and {file.name} would both be written to {name}")
        parts[name] = Part(number, own, file, output, name)
    return Plan(output, tuple(parts.values()))


class Ledger:
    """What stands beside the folder of results. shard: which parts this run does, as K/N."""

    def __init__(self, plan: Plan, shard: str = "1/1") -> None:
        self._plan = plan
        self.aside = f"{plan.output}{WORK}/tmp/{shard.replace('/', '-of-')}"
        self._work = open_store(plan.output + WORK, self.aside)
        self._results = open_store(plan.output, self.aside)

    def begin(self, *, fresh: bool) -> None:
        """Set the plan down, or find it there. Raises UsageError for another one."""
        told = self._plan.as_json()
        if fresh:
            self._forget()
        if self._work.create(_PLAN, _dump(told)):
            strange = [name for name in self._results.sizes() if name != SUCCESS]
            if strange and not fresh:
                self._work.remove(_PLAN)
                raise UsageError(
                    f"{self._plan.output}/ holds {_count(strange)} of other origin: {strange[0]}",
                    hint="another folder for --output",
                )
            return
        found = _load(self._work.read(_PLAN))
        difference = _difference(found, told) if found else "what no plan can be read from"
        if difference:
            raise UsageError(f"{self._plan.output}/ was begun with {difference}", hint=_FRESH)

    def _forget(self) -> None:
        """Take away what an earlier plan has written, and nothing else."""
        self._results.remove(SUCCESS)
        earlier = _load(self._work.read(_PLAN)) or {}
        for part in earlier.get("parts", ()):
            self._results.remove(str(part["name"]))
        for name in self._work.sizes():
            if name in (_PLAN, _MANIFEST) or name.startswith(f"{_DONE}/"):
                self._work.remove(name)

    def done(self) -> dict[int, dict[str, Any]]:
        """Return the records of the parts that are there, with as many bytes as they were written with."""
        there, kept = self._results.sizes(), self._work.sizes()
        likely = [part for part in self._plan.parts if part.name in there and _record_name(part.name) in kept]
        texts = self._work.read_all([_record_name(part.name) for part in likely])
        found = {}
        for part in likely:
            record = _load(texts.get(_record_name(part.name)))
            if record is not None and record.get("bytes") == there[part.name]:
                found[part.number] = _without_rows(record)
        return found

    def note(self, part: Part, record: dict[str, Any]) -> dict[str, Any]:
        """Set down that a part is there, and return what is kept in mind of it."""
        self._work.write(_record_name(part.name), _dump(record))
        return _without_rows(record)

    def drawn(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows that were drawn from a part that is there."""
        name = _record_name(record["name"])
        found = _load(self._work.read(name))
        if found is None or "sample" not in found:
            raise FileError(f"{self._work.address}/{name} is damaged", hint=_FRESH)
        rows: list[dict[str, Any]] = found["sample"]
        return rows

    def unfinish(self) -> None:
        """Say that parts are missing."""
        self._results.remove(SUCCESS)

    def finish(self, records: Mapping[int, dict[str, Any]]) -> None:
        """Say that all parts are there: first in the manifest, then to who looks at the folder."""
        parts = [records[number] for number in sorted(records)]
        statuses: dict[str, int] = {}
        sums: dict[str, int] = {}
        for record in parts:
            for status, rows in record["statuses"].items():
                statuses[status] = statuses.get(status, 0) + rows
            for name, total in record["sums"].items():
                sums[name] = (sums.get(name, 0) + int(total, 16)) % 2**64
        manifest = {
            "schema": _SCHEMA,
            "program": self._plan.parts[0].job.program,
            "engine": self._plan.parts[0].job.engine,
            "version": self._plan.parts[0].version,
            "rows": sum(record["rows"] for record in parts),
            "statuses": statuses,
            "sums": {name: f"{total:016x}" for name, total in sums.items()},
            "parts": parts,
        }
        self._work.write(_MANIFEST, _dump(manifest))
        self._results.write(SUCCESS, b"")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other runs from the same parts, on this machine and where it shares folders.

        Raises UsageError while another has them.
        """
        if not isinstance(self._work, LocalStore):
            yield
            return
        folder = Path(self.aside)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise FileError(f"can't write {folder}: {error.strerror}") from None
        try:
            _lock(lock, self._plan.output)
            _sweep(folder)
            yield
            _sweep(folder)
        finally:
            os.close(lock)
            for place in (folder, folder.parent, folder.parent.parent):
                with suppress(OSError):  # other shards are at work, or there is a plan
                    place.rmdir()


def _without_rows(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without the rows that were drawn from its part, which may be many."""
    return {name: told for name, told in record.items() if name != "sample"}


def _sweep(folder: Path) -> None:
    """Remove what killed workers have left."""
    for left in folder.glob("*.tmp"):
        left.unlink(missing_ok=True)


def _lock(file: int, output: str) -> None:
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"another run is at work on {output}/", hint="wait for it, or end it") from None
    except OSError:  # a file system without locks
        return


def _record_name(name: str) -> str:
    return f"{_DONE}/{name}.json"


def _dump(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, allow_nan=False, indent=1) + "\n").encode("ascii")


def _load(data: bytes | None) -> dict[str, Any] | None:
    """Return what a file of ours holds, None where that is damaged."""
    try:
        found = json.loads(data or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _difference(found: dict[str, Any], told: dict[str, Any]) -> str:
    """Return in what a plan is another, "" if in nothing."""
    told = json.loads(_dump(told))
    for name in told:
        if name != "parts" and found.get(name) != told[name]:
            return f"another {name}: {short_repr(found.get(name))}, now {short_repr(told[name])}"
    before = {part["source"]: part for part in found.get("parts", ())}
    now = {part["source"]: part for part in told["parts"]}
    for what, parts, others in (("more", before, now), ("fewer", now, before)):
        if names := sorted(parts[source]["name"] for source in parts.keys() - others.keys()):
            return f"{what} inputs: {listing(names[:3])}"
    for source, part in now.items():
        if before[source]["name"] != part["name"]:
            return f"another form of results: {before[source]['name']}, now {part['name']}"
    changed = sorted(part["name"] for source, part in now.items() if before[source] != part)
    return f"another content of {listing(changed[:3])}" if changed else ""


def _count(names: Sequence[str]) -> str:
    return "a file" if len(names) == 1 else f"{len(names):,} files"
