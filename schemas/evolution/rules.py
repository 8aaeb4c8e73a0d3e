"""What a new version of a contract may not do. Every rule holds against every earlier version (BACKWARD_TRANSITIVE).

- It reads what was written before (Avro's rule, and a logical type stays).
- A level never falls, a flag never vanishes, what was about a person stays about a person: what was sealed once is not
  given away by a new version.
- The subject and the scheme of a case reference stay: models and links key on them.
- A share attribute never widens by itself, and a vault never becomes none.
- A field that somebody asks for is not taken away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from schemas.contract import PERSONS, Contract, Field
from schemas.evolution.compatibility import unreadable
from schemas.evolution.refusal import Refusal
from schemas.impact import Consumers, consumers_of
from schemas.type_text import type_text

SHARES = ("none", "conditional", "unconditional")


def check(new: Contract, earlier: Sequence[Contract], consumers: Consumers | None = None) -> tuple[Refusal, ...]:
    """Return every refusal of `new` against every one of `earlier` (versions of the same type)."""
    asking = consumers or {}
    return tuple(refusal for old in earlier for refusal in _against(old, new, asking))


def check_catalogue(contracts: Iterable[Contract], consumers: Consumers | None = None) -> tuple[Refusal, ...]:
    """Check each version of each type against all its earlier ones."""
    by_type: dict[str, list[Contract]] = {}
    for contract in sorted(contracts, key=lambda c: (c.type, c.version)):
        by_type.setdefault(contract.type, []).append(contract)
    return tuple(
        refusal
        for versions in by_type.values()
        for index, new in enumerate(versions)
        for refusal in check(new, versions[:index], consumers)
    )


def _against(old: Contract, new: Contract, asking: Consumers) -> Iterator[Refusal]:
    def refuse(code: str, path: str, before: Any, after: Any) -> Refusal:
        who = consumers_of(asking, new.type, path.partition(".")[0])
        return Refusal.of(f"evolution.{code}", new.key, old.key, path, old=str(before), new=str(after), consumers=who)

    if new.type != old.type or new.version <= old.version:
        yield refuse("version", "contract.version", old.key, new.key)
    unread = dict(unreadable(old, new))
    for name, reasons in unread.items():
        before, after = old.by_name.get(name), new.by_name.get(name)
        what = "unreadable_new" if before is None and after is not None else "unreadable"
        yield refuse(what, name or "contract.schema", _type(before), _type(after) or ", ".join(reasons))
    for name, before in old.by_name.items():
        after = new.by_name.get(name)
        if after is None:
            if consumers_of(asking, new.type, name):
                yield refuse("field_removed", name, _type(before), "")
            continue
        if name not in unread and _logical(before) != _logical(after):
            yield refuse("unreadable", name, _type(before), _type(after))
        if after.level < before.level:
            yield refuse("level_falls", f"{name}.level", before.level, after.level)
        if not before.flags <= after.flags:
            yield refuse("flag_vanishes", f"{name}.flags", _flags(before), _flags(after))
        if before.about in PERSONS and after.about not in PERSONS:
            yield refuse("about_vanishes", f"{name}.about", before.about, after.about)
    yield from _heads(old, new, refuse)


def _heads(old: Contract, new: Contract, refuse: Any) -> Iterator[Refusal]:
    if new.subject_field != old.subject_field:
        yield refuse("subject", "contract.subject", old.subject_field, new.subject_field)
    for name, scheme in old.case_refs.items():
        if name in new.by_name and new.case_refs.get(name) != scheme:
            yield refuse("case_ref", f"{name}.case_ref", scheme, new.case_refs.get(name, ""))
    if SHARES.index(new.share) > SHARES.index(old.share):
        yield refuse("share_widens", "contract.share", old.share, new.share)
    if new.vault != old.vault:
        yield refuse("vault", "contract.vault", old.vault, new.vault)


def _type(field: Field | None) -> str:
    return "" if field is None else type_text(field.avro_type)


def _flags(field: Field) -> str:
    return ", ".join(sorted(field.flags))


def _logical(field: Field) -> str:
    base = field.base_type
    return str(base.get("logicalType", "")) if isinstance(base, dict) else ""
