"""`casebus contract check` with a node: whom a candidate breaks, by the node's own signed subscriptions."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from schemas.catalogue import BUNDLED, Contracts
from services.cli.contract import app
from services.node.node import open_node
from services.node.site import Site
from tests.interop.reading_node import SITE


def test_a_field_that_is_taken_away_breaks_those_who_receive_it(tmp_path: Path) -> None:
    """The subscriptions of the node that ask for the field are named and counted; those that do not are not."""
    open_node(tmp_path / "data", Site.load(SITE, Contracts.load())).close()
    candidate = tmp_path / "police" / "case.filed.v9.avsc"
    candidate.parent.mkdir()
    newest = Contracts.load().by_type("police.case.filed").version
    document = json.loads((BUNDLED / "police" / f"case.filed.v{newest}.avsc").read_text(encoding="utf-8"))
    document["casebus"]["version"] = 9
    document["fields"] = [field for field in document["fields"] if field["name"] != "filed_at"]
    candidate.write_text(json.dumps(document), encoding="utf-8")

    done = CliRunner().invoke(app, ["check", str(candidate), "--data", str(tmp_path / "data"), "--json"])
    shown = CliRunner().invoke(app, ["check", str(candidate), "--data", str(tmp_path / "data")])

    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {"subscription procuratorate-990103-filing", "subscription governance-990103-counts"} <= set(told["breaks"])
    assert not any("execution" in name for name in told["breaks"])
    assert (
        f"this change breaks {sum(n.startswith('subscription') for n in told['breaks'])} subscriptions" in shown.stdout
    )
