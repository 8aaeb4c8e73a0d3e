"""`codec-roundtrip`: 1,000 records of every contract, equal under our codec, fastavro and the reference `avro`.

Each record is written by all three (the bytes must be equal) and read back by all three (the values must be equal).
Raw is fastavro's time for its own part.
"""

from __future__ import annotations

import io
import time

import avro.io
import fastavro

from schemas.catalogue import Contracts
from tests.bench.harness import Figure, Report
from tests.unit.schemas.random_records import random_records
from tests.unit.schemas.values import judges

RECORDS = 1000


def run() -> Report:
    """Round-trip every contract."""
    contracts = Contracts.load().all()
    unequal = records = size = 0
    ours = theirs = 0.0
    for contract in contracts:
        codec = contract.codec
        fast, reference = judges(contract.schema)
        writer, reader = avro.io.DatumWriter(reference), avro.io.DatumReader(reference, reference)
        for data in random_records(contract, RECORDS, seed=1):
            t0 = time.perf_counter()
            body = codec.encode(data)
            back = codec.decode(body)
            t1 = time.perf_counter()
            out = io.BytesIO()
            fastavro.schemaless_writer(out, fast, data)
            read = fastavro.schemaless_reader(io.BytesIO(body), fast, None)
            t2 = time.perf_counter()
            judged = io.BytesIO()
            writer.write(data, avro.io.BinaryEncoder(judged))
            again = reader.read(avro.io.BinaryDecoder(io.BytesIO(body)))
            unequal += not (body == out.getvalue() == judged.getvalue() and back == data == read == again)
            ours, theirs, records, size = ours + t1 - t0, theirs + t2 - t1, records + 1, size + len(body)
    return Report(
        "codec-roundtrip",
        {"contracts": len(contracts), "records": records, "bytes a record": round(size / records)},
        [
            Figure("records not equal under all three", unequal, "records", floor=0, better="lower"),
            Figure("write and read", ours / records * 1e6, "us/record", better="lower", raw=theirs / records * 1e6),
        ],
    )
