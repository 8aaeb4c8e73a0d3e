"""Reading files as rows: a bad line costs only itself, and is named by its own number."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.importer import lines as lines_module
from services.importer.lines import FileBrokenError, FileMissingError, blocks, header
from services.importer.mapping import FileForm
from services.importer.place import Place
from tests.unit.services.importer.conftest import WriteFile

FORM = FileForm()


def rows_of(path: Path, form: FileForm = FORM, start: int = 1) -> list[tuple[Place, list[str]]]:
    """Return every row with its line."""
    return [pair for block in blocks(path, form, start) for pair in zip(block.places, block.rows, strict=True)]


def faults_of(path: Path, form: FileForm = FORM, start: int = 1) -> list[tuple[Place, str]]:
    """Return every rejected line with its code."""
    return [(r.place, r.code) for block in blocks(path, form, start) for r in block.rejections]


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "packed-under-a-plain-name.gz"])
def test_rows_carry_the_number_of_their_line(write: WriteFile, name: str) -> None:
    """Plain or packed, the header is line 1."""
    path = write("a,b", "1,2", '3,"4,5"', name=name)

    assert rows_of(path) == [(1, ["a", "b"]), (2, ["1", "2"]), (3, ["3", "4,5"])]


def test_a_quote_that_never_closes_costs_one_line(write: WriteFile) -> None:
    """The rows it would have swallowed are kept, with their own numbers."""
    path = write("a,b", '1,"open', "3,4", "5,6")

    assert faults_of(path) == [(2, "importer.quoting")]
    assert rows_of(path) == [(1, ["a", "b"]), (3, ["3", "4"]), (4, ["5", "6"])]


def test_quotes_that_pair_up_over_lines_are_found_too(write: WriteFile) -> None:
    """Two stray quotes make one long field for the csv module; the line it begins on is named, the others are read."""
    path = write("a,b", '1,"open', '2,close"', "5,6")

    assert faults_of(path) == [(2, "importer.quoting")]
    assert [line for line, _ in rows_of(path)] == [1, 3, 4]


def test_bytes_of_another_encoding_cost_one_line(write: WriteFile) -> None:
    """The neighbours of an undecodable line are kept."""
    path = write("a,b", b"1,\xff\xfe", "3,4")

    assert faults_of(path) == [(2, "importer.encoding")]
    assert rows_of(path)[1] == (3, ["3", "4"])


def test_chinese_files_are_read_in_their_own_encoding(write: WriteFile) -> None:
    """GB 18030 is what many systems write."""
    path = write("案号,日期".encode("gb18030"), "（2025）示0101刑初1号,2025-01-01".encode("gb18030"))

    assert rows_of(path, FileForm(encoding="gb18030"))[1][1][0] == "（2025）示0101刑初1号"


def test_a_byte_order_mark_and_windows_line_ends_are_no_data(write: WriteFile) -> None:
    """Files from spreadsheets read like others."""
    path = write(b"\xef\xbb\xbfa,b", "1,2", end=b"\r\n")

    assert rows_of(path) == [(1, ["a", "b"]), (2, ["1", "2"])]


def test_reading_goes_on_from_a_line(write: WriteFile) -> None:
    """A resumed run sees the same rows with the same numbers."""
    path = write("a", *[str(n) for n in range(2, 50)])

    assert rows_of(path, start=30) == rows_of(path)[29:]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=8), max_size=30), st.data())
def test_block_borders_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    """Whatever the size of a block, rows and faults are the same."""
    path = tmp_path_factory.mktemp("lines") / "log.csv"
    path.write_bytes("\n".join(["h", *texts, ""]).encode())
    whole = rows_of(path), faults_of(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "BLOCK", data.draw(st.integers(1, 16)))
        parts = rows_of(path), faults_of(path)

    assert parts == whole
    assert len(whole[0]) + len(whole[1]) == len(texts) + 1


def test_a_line_without_end_is_refused_in_bounded_memory(write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line over the limit is rejected; the next one is read."""
    monkeypatch.setattr(lines_module, "BLOCK", 64)
    monkeypatch.setattr(lines_module, "LINE_LIMIT", 64)
    path = write("a,b", "1," + "x" * 1000, "3,4")

    assert faults_of(path) == [(2, "importer.line_too_long")]
    assert rows_of(path) == [(1, ["a", "b"]), (3, ["3", "4"])]


def test_fields_with_line_ends_are_read_where_the_mapping_says_so(write: WriteFile) -> None:
    """A row is numbered by the line it begins on."""
    path = write("a,b", '1,"two', 'lines"', "3,4")

    assert rows_of(path, FileForm(multiline=True)) == [(1, ["a", "b"]), (2, ["1", "two\nlines"]), (4, ["3", "4"])]


def test_a_bad_multiline_row_costs_only_itself(write: WriteFile) -> None:
    """A quote in the wrong place and bytes of another encoding are named by their lines."""
    path = write("a,b", '1,"x"y', b"2,\xff", "3,4")

    assert faults_of(path, FileForm(multiline=True)) == [(2, "importer.quoting"), (3, "importer.encoding")]
    assert rows_of(path, FileForm(multiline=True))[1:] == [(4, ["3", "4"])]


def test_a_cut_archive_is_an_error_not_an_end(tmp_path: Path) -> None:
    """Half an archive must not look like a short file."""
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-10])

    with pytest.raises(FileBrokenError) as caught:
        rows_of(path)

    assert caught.value.exit_code == 1


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """A path that is not there exits with 3."""
    with pytest.raises(FileMissingError):
        rows_of(tmp_path / "none.csv")


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    """Nothing to map is an error, not zero rows."""
    path = tmp_path / "log.csv"
    path.write_bytes(b"")

    with pytest.raises(FileBrokenError):
        header(path, FORM)
