"""Routes of the pages where people review what agencies ask to receive. Plain HTML, no script."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import RedirectResponse

from schemas.texts import Language
from services.console import review_page
from services.console.audit_routes import SEE_OTHER, answered
from services.console.desk_client import DeskClient, DeskRefusedError
from services.console.plain import page
from services.console.sessions import Session, Sessions
from services.console.words import Words

RequestId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


def review_pages(app: FastAPI, desk: DeskClient, sessions: Sessions, language: Language) -> None:
    """Register the pages under `/zh/subscription-requests` or `/en/subscription-requests`."""
    words, asking = Words(language), desk.speaking(language)
    other = Words("en" if language == "zh" else "zh")

    async def shown(session: Session, request_id: str, refusal: DeskRefusedError | None = None) -> Response:
        view = await asking.subscription_request(session.token, request_id)
        fault, status = (refusal.said, refusal.status) if refusal else ("", 200)
        content = review_page.content(words, view, fault)
        elsewhere = review_page.place(other, request_id)
        return page(words, session, words("reviews"), content, elsewhere=elsewhere, status=status)

    @app.get(review_page.place(words))
    async def reviews(request: Request) -> Response:
        async def listed(session: Session) -> Response:
            found = await asking.subscription_requests(session.token)
            content = review_page.listing(words, found["requests"])
            return page(words, session, words("reviews"), content, elsewhere=review_page.place(other))

        return await answered(sessions, words, request, listed)

    @app.get(f"{review_page.place(words)}/{{request_id}}")
    async def review(request: Request, request_id: RequestId) -> Response:
        return await answered(sessions, words, request, lambda session: shown(session, request_id))

    @app.post(f"{review_page.place(words)}/{{request_id}}/{{act}}")
    async def press(request: Request, request_id: RequestId, act: Literal["approve", "decline"]) -> Response:
        form = await request.form()
        name = "seen" if act == "approve" else "reason"
        body = {name: str(form.get(name, ""))}

        async def done(session: Session) -> Response:
            try:
                await asking.decide_request(session.token, request_id, act, body)
            except DeskRefusedError as refusal:
                return await shown(session, request_id, refusal)
            return RedirectResponse(review_page.place(words, request_id), SEE_OTHER)

        return await answered(sessions, words, request, done)
