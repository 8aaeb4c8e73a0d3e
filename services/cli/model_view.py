"""What `casebus model` prints: documents for machines, text for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from services.cli.output import language
from streams.supervision.arithmetic import day_text, moment_text
from streams.supervision.model import Model
from streams.supervision.trace import TermTrace, Trace

Document = dict[str, Any]


def row(model: Model) -> Document:
    """Return one line of `model list`."""
    return {
        "id": model.id,
        "code": model.code,
        "version": model.version,
        "status": model.status,
        "tests": len(model.document["tests"]),
        "zh": model.title["zh"],
        "en": model.title["en"],
    }


def detail(model: Model) -> Document:
    """Return what `model show` says."""
    return {
        **row(model),
        "digest": model.digest,
        "meaning": model.document["metadata"]["meaning"],
        "zone": model.zone.name,
        "key": model.key_names if isinstance(model.key_names, str) else list(model.key_names),
        "law": [law.as_dict for law in model.laws.values()],
        "params": [
            {
                "name": p.name,
                "value": p.value,
                "min": p.least,
                "max": p.most,
                "unit": p.unit,
                "kind": "parameter" if p.ours else "law",
                "basis": p.basis,
                "zh": p.title["zh"],
                "en": p.title["en"],
            }
            for p in model.params.values()
        ],
        "types": {event_type: list(fields) for event_type, fields in model.fields.items()},
        "pattern": model.document["pattern"],
        "severity": model.document["severity"],
        "runbook": model.document["runbook"],
    }


def trace_document(model: Model, trace: Trace, day: int) -> Document:
    """Return what `model explain` and `model why-not` say."""
    return {
        "model": trace.model,
        "subject": trace.subject,
        "as_of": day_text(day),
        "events": trace.events,
        "stopped_by": trace.stopped_by,
        "zh": trace.zh,
        "en": trace.en,
        "terms": [_term(model, term) for term in trace.terms],
    }


def _term(model: Model, term: TermTrace) -> Document:
    zone = model.zone
    return {
        "alert": term.alert,
        "key": term.key,
        "state": term.state,
        "severity": term.severity,
        "opened": moment_text(zone, term.opened_at),
        "due": None if term.due_at is None else day_text(zone.day(term.due_at - 1)),
        "late_from": None if term.due_at is None else moment_text(zone, term.due_at),
        "closed": None if term.closed_at is None else moment_text(zone, term.closed_at),
        "steps": [{**asdict(step), "fields": dict(step.fields)} for step in term.steps],
    }


def list_text(document: Document) -> str:
    """Print the list for people."""
    lang = language()
    return "\n".join(
        f"{m['id']:<20} {m['code']:<6} {m['status']:<9} {m['tests']:>3}  {m[lang]}" for m in document["models"]
    )


def detail_text(document: Document) -> str:
    """Print one model for people; a parameter of ours is never shown as a legal limit."""
    lang = language()
    lines = [
        f"{document['id']} {document['version']} {document['status']}: {document[lang]}",
        document["meaning"][lang],
    ]
    lines += [f"  {law['kind']:<9} {law['article']}: {law[lang]}" for law in document["law"]]
    lines += [f"  {p['kind']:<9} {p['name']} = {p['value']} {p['unit']} ({p[lang]})" for p in document["params"]]
    lines += [f"  {event_type}: {', '.join(fields) or '-'}" for event_type, fields in document["types"].items()]
    return "\n".join([*lines, f"sha256 {document['digest']}"])


def lint_text(document: Document) -> str:
    """Print the faults for people."""
    faults = [f"{f['message']}  [{f['code']}]\n  → {f['hint']}" for f in document["faults"]]
    return "\n".join([*faults, f"{document['models']} models, {len(document['faults'])} faults"])


def test_text(document: Document) -> str:
    """Print the failed tests for people, then the counts."""
    lines = []
    for test in document["tests"]:
        if not test["passed"]:
            lines.append(f"FAILED {test['model']}: {test['name']}")
            lines += [f"  {problem}" for problem in test["problems"]]
    return "\n".join([*lines, f"{document['passed']} passed, {document['failed']} failed"])


def backtest_text(document: Document) -> str:
    """Print the counts of a back-test for people."""
    lines = [f"{document['events']:,} events in {document['seconds']} s"]
    for name, tally in document["models"].items():
        lines.append(
            f"{name:<20} {tally['alerts']:>8,} alerts  {tally['subjects']:>8,} subjects"
            f"  {tally['approaching']:>6,} approaching  {tally['retracted']:>6,} retracted"
        )
    return "\n".join(lines)


def explain_text(document: Document) -> str:
    """Print the arithmetic for people."""
    lang = language()
    lines = []
    for term in document["terms"]:
        lines.append(f"{term['alert']} {term['state'] or '-'} {term['severity']}")
        lines += [f"  {number}. {step[lang]}" for number, step in enumerate(term["steps"], 1)]
    return "\n".join([*lines, why_not_text(document)])


def why_not_text(document: Document) -> str:
    """Print the step that stopped it."""
    about = f"{document['model']} {document['subject']} {document['as_of']}"
    return f"{about}: {document[language()]}  [{document['stopped_by']}]"
