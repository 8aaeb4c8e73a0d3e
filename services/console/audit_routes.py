"""Routes of the officer's pages: search, a record with its proof, verification of the log. Plain HTML, no script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from schemas.errors import CasebusError
from schemas.texts import Language
from services.console import audit_page, record_page, sign_in, verification_page
from services.console.desk_client import DeskClient, DeskRefusedError, SessionOverError
from services.console.plain import POLICY, page
from services.console.sessions import Session, Sessions
from services.console.words import Words

SEE_OTHER = 303
AGAIN_SECONDS = 1
Seq = Annotated[int, Path(ge=0, lt=2**53)]
Answer = Callable[[Session], Awaitable[Response]]


def officer_pages(app: FastAPI, desk: DeskClient, sessions: Sessions, language: Language) -> None:
    """Register the pages under `/zh/audit` or `/en/audit`."""
    words, asking = Words(language), desk.speaking(language)
    elsewhere = f"/{'en' if language == 'zh' else 'zh'}/audit"

    async def audit(session: Session, form: Mapping[str, str], found: str) -> Response:
        purpose = session.me["purpose"]
        content = audit_page.content(words, await asking.audit_head(session.token), form, purpose, found)
        return page(words, session, words("audit"), content, elsewhere=elsewhere)

    @app.get(f"/{language}/audit")
    async def audit_form(request: Request) -> Response:
        return await answered(sessions, words, request, lambda session: audit(session, {}, ""))

    @app.post(f"/{language}/audit")
    async def audit_search(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}

        async def searched(session: Session) -> Response:
            wanted = audit_page.wanted(form, session.me["purpose"])
            try:
                found = audit_page.result(words, await asking.audit_search(session.token, wanted))
            except DeskRefusedError as error:
                found = audit_page.refused(error.said)
            return await audit(session, form, found)

        return await answered(sessions, words, request, searched)

    _verification(app, asking, sessions, words, f"{elsewhere}/verification")


def _verification(app: FastAPI, desk: DeskClient, sessions: Sessions, words: Words, elsewhere: str) -> None:
    here = f"/{words.language}/audit/verification"

    @app.get(here)
    async def verification(request: Request) -> Response:
        async def shown(session: Session) -> Response:
            log = request.query_params.get("log", "")
            status = await desk.verification(session.token, log)
            head = await desk.audit_head(session.token)
            content = verification_page.content(words, status, session.me["purpose"], head, log)
            again, other = AGAIN_SECONDS if status["state"] == "running" else 0, elsewhere + named(log)
            return page(words, session, words("check"), content, elsewhere=other, again=again)

        return await answered(sessions, words, request, shown)

    @app.post(here)
    async def verify(request: Request) -> Response:
        form = await request.form()
        level, log = str(form.get("level", "")), str(form.get("log", ""))

        async def begun(session: Session) -> Response:
            purpose = str(form.get("purpose", "")).strip() or session.me["purpose"]
            await desk.verify(session.token, purpose, int(level) if level.isdecimal() else 0, log)
            return RedirectResponse(here + named(log), SEE_OTHER)

        return await answered(sessions, words, request, begun)


def record_pages(app: FastAPI, desk: DeskClient, sessions: Sessions) -> None:
    """Register `/verify/<record>` and its bundle; `?lang=` chooses the language, `?log=` a log beside the node's."""

    @app.get("/verify/{seq}")
    async def record(request: Request, seq: Seq) -> Response:
        words, log = Words(_language(request)), request.query_params.get("log", "")

        async def shown(session: Session) -> Response:
            speaking = desk.speaking(words.language)
            proved = await speaking.audit_record(session.token, seq, session.me["purpose"], log)
            other = "en" if words.language == "zh" else "zh"
            elsewhere = f"/verify/{seq}?lang={other}{named(log, '&')}"
            title = words("verify.title", seq=seq)
            return page(words, session, title, record_page.content(words, proved, named(log)), elsewhere=elsewhere)

        return await answered(sessions, words, request, shown)

    @app.get("/verify/{seq}/bundle")
    async def bundle(request: Request, seq: Seq) -> Response:
        words, log = Words(_language(request)), request.query_params.get("log", "")

        async def handed(session: Session) -> Response:
            asking = desk.speaking(words.language)
            content = await asking.audit_bundle(session.token, seq, session.me["purpose"], log)
            headers = {"Content-Disposition": f'attachment; filename="record-{seq}.json"'}
            return Response(content, media_type="application/json", headers=headers)

        return await answered(sessions, words, request, handed)


async def answered(sessions: Sessions, words: Words, request: Request, answer: Answer) -> Response:
    """Answer a person who is signed in; send anybody else to the sign-in page, and say what the node refuses."""
    session = sessions.of(request.cookies)
    try:
        if session is not None:
            return await answer(session)
    except SessionOverError:
        sessions.forget(session.token if session else "")
    except CasebusError as error:
        if isinstance(error, DeskRefusedError):
            said, status = error.said, error.status
        else:
            said, status = error.message(words.language), error.http_status
        headers = {"Content-Security-Policy": POLICY}
        return HTMLResponse(sign_in.fault_page(words, said), status_code=status, headers=headers)
    here = request.url.path if request.method == "GET" else f"/{words.language}/audit"
    return RedirectResponse(f"/{words.language}/login?after={quote(here)}", SEE_OTHER)


def named(log: str, mark: str = "?") -> str:
    """Return what names a log in an address, behind `mark`; nothing for the node's own."""
    return f"{mark}log={quote(log)}" if log else ""


def _language(request: Request) -> Language:
    wanted: Any = request.query_params.get("lang") or request.headers.get("accept-language", "zh")
    return "en" if str(wanted).lower().startswith("en") else "zh"
