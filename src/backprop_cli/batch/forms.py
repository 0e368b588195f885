"""The forms of data, told by the endings of files."""

from __future__ import annotations

from enum import StrEnum


class Form(StrEnum):
    """Forms of data."""

    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    parquet = "parquet"
    arrow = "arrow"
    npy = "npy"
    npz = "npz"


ENDINGS = {
    ".csv": Form.csv,
    ".tsv": Form.tsv,
    ".jsonl": Form.jsonl,
    ".ndjson": Form.jsonl,
    ".json": Form.jsonl,
    ".parquet": Form.parquet,
    ".arrow": Form.arrow,
    ".feather": Form.arrow,
    ".ipc": Form.arrow,
    ".npy": Form.npy,
    ".npz": Form.npz,
}
ENDINGS_OUT = {ending: form for ending, form in ENDINGS.items() if ending != ".json"}
"""Lines of JSON are no JSON; an array is read as such lines."""
DELIMITERS = {Form.csv: ",", Form.tsv: "\t"}
TEXT = frozenset((*DELIMITERS, Form.jsonl))
BINARY = {Form.parquet: "Parquet", Form.arrow: "Arrow", Form.npy: "NPY", Form.npz: "NPZ"}
ENDING_OF_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
FORMS = "csv, tsv, jsonl, parquet, arrow, npy or npz"
