"""Readers: who asks the gateway for schemas, for the catalogue, for views.

Everything here needs a token, contracts too: which fields a catalogue names, and who receives what, tells an outsider
what agencies look at. A token belongs to a source (it reads the catalogue, every contract, and the view schemas of its
organisation) or to one subscription (it reads those, and that subscription's views), or to an organisation that has
neither yet and asks for a subscription. So a token that leaks from a publishing system reads no view, and one of a
receiver publishes nothing.

The token comes as `Authorization: Bearer`, or as the password of Basic, which registry clients of the field speak; the
name then is the source's or the subscription's own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from security.subjects import Principal
from services.gateway.exchange import TokenError, Tokens, bearer_of
from services.gateway.source import Sources, UnknownSourceError

SUBSCRIPTION: Final = "subscription:"
"""What a token of a subscription is stored under; no source's name can hold a colon."""
APPLICANT: Final = "organisation:"
"""What a token of an organisation is stored under that has no system here yet: it reads contracts and asks."""


@dataclass(frozen=True)
class Reader:
    """One reader; `subscription` is the one whose views it may read, empty for a source's token.

    `ended`: there was this subscription when the token was given, and there is no more.
    """

    name: str
    organisation: str
    subscription: str = ""
    ended: bool = False

    def sees(self, organisation: str, subscription: str) -> bool:
        """Tell whether a subscription's view schemas are shown to this reader."""
        return organisation == self.organisation and self.subscription in {"", subscription}


class Readers:
    """Finds the reader of a request; sources and subscriptions are those of the present control state."""

    def __init__(self, tokens: Tokens, sources: Sources, subscriptions: Callable[[], Mapping[str, Principal]]) -> None:
        self._tokens, self._sources, self._subscriptions = tokens, sources, subscriptions

    def of(self, request: Request) -> Reader:
        """Return who asks; raises `TokenError` for no token, an unknown one, and one whose owner is gone."""
        reader = self.receiver(request)
        if reader.ended:
            raise TokenError
        return reader

    def receiver(self, request: Request) -> Reader:
        """Return who asks for views, also one whose subscription has ended, for it is told so; raises `TokenError`."""
        claimed, token = _credentials(request)
        reader = self.by_token(token)
        if reader is None or claimed not in {None, reader.name}:
            raise TokenError
        return reader

    def by_token(self, token: str) -> Reader | None:
        """Return who a token belongs to; asked again and again by a stream, so that a revoked token ends it."""
        owner = self._tokens.who(token)
        if owner is None:
            return None
        if owner.startswith(SUBSCRIPTION):
            name = owner.removeprefix(SUBSCRIPTION)
            principal = self._subscriptions().get(name)
            organisation = "" if principal is None else principal.organisation
            return Reader(name, organisation, name, ended=principal is None)
        if owner.startswith(APPLICANT):
            organisation = owner.removeprefix(APPLICANT)
            return Reader(organisation, organisation)
        try:
            return Reader(owner, self._sources.get(owner).organisation)
        except UnknownSourceError:
            return None


def token_of(request: Request) -> str:
    """Return the token of a request, from either scheme; empty where there is none."""
    return _credentials(request)[1]


def _credentials(request: Request) -> tuple[str | None, str]:
    """Return (name that Basic claims or None, token)."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None, bearer_of(request)
    try:
        name, _, token = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, token
