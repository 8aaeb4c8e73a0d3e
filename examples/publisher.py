# ruff: noqa: INP001
"""Publish one event and check its receipt: python examples/publisher.py http://127.0.0.1:8470 TOKEN_FILE EVENT.json.

The token stands in a file, so that it shows in no process list. Sending the same file twice is harmless.
"""

import sys
from pathlib import Path

import httpx
import msgspec

from services.gateway.receipt import Receipt, verify

url, token, body = sys.argv[1], Path(sys.argv[2]).read_text().strip(), Path(sys.argv[3]).read_bytes()
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
with httpx.Client(base_url=url, headers=headers) as gateway:
    answer = gateway.post("/v1/events", content=body)
    told = answer.json()
    if answer.status_code != httpx.codes.ACCEPTED:
        faults = "\n".join(f"  {fault['path']}: {fault['en']} ({fault['hint_en']})" for fault in told["faults"])
        sys.exit(f"{told['code']}: {told['message']}\n{faults}\n→ {told['hint']}")
    key = bytes.fromhex(gateway.get("/v1/receipt-key").json()["public_key"])
    receipt = msgspec.convert(told["receipt"], Receipt)
    checked = "verifies" if verify(receipt, key, body) else "DOES NOT VERIFY"
    sys.stdout.write(
        f"{told['status']} {receipt.statement.id}, audit record {receipt.statement.seq}, receipt {checked}\n"
    )
