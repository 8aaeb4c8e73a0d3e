"""Looking at a node's control state beside the node itself, running or not: read only, and verified all the same."""

from __future__ import annotations

from pathlib import Path

from security import control
from security.control import Snapshot
from security.keys.file import FileKeystore
from services.node.carrier import reader_of
from services.node.ground import CONTROL_KEY
from services.node.layout import DataDirectory
from streams.control import PAGE, PARTITION, TOPIC


def control_state(root: Path) -> Snapshot:
    """Return the control state of the node in `root`.

    Raises:
        NoNodeError: there is none. ControlSignatureError and its kin: a record is not what was signed.
    """
    data = DataDirectory(root)
    data.name()
    public_key = FileKeystore(data.keys / "keystore.json").signer(CONTROL_KEY).public_key
    bus, snapshot, position = reader_of(data), Snapshot(), 0
    try:
        while stored := bus.read(TOPIC, PARTITION, position, PAGE):
            snapshot = snapshot.apply_all([control.decode(each.value) for each in stored], public_key)
            position = stored[-1].offset + 1
    finally:
        bus.close()
    return snapshot
