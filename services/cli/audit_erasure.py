"""`casebus audit hold|erase …`: a person's names and numbers are held, or erased by destroying their key.

The node must be stopped. Whoever acts signs in with the account's password; every step is a record of the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail

if TYPE_CHECKING:
    from security.erasure import Erasing
    from security.vault import Subject

hold = typer.Typer(no_args_is_help=True, help="Legal holds on a person: set, lift.")
erase = typer.Typer(no_args_is_help=True, help="Erase a person from the vault: request, approve, show.")

Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Person key, 66 hex digits.")]
By = Annotated[str, typer.Option("--by", help="Your account.")]
Password = Annotated[Path | None, typer.Option("--password-file", help="File with your password; else it is asked.")]
DEFAULT_DATA = Path(".casebus/data")
PERSON_KEY = re.compile(r"[0-9a-f]{66}")
Step = Callable[["Erasing", bytes], Any]


@hold.command("set")
def set_hold(
    person: Person,
    ref: Annotated[str, typer.Option("--ref", help="Number of the document that orders it.")],
    by: By,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Set a legal hold: nothing of this person can be erased."""
    _do(data, by, password_file, person, lambda e, p: e.hold(p, ref, by), as_json=as_json)


@hold.command()
def lift(
    person: Person,
    ref: Annotated[str, typer.Option("--ref", help="Number of the document that ordered it.")],
    by: By,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Lift a legal hold; not by whoever set it."""
    _do(data, by, password_file, person, lambda e, p: e.lift(p, ref, by), as_json=as_json)


@erase.command()
def request(
    person: Person,
    basis: Annotated[str, typer.Option("--basis", help="Legal basis, such as PIPL-47.")],
    by: By,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Ask for an erasure; two others must approve it."""
    _do(data, by, password_file, person, lambda e, p: e.request(p, basis, by), as_json=as_json)


@erase.command()
def approve(
    person: Person, by: By, password_file: Password = None, data: Data = DEFAULT_DATA, as_json: Json = False
) -> None:
    """Approve an erasure; the second approval destroys the key and the blobs."""
    _do(data, by, password_file, person, lambda e, p: e.approve(p, by), as_json=as_json)


@erase.command()
def show(
    person: Person, by: By, password_file: Password = None, data: Data = DEFAULT_DATA, as_json: Json = False
) -> None:
    """Show what stands: holds, the request and its approvals; nothing of what is kept."""
    _do(data, by, password_file, person, lambda e, p: e.vault.subject(p), as_json=as_json)


def _do(data: Path, by: str, password_file: Path | None, person: str, step: Step, *, as_json: bool) -> None:
    from schemas.errors import CasebusError

    if not PERSON_KEY.fullmatch(person):
        raise typer.BadParameter("66 hex digits", param_hint="PERSON")
    password = asked_password(password_file)
    try:
        with _erasing(data, by, password) as erasing:
            done = step(erasing, bytes.fromhex(person))
            emit(_document(erasing, bytes.fromhex(person), done), as_json=as_json)
    except CasebusError as error:
        fail(error, as_json=as_json)


def _document(erasing: Erasing, person: bytes, done: Any) -> dict[str, Any]:
    if isinstance(done, int):
        return {"erased": True, "record": done}
    return {"erased": False, **_plain(erasing.vault.subject(person))}


def _plain(subject: Subject) -> dict[str, Any]:
    asked = subject.erasure
    return {
        "kid": subject.kid,
        "holds": [{"ref": each.ref, "by": each.by, "at": each.at} for each in subject.holds],
        "erasure": None
        if asked is None
        else {"by": asked.by, "basis": asked.basis, "at": asked.at, "approvals": list(asked.approvals)},
    }


@contextmanager
def _erasing(data: Path, by: str, password: str) -> Iterator[Erasing]:
    """Open the stopped node, sign in, and give the steps."""
    from security.erasure import Erasing
    from security.identity.accounts import SignInError
    from services.node.node import open_node

    node = open_node(data)
    try:
        token = node.signed_in.sign_in(by, password)
        person = node.signed_in.person(token)
        if person is None:
            raise SignInError
        yield Erasing(node.vault, node.audit, node.clock, person.organisation, person.role)
        node.signed_in.sign_out(token)
    finally:
        node.close()


def asked_password(file: Path | None) -> str:
    """Return the password in a file, or ask for it."""
    if file is None:
        asked: str = typer.prompt("password", hide_input=True, err=True)
        return asked
    return file.read_text(encoding="utf-8").strip()
