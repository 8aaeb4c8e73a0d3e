"""A witness's directory, and serving it.

DIR/name          the cosigner's name
DIR/keys.json     its key, 0600
DIR/witness.db    what it remembers
DIR-mark          counts what it signed, apart from the database
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx

from schemas.clock import Clock, SystemClock
from security.audit.files import write_durably
from security.audit.policy import Policy
from security.keys.file import FileKeystore
from services.witness.errors import NoWitnessError
from services.witness.store import WitnessStore
from services.witness.witness import Witness

KEY = "witness"
SECONDS = 5.0
_OK = 200


def open_witness(
    directory: Path, logs: Policy, *, name: str | None = None, clock: Clock | None = None
) -> tuple[Witness, WitnessStore]:
    """Open the witness in `directory`; with `name`, make it where there is none.

    Raises:
        NoWitnessError: there is none and no name was given.
    """
    named = directory / "name"
    if not named.exists():
        if not name:
            raise NoWitnessError(path=directory.name)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(named, name.encode())
    keystore = FileKeystore(directory / "keys.json")
    keystore.provision_signer(KEY)
    store = WitnessStore(directory / "witness.db")
    own = named.read_text(encoding="utf-8").strip()
    return Witness(store, logs, keystore.signer(KEY), own, clock or SystemClock()), store


def published_by(client: httpx.Client, peers: Iterable[str], origins: Iterable[str]) -> Iterator[str]:
    """Yield what peers (witnesses, or logs that publish their cosigned heads) have of these logs."""
    wanted = list(origins)
    for peer in peers:
        for origin in wanted:
            try:
                answer = client.get(f"{peer.rstrip('/')}/{sha256(origin.encode()).hexdigest()}/checkpoint")
            except httpx.HTTPError:
                break  # a peer that is down says nothing; whether enough was caught up is judged afterwards
            if answer.status_code == _OK:
                yield answer.text


def make_ready(witness: Witness, store: WitnessStore, notes: Iterable[str], *, accept_loss: bool = False) -> list[str]:
    """Catch up from notes that carry our own signature; refuse to go on where the database is still behind.

    Raises:
        WitnessSetBackError: the database was put back from a backup and the notes do not make up for it.
    """
    found = witness.catch_up(notes)
    if accept_loss:
        store.accept_loss()
    store.require_whole()
    return found
