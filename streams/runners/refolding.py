"""Folding history anew when the active models changed.

The stored key states depend on the models. Where the engine's fingerprint is not the stored one, the states are
forgotten and the whole history is released to the engine again, under the present decision and with manifests of its
own: a new model sees what it may see, and the audit log says so. Alerts keep their ids, so nothing is raised twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streams import work
from streams.receivers import Deciding, EngineReceiver
from streams.runners.releasing import GROUP, PARTITION, RAW, Releasing
from streams.runners.states import DUE, STATE
from streams.runners.supervising import GROUP as SUPERVISE
from streams.supervision.engine import Engine

META = "supervise.meta"
FINGERPRINT = b"fingerprint"


def refold(
    releasing: Releasing, engine: Engine, receivers: Sequence[Deciding], stopped: Callable[[], bool] = lambda: False
) -> bool:
    """Fold history anew if the models changed; tell whether that was done.

    Interrupted or `stopped`, it starts over: the fingerprint is stored last, and repeated facts change nothing.
    """
    bus, wanted = releasing.bus, engine.fingerprint.encode()
    if bus.get(META, FINGERPRINT) == wanted:
        return False
    with bus.transaction() as change:
        change.clear(STATE)
        change.clear(DUE)
        # Work items made for the models of before ask for other fields: none of them is folded any more.
        change.advance(SUPERVISE, work.TOPIC, PARTITION, bus.end(work.TOPIC, PARTITION))
    engines = [receiver for receiver in receivers if isinstance(receiver, EngineReceiver)]
    for topic in bus.topics(RAW):
        releasing.again(topic, bus.position(GROUP, topic, PARTITION), engines, stopped)
    if stopped():
        return False
    with bus.transaction() as change:
        change.put(META, FINGERPRINT, wanted)
    return True
