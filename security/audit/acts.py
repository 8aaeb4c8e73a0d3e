"""The acts that an audit record can name.

One word for one thing; a name that was once written keeps its meaning for ever. A name that no code writes is reserved
(`RESERVED`), so that nobody uses it for something else; what happens today in its place is said there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

Act = Literal[
    # What was published and what was released.
    "publish",  # the gateway took an event from an organisation's system
    "import",  # a history file was taken in
    "release",  # manifest: what one source record released to one subscription
    "pull",  # a receiver read a view through the gateway instead of its topic
    "ack",  # a receiver said up to which offset it has a view topic: by its cursor, outright, or by its consumer group
    "mark",  # a source declared itself complete up to a time
    "refuse",  # something was refused at a door: event, login, request; `why` has the code
    "quarantine",  # data was set aside with its label (dead letter, torn batch)
    "redrive",  # a dead letter was sent on its way again
    "withdraw",  # a source withdrew or superseded an event
    # What persons did.
    "login",  # a person or system opened a session, or failed to
    "logout",  # a session ended
    "open",  # a person opened the sealed detail of an alert or event
    "alert",  # an alert changed its state by an act of a person or a model
    "clue",  # a step of a clue: accept, assign, refuse, …
    "person.lookup",  # a person of a case was looked up over all events; `person` of the data is its keyed digest
    "search",  # the audit log or the panorama was searched
    "record",  # an auditor read one record of the audit log, or its proof
    "export",  # a bundle or report left the node
    "verify",  # the log was verified
    # What was decided and by whom.
    "decision",  # a policy decision that is kept for itself, outside a manifest
    "grant",  # an exception was granted
    "revoke",  # a grant was taken back
    "subscription",  # a subscription was asked for, approved, changed, ended
    "source",  # an organisation's system was registered, changed, fell silent
    "policy",  # a policy became active
    "contract",  # a contract became active
    "control",  # a record of the control stream was signed
    "model",  # a supervision model changed its state
    "breaker",  # a breaker tripped, half-opened or closed
    "hold",  # a legal hold was set or lifted
    "admin",  # any other act of an operator
    "account",  # an account or its roles changed
    # Keys and erasure.
    "key",  # a key was made, rotated, revoked
    "erase",  # a subject's key was destroyed
    # The log about itself.
    "start",  # a node began to work
    "stop",  # a node stopped
    "tick",  # nothing happened: silence made visible
    "head",  # another log's signed head was seen
    "witness",  # a witness's cosignature was received or is missing
    "recover",  # a torn tail was quarantined
    "loss",  # going on with accepted loss, by two persons
    "clock",  # the node's clock jumped
    "backup",  # a backup was made
    "restore",  # a backup was restored
    "upgrade",  # the data directory was moved to another version
    "retain",  # a segment reached the end of its retention
]
"""Every act of header version 1, in groups."""

ACTS: frozenset[str] = frozenset(get_args(Act))

RESERVED: Final[Mapping[str, str]] = {
    "admin": "what an operator does has a name of its own: `control`, `key`, `subscription`, `account`, `backup`, …",
    "breaker": "nothing trips by itself yet; a subscription that is held is refused at each reading (`refuse`)",
    "contract": "contracts are files of the program; a release manifest and a view name the version by its schema id",
    "decision": "decisions stand in manifests (`release`), openings (`open`) and refusals (`refuse`), by policy `pol`",
    "head": "heads of other logs are kept by whoever follows them (`casebus audit watch`), not in one's own log",
    "model": "a model becomes active or goes by a signed control record: `control`, `obj` model/<id>",
    "policy": "the access policy is a file of the program; its digest stands as `pol` in every manifest",
    "revoke": "a grant ends by its time; a token that is revoked is `key`, a subscription that ends is `subscription`",
    "witness": "a record for each cosignature would ask for another head; the newest cosigned head lies beside the log",
}
"""Reserved name → what stands in its place today."""
