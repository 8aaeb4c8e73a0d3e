"""Search: the index finds what reading everything finds, every hit is proved, and an index that lies is found out."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import ManualClock
from security.audit.errors import AuditTamperedError
from security.audit.policy import Policy
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.released import released
from security.audit.terms import Question
from services.auditor.errors import IndexLiesError
from services.auditor.index import AuditIndex
from services.auditor.index_check import check_index
from services.auditor.search import Answer, Searcher
from tests.unit.security.audit.retirement_shop import RECORDS, let_go, old_log
from tests.unit.security.audit.workshop import KEY, NOW, abandon, open_log, segments

POLICY = Policy.of_key(KEY)
PERSON = "ab" * 32
CASE = "cd" * 32


def entry(number: int) -> Entry:
    """Return one of several kinds of records."""
    draw = random.Random(number)  # noqa: S311 - reproducible
    case = CASE if number % 97 == 5 else f"{draw.randrange(50):064x}"
    match number % 4:
        case 0:
            data: dict[str, Any] = {
                "events": [f"{number * 8 + n:032x}" for n in range(draw.randrange(1, 5))],
                "withheld": 1,
            }
            sub = f"sub-{draw.randrange(3)}"
            return Entry(act="release", obj=sub, org="o1", purpose="p", pol="pol-1", idem=f"i{number}", data=data)
        case 1:
            return Entry(act="open", actor=f"a{draw.randrange(5)}", role="officer", case=case, obj=f"{number:032x}")
        case 2:
            who = PERSON if number % 211 == 2 else f"{draw.randrange(99):064x}"
            return Entry(act="search", actor="a1", out="denied" if number % 3 else "ok", data={"person": who})
        case _:
            return Entry(act="publish", org=f"o{draw.randrange(3)}", data={"events": [f"{number * 8:032x}"]})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 3,000 records over three hours, 100 of them above the signed head."""
    directory = tmp_path_factory.mktemp("log") / "audit"
    clock = ManualClock(NOW)
    log = open_log(directory, span=10, clock=clock, step=1 << 20)
    for first in range(0, 2_900, 50):
        log.append([entry(first + n) for n in range(50)])
        clock.now += 180_000_000
    log.checkpoint()
    log.append([entry(2_900 + n) for n in range(100)])
    abandon(log)
    return directory


@pytest.fixture
def searcher(log: Path, tmp_path: Path) -> Iterator[Searcher]:
    """The log, open for searching."""
    with Searcher.open(log, POLICY, tmp_path / "index.db") as found:
        yield found


