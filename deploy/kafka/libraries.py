"""Kafka's own files: fetched once by Maven as pom.xml pins them, held against libs.sha256, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.kafka.failure import LocalKafkaError

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
LOCK = HERE / "libs.sha256"
FETCH_SECONDS = 600


def libraries() -> Path:
    """Return the folder of Kafka's files, fetching it the first time.

    Raises:
        LocalKafkaError: they are not in the cache and cannot be fetched, or are not what was locked.
    """
    folder = cache() / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            fetch(Path(fresh) / "libs")
            require_locked(Path(fresh) / "libs")
            install(Path(fresh) / "libs", folder)
    return folder


def cache() -> Path:
    """Return the folder for what can be fetched again: `XDG_CACHE_HOME`, else the user's own."""
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "casebus"


def fetch(target: Path) -> None:
    """Let Maven copy what pom.xml names into `target`."""
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalKafkaError(
            "Kafka's files are not in the cache, and there is no Maven to fetch them",
            "apt-get install maven (once; afterwards the cache serves), or use a Kafka that runs elsewhere",
        )
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    options = [f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode or not target.is_dir():
        said = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        raise LocalKafkaError(
            f"Maven could not fetch Kafka: {said[0] if said else 'no answer'}",
            "check the network and the mirrors in ~/.m2/settings.xml, then run the same command again",
        )


def install(fresh: Path, folder: Path) -> None:
    """Put a fetched folder in its place; another process that was quicker wins."""
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def require_locked(folder: Path) -> None:
    """Hold every file against libs.sha256: no other file, none missing, none altered."""
    lines = [line.split("  ", 1) for line in LOCK.read_text(encoding="utf-8").splitlines()]
    wanted = {name: digest for digest, name in lines}
    found = digests(folder)
    if found != wanted:
        wrong = sorted({name for name, _ in set(found.items()) ^ set(wanted.items())})
        raise LocalKafkaError(
            f"Kafka's files are not the locked ones: {', '.join(wrong[:5])}",
            "do not run them; compare deploy/kafka/libs.sha256 with your mirror, and lock anew only what you checked",
        )


def digests(folder: Path) -> dict[str, str]:
    """Map each file of a folder to its SHA-256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.jar"))}


def lock() -> int:
    """Fetch what pom.xml names and write libs.sha256 anew; return the number of files."""
    with tempfile.TemporaryDirectory() as fresh:
        fetch(Path(fresh) / "libs")
        found = digests(Path(fresh) / "libs")
    LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()), encoding="utf-8")
    return len(found)
