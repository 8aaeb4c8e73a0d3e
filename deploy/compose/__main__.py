"""`python -m deploy.compose --out SECRETS --site SITE.yaml`: what docker-compose.yml needs and must not hold itself.

Certificates of a small authority of this host's own, random passwords, and the environment file that names them. A site
with an authority of its own puts its files in the place of these, under the same names.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.kafka.certificates import ADMIN, BROKER, Authority, write_private

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = (ADMIN, "node", "release", "supervise", "gateway")
OWNERS: Mapping[str, int] = {
    "broker.pem": 1000,
    "proxy.pem": 99,
    "postgres-password": 70,
    **{f"{name}.pem": 10001 for name in CLIENTS},
    "pgpass": 10001,
}
"""Which user of a container reads which secret: as in docker-compose.yml."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write everything; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.compose", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="new folder for the secrets, outside the checkout")
    parser.add_argument("--site", type=Path, required=True, help="reviewed site file")
    parser.add_argument("--host", default="localhost", help="name under which people reach this host")
    options = parser.parse_args(arguments)
    if options.out.exists():
        sys.stderr.write(f"casebus: {options.out} is there already; secrets are never written over\n")
        return 2
    prepare(options.out, options.site.resolve(strict=True), options.host)
    sys.stderr.write(f"casebus: docker compose --env-file {options.out / 'casebus.env'} up -d\n")
    return 0


def prepare(folder: Path, site: Path, host: str) -> None:
    """Write certificates, passwords and the environment file into a new folder."""
    folder.mkdir(mode=0o700, parents=True)
    authority = Authority(folder)
    authority.make()
    authority.certificate(BROKER, "kafka")
    authority.certificate("proxy", host)
    for name in CLIENTS:
        authority.certificate(name)
    password = secrets.token_urlsafe(32)
    write_private(folder / "postgres-password", password.encode())
    write_private(folder / "pgpass", f"postgres:5432:casebus:casebus:{password}\n".encode())
    (folder / "casebus.env").write_text(environment(folder.resolve(), site), encoding="utf-8")
    if os.geteuid() == 0:
        for name, owner in OWNERS.items():
            os.chown(folder / name, owner, owner)


def environment(folder: Path, site: Path) -> str:
    """Return the environment file: names of things, no secret."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cluster = "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    named = {
        "CASEBUS_VERSION": project["version"],
        "CASEBUS_SECRETS": str(folder),
        "CASEBUS_SITE": str(site),
        "KAFKA_CLUSTER_ID": cluster,
    }
    return "".join(f"{name}={value}\n" for name, value in named.items())


if __name__ == "__main__":
    sys.exit(main())
