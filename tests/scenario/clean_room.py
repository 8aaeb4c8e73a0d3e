"""A Python that has nothing of ours: a fresh environment with `cryptography` alone, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.house.tree import ROOT

VERIFIER = ROOT / "deploy" / "verifier" / "casebus_verify.py"
NEEDED = ("cryptography", "cffi", "_cffi_backend", "pycparser")
"""What a `pip install cryptography` brings."""


@dataclass(frozen=True)
class CleanRoom:
    """An outsider's desk: a Python, the one-file verifier, and the files that were handed over."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> CleanRoom:
        """Make the environment; `cryptography` is linked into it, so that nothing is fetched."""
        venv.create(folder / "python", with_pip=False, symlinks=True)
        (packages,) = (folder / "python" / "lib").glob("python3*/site-packages")
        for name in NEEDED:
            spec = find_spec(name)
            if spec is None or spec.origin is None:
                continue  # a build of `cryptography` without cffi
            origin = Path(spec.origin)
            source = origin.parent if spec.submodule_search_locations else origin
            (packages / source.name).symlink_to(source)
        (folder / "desk").mkdir()
        (folder / "desk" / VERIFIER.name).write_bytes(VERIFIER.read_bytes())
        return cls(folder)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the clean Python at the desk: isolated, with an empty environment."""
        python = self.folder / "python" / "bin" / Path(sys.executable).name
        command = [str(python if python.exists() else python.with_name("python")), "-I", *words]
        desk = self.folder / "desk"
        environment = {"PATH": os.defpath}
        return subprocess.run(
            command, cwd=desk, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def put(self, name: str, content: bytes) -> None:
        """Hand a file over."""
        (self.folder / "desk" / name).write_bytes(content)

    def verify(self, bundle: bytes) -> tuple[int, dict[str, Any]]:
        """Verify a bundle with the key that lies at the desk; return exit code and answer."""
        self.put("bundle.json", bundle)
        done = self.run(VERIFIER.name, "bundle.json", "--public-key", "log.vkey")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def accepted(self, bundles: Sequence[bytes]) -> list[int]:
        """Return the places of those bundles that the verifier takes; one process tries them all."""
        folder = self.folder / "desk" / "many"
        folder.mkdir(exist_ok=True)
        for number, bundle in enumerate(bundles):
            (folder / f"{number}.json").write_bytes(bundle)
        program = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('v', {VERIFIER.name!r})\n"
            "v = importlib.util.module_from_spec(spec); spec.loader.exec_module(v)\n"
            "policy = v.policy_of(b'log ' + open('log.vkey', 'rb').read().strip() + b'\\nquorum none\\n')\n"
            "taken = []\n"
            f"for n in range({len(bundles)}):\n"
            "    try:\n"
            "        v.verify(open(f'many/{n}.json', 'rb').read(), policy); taken.append(n)\n"
            "    except v.Refused: pass\n"
            "print(json.dumps(taken))\n"
        )
        done = self.run("-c", program)
        assert done.returncode == 0, done.stderr
        taken: list[int] = json.loads(done.stdout)
        return taken
