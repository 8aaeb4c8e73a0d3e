# ruff: noqa: INP001
"""Receive a subscription and open it: python examples/subscriber.py URL SUBSCRIPTION TOKEN_FILE KEY_FILE [AFTER].

Prints one line a view, from the start or from the view after offset AFTER, and goes on as views are released.
"""

import base64
import json
import sys
import uuid
from pathlib import Path

import httpx

from schemas.framing import unframe
from security.receiver_key import ReceiverKey
from security.view_schema import ViewRegistry, ViewSchema
from security.views import read_view

url, subscription, token, key = sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text(), Path(sys.argv[4]).read_text()
headers = {"Authorization": f"Bearer {token.strip()}", "Last-Event-ID": sys.argv[5] if sys.argv[5:] else "-1"}
registry, known = ViewRegistry(), set()
with (
    httpx.Client(base_url=url, headers=headers, timeout=60) as gateway,
    gateway.stream("GET", f"/v1/subscriptions/{subscription}/stream", params={"form": "avro"}) as stream,
):
    for line in stream.raise_for_status().iter_lines():
        event = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
        if "code" in event:
            sys.exit(f"{event['code']}: {event['message']}")
        if event and "data_base64" not in event:
            sys.stdout.write(f"{event['offset']} {event['type']} {event['supersedes']} no longer stands\n")
        elif event:
            view = base64.b64decode(event["data_base64"])
            if (number := unframe(view)[0]) not in known:
                schema = gateway.get(f"/v1/registry/schemas/ids/{number}").json()["schema"]
                known.add(registry.register(ViewSchema(json.loads(schema))).id)
            said = read_view(view, registry, ReceiverKey(bytes.fromhex(key)), uuid.UUID(event["id"]).bytes)
            sys.stdout.write(f"{event['offset']} {event['type']} {said}\n")
            sys.stdout.flush()
