"""The walk of a new agency: name, registration, token, contract, example, check, first event, receipt.

Each step leaves a file in the walk's folder and is taken once: the walk goes on where it stopped.

    source.yaml   the reviewed fragment, as it can be put into the site file
    token         0600, shown to nobody
    event.json    an example event of region 99, with an id of its own
    key.json      the gateway's key for receipts
    receipt.json  the receipt of the first event
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

import yaml

from schemas.catalogue import Contracts
from schemas.clock import SystemClock
from schemas.cloudevents import render
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.examples import example
from schemas.instants import format_instant
from security.private_file import PrivateFile
from services.cli.gateway_client import NoTokenError, gateway
from services.cli.receipts import verified
from services.cli.trust import content_of
from services.node.operator import access_to

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*/[a-z][a-z0-9-]*", re.ASCII)
EVENT_MEDIA: Final = "application/cloudevents+json"
_MILLIS: Final = 1000


class SourceNameError(UsageError):
    """No name of a source."""

    code: ClassVar[str] = "agency.name"


class ReceiptBrokenError(UsageError):
    """The first receipt does not verify."""

    code: ClassVar[str] = "agency.receipt_broken"
    exit_code: ClassVar[int] = 6


@dataclass(frozen=True)
class Wish:
    """What the agency asks for."""

    source: str
    agency: str
    types: tuple[str, ...]
    districts: tuple[str, ...]
    ceiling: int
    approvers: tuple[str, ...]


@dataclass
class Onboarding:
    """One walk; with `data` the operator's part is done too, else `token` names the token the agency was given."""

    wish: Wish
    folder: Path
    data: Path | None
    url: str
    token: Path | None
    taken: list[dict[str, str]] = field(default_factory=list)

    @cached_property
    def contract(self) -> Contract:
        """The contract of the first type."""
        return Contracts.load().by_type(self.wish.types[0])

    def steps(self) -> Iterator[dict[str, str]]:
        """Take the steps one by one; each is told when it is done."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        acts = (self.name, self.register, self.issue, self.pick, self.write, self.check, self.publish, self.verify)
        for act in acts:
            says, done = act()
            step = {"step": act.__name__, "done": "now" if done else "before", "says": says}
            self.taken.append(step)
            yield step

    def name(self) -> tuple[str, bool]:
        """Check the name."""
        if not NAME.fullmatch(self.wish.source):
            raise SourceNameError
        return self.wish.source, True

    def register(self) -> tuple[str, bool]:
        """Write the fragment and register the source, approved by two persons."""
        if self.data is None:
            return "done by the operator of the node", False
        path = self.folder / "source.yaml"
        if not path.exists():
            path.write_text(yaml.safe_dump(self._fragment(), allow_unicode=True, sort_keys=False), encoding="utf-8")
        fragment = yaml.safe_load(path.read_text(encoding="utf-8"))
        from services.node.operations import at_node

        with at_node(self.data) as node:
            told = node.register(fragment, self.wish.approvers)
        return f"control epoch {told['epoch']}", bool(told["changed"])

    def issue(self) -> tuple[str, bool]:
        """Get a token and keep it in a private file."""
        if self.data is None:
            if self.token is None:
                raise NoTokenError
            return f"your own, {self.token.name}", False
        if self._token.exists():
            return self._token.name, False
        from services.node.operations import at_node

        with at_node(self.data) as node:
            token = node.issue(self.wish.source)
        file = PrivateFile(self._token)
        with file.locked():
            file.write(token.encode() + b"\n")
        return self._token.name, True

    def pick(self) -> tuple[str, bool]:
        """Name the contract of the first event."""
        return f"{self.contract.key}: {self.contract.en}", True

    def write(self) -> tuple[str, bool]:
        """Write an example event of region 99."""
        path = self.folder / "event.json"
        if path.exists():
            return path.name, False
        said = render(example(self.contract), self.contract)
        said.pop("level", None)
        now = SystemClock().now_us()
        said |= {
            "id": fresh_id(now),
            "source": self.wish.source,
            "district": self.wish.districts[0].ljust(6, "0"),
            "time": format_instant(now),
            "sequence": "1",
        }
        path.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return path.name, True

    def check(self) -> tuple[str, bool]:
        """Ask the gateway what would become of the event; nothing is kept."""
        with self._gateway() as client:
            told = client.send("/v1/check", content_of(self.folder / "event.json"), EVENT_MEDIA)
        if not told["passes"]:
            result = told["results"][0]
            raise FirstEventError(result)
        return "it would be taken", True

    def publish(self) -> tuple[str, bool]:
        """Publish it, and keep receipt and key."""
        with self._gateway() as client:
            told = client.send("/v1/events", content_of(self.folder / "event.json"), EVENT_MEDIA)
            key = client.get("/v1/receipt-key")
        for name, document in (("receipt.json", told["receipt"]), ("key.json", key)):
            (self.folder / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return f"{told['status']} {told['id']}", told["status"] == "accepted"

    def verify(self) -> tuple[str, bool]:
        """Verify the receipt offline."""
        told = verified(self.folder / "receipt.json", self.folder / "key.json", self.folder / "event.json")
        if not told["verifies"]:
            raise ReceiptBrokenError
        return f"audit record {told['seq']} of {told['node']}", True

    @property
    def _token(self) -> Path:
        return self.folder / "token"

    def _gateway(self) -> Any:
        return gateway(self._url(), self.token or self._token)

    def _url(self) -> str:
        access = access_to(self.data) if self.data else None
        return access.url if access else self.url

    def _fragment(self) -> dict[str, Any]:
        organisation = self.wish.source.split("/", maxsplit=1)[0]
        about = {"id": organisation, "agency": self.wish.agency or self.contract.agency}
        return {
            "organisation": {**about, "district": self.wish.districts[0], "zh": organisation, "en": organisation},
            "source": {
                "id": self.wish.source,
                "organisation": organisation,
                "districts": list(self.wish.districts),
                "types": list(self.wish.types),
                "ceiling": self.wish.ceiling,
            },
        }


class FirstEventError(UsageError):
    """The first event would not be taken."""

    code: ClassVar[str] = "agency.first_event"
    exit_code: ClassVar[int] = 1

    def __init__(self, result: dict[str, Any]) -> None:
        faults = result.get("faults") or []
        first = faults[0]["path"] if faults else "$"
        super().__init__(reason=result.get("code", ""), path=first, faults=faults)


def fresh_id(now_us: int) -> str:
    """Make a UUID of version 7 (RFC 9562): 48 bits of milliseconds, the rest random."""
    number = (now_us // _MILLIS) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62))
