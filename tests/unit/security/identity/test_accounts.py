"""Local accounts: argon2id, one answer for every failure, a brake that lets go by itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from schemas.clock import SECOND, ManualClock
from security.identity.accounts import Accounts, PasswordError, SignInError, TooManyAttemptsError
from security.identity.stored import IdentityDamagedError

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
RIGHT = "correct horse battery"


@pytest.fixture
def clock() -> ManualClock:
    """A clock that is moved by hand."""
    return ManualClock(1)


@pytest.fixture
def accounts(tmp_path: Path, clock: ManualClock) -> Accounts:
    """Accounts with one person."""
    made = Accounts(tmp_path / "people.json", clock, QUICK)
    made.set_password("prosecutor", RIGHT)
    return made


def fails(accounts: Accounts, name: str = "prosecutor", password: str = "wrong password") -> None:  # noqa: S107
    """One refused attempt."""
    with pytest.raises(SignInError):
        accounts.check(name, password)


def test_the_right_password_is_let_in(accounts: Accounts) -> None:
    """The right password passes; a wrong one, another's and an unknown account get the same answer."""
    accounts.set_password("police", RIGHT + "2")

    accounts.check("prosecutor", RIGHT)

    said = set()
    for name, password in (("prosecutor", "wrong"), ("prosecutor", RIGHT + "2"), ("nobody", RIGHT), ("", "")):
        with pytest.raises(SignInError) as caught:
            accounts.check(name, password)
        said.add((caught.value.code, caught.value.message("zh"), str(caught.value.fields), caught.value.http_status))
    assert said == {("identity.sign_in", "账号或口令不正确", "{}", 401)}


def test_the_file_is_private_and_holds_argon2id(accounts: Accounts, tmp_path: Path) -> None:
    """What lies on disk is an argon2id hash in a file of mode 0600."""
    path = tmp_path / "people.json"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "$argon2id$" in path.read_text()
    assert RIGHT not in path.read_text()


def test_real_hashes_are_slow_enough() -> None:
    """Without another hasher the library's own recommendation is used: argon2id, at least 19 MiB (RFC 9106, OWASP)."""
    real = Accounts(Path("unused"), ManualClock())._hasher

    assert real.type.name == "ID"
    assert real.memory_cost >= 19 * 1024


def test_an_account_survives_a_restart(accounts: Accounts, tmp_path: Path, clock: ManualClock) -> None:
    """Another process checks against the same file."""
    Accounts(tmp_path / "people.json", clock, QUICK).check("prosecutor", RIGHT)
    assert accounts.names() == ("prosecutor",)


def test_a_disabled_account_is_shut(accounts: Accounts) -> None:
    """A disabled account gets the answer of a wrong password; an unknown one can be disabled without effect."""
    accounts.disable("prosecutor")
    accounts.disable("nobody")

    fails(accounts, password=RIGHT)
    assert accounts.names() == ()


def test_a_short_password_is_refused(accounts: Accounts) -> None:
    """Nine characters are too few; the error does not repeat them."""
    with pytest.raises(PasswordError) as caught:
        accounts.set_password("police", "ninechars")

    assert "ninechars" not in str(caught.value)


def test_guessing_is_braked_and_the_brake_lets_go(accounts: Accounts, clock: ManualClock) -> None:
    """After five failures the account waits, twice as long each time, and the right password ends it."""
    for _ in range(5):
        fails(accounts)
    with pytest.raises(TooManyAttemptsError) as caught:
        accounts.check("prosecutor", RIGHT)
    assert (caught.value.fields["seconds"], caught.value.http_status) == (15, 429)

    clock.advance_to(clock.now + 15 * SECOND)
    fails(accounts)
    clock.advance_to(clock.now + 29 * SECOND)
    with pytest.raises(TooManyAttemptsError):
        accounts.check("prosecutor", RIGHT)
    clock.advance_to(clock.now + SECOND)
    accounts.check("prosecutor", RIGHT)
    fails(accounts)
    accounts.check("prosecutor", RIGHT)


def test_the_longest_wait_is_a_quarter_of_an_hour(accounts: Accounts, clock: ManualClock) -> None:
    """However often somebody guesses, the account answers again after fifteen minutes."""
    for _ in range(40):
        fails(accounts)
        clock.advance_to(clock.now + 900 * SECOND)

    accounts.check("prosecutor", RIGHT)


def test_one_account_does_not_brake_another(accounts: Accounts) -> None:
    """Failures of one name do not touch others."""
    for _ in range(5):
        fails(accounts, "nobody")

    accounts.check("prosecutor", RIGHT)


def test_a_weaker_hash_is_renewed(accounts: Accounts, tmp_path: Path, clock: ManualClock) -> None:
    """After a sign-in the hash is as strong as is asked for today."""
    stronger = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)

    Accounts(tmp_path / "people.json", clock, stronger).check("prosecutor", RIGHT)

    assert "t=2" in (tmp_path / "people.json").read_text()


@pytest.mark.parametrize("content", ["", "[]", '{"a": {"passwort": 1}}'])
def test_a_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    """A file that does not parse is integrity broken, not an empty list of accounts."""
    path = tmp_path / "people.json"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(IdentityDamagedError) as caught:
        Accounts(path, ManualClock(), QUICK).names()

    assert caught.value.exit_code == 6


def test_a_hash_that_is_none_lets_nobody_in(tmp_path: Path) -> None:
    """An entry whose hash is no hash is a refusal, not a crash."""
    path = tmp_path / "people.json"
    path.write_text('{"a": {"password": "plain", "disabled": false}}')
    path.chmod(0o600)

    fails(Accounts(path, ManualClock(), QUICK), "a", "plain")
