"""The files of a node's key folder as one value, to be sealed for a backup: keystore and keys of persons.

A copy that is older than an erasure still holds that person's key: copies of keys are kept no longer than the erasure's
`effective_at` assumes (ADR 0017), and a key put back after it is named by `audit verify --level 4`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from security.private_file import PrivateFile
from services.node.backup import BackupFormError

KEPT = ("*.json", "subjects/*.json")


class KeyFiles(msgspec.Struct, tag="casebus.key-files/v1", tag_field="format"):
    """Name below the key folder → content; JSON gives contents as base64."""

    files: dict[str, bytes]


def packed(keys: Path) -> bytes:
    """Return the files of a key folder as one value."""
    found = sorted(path for pattern in KEPT for path in keys.glob(pattern) if path.is_file())
    return msgspec.json.encode(KeyFiles({str(path.relative_to(keys)): path.read_bytes() for path in found}))


def unpacked(content: bytes, keys: Path) -> None:
    """Write the files to a key folder, each 0600; raises `BackupFormError` where the value is none of `packed`."""
    try:
        kept = msgspec.json.decode(content, type=KeyFiles)
    except msgspec.MsgspecError:
        raise BackupFormError(what="keys") from None
    targets = {keys / name: value for name, value in kept.files.items()}
    if any(target.resolve().parent not in {keys.resolve(), keys.resolve() / "subjects"} for target in targets):
        raise BackupFormError(what="keys")
    for target, value in targets.items():
        file = PrivateFile(target)
        with file.locked():
            file.write(value)
