"""Synthetic road fines as facts in the order of their days, and the supervise stage that folds them: two models."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from schemas.clock import SystemClock
from schemas.event import derived_id
from security.audit.port import Log
from security.audit.record import Entry
from security.keys.port import Keystore
from security.sealing import Sealer
from streams import work
from streams.receivers import WORK_LABEL
from streams.runners.faust.knowledge import Known, Unchanging
from streams.runners.faust.progress import Stamp
from streams.runners.faust.supervise_stage import SuperviseStage
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact
from streams.supervision.marks import SourceDirectory
from streams.supervision.model import Model
from tests.house.tree import ROOT

MODELS = ("fine-no-event.yaml", "fine-sent-late.yaml")
FOLDER = ROOT / "examples" / "road-fines" / "models"
SOURCE = "roadpolice-IT/fines"
RAW = "casebus.raw.traffic"
WRITER = f"release/{RAW}/0"
KINDS = tuple(f"traffic.fine.{kind}" for kind in ("created", "sent", "notified", "penalty_added", "paid"))
DAY = 86_400_000_000
START = 1_000_000_000_000_000
YEARS = 10
AUDIT = "bench"


class Unkept:
    """A log that keeps nothing: for the figure of the fold alone."""

    first = 0

    def append(self, entries: Sequence[Entry]) -> Self:
        """Keep nothing."""
        del entries
        return self


class Unsealed(Sealer):
    """A sealer that seals nothing: for the figure of what sealing costs."""

    def seal(self, kek: object, ad: bytes, clear: bytes) -> bytes:
        """Give the bytes back."""
        del kek, ad
        return clear

    def open(self, blob: bytes, ad: bytes) -> bytes:
        """Give the bytes back."""
        del ad
        return blob


def stage(keystore: Keystore, partitions: int, audit: Log, *, sealed: bool = True) -> SuperviseStage:
    """Make the supervise stage over two models; its acts go to `audit`."""
    sealer = (Sealer if sealed else Unsealed)(keystore, SystemClock(), provisions=True)

    def address(space: str, key: str) -> bytes:
        return sealer.keyed_digest("supervision", f"{space}\0{key}".encode())[:16]

    engine = Engine([Model.load(Path(FOLDER / name)) for name in MODELS], SourceDirectory(), address)
    return SuperviseStage(audit, sealer, Unchanging(Known(1, 0, engine)), lambda _: partitions, {RAW: (WRITER,)})


def facts(events: int, seed: int = 1) -> list[Fact]:
    """Make about `events` facts of cases with three to five events each, in the order in which they happened."""
    chance, found = random.Random(seed), []  # noqa: S311 - a reproducible load
    for case in range(events // 4):
        at = START + chance.randrange(YEARS * 365) * DAY
        for step in range(chance.choice((3, 4, 5))):
            at += chance.randrange(1, 60) * DAY
            found.append((at, case, step))
    found.sort()
    return [
        Fact(
            derived_id(SOURCE, f"{case}-{step}"),
            KINDS[step],
            SOURCE,
            f"{case:020}-{step}",
            at,
            at,
            "990101",
            f"N{case}",
            {},
            None,
        )
        for at, case, step in found
    ]


def work_record(
    made: SuperviseStage, batch: list[Fact], sequence: int
) -> tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]:
    """Make one stamped work record: key, sealed value, headers."""
    key = f"{RAW}/0/{sequence}".encode()
    sealer = made.sealer
    sealed = sealer.seal(sealer.name("work", WORK_LABEL), work.work_ad(key), work.encode(work.FactBatch(tuple(batch))))
    return key, sealed, Stamp(WRITER, sequence).headers()
