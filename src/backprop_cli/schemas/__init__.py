"""The JSON Schemas of the outputs."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).parent
_REFERENCE = re.compile(r'"\$ref": "(\w+)@1#')


def schema_names() -> list[str]:
    """Return the outputs that have a schema."""
    return sorted(path.name.removesuffix(".schema.json") for path in _FOLDER.glob("*.schema.json"))


def schema_text(name: str) -> str:
    """Return a schema as JSON, with the other schemas that it refers to among its definitions."""
    import json

    schema = json.loads(_read(name))
    missing = set(_REFERENCE.findall(_read(name)))
    while missing:
        other = missing.pop()
        text = _read(other)
        part = json.loads(text.replace('"$ref": "#', f'"$ref": "#/$defs/{other}@1'))
        del part["$schema"], part["$id"]
        schema["$defs"][f"{other}@1"] = part
        missing |= {new for new in _REFERENCE.findall(text) if f"{new}@1" not in schema["$defs"]}
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return _REFERENCE.sub(r'"$ref": "#/$defs/\1@1', text) + "\n"


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
