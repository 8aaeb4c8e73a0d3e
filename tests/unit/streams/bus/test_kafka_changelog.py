"""What a worker knows is exactly what its changelog adds up to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.bus.kafka_changelog import Changes, Stores

STORES = st.sampled_from(["a", "b", ""])
KEYS = st.sampled_from([b"", b"k", b"\x00\xff"])
VALUES = st.one_of(st.none(), st.binary(max_size=3))
CHANGES = st.builds(
    Changes,
    entries=st.dictionaries(STORES, st.dictionaries(KEYS, VALUES)),
    positions=st.dictionaries(st.tuples(STORES, STORES, st.integers(0, 3)), st.integers(0, 2**40)),
)


def known(stores: Stores) -> tuple[object, object]:
    """Return what stores hold; an empty store is no store."""
    return {name: held for name, held in stores.entries.items() if held}, stores.positions


@given(st.lists(CHANGES, max_size=6))
def test_restoring_gives_what_was_applied(steps: list[Changes]) -> None:
    """Reading the changelog of any steps gives the stores and positions after the last of them."""
    applied, restored = Stores(), Stores()
    for step in steps:
        applied.apply(step)

    restored.restore(row for step in steps for row in step.rows())

    assert known(restored) == known(applied)


@given(st.lists(CHANGES, max_size=6))
def test_compaction_changes_nothing(steps: list[Changes]) -> None:
    """The newest row of each key alone gives the same stores."""
    rows = [row for step in steps for row in step.rows()]
    whole, compacted = Stores(), Stores()
    whole.restore(rows)

    compacted.restore(dict(rows).items())

    assert known(compacted) == known(whole)


def test_a_changelog_row_is_these_bytes() -> None:
    """The keys of an entry and of a position, as other versions have to read them."""
    rows = Changes({"s": {b"k": b"v", b"gone": None}}, {("g", "t", 3): 41}).rows()

    assert [(key.hex(), value.hex() if value is not None else None) for key, value in rows] == [
        ("92a173c4016b", "76"),
        ("92a173c404676f6e65", None),
        ("93a167a17403", "29"),
    ]
