"""`./run kafka up|down|status|lock`: a local Kafka for tests, trials and small sites."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.kafka.certificates import ADMIN
from deploy.kafka.cluster import Cluster
from deploy.kafka.failure import LocalKafkaError
from deploy.kafka.libraries import lock

DEFAULT = Path(".casebus/kafka")
UNAVAILABLE = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the verb says; return the exit code."""
    options = parsed(arguments)
    try:
        return {"up": up, "down": down, "status": status, "lock": relock}[options.verb](options)
    except LocalKafkaError as error:
        sys.stderr.write(f"casebus: {error}\n")
        return UNAVAILABLE


def up(options: argparse.Namespace) -> int:
    """Start the cluster of the folder, made first where there is none."""
    wanted = (options.brokers, options.tls)
    cluster = Cluster.load(options.data)
    if cluster is None:
        cluster = Cluster.make(options.data, options.brokers or 1, tls=options.tls)
    elif options.brokers not in {None, len(cluster.seats)} or (options.tls and not cluster.tls):
        raise LocalKafkaError(
            f"{options.data} holds {len(cluster.seats)} brokers, tls {cluster.tls}; you asked for {wanted}",
            "name another --data, or take that folder away",
        )
    cluster.start()
    return tell(cluster, options)


def down(options: argparse.Namespace) -> int:
    """Stop the cluster of the folder; its data stays."""
    cluster = Cluster.load(options.data)
    if cluster is None:
        raise LocalKafkaError(f"there is no cluster in {options.data}", "check --data")
    cluster.stop()
    return tell(cluster, options)


def status(options: argparse.Namespace) -> int:
    """Say what runs; exit 1 where a broker is missing."""
    cluster = Cluster.load(options.data)
    if cluster is None:
        raise LocalKafkaError(f"there is no cluster in {options.data}", "./run kafka up")
    tell(cluster, options)
    return 0 if len(cluster.running()) == len(cluster.seats) else 1


def relock(options: argparse.Namespace) -> int:
    """Write libs.sha256 anew from what pom.xml names."""
    del options
    sys.stderr.write(f"casebus: {lock()} files locked in deploy/kafka/libs.sha256; look at the difference\n")
    return 0


def tell(cluster: Cluster, options: argparse.Namespace) -> int:
    """Print where the cluster is."""
    document: dict[str, Any] = {
        "bootstrap": cluster.bootstrap,
        "brokers": len(cluster.seats),
        "running": cluster.running(),
        "pids": [cluster.processes[number].pid for number in cluster.running()],
        "tls": cluster.tls,
        "environment": cluster.address(ADMIN).environment(),
    }
    if options.json:
        sys.stdout.write(json.dumps(document) + "\n")
        return 0
    sys.stdout.write(f"{len(document['running'])} of {document['brokers']} brokers run: {cluster.bootstrap}\n")
    for name, value in document["environment"].items() if document["running"] else ():
        sys.stdout.write(f"  export {name}={value}\n")
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./run kafka", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "status", "lock"))
    parser.add_argument("--brokers", type=int, choices=(1, 3), help="one, or three of which one may be lost")
    parser.add_argument("--tls", action="store_true", help="TLS with client certificates and access rules")
    parser.add_argument("--data", type=Path, default=DEFAULT, help=f"folder of the cluster (default {DEFAULT})")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
