"""`casebus doctor`: check this machine, a data directory and a Kafka, and say what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit, language, say

app = typer.Typer(add_completion=False, rich_markup_mode=None)

PORTS = (8470, 8471)
SIGNS = {"ok": "ok  ", "fail": "FAIL", "note": "note"}


@app.command()
def doctor(
    data: Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")] = Path(
        ".casebus/data"
    ),
    kafka: Annotated[
        str, typer.Option("--kafka", envvar="CASEBUS_KAFKA", help="Bootstrap servers of a Kafka to check.")
    ] = "",
    kafka_ca: Annotated[
        Path | None, typer.Option("--kafka-ca", envvar="CASEBUS_KAFKA_CA", help="PEM of its authority, for TLS.")
    ] = None,
    kafka_certificate: Annotated[
        Path | None,
        typer.Option("--kafka-certificate", envvar="CASEBUS_KAFKA_CERTIFICATE", help="PEM with our key and chain."),
    ] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="Site file: names the topics that are needed, and who may stand.")
    ] = None,
    mend: Annotated[
        bool, typer.Option("--mend", help="Make missing topics and access rules, set wrong settings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check everything that can be checked; exit 1 where something failed."""
    from schemas.clock import SystemClock
    from services.doctor import data as node_data
    from services.doctor import machine
    from services.node.site import Site

    found_data = list(node_data.directory(data))
    running = any(check.name == "lock" and check.state == "note" for check in found_data)
    checks = [machine.python(), machine.disk(data), *found_data, machine.clock(SystemClock(), data)]
    checks += [*machine.ports(PORTS, running=running), machine.browser(), machine.fonts(), machine.java()]
    wanted = Site.load(site) if site else None
    if wanted is not None:
        checks += node_data.standing(data, wanted)
    if kafka:
        from services.doctor.kafka import checked
        from streams.bus.kafka_address import KafkaAddress

        checks += checked(KafkaAddress(kafka, kafka_ca, kafka_certificate), wanted, mend=mend)
    lang = language()
    failed = sum(check.state == "fail" for check in checks)
    document = {"checks": [check.as_dict(lang) for check in checks], "failed": failed}
    emit(document, as_json=as_json, show=_shown)
    if failed:
        say(f"casebus: {failed} of {len(checks)} checks failed")
        raise typer.Exit(1)


def _shown(document: Any) -> str:
    lines = []
    for check in document["checks"]:
        lines.append(f"{SIGNS[check['state']]}  {check['message']}")
        if check["mend"]:
            lines.append(f"      → {check['mend']}")
    return "\n".join(lines)
