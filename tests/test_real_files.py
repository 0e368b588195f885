"""Files as instruments, spreadsheets, shells and logs write them, each with a formula of its field."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from conftest import Run


class File(NamedTuple):
    """A file, how it is read, a program, and by hand: columns, the value and some gradients."""

    name: str
    data: bytes | str
    options: str
    program: str
    columns: dict[str, list[float]]
    value: Callable[..., np.ndarray]
    gradients: dict[str, Callable[..., np.ndarray]]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


QUAKES = [{"properties": {"mag": m}, "geometry": {"depth": d}} for m, d in [(4.5, 10), (6.1, 35.5), (2, 0.5)]]
_SINK = pa.BufferOutputStream()
_OHMS = pa.array(["47", "1000"]).dictionary_encode()
parquet.write_table(pa.table({"v": pa.array([1.5, 2.25], pa.float32()), "r": _OHMS}), _SINK)

FILES = [
    File(
        "co2.txt",
        "# monthly means\n# year  ppm\n1990.5   354.2\n 2000.04  369.3\n2020.96   414.1\n",
        "--input-format csv --comment # --delimiter spaces --columns t,ppm k=0.004",
        "(280*exp(k*(t - 1850)) - ppm)^2",
        {"t": [1990.5, 2000.04, 2020.96], "ppm": [354.2, 369.3, 414.1]},
        lambda t, ppm: (280 * np.exp(0.004 * (t - 1850)) - ppm) ** 2,
        {"ppm": lambda t, ppm: -2 * (280 * np.exp(0.004 * (t - 1850)) - ppm)},
    ),
    File(
        "umsatz.csv",
        "Größe;Preis\n1.234,5;0,99\n12;1.000.000,25\n".encode("latin-1"),
        "--delimiter ; --decimal , --thousands . --encoding latin-1",
        "Größe*Preis*1.19",
        {"Größe": [1234.5, 12], "Preis": [0.99, 1000000.25]},
        lambda q, p: q * p * 1.19,
        {"Größe": lambda _, p: p * 1.19, "Preis": lambda q, _: q * 1.19},
    ),
    File(
        "iris.tsv",
        "length\twidth\tspecies\r\n5.1\t3.5\tsetosa\r\n7.0\t3.2\tversicolor\r\n",
        "",
        "hypot(length, width)",
        {"length": [5.1, 7.0], "width": [3.5, 3.2]},
        np.hypot,
        {"width": lambda x, y: y / np.hypot(x, y)},
    ),
    File(
        "titanic.csv",
        'age,fare,name\n22,7.25,"Braund, Mr. ""Owen"""\n38,71.2833,"Cumings"\n',
        "--missing NA",
        "sigmoid(0.03*fare - 0.02*age)",
        {"age": [22, 38], "fare": [7.25, 71.2833]},
        lambda a, f: sigmoid(0.03 * f - 0.02 * a),
        {"fare": lambda a, f: 0.03 * sigmoid(0.03 * f - 0.02 * a) * (1 - sigmoid(0.03 * f - 0.02 * a))},
    ),
    File(
        "quakes.json",
        json.dumps(QUAKES, indent=2),
        "--map m=properties.mag,d=geometry.depth",
        "10^(1.5*m)/sqrt(d^2 + 4)",
        {"m": [4.5, 6.1, 2], "d": [10, 35.5, 0.5]},
        lambda m, d: 10 ** (1.5 * m) / np.sqrt(d**2 + 4),
        {"d": lambda m, d: -d * 10 ** (1.5 * m) / (d**2 + 4) ** 1.5},
    ),
    File(
        "train.jsonl",
        '{"step": 1, "loss": 2.5, "lr": 1e-3}\n{"step": 2, "loss": 1.75, "lr": 1e-4, "note": "x"}\n',
        "",
        "log(loss)*lr",
        {"loss": [2.5, 1.75], "lr": [1e-3, 1e-4]},
        lambda loss, lr: np.log(loss) * lr,
        {"loss": lambda loss, lr: lr / loss},
    ),
    File(
        "powershell.csv",
        '"V","I"\r\n"4.999","0.0196"\r\n"5.001","0.0197"\r\n'.encode("utf-16"),
        "",
        "V/I",
        {"V": [4.999, 5.001], "I": [0.0196, 0.0197]},
        lambda v, i: v / i,
        {"I": lambda v, i: -v / i**2},
    ),
    File(
        "sensor.csv.gz",
        gzip.compress(b"T,RH\n21.5,40\n30,85.5\n"),
        "",
        "6.112*exp(17.67*T/(T + 243.5))*RH/100",
        {"T": [21.5, 30], "RH": [40, 85.5]},
        lambda t, h: 6.112 * np.exp(17.67 * t / (t + 243.5)) * h / 100,
        {"RH": lambda t, _: 6.112 * np.exp(17.67 * t / (t + 243.5)) / 100},
    ),
    File(
        "spectrum.asc",
        "Instrument: X\nDate: 2020-01-05\nwl|counts\n400.5|1203\n500|99\n",
        "--input-format csv --skip-lines 2 --delimiter |",
        "counts/wl^4",
        {"wl": [400.5, 500], "counts": [1203, 99]},
        lambda wl, n: n / wl**4,
        {"wl": lambda wl, n: -4 * n / wl**5},
    ),
    File(
        "adc.parquet",
        _SINK.getvalue().to_pybytes(),
        "",
        "v^2/r",
        {"v": [1.5, 2.25], "r": [47, 1000]},
        lambda v, r: v**2 / r,
        {"v": lambda v, r: 2 * v / r, "r": lambda v, r: -(v**2) / r**2},
    ),
]


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_a_real_file(backprop: Run, tmp_path: Path, file: File) -> None:
    path = tmp_path / file.name
    path.write_bytes(file.data if isinstance(file.data, bytes) else file.data.encode())
    done = backprop("batch", file.program, "--data", str(path), "--format", "csv", *file.options.split())
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    columns = [np.array(column, float) for column in file.columns.values()]
    for name, right in {"value": file.value, **{f"grad_{n}": f for n, f in file.gradients.items()}}.items():
        assert np.allclose([float(row[name]) for row in rows], right(*columns), rtol=1e-13, atol=0)
