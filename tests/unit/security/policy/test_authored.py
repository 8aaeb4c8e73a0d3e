"""The authored policy: what may not be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.policy.authored import POLICY_FILE, SCHEMA_FILE, Policy, PolicyError
from security.policy.compile import bundled_policy
from security.policy.lint import lint
from security.policy.shape import Shape

SCHEMA = bundled_policy().schema_text
ASKED = Shape("read", 1, 1, 1, frozenset(), payload=True, in_purpose=True, level=1, flags=frozenset())
PERMIT = '@id("p") permit (principal, action, resource);'
FORBID = '@id("f") @reason("hold") forbid (principal, action == Action::"read", resource) when { %s };'


def test_the_bundled_policy_is_clean() -> None:
    """The policy that ships has no finding: every rule decides somewhere."""
    assert lint() == []


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal",
        PERMIT + FORBID % "resource.levle > 1",
        PERMIT + FORBID % "resource.level > principal.payload",
        "permit (principal, action, resource);",
        PERMIT + PERMIT,
        PERMIT + '@id("f") forbid (principal, action, resource);',
        PERMIT + '@id("f") @reason("because") forbid (principal, action, resource);',
        '@id("p") permit (principal == Principal::"chief", action, resource);',
        '@id("p") permit (principal, action, resource == LabelClass::"x");',
        PERMIT + FORBID % 'resource.event_type == EventType::"police.case.filed"',
        PERMIT + FORBID % 'resource.event_type in Purpose::"everything"',
    ],
)
def test_a_policy_that_is_not_whole_is_refused(text: str) -> None:
    """Syntax, types, missing or double ids, unknown reasons and named entities are refused with a code."""
    with pytest.raises(PolicyError) as caught:
        Policy.parse(text, SCHEMA)

    assert caught.value.code == "policy.broken"


def test_a_policy_that_errs_is_refused() -> None:
    """An error while evaluating is not skipped: the shape has no answer."""
    policy = Policy.parse(PERMIT + FORBID % "resource.level * 9223372036854775807 > 1", SCHEMA)
    shape = ASKED._replace(level=4)

    with pytest.raises(PolicyError):
        policy.answer(shape)


def test_a_request_outside_the_schema_is_refused() -> None:
    """A shape that the schema does not allow has no answer instead of an allow."""
    policy = Policy.parse(PERMIT, SCHEMA.replace("payload: Bool", "payload: Long"))

    with pytest.raises((PolicyError, ValueError)):
        policy.answer(ASKED)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A folder without a policy is a coded error."""
    with pytest.raises(PolicyError):
        Policy.load(tmp_path)


def written(folder: Path, text: str) -> Path:
    """Write a policy folder."""
    (folder / POLICY_FILE).write_text(text)
    (folder / SCHEMA_FILE).write_text(SCHEMA)
    return folder


def test_lint_finds_an_inert_rule(tmp_path: Path) -> None:
    """A rule that never decides anything alone is a finding."""
    folder = written(tmp_path, PERMIT + FORBID % "context.hold" + FORBID.replace('"f"', '"g"') % "resource.level > 9")

    assert lint(folder) == ["g never decides"]


def test_lint_finds_a_second_permit(tmp_path: Path) -> None:
    """With two permits a denial has no rule to name."""
    findings = lint(written(tmp_path, PERMIT + PERMIT.replace('"p"', '"q"')))

    assert findings[0].startswith("one broad permit, not 2")


def test_lint_tells_what_does_not_parse(tmp_path: Path) -> None:
    """A broken policy is one finding."""
    assert len(lint(written(tmp_path, "permit ("))) == 1


def test_the_digest_is_of_policy_and_schema() -> None:
    """Another text or another schema has another digest."""
    digests = {Policy.parse(t, s).digest for t in (PERMIT, PERMIT + "\n") for s in (SCHEMA, SCHEMA + "\n")}

    assert len(digests) == 4
