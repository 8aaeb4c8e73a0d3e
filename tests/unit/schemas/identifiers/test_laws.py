"""Laws of identifiers: a normal form is its own normal form, writing does not matter, districts roll up as a tree."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from schemas import districts
from schemas.districts import rollup
from schemas.identifiers import EXAMPLES, FORMATS, IdentifierError, IdNumber, UnifiedCreditCode
from schemas.identifiers.cases import KINDS

WIDE = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
CODES = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)
REAL = ("310101", "310115", "310118", "500103", "330702", "110102", "360902")
"""Districts of GB/T 2260 that the domain's sources name."""

CREDIT_CODES = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=8, max_size=8).map(
    lambda body: UnifiedCreditCode.of("990101", body).text
)
NUMBERS = st.one_of(
    *(st.tuples(st.just(kind.kind), st.from_regex(kind.pattern, fullmatch=True)) for kind in KINDS),
    st.tuples(st.just("district"), CODES),
    st.tuples(st.just("unit"), st.from_regex(r"[1-9][0-9]{11}", fullmatch=True)),
    st.tuples(st.just("uscc"), CREDIT_CODES),
)


@given(NUMBERS)
def test_normalising_is_idempotent(number: tuple[str, str]) -> None:
    """Whatever is taken is written in one form, and that form is taken as it stands."""
    kind, text = number
    try:
        normal = FORMATS[kind](text)
    except IdentifierError as error:
        assume(error.code != "identifier.date")  # the shape is right, the day in it does not exist
        raise

    assert FORMATS[kind](normal) == normal


@given(NUMBERS, st.data())
def test_width_and_blanks_do_not_matter(number: tuple[str, str], data: st.DataObject) -> None:
    """Full-width characters and blanks between them give the same normal form."""
    kind, text = number
    try:
        normal = FORMATS[kind](text)
    except IdentifierError:
        reject()
    wide = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    written = "".join(WIDE.get(c, c) if w else c for c, w in zip(text, wide, strict=True))

    assert FORMATS[kind](f" {written} ") == normal


@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=40))
def test_any_text_is_refused_or_has_a_normal_form(kind: str, text: str) -> None:
    """Nothing but a coded error leaves a format, and what passes stands still."""
    try:
        normal = FORMATS[kind](text)
    except IdentifierError:
        return
    assert FORMATS[kind](normal) == normal


@given(CODES)
def test_rolling_up_is_a_tree(code: str) -> None:
    """Every code has one parent, every path ends at its province, and no path is longer than three."""
    path = rollup(code)

    assert path[0] == code
    assert path[-1] == f"{code[:2]}0000"
    assert len(path) == len(set(path)) <= 3
    if len(path) > 1:
        assert rollup(path[1]) == path[1:]


@given(CODES, CODES)
def test_paths_that_meet_stay_together(one: str, other: str) -> None:
    """Where two codes have an ancestor in common, they have all above it in common."""
    a, b = rollup(one), rollup(other)
    shared = [code for code in a if code in b]

    assert tuple(shared) == (a[a.index(shared[0]) :] if shared else ())
    assert not shared or b[b.index(shared[0]) :] == tuple(shared)


@pytest.mark.parametrize("code", REAL)
def test_codes_that_the_sources_name_are_districts(code: str) -> None:
    """They are taken as they stand and roll up to city and province; the invented city knows none of them."""
    assert FORMATS["district"](code) == code
    assert rollup(code) == (code, f"{code[:4]}00", f"{code[:2]}0000")
    assert districts.name(code) == code


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_every_format_refuses_a_text_that_is_nearly_right(kind: str) -> None:
    """The example without its last character, with one more, or with another in the middle."""
    example = EXAMPLES[kind]
    broken = {example[:-1], example + "号" + example, example.replace(example[len(example) // 2], "#")}

    refused = {text for text in broken if _refused(kind, text)}

    assert refused == broken or kind in {
        "acceptance_number",
        "police_case_number",
        "enforcement_number",
        "organisation",
    }
    assert len(refused) >= 2


@pytest.mark.parametrize("number", ["990101198503070017", "990101199001010027", "990101200909150033"])
def test_an_identity_number_is_its_own_normal_form(number: str) -> None:
    """The synthetic persons of region 99, and each of them with the last character changed is refused."""
    assert str(IdNumber.parse(number)) == number
    with pytest.raises(IdentifierError):
        IdNumber.parse(number[:-1] + ("0" if number[-1] != "0" else "1"))


def _refused(kind: str, text: str) -> bool:
    try:
        FORMATS[kind](text)
    except IdentifierError:
        return True
    return False
