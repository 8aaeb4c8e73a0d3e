"""Checks of a Kafka: it answers, it carries our records, its topics are as `deploy/kafka/topics.yaml` wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict

from schemas.errors import CasebusError
from services.doctor.check import Check
from services.node.site import Site
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_admin import KafkaAdmin, Survey
from streams.bus.kafka_topics import Difference, Plan, differences, load


def names_of(site: Site | None) -> Mapping[str, Sequence[str]]:
    """Return what the placeholders of topics stand for at a site; without one, nothing."""
    if site is None:
        return {}
    return {
        "agency": [source.agency for source in site.sources],
        "subscription": [each.id for each in site.subscriptions if each.delivers == "view"],
        "node": [site.node],
        "gateway": site.gateways,
        "log": site.logs,
    }


def checked(address: KafkaAddress, site: Site | None, *, mend: bool) -> Iterator[Check]:
    """Check a Kafka; with `mend` make what is missing first and set what differs. Partitions are never changed."""
    with ExitStack() as stack:
        try:
            admin = stack.enter_context(KafkaAdmin(address))
            survey = admin.survey()
        except CasebusError as error:
            yield Check("kafka", "fail", {"bootstrap": address.bootstrap, "reason": reason_of(error)})
            return
        yield from of_survey(address, survey)
        plan = load(names_of(site), survey.up)
        found = admin.topics(plan.names)
        wrong = differences(plan.topics, found)
        if mend and wrong:
            _mend(admin, plan, wrong)
            wrong = differences(plan.topics, admin.topics(plan.names))
        if mend:
            admin.allow(plan)
        yield from of_topics(plan, wrong)
        if site is None:
            yield Check("site", "note", {})


def of_survey(address: KafkaAddress, survey: Survey) -> Iterator[Check]:
    """Judge what a Kafka says of itself."""
    fields = {"bootstrap": address.bootstrap, "up": survey.up, "known": survey.known}
    yield Check("kafka", "ok", fields)
    yield Check("brokers", "ok" if survey.up == survey.known else "fail", fields)
    yield Check("format", "ok" if survey.takes_headers else "fail", {"topic": "-", "found": "< 0.11"})


def of_topics(plan: Plan, wrong: Sequence[Difference]) -> Iterator[Check]:
    """Judge the topics: one check for each thing that is wrong, or one that says all are well."""
    for each in wrong:
        fields = asdict(each)
        yield Check(f"topic_{each.kind}", "fail", {key: value for key, value in fields.items() if key != "kind"})
    if not wrong:
        yield Check("topics", "ok", {"all": len(plan.topics)})


def reason_of(error: CasebusError) -> str:
    """Name a failure by its code and what it says in one word."""
    return f"{error.code} {error.fields.get('reason', '')}".strip()


def _mend(admin: KafkaAdmin, plan: Plan, wrong: Sequence[Difference]) -> None:
    missing = {each.topic for each in wrong if each.kind == "missing"}
    admin.make([topic for topic in plan.topics if topic.name in missing])
    admin.set(wrong)
