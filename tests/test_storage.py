"""Data sets in an object storage: an S3 server of this machine."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from backprop_cli import __main__ as main
from backprop_cli.datasets.inputs import find_inputs
from conftest import Run
from console import environment
from datasets import HERE, PROGRAM, ROWS, Dask, manifest, start, until


class Bucket:
    """A bucket of the server."""

    def __init__(self, client: Any) -> None:
        self._client = client
        client.create_bucket(Bucket="rows")

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket="rows", Key=name, Body=data)

    def get(self, name: str) -> bytes:
        data = self._client.get_object(Bucket="rows", Key=name)["Body"].read()
        assert isinstance(data, bytes)
        return data

    def names(self, prefix: str) -> list[str]:
        found = self._client.list_objects_v2(Bucket="rows", Prefix=prefix).get("Contents", ())
        return sorted(item["Key"].removeprefix(prefix) for item in found)

    def unfinished(self) -> int:
        return len(self._client.list_multipart_uploads(Bucket="rows").get("Uploads", ()))

    def put_folder(self, folder: Path, prefix: str) -> None:
        for path in folder.rglob("*.parquet"):
            self.put(f"{prefix}{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server, which is that of all commands; fsspec keeps what it has once opened."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    variables = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_ENDPOINT_URL": address}
    with mock.patch.dict(os.environ, {**variables, "AWS_DEFAULT_REGION": "us-east-1"}):
        yield address
    server.stop()


@pytest.fixture
def bucket(server: str) -> Iterator[Bucket]:
    """Return an empty bucket."""
    import boto3

    urlopen(Request(f"{server}/moto-api/reset", method="POST")).close()
    client = boto3.client("s3")
    yield Bucket(client)
    client.close()


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command in this process, where s3fs is imported once: its status, and what it says."""

    def run(*args: str) -> tuple[int, str]:
        status = main.run(["batch", *args, *HERE])
        out, said = capfd.readouterr()
        assert not out
        assert "Traceback" not in said
        return status, said

    return run


Command = Callable[..., tuple[int, str]]


def test_a_data_set_in_a_storage_is_that_of_a_folder(
    backprop: Run, data_set: Path, tmp_path: Path, bucket: Bucket, run: Command
) -> None:
    bucket.put_folder(data_set, "in/")
    whole = tmp_path / "whole"
    backprop("batch", PROGRAM, "--data", str(data_set), "--output", f"{whole}/", *HERE)
    rest = ("--data", "s3://rows/in", "--output", "s3://rows/out/")
    done = backprop("batch", PROGRAM, *rest, *HERE)
    assert (done.returncode, done.stderr) == (0, "6 parts written: 3,000 rows in s3://rows/out/\n")
    names = [path.relative_to(whole).as_posix() for path in whole.rglob("*.parquet")]
    assert bucket.names("out/") == sorted(["_SUCCESS", *names])
    assert json.loads(bucket.get("out.backprop/manifest.json"))["sums"] == manifest(whole)["sums"]
    for name in names:
        assert bucket.get(f"out/{name}") == (whole / name).read_bytes()

    bucket.put("out/year=2020/p0.parquet", b"short")
    assert "1 part written, 5 there before" in run(PROGRAM, *rest)[1]
    assert "another program" in run("a*b", *rest)[1]
    bucket.put("in/year=2020/p0.parquet", b"another")
    assert "another content of year=2020/p0.parquet" in run(PROGRAM, *rest)[1]


