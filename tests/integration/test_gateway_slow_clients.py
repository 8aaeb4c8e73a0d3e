"""Slow clients hold nobody up: who sends byte by byte, or reads its answer in small gulps, costs the others nothing."""

from __future__ import annotations

import json

from tests.bench.http_load import Plan, SlowClients, hanging_on, request_of, run
from tests.integration.test_gateway_server import Site, fine, site  # noqa: F401 - the fixture is used by name

SLOW = 50
POSTS, RATE = 60, 30.0
BATCH = 100
BOUND_SECONDS = 2.0
"""A slow client needs longer than this for 10 bytes: whoever waits for one misses the bound."""


def test_a_normal_client_is_answered_while_slow_ones_hang_on(site: Site) -> None:  # noqa: F811
    """Fifty slow clients hang on from before the first post till after the last; each post is answered at once."""
    port = int(site.url.rpartition(":")[2])
    lines = [json.dumps(fine(number)) for number in range(BATCH)]
    batch = request_of("/v1/events", site.token, "application/x-ndjson", "\n".join(lines).encode())
    posts = [
        request_of("/v1/events", site.token, "application/json", json.dumps(fine(number)).encode())
        for number in range(BATCH, BATCH + POSTS)
    ]

    with hanging_on(port, SlowClients([batch] * (SLOW // 2), [batch] * (SLOW // 2))) as let_go:
        told = run(port, Plan(posts, 4, RATE))
        left = let_go()

    assert told.statuses == {"202": POSTS}
    assert left == SLOW
    assert max(told.latencies) < BOUND_SECONDS
