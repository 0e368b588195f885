"""The JSON Schemas of the outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_REFERENCE = re.compile(r'"\$ref": "(\w+)@1#')


def schema_names() -> list[str]:
    """Return the outputs that have a schema."""
    return sorted(path.name.removesuffix(".schema.json") for path in _FOLDER.glob("*.schema.json"))


def schema_text(name: str) -> str:
    """Return a schema as JSON, with the other schemas that it refers to among its definitions."""
    schema = _load(name)
    missing = _referred(schema)
    while missing:
        other = missing.pop()
        schema["$defs"][f"{other}@1"] = part = _load(other, f"#/$defs/{other}@1")
        del part["$schema"], part["$id"]
        missing |= {new for new in _referred(part) if f"{new}@1" not in schema["$defs"]}
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return _REFERENCE.sub(r'"$ref": "#/$defs/\1@1#', text).replace("@1#/", "@1/") + "\n"


def _load(name: str, root: str = "#") -> dict[str, Any]:
    """Return a schema of which "#" is found at ``root``."""
    text = (_FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text.replace('"$ref": "#', f'"$ref": "{root}'))
    return schema


def _referred(schema: dict[str, Any]) -> set[str]:
    return set(_REFERENCE.findall(json.dumps(schema)))