def test_a_part_that_fails_leaves_no_object(bucket: Bucket, run: Command) -> None:
    rows = 300_000
    table = pa.table({"x": np.arange(rows, dtype=float), "id": np.arange(rows)})
    sink = BytesIO()
    parquet.write_table(
        table,
        sink,
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
        row_group_size=100_000,
    )
    data = bytearray(sink.getvalue())
    last = parquet.ParquetFile(BytesIO(data)).metadata.row_group(2).column(0)
    data[last.data_page_offset + last.total_compressed_size // 2] ^= 1
    bucket.put("in/bad.parquet", bytes(data))
    bucket.put("in/good.parquet", sink.getvalue())
    status, said = run("x^2", "--data", "s3://rows/in/", "--output", "s3://rows/out/")
    assert status == 2
    assert said.startswith("backprop: can't read s3://rows/in/bad.parquet: ")
    assert "CRC checksum verification failed" in said
    assert bucket.names("out/") == ["good.parquet"]
    assert bucket.unfinished() == 0


@pytest.mark.usefixtures("bucket")
def test_every_form_goes_there_and_back(run: Command, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x\n" + "".join(f"{n / 8}\n" for n in range(ROWS)))
    for form in ("csv", "jsonl", "arrow", "npy", "npz"):
        there = ("--data", f"{tmp_path}/d.csv", "--output", f"s3://rows/{form}/", "--format", form)
        assert run("x^2", *there)[0] == 0
        out = tmp_path / form
        back = ("--data", f"s3://rows/{form}/*.{form}", "--output", f"{out}/", "--format", "csv")
        told = 0, f"1 part written: {ROWS} rows in {out}/\n"
        assert run("2*y", *back, "--map", "y=value") == told
        lines = (out / "d.csv").read_text().splitlines()
        assert lines[0] == "value,grad_y,status"
        assert lines[9:11] == ["2.0,2.0,ok", "2.53125,2.0,ok"]


def test_names_in_a_storage(bucket: Bucket, tmp_path: Path, run: Command) -> None:
    bucket.put("in/k=2/a.jsonl.gz", gzip.compress(b'{"x": 3}\n'))
    bucket.put("in/k=2/_hidden.csv", b"")
    bucket.put("in/", b"")
    for name in ("s3://rows/in", "s3://rows/in/k=2/", "s3://rows/in/k=*/a*", "s3://rows/in/k=2/a.jsonl.gz"):
        found = find_inputs([name], None).inputs
        assert [(file.source, file.name) for file in found] == [
            ("s3://rows/in/k=2/a.jsonl.gz", "k=2/a.jsonl.gz")
        ]
    assert run("x*k", "--data", "s3://rows/in", "--output", f"{tmp_path}/out/")[0] == 0
    assert json.loads((tmp_path / "out/k=2/a.jsonl").read_text())["value"] == 6.0
    for args, told in {
        ("s3://rows/no", f"{tmp_path}/o/"): "no files of data in s3://rows/no: there are none",
        ("s3://no/no", f"{tmp_path}/o/"): "can't read s3://no/no: The specified bucket does not exist",
        ("s3://rows/in", "s3://no/o/"): "can't write s3://no/o.backprop/plan.json",
        ("s3://rows/in", "s3://rows/in/o/"): "the data and the results are both in s3://rows/in/o/",
        ("s4://rows/in", f"{tmp_path}/o/"): "there is no such storage: Protocol not known: s4",
    }.items():
        status, said = run("x*k", "--data", args[0], "--output", args[1])
        assert status == 2
        assert told in said


def secured(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return options of a scheduler that asks for certificates, and variables of who shows one."""
    from distributed.security import Security

    made = Security.temporary()
    names = {"CA_FILE": made.tls_ca_file, "KEY": made.tls_client_key, "CERT": made.tls_client_cert}
    options, variables = ["--protocol", "tls"], {}
    for name, text in names.items():
        path = folder / f"{name}.pem"
        path.write_text(text)
        options += [f"--tls-{name.lower().replace('_', '-')}", str(path)]
        which = "" if name == "CA_FILE" else "CLIENT__"
        variables[f"DASK_DISTRIBUTED__COMM__TLS__{which}{name}"] = str(path)
    return options, variables


def test_workers_behind_certificates_do_a_data_set_of_a_storage(
    backprop: Run, data_set: Path, tmp_path: Path, bucket: Bucket
) -> None:
    """And one of them is killed meanwhile."""
    bucket.put_folder(data_set, "in/")
    whole = tmp_path / "whole"
    backprop("batch", PROGRAM, "--data", str(data_set), "--output", f"{whole}/", *HERE)
    options, variables = secured(tmp_path)
    command = ["batch", PROGRAM, "--data", "s3://rows/in", "--output", "s3://rows/out/"]
    dask = Dask(tmp_path, *options)
    try:
        assert dask.address.startswith("tls://")
        driver = start([*command, "--on", dask.address], environment() | variables)
        until(lambda: bool(bucket.names("out/")) or driver.poll() is not None)
        dask.workers[0].kill()
        _, said = driver.communicate(timeout=240)
    finally:
        dask.close()
    assert driver.returncode == 0, said
    names = [path.relative_to(whole).as_posix() for path in whole.rglob("*.parquet")]
    assert bucket.names("out/") == sorted(["_SUCCESS", *names])
    for name in names:
        assert bucket.get(f"out/{name}") == (whole / name).read_bytes()
    assert json.loads(bucket.get("out.backprop/manifest.json"))["sums"] == manifest(whole)["sums"]