QUESTIONS = {
    "everything": Question(),
    "an act": Question(act=("open",)),
    "two acts": Question(act=("open", "search")),
    "a case": Question(case=(CASE,)),
    "a person": Question(person=(PERSON,)),
    "an event": Question(event=(f"{8 * 400:032x}",)),
    "events": Question(event=(f"{8 * 400:032x}", f"{8 * 3 + 1:032x}", f"{1:032x}")),
    "an event that was opened": Question(event=(f"{5:032x}",)),
    "a receiver": Question(sub=("sub-1",)),
    "an actor with an outcome": Question(actor=("a1",), out=("denied",)),
    "an actor in a role": Question(actor=("a1",), role=("officer",)),
    "no actor": Question(actor=("",)),
    "a purpose of an organisation": Question(purpose=("p",), org=("o1",)),
    "a time": Question(since=NOW + 3_600_000_000, until=NOW + 7_200_000_000),
    "an act at a time": Question(act=("open",), since=NOW + 3_600_000_000, until=NOW + 3_600_000_000),
    "before everything": Question(until=NOW - 1),
    "after everything": Question(since=NOW + 10**15),
    "nothing": Question(case=("ef" * 32,)),
    "two that never meet": Question(act=("open",), person=(PERSON,)),
    "an object": Question(obj=("sub-2",)),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_index_finds_what_reading_finds(searcher: Searcher, log: Path, name: str) -> None:
    """Every question has the answer that reading the whole log gives, and the exhaustive search agrees."""
    question = QUESTIONS[name]
    expected = [(one.seq, one.leaf) for one in read(log) if question.matches(one.record)]

    for exhaustive in (False, True):
        answer = searcher.search(question, 10_000, exhaustive=exhaustive)
        assert [(hit.seq, hit.leaf) for hit in answer.hits] == expected
        assert (answer.found, answer.complete, answer.size) == (len(expected), exhaustive, 2_900)
        assert all(hit.signed == (hit.seq < 2_900) for hit in answer.hits)
        assert not exhaustive or answer.scanned == 3_000


def test_questions_find_something(searcher: Searcher) -> None:
    """The questions of these tests are no empty ones, and a rare value is found by reading little."""
    empty = {name for name, question in QUESTIONS.items() if not searcher.search(question).found}
    answer = searcher.search(QUESTIONS["a person"])

    assert empty == {"before everything", "after everything", "nothing", "two that never meet"}
    assert 0 < answer.found < 20
    assert searcher.search(QUESTIONS["nothing"]).scanned == 3_000 % 256 + 0 == 3_000 - 11 * 256
    assert len(searcher.search(Question(), 5).hits) == 5


def test_an_index_is_made_anew(log: Path, tmp_path: Path) -> None:
    """An index of another log, of another version, or that is no database is thrown away and made again."""
    path = tmp_path / "index.db"
    expected = answers(log, tmp_path / "fresh.db")
    other = open_log(tmp_path / "audit", span=10)
    other.append([entry(n + 7) for n in range(600)])
    other.close()
    Searcher.open(tmp_path / "audit", POLICY, path).index.close()
    assert answers(log, path) == expected
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()
    assert answers(log, path) == expected
    path.write_bytes(b"no database at all" * 500)
    assert answers(log, path) == expected


def answers(log: Path, path: Path) -> list[Answer]:
    """Return the answers to all questions."""
    with Searcher.open(log, POLICY, path) as searcher:
        return [searcher.search(question) for question in QUESTIONS.values()]


def test_following_a_log_that_grows(tmp_path: Path) -> None:
    """Opened again and again beside the writer, the index takes up only what is new, and answers the same."""
    log = open_log(tmp_path / "audit", span=10)
    rows = 0
    for first in range(0, 1_500, 300):
        log.append([entry(first + n) for n in range(300)])
        log.checkpoint()
        with Searcher.open(tmp_path / "audit", POLICY, tmp_path / "index.db") as searcher:
            rows += searcher.index.rows
            found = searcher.search(Question(act=("open",)))
            assert found.found == (first + 300) // 4
    log.close()
    with Searcher.open(tmp_path / "audit", POLICY, tmp_path / "again.db") as searcher:
        assert searcher.index.rows == rows


LIES = {
    "a run's hash": "UPDATE runs SET tile = zeroblob(32) WHERE number = 3",
    "where a run begins": "UPDATE runs SET offset = offset + 1 WHERE number = 3",
    "in which file": "UPDATE runs SET file = 0 WHERE number = 7",
    "the leaf before": "UPDATE runs SET prev = zeroblob(32) WHERE number = 3",
    "the roots of its blocks": "UPDATE runs SET blocks = zeroblob(1280) WHERE number = 3",
    "its blocks are missing": "UPDATE runs SET blocks = zeroblob(3) WHERE number = 3",
    "blocks of another run": "UPDATE runs SET blocks = (SELECT blocks FROM runs WHERE number = 4) WHERE number = 3",
    "a run is missing": "DELETE FROM runs WHERE number = 3",
    "runs exchanged": "UPDATE runs SET number = CASE number WHEN 3 THEN -4 ELSE -3 END WHERE number IN (3, 4)",
}


PLACES = {
    "where a run begins",
    "in which file",
    "the leaf before",
    "the roots of its blocks",
    "its blocks are missing",
    "blocks of another run",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_index_that_lies_about_runs(log: Path, tmp_path: Path, lie: str) -> None:
    """A changed hash makes it anew; a changed place is found when it is read; nothing false is ever shown."""
    path = tmp_path / "index.db"
    expected = answers(log, path)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(LIES[lie])
    database.execute("UPDATE runs SET number = -number WHERE number < 0")
    database.close()

    if lie in PLACES:
        with pytest.raises(IndexLiesError):
            answers(log, path)
    else:
        assert answers(log, path) == expected


def test_an_index_that_hides_a_hit(log: Path, tmp_path: Path) -> None:
    """Terms taken out of the index hide hits from a search, and the exhaustive search says so."""
    path = tmp_path / "index.db"
    question = QUESTIONS["a person"]
    (term,) = question.conditions[0].terms
    with Searcher.open(log, POLICY, path) as searcher:
        whole = searcher.search(question).found
        searcher.index._database.execute("DELETE FROM terms_0 WHERE term = ?", (term,))
        assert searcher.search(question).found < whole
        with pytest.raises(IndexLiesError):
            searcher.search(question, exhaustive=True)
        searcher.index.clear()


def test_terms_that_are_too_many_cost_time_only(log: Path, tmp_path: Path) -> None:
    """Terms put into the index for runs that do not hold them bring up no hit."""
    question = QUESTIONS["nothing"]
    (term,) = question.conditions[0].terms
    with Searcher.open(log, POLICY, tmp_path / "index.db") as searcher:
        searcher.index._database.execute("INSERT INTO terms_0 SELECT ?, number * 256 + 32 FROM runs", (term,))
        assert searcher.search(question).found == 0
        assert searcher.search(question, exhaustive=True).found == 0


def test_a_changed_log_is_not_searched_in_silence(tmp_path: Path) -> None:
    """A record changed after it was indexed, or before: no answer is given over it."""
    directory = tmp_path / "audit"
    log = open_log(directory, span=10)
    log.append([entry(n) for n in range(600)])
    log.close()
    with Searcher.open(directory, POLICY, tmp_path / "index.db") as searcher:
        path = segments(directory)[0]
        path.write_bytes(path.read_bytes().replace(b'"sub-1"', b'"sub-9"', 1))
        with pytest.raises(IndexLiesError):
            searcher.search(Question(act=("release",)))
    with pytest.raises(AuditTamperedError):
        Searcher.open(directory, POLICY, tmp_path / "other.db")


def test_what_was_released_to_whom(searcher: Searcher) -> None:
    """Manifests expand to one line an event and receiver, for the events asked for."""
    event = f"{8 * 400:032x}"
    records = [hit.record for hit in searcher.search(Question(event=(event,))).hits]
    (told,) = released(records, {event})

    assert (told.event, told.org, told.purpose, told.policy, told.withheld) == (event, "o1", "p", "pol-1", 1)
    assert told.seqs == (400,)
    assert set(told.as_dict()) >= {"event", "sub", "ts", "epoch"}


def test_a_manifest_that_stands_twice_is_one_release() -> None:
    """Repeated manifests of one id are told once, with every record; other ids, refusals and acts stay apart."""

    def manifest(seq: int, idem: str, **changes: Any) -> Entry:
        said = {"act": "release", "obj": "s", "idem": idem, "seq": seq, "data": {"events": ["e1", "e2"]}, **changes}
        return Entry(**said)

    told = released(
        [
            manifest(1, "a"),
            manifest(2, "a"),
            manifest(3, "b"),
            manifest(4, ""),
            manifest(5, ""),
            manifest(6, "c", out="denied"),
            manifest(7, "d", act="publish"),
            manifest(8, "e", data={"events": "e1"}),
        ],
        {"e1"},
    )

    assert [(each.event, each.seqs) for each in told] == [("e1", (1, 2)), ("e1", (3,)), ("e1", (4,)), ("e1", (5,))]


def test_the_index_opens_where_it_may(tmp_path: Path) -> None:
    """An index counts nothing before it follows a log, and closes."""
    index = AuditIndex(tmp_path / "index.db")
    assert (index.rows, index.candidates(Question(), 2)) == (0, [(0, 256), (256, 256)])
    index.close()


def test_what_was_retired_is_counted_and_not_searched(tmp_path: Path) -> None:
    """An index of before still points there: its hits are left out, the rest is found; made anew it says the same."""
    directory, path = old_log(tmp_path / "audit"), tmp_path / "index.db"
    question = Question(act=("erase", "release"))
    with Searcher.open(directory, POLICY, path) as searcher:
        before = searcher.search(question, 2_000)
    let_go(directory, 2)
    for exhaustive in (False, True):
        with Searcher.open(directory, POLICY, path) as searcher:
            after = searcher.search(question, 2_000, exhaustive=exhaustive)
        assert (before.retired, after.retired) == (0, 2 * RECORDS)
        assert [hit.seq for hit in after.hits] == [hit.seq for hit in before.hits if hit.seq >= 2 * RECORDS]
        path.unlink()
    Searcher.open(directory, POLICY, path).index.close()
    report = check_index(directory, path)
    assert report
    assert (report.runs, report.lies) == (3, ())
