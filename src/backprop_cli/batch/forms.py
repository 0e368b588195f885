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
    ".parquet": Form.parquet,
    ".arrow": Form.arrow,
    ".feather": Form.arrow,
    ".ipc": Form.arrow,
    ".npy": Form.npy,
    ".npz": Form.npz,
}
DELIMITERS = {Form.csv: ",", Form.tsv: "\t"}
TEXT = frozenset((*DELIMITERS, Form.jsonl))
BINARY = {Form.parquet: "Parquet", Form.arrow: "Arrow", Form.npy: "NPY", Form.npz: "NPZ"}
FORMS = "csv, tsv, jsonl, parquet, arrow, npy or npz"
