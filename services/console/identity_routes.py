"""Routes of the page that tells who somebody is. Plain HTML, no script; a name leaves in the answer to a press only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import RedirectResponse

from schemas.texts import Language
from services.console import identity_page
from services.console.audit_routes import SEE_OTHER, answered
from services.console.desk_client import DeskClient, DeskRefusedError
from services.console.plain import page
from services.console.sessions import Session, Sessions
from services.console.words import Words

AlertId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


def identity_pages(app: FastAPI, desk: DeskClient, sessions: Sessions, language: Language) -> None:
    """Register the pages under `/zh/identity` or `/en/identity`."""
    words, asking = Words(language), desk.speaking(language)
    other = "en" if language == "zh" else "zh"

    async def shown(
        session: Session,
        alert_id: str,
        opened: Mapping[str, Any] | None = None,
        refusal: DeskRefusedError | None = None,
    ) -> Response:
        view = await asking.identities(session.token, alert_id)
        fault, status = (refusal.said, refusal.status) if refusal else ("", 200)
        content = identity_page.content(words, alert_id, view, session.me["purpose"], opened, fault)
        elsewhere = f"/{other}/identity/{alert_id}"
        return page(words, session, words("identity"), content, elsewhere=elsewhere, status=status)

    @app.get(f"/{language}/identity/{{alert_id}}")
    async def identity(request: Request, alert_id: AlertId) -> Response:
        return await answered(sessions, words, request, lambda session: shown(session, alert_id))

    @app.post(f"/{language}/identity/{{alert_id}}/{{act}}")
    async def press(request: Request, alert_id: AlertId, act: Literal["ask", "approve", "open"]) -> Response:
        form = {name: str(value).strip() for name, value in (await request.form()).items()}

        async def done(session: Session) -> Response:
            try:
                answer = await _pressed(asking, session, alert_id, act, form)
            except DeskRefusedError as refusal:
                return await shown(session, alert_id, refusal=refusal)
            if act == "open":
                return await shown(session, alert_id, opened=answer)
            return RedirectResponse(f"/{language}/identity/{alert_id}", SEE_OTHER)

        return await answered(sessions, words, request, done)


async def _pressed(
    desk: DeskClient, session: Session, alert_id: str, act: str, form: Mapping[str, str]
) -> Mapping[str, Any]:
    purpose = form.get("purpose") or session.me["purpose"]
    if act == "ask":
        event, _, name = form.get("person", "").partition("/")
        body = {"purpose": purpose, "basis": form.get("basis", ""), "event": event, "field": name}
        return await desk.ask_identity(session.token, alert_id, body)
    return await desk.press_grant(session.token, alert_id, form.get("grant", ""), act, {"purpose": purpose})
