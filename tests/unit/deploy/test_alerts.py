"""The alert rules: promtool takes them and their own tests, and they name metrics that a node has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.auditor.checking import Checking
from services.auditor.metrics import AuditCollector
from services.gateway.metrics import GatewayMetrics
from tests.house.parts import promtool
from tests.house.tree import ROOT
from tests.unit.security.audit.workshop import open_log

FOLDER = ROOT / "deploy" / "metrics"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def run(*words: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run promtool beside the rules."""
    return subprocess.run(
        [str(promtool()), *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.prometheus
def test_promtool_takes_the_rules() -> None:
    """No rule is malformed."""
    done = run("check", "rules", "alerts.yaml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.prometheus
def test_each_rule_fires_when_it_should_and_not_before() -> None:
    """The rules' own tests hold."""
    done = run("test", "rules", "alerts_test.yaml")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_no_rule_is_idle(tmp_path: Path, rule: dict[str, Any]) -> None:
    """Every rule is needed by its tests: with any one of them disarmed they fail."""
    text = (FOLDER / "alerts.yaml").read_text(encoding="utf-8")
    (tmp_path / "alerts.yaml").write_text(text.replace(f"expr: {rule['expr']}\n", "expr: vector(0) > 1\n"), "utf-8")
    (tmp_path / "alerts_test.yaml").write_bytes((FOLDER / "alerts_test.yaml").read_bytes())

    assert run("test", "rules", "alerts_test.yaml", folder=tmp_path).returncode != 0


def test_rules_name_metrics_that_a_node_has(tmp_path: Path) -> None:
    """What a rule looks at is measured; what is measured starts with the product's name."""
    metrics = GatewayMetrics()
    metrics.failed("bus.full")
    with open_log(tmp_path / "audit") as log:
        collector = AuditCollector(tmp_path / "audit", tmp_path / "i.db", log, Checking(tmp_path / "audit"), lambda: 0)
        metrics.registry.register(collector)
        known = set(re.findall(r"^(casebus_\w+)", metrics.render().decode(), re.MULTILINE))

    asked = {name for rule in RULES for name in re.findall(r"casebus_\w+", rule["expr"])}
    assert asked
    assert asked <= known


def test_every_rule_says_both_languages_and_a_next_step() -> None:
    """Whoever is woken reads what is wrong and what to do."""
    for rule in RULES:
        said = rule["annotations"]
        assert re.search(r"[\u4e00-\u9fff]", said["summary"])
        assert re.search(r"[a-z]{4}", said["summary"])
        assert said["next_step"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
