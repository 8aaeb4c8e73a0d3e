"""docker-compose.yml: of the specification's form, with commands that exist, without root, passwords or open doors."""

from __future__ import annotations

import importlib.util
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from deploy.compose.__main__ import OWNERS, main
from services.worker.assembly import WORKERS
from tests.house import commands
from tests.house.tree import ROOT

FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]


def merged() -> str:
    """Return the file with its anchors and merge keys resolved, as Compose reads it, and variables filled in."""
    filled = re.sub(
        r"\$\{(\w+)[^}]*\}",
        lambda match: "1" if match[1].endswith(("PORT", "VERSION")) else f"/{match[1].lower()}",
        TEXT,
    )
    return yaml.safe_dump(yaml.safe_load(filled), sort_keys=False)


def wrong(words: list[str]) -> str | None:
    """Say what is wrong with a command of ours; None where it exists with its options."""
    if words[:2] == ["python", "-m"]:
        return None if importlib.util.find_spec(words[2]) else f"no module {words[2]}"
    return commands.wrong(shlex.join(words)) if words[0] == "casebus" else f"not ours: {words[0]}"


def test_the_file_keeps_the_compose_specification() -> None:
    """A strict parser of the specification takes it, and knows all its services."""
    parsed = compose_spec.PyCompose.from_yaml(merged())
    parsed.validate()

    assert set(parsed.service_names()) == set(SERVICES)
    assert {"kafka", "postgres", "node", "worker-release", "worker-supervise", "console"} <= set(SERVICES)
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"gateway-annex", "proxy-annex"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [("read_only:", "readonly:"), ("interval: 10s", "interval: soon"), ("service_healthy", "service_fine")],
)
def test_a_flaw_of_form_is_found(good: str, bad: str) -> None:
    """An unknown key, a duration that is none, an unknown condition."""
    assert good in merged()
    with pytest.raises(ValueError, match=r"."):
        compose_spec.PyCompose.from_yaml(merged().replace(good, bad)).validate()


def test_every_command_exists() -> None:
    """What the services of our image run, and what asks for their health, exists with the options given."""
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("casebus:")}
    run = [service["command"] for service in ours.values()]
    run += [service["healthcheck"]["test"][1:] for service in ours.values() if "healthcheck" in service]

    assert len(ours) >= 5
    assert [found for words in run if (found := wrong(words))] == []
    assert wrong(["casebus", "worker", "dance"])
    assert wrong(["casebus", "worker", "release", "--dance"])


def test_the_console_s_options_exist() -> None:
    """The console's module takes the options that it is given."""
    source = (ROOT / "services/console/__main__.py").read_text(encoding="utf-8")

    assert [o for o in SERVICES["console"]["command"] if o.startswith("--") and f'"{o}"' not in source] == []


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root_or_can_become_it(name: str) -> None:
    """Each has a numbered user that is not root, no capability, and no way to new privileges."""
    service = SERVICES[name]

    assert int(service["user"].split(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] or name == "kafka"
    assert "privileged" not in service


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "topics"])
def test_every_lasting_service_has_a_health_check(name: str) -> None:
    """Who depends on it waits until it answers."""
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_whoever_waits_waits_for_health() -> None:
    """Nothing starts because another one was merely started."""
    conditions = {c["condition"] for s in SERVICES.values() for c in s.get("depends_on", {}).values()}

    assert conditions == {"service_healthy", "service_completed_successfully"}


def test_no_secret_stands_in_the_file() -> None:
    """Passwords come from files; no variable of a secret has a default."""
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert not re.search(r"PASSWORD(?!_FILE)|SECRET|TOKEN", key), key
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), key
    assert re.findall(r"\$\{(?!CASEBUS_(?:CONSOLE|GATEWAY|ANNEX)_PORT)\w+:-", TEXT) == []


def test_only_the_proxy_s_ports_are_published() -> None:
    """Kafka and PostgreSQL are reached from inside only; their networks lead nowhere."""
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["node", "gateway-annex"]
    assert SERVICES["proxy"]["network_mode"] == SERVICES["console"]["network_mode"] == "service:node"
    assert SERVICES["proxy-annex"]["network_mode"] == "service:gateway-annex"
    assert [name for name, network in DOCUMENT["networks"].items() if network.get("internal")] == ["bus", "read"]


@pytest.mark.parametrize(("proxy", "service"), [("proxy", "node"), ("proxy-annex", "gateway-annex")])
def test_a_proxy_serves_where_its_ports_are_and_asks_where_its_service_listens(proxy: str, service: str) -> None:
    """The ports published are those that its file binds; the ports asked are those of the commands behind it."""
    (config,) = SERVICES[proxy]["configs"]
    text = (ROOT / DOCUMENT["configs"][config["source"]]["file"]).read_text(encoding="utf-8")
    published = {port.rpartition(":")[2] for port in SERVICES[service]["ports"]}
    behind = [each for each in SERVICES.values() if each is SERVICES[service] or each is SERVICES["console"]]
    listening = {words[words.index("--port") + 1] for each in behind if (words := each["command"])}

    assert set(re.findall(r"bind :(\d+) ", text)) == published
    assert set(re.findall(r"server \w+ 127\.0\.0\.1:(\d+)", text)) <= listening
    assert "path_beg /v1/" in text


def test_a_second_gateway_has_a_disk_of_its_own() -> None:
    """Its audit log lies on a volume of its own, where the gateway of its name looks for it, owned by its user."""
    service = SERVICES["gateway-annex"]
    name = service["command"][service["command"].index("--instance") + 1]
    place = f"{DOCUMENT['x-environment']['CASEBUS_DATA']}/{WORKERS}/{name}"

    assert f"{name}:{place}" in service["volumes"]
    assert place in (ROOT / "deploy/compose/Dockerfile").read_text(encoding="utf-8")


def test_every_image_has_a_version() -> None:
    """No image is `latest` or unnamed: two hosts run the same."""
    images = [service["image"] for service in SERVICES.values()]

    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_the_image_installs_the_lock_and_leaves_root() -> None:
    """Dependencies come from the lock with hashes; what is copied exists; the last user is not root."""
    lines = (ROOT / "deploy/compose/Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]

    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert [path for paths in copied for path in paths if not (ROOT / path).exists()] == []
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"


def test_preparing_writes_every_secret_once(tmp_path: Path) -> None:
    """Each secret of the file is made, private, random, and never written over."""
    site = ROOT / "deploy/site/demo.yaml"
    first, second = tmp_path / "one", tmp_path / "two"

    assert [main(["--out", str(out), "--site", str(site)]) for out in (first, second)] == [0, 0]

    wanted = {secret["file"].rsplit("/", 1)[-1] for secret in DOCUMENT["secrets"].values()}
    assert wanted <= {path.name for path in first.iterdir()}
    assert set(OWNERS) | {"ca.pem"} == wanted
    assert [p.name for p in first.iterdir() if p.name in OWNERS and stat.S_IMODE(p.stat().st_mode) != 0o600] == []
    assert (first / "postgres-password").read_bytes() != (second / "postgres-password").read_bytes()
    named = set(re.findall(r"^(\w+)=.", (first / "casebus.env").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) <= named
    assert main(["--out", str(first), "--site", str(site)]) == 2
