"""What can go wrong with a Kafka, as coded errors; no value of a record ever stands in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from kafka import errors

from schemas.errors import CasebusError, DeniedError, IntegrityError, NotFoundError, RefusedError, UnavailableError
from streams.bus.port import BusUnavailableError


class KafkaUnavailableError(BusUnavailableError):
    """Kafka does not answer, or cannot take records now: a broker is away, or too few copies are in step."""

    code: ClassVar[str] = "kafka.unavailable"


class KafkaTooOldError(UnavailableError):
    """The brokers speak a protocol from before headers and transactions: waiting does not mend that."""

    code: ClassVar[str] = "kafka.too_old"


class KafkaFencedError(UnavailableError):
    """Another process took this worker's name over, or its transaction broke: what was not committed is gone."""

    code: ClassVar[str] = "kafka.fenced"


class KafkaTopicMissingError(NotFoundError):
    """A topic or a partition of it does not exist."""

    code: ClassVar[str] = "kafka.topic_missing"


class KafkaRecordTooLargeError(RefusedError):
    """A record is larger than the topic takes."""

    code: ClassVar[str] = "kafka.record_too_large"
    http_status: ClassVar[int] = 413


class KafkaDeniedError(DeniedError):
    """Kafka's access rules do not allow this client to do that."""

    code: ClassVar[str] = "kafka.denied"


class KafkaRecordsGoneError(IntegrityError):
    """Records that were not processed yet were removed from the topic."""

    code: ClassVar[str] = "kafka.records_gone"


FENCED = (errors.ProducerFencedError, errors.InvalidProducerEpochError, errors.OutOfOrderSequenceNumberError)
MISSING = (errors.UnknownTopicOrPartitionError,)
TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
DENIED = (
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailedError,
)


def coded(error: Exception, topic: str = "") -> CasebusError:
    """Return the coded error for one of Kafka's."""
    reason = type(error).__name__
    if isinstance(error, FENCED):
        return KafkaFencedError(reason=reason)
    if isinstance(error, MISSING):
        return KafkaTopicMissingError(topic=topic)
    if isinstance(error, TOO_LARGE):
        return KafkaRecordTooLargeError(topic=topic)
    if isinstance(error, DENIED):
        return KafkaDeniedError(topic=topic)
    if isinstance(error, errors.OffsetOutOfRangeError):
        return KafkaRecordsGoneError(topic=topic)
    return KafkaUnavailableError(reason=reason)


@contextmanager
def translated(topic: str = "") -> Iterator[None]:
    """Turn Kafka's failures into coded errors with a next step."""
    try:
        yield
    except (errors.KafkaError, OSError) as error:
        raise coded(error, topic) from error
