"""What `casebus contract check`, `diff` and `directory` do: find the versions, ask the rules, show the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import NotFoundError, UsageError
from services.cli.output import language

if TYPE_CHECKING:
    from schemas.catalogue import Contracts
    from schemas.contract import Contract
    from schemas.impact import Consumers


QUIET = ("added", "words")
LOUD = ("contract.subject", "contract.case_refs", "contract.share")
"""Of the contract itself only these touch those who receive it."""


class ConsumersFileError(UsageError):
    """The file of consumers is no JSON object of consumers, event types and lists of fields; field: `file`."""

    code = "contract.consumers_file"


def named(name: str, contracts: Contracts) -> Contract:
    """Return the version that `name` means: `type/version`, `type` (the newest), or a candidate file.

    Raises the first fault of a file that cannot be read, `UnknownTypeError`, `NotFoundError`.
    """
    from schemas.catalogue import survey_file

    if name.endswith(".avsc"):
        if not Path(name).is_file():
            raise NotFoundError(what=name)
        found = survey_file(Path(name))
        if found.faults:
            raise found.faults[0]
        return found.contracts[0]
    event_type, _, version = name.partition("/")
    versions = contracts.versions(event_type)
    for contract in versions if version else versions[-1:]:
        if version in ("", str(contract.version)):
            return contract
    raise NotFoundError(what=name)


def consumers(file: Path | None, data: Path | None = None) -> Consumers:
    """Return who asks for what: the bundled models, the subscriptions of a node, and those of a file.

    The file is JSON: `{"consumer": {"event type": ["field", …]}}`; an empty list asks for every field.
    """
    from schemas.impact import read_consumers
    from streams.supervision.library import bundled

    found = {f"model {m.id}": {t: frozenset(names) for t, names in m.fields.items()} for m in bundled()}
    if data is not None:
        from services.node.looking import control_state
        from services.node.subscriptions import asking

        found |= asking(control_state(data))
    if file is not None:
        try:
            found |= read_consumers(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            raise ConsumersFileError(file=file.name) from None
    return found


def checked(path: Path | None, root: Path, asking: Consumers) -> dict[str, Any]:
    """Check a candidate file against the recorded versions of its type, or every type of a folder."""
    from schemas.catalogue import Contracts
    from schemas.contract_lint import faults_of
    from schemas.evolution import check, check_catalogue

    contracts = Contracts.load(root)
    touched: list[dict[str, Any]] = []
    if path is None:
        refusals = check_catalogue(contracts.all(), asking)
        count, faults = len(contracts.all()), []
    else:
        new = named(str(path), contracts)
        earlier = [c for c in contracts.all() if c.type == new.type and c.version < new.version]
        other = [c for c in contracts.all() if c.key == new.key and c.digest != new.digest]
        refusals, count = check(new, [*earlier, *other], asking), 1
        faults = [fault.as_dict(language()) for fault in faults_of(new)]
        touched = touches(max(earlier, key=lambda c: c.version), new, asking) if earlier else []
    return {
        "ok": not refusals and not faults,
        "checked": count,
        "breaks": sorted({name for refusal in refusals for name in refusal.consumers}),
        "impact": touched,
        "refusals": [refusal.as_dict() for refusal in refusals],
        "faults": faults,
    }


def compared(old: Contract, new: Contract, asking: Consumers) -> dict[str, Any]:
    """Return the differences, the refusals and the consumers touched."""
    from schemas.evolution import check, differences

    changes = differences(old, new)
    refusals = check(new, [old], asking)
    return {
        "ok": not refusals,
        "old": old.key,
        "new": new.key,
        "changes": [change.as_dict() for change in changes],
        "refusals": [refusal.as_dict() for refusal in refusals],
        "breaks": sorted({name for refusal in refusals for name in refusal.consumers}),
        "impact": touches(old, new, asking),
    }


def touches(old: Contract, new: Contract, asking: Consumers) -> list[dict[str, Any]]:
    """Return whom a change touches, each with the fields that it asks for and that change."""
    from schemas.evolution import differences
    from schemas.impact import impact

    changes = [c for c in differences(old, new) if c.kind not in QUIET and (c.kind != "head" or c.path in LOUD)]
    return [each.as_dict() for each in impact(asking, new.type, [c.path.partition(".")[0] for c in changes])]


def show_directory(document: Any) -> str:
    """List the entries below their theme."""
    lang = language()
    lines: list[str] = []
    theme = ""
    for entry in document["entries"]:
        if entry["theme"] != theme:
            theme = entry["theme"]
            lines.append(f"{entry['theme_' + lang]}  ({theme})")
        lines.append(f"  L{entry['level']}  {entry['type']:<40} {entry['owner_' + lang]}: {entry[lang]}")
    return "\n".join(lines)


def show_checked(document: Any) -> str:
    """Say refusals and faults in words."""
    lines = [*_refusals(document), *(f"{f['message']}  [{f['code']}]\n  → {f['hint']}" for f in document["faults"])]
    lines += _impact(document)
    return "\n".join([*lines, f"contracts: {document['checked']}  refusals: {len(document['refusals'])}"])


def show_compared(document: Any) -> str:
    """Say each difference on a line, then refusals and who is touched."""
    lines = [f"{document['old']} → {document['new']}"]
    lines += [f"  {c['kind']:<8} {c['path']:<36} {c['old'] or '-'} → {c['new'] or '-'}" for c in document["changes"]]
    return "\n".join([*lines, *_refusals(document), *_impact(document)])


def _impact(document: Any) -> list[str]:
    lines = [f"touches {each['consumer']}: {', '.join(each['fields'])}" for each in document["impact"]]
    if broken := document["breaks"]:
        subscriptions = sum(name.startswith("subscription ") for name in broken)
        models = len(broken) - subscriptions
        lines.append(f"this change breaks {subscriptions} subscriptions and {models} models: {', '.join(broken)}")
    return lines


def _refusals(document: Any) -> list[str]:
    lang = language()
    return [f"{r[lang]}  [{r['code']}]\n  → {r['hint_' + lang]}" for r in document["refusals"]]
