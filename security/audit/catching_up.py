"""An older copy of a log takes up from its replica what it lacks, group by group, before it is opened for writing.

Only a log that ends whole is taken on: bytes behind its end, or a break below it, are a matter for `AuditLog.open`,
which names them. Every group is chained and hashed again, and its root must be the one of its commit.
"""

from __future__ import annotations

from pathlib import Path

from security.audit.builder import GroupBuilder
from security.audit.chain import Chain
from security.audit.errors import ReplicaDiffersError
from security.audit.files import write_durably
from security.audit.layout import Layout
from security.audit.record import BODY_AT, PREFIX, decode
from security.audit.recovery import examine, resume
from security.audit.replica import StoredGroup, WholeReplica
from security.audit.segment_file import SegmentFile
from security.audit.tree import leaf_hash

STEP = 8 << 20


def catch_up(directory: Path, origin: str, replica: WholeReplica, step: int = STEP) -> int:
    """Bring the log in `directory` up to its replica; return how many records it took.

    Raises:
        ReplicaDiffersError: the replica does not continue the log.
        AuditTamperedError: the log itself is broken.
    """
    layout = Layout(directory)
    layout.make()
    _take_kept(layout, replica)
    found = examine(layout, origin, ())
    if found and found.tail:
        return 0
    first = replica.header
    if found is None and (first is None or not layout.signer_head.exists()):
        # Without anything of its own it may be another log that was given the same name.
        return 0
    chain = found.chain if found else Chain.begin(origin, first.nonce, first.span)  # type: ignore[union-attr] # above
    before = chain.size
    if before >= replica.size():
        return 0
    file = SegmentFile(layout.segments, step)
    builder = GroupBuilder(chain, found.header, found.digest) if found else GroupBuilder(chain)
    if found:
        resume(layout, found, builder, file)
    for group in replica.groups(before):
        take_group(builder, file, group)
    file.close()
    if not layout.checkpoint.exists() and layout.signer_head.exists():
        write_durably(layout.checkpoint, layout.signer_head.read_bytes())
    return chain.size - before


def _take_kept(layout: Layout, replica: WholeReplica) -> None:
    """Where the log has nothing of its start, take the hashes of what was retired; `examine` then checks them."""
    if not layout.pieces():
        for path in replica.kept_files():
            write_durably(layout.segments / path.name, path.read_bytes())


def take_group(builder: GroupBuilder, file: SegmentFile, group: StoredGroup) -> None:
    """Append one group of the replica to the log; ReplicaDiffersError where it does not continue it."""
    chain, commit, prev = builder.chain, group.commit, builder.chain.prev
    leaves: list[bytes] = []
    for entry in group.entries:
        if not entry.startswith(PREFIX + prev):
            raise ReplicaDiffersError(seq=chain.size + len(leaves))
        prev = leaf_hash(entry)
        leaves.append(prev)
    if builder.header is None:
        file.create(builder.begin_segment())
    if not leaves or not chain.accept(leaves, commit):
        raise ReplicaDiffersError(seq=chain.size)
    if builder.header and commit.first == builder.header.first:
        chain.first_ts = decode(group.entries[0][BODY_AT:]).ts
    footer = builder.taken(group.content)
    file.append(group.content)
    if footer:
        file.finish(footer)
