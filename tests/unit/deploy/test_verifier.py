"""The one-file verifier, in an environment that has nothing of ours, says what ours says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import _cffi_backend  # type: ignore[import-untyped]
import cryptography
import pytest

from schemas.errors import IntegrityError
from security.audit.bundle import verify_bundle
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from tests.house.tree import ROOT
from tests.unit.security.audit.evidence_shop import POLICY, forgeries, resealed, witnessed
from tests.unit.security.audit.workshop import KEY, filled

SCRIPT = ROOT / "deploy" / "verifier" / "casebus_verify.py"
ALONE = """
import importlib.util, json, runpy, sys
sys.path.append(sys.argv[1])
for ours in ("security", "schemas", "services", "streams", "msgspec"):
    assert importlib.util.find_spec(ours) is None, ours
script = runpy.run_path(sys.argv[2])
policy = script["policy_of"](open(sys.argv[3], "rb").read())
for name in sys.argv[4:]:
    try:
        said = script["verify"](open(name, "rb").read(), policy)
    except script["Refused"] as error:
        said = {"ok": False, "code": str(error).partition(": ")[0]}
    print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cryptography` and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    package = Path(cryptography.__file__).parent
    (folder / "cryptography").symlink_to(package)
    (folder / Path(_cffi_backend.__file__).name).symlink_to(_cffi_backend.__file__)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A bundle and the earlier head in it."""
    evidence, earlier = witnessed(tmp_path_factory.mktemp("log") / "audit")
    return evidence.bundle((0, 100, 101, 255, 299), earlier), earlier


def ours(content: bytes) -> dict[str, object]:
    """Return what our verifier says, in the words of the script."""
    try:
        said = verify_bundle(content, POLICY).as_dict()
    except IntegrityError as error:
        return {"ok": False, "code": error.code}
    del said["faults"]
    return said


def test_it_agrees_with_ours(bare: Path, made: tuple[bytes, str], tmp_path: Path) -> None:
    """Good and altered bundles: the script accepts and refuses what ours does, with the same codes."""
    contents = [made[0], made[0] + b" ", made[0][:-9], b"", b"{}", b"\xff", made[0].replace(b"release", b"relaese", 1)]
    for _, change, _ in forgeries(made[1]):
        document = json.loads(made[0])
        change(document)
        contents.append(resealed(document))
    (tmp_path / "policy").write_text(POLICY.text, encoding="utf-8")
    names = []
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
        names.append(str(tmp_path / str(number)))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, str(bare), str(SCRIPT), str(tmp_path / "policy"), *names],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert said == [ours(content) for content in contents]
    assert [each["ok"] for each in said] == [True] + [False] * (len(contents) - 1)


def run_script(bare: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a person would."""
    # argv[0] of the script is the script itself, as if it had been called by its name.
    code = (
        f"import runpy, sys; sys.path.append({str(bare)!r}); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_as_a_command(bare: Path, tmp_path: Path) -> None:
    """With the log's key alone: exit 0 for a good bundle, 6 with a code for a changed one, 2 for a wrong call."""
    evidence = Evidence.open(filled(tmp_path / "audit"), Policy.of_key(KEY))
    bundle, key, policy = tmp_path / "bundle.json", tmp_path / "log.vkey", tmp_path / "policy"
    bundle.write_bytes(evidence.bundle([3]))
    key.write_text(KEY.text + "\n", encoding="utf-8")
    policy.write_text("nothing", encoding="utf-8")

    good = run_script(bare, str(bundle), "--public-key", str(key))
    assert (good.returncode, json.loads(good.stdout)["seqs"]) == (0, [3])
    for wrong in ((str(bundle),), (str(bundle), "--policy", str(policy)), ("missing", "--public-key", str(key))):
        assert run_script(bare, *wrong).returncode == 2
    bundle.write_bytes(bundle.read_bytes().replace(b"m3", b"m4"))
    bad = run_script(bare, str(bundle), "--public-key", str(key))
    assert (bad.returncode, json.loads(bad.stdout)["code"]) == (6, "bundle.checksum")
