"""The console's application: pages and routes are registered by a function, so that a test can make it anew."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from nicegui import Client, app, ui
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware

from schemas.errors import CasebusError
from schemas.texts import LANGUAGES, Language
from services.console import audit_routes, identity_routes, review_routes, sign_in
from services.console.alert_page import AlertPage
from services.console.board_page import BoardPage
from services.console.desk_client import DeskClient, DeskRefusedError, SessionOverError
from services.console.feed import PERIOD_SECONDS, Feed
from services.console.filters import of_query
from services.console.sessions import COOKIE, Sessions
from services.console.static_files import FOLDER, ROUTE
from services.console.words import HTML_LANGUAGES, Words

HEADERS = {
    # NiceGUI compiles templates in the browser: it needs the two unsafe keywords. Nothing may come from elsewhere.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
LOOPBACK = ["127.0.0.1", "localhost"]
SEE_OTHER = 303


class Console:
    """What the pages of one process share."""

    def __init__(self, node_url: str) -> None:
        self.desk = DeskClient(node_url)
        self.sessions = Sessions()
        self.feed = Feed(self.desk, self.sessions)


def register(console: Console) -> None:
    """Register pages, routes, headers and the one shared timer."""
    app.add_middleware(BaseHTTPMiddleware, dispatch=_headers)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK)
    app.add_static_files(ROUTE, str(FOLDER))
    app.timer(PERIOD_SECONDS, console.feed.round)
    app.on_shutdown(console.desk.close)

    @app.get("/")
    def root(request: Request) -> Response:
        wanted = request.headers.get("accept-language", "zh").lower()
        return RedirectResponse("/en/board" if wanted.startswith("en") else "/zh/board", SEE_OTHER)

    for language in LANGUAGES:
        _session_routes(console, language)
        _pages(console, language)
        audit_routes.officer_pages(app, console.desk, console.sessions, language)
        identity_routes.identity_pages(app, console.desk, console.sessions, language)
        review_routes.review_pages(app, console.desk, console.sessions, language)
    audit_routes.record_pages(app, console.desk, console.sessions)


async def _headers(request: Request, call_next: RequestResponseEndpoint) -> Response:
    answer = await call_next(request)
    for name, value in HEADERS.items():
        # A page that is stricter has said so itself.
        answer.headers.setdefault(name, value)
    if not request.url.path.startswith(("/_nicegui", ROUTE)):
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _session_routes(console: Console, language: Language) -> None:
    words, desk = Words(language), console.desk.speaking(language)

    @app.get(f"/{language}/login")
    def login_page(after: str = "") -> HTMLResponse:
        return HTMLResponse(sign_in.render(words, after=sign_in.own_path(after)))

    @app.post(f"/{language}/login")
    async def login(
        account: Annotated[str, Form()],
        password: Annotated[str, Form()],
        next_: Annotated[str, Form(alias="next")] = "",
    ) -> Response:
        after = sign_in.own_path(next_)
        try:
            answer = await desk.sign_in(account, password)
        except CasebusError as error:
            fault = error.said if isinstance(error, DeskRefusedError) else error.message(language)
            return HTMLResponse(sign_in.render(words, fault, after), status_code=error.http_status)
        response = RedirectResponse(after or f"/{language}/board", SEE_OTHER)
        cookie = console.sessions.open(answer["token"], answer["me"])
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
        return response

    @app.post(f"/{language}/logout")
    async def logout(request: Request) -> Response:
        session = console.sessions.close(request.cookies)
        if session:
            await console.desk.sign_out(session.token)
        response = RedirectResponse(f"/{language}/login", SEE_OTHER)
        response.delete_cookie(COOKIE)
        return response


def _pages(console: Console, language: Language) -> None:
    words, desk = Words(language), console.desk.speaking(language)
    options: Any = {"language": HTML_LANGUAGES[language], "response_timeout": 10.0}

    @ui.page(f"/{language}/board", title=words("board.title"), **options)
    async def board(request: Request, client: Client) -> Response | None:
        filters = of_query(request.query_params)
        return await _show(console, words, request, client, lambda token: desk.board(token, filters), filters)

    @ui.page(f"/{language}/alerts/{{alert_id}}", title=words("alert.title"), **options)
    async def alert(request: Request, client: Client, alert_id: str) -> Response | None:
        return await _show(console, words, request, client, lambda token: desk.alert(token, alert_id), alert_id)


async def _show(
    console: Console, words: Words, request: Request, client: Client, ask: Any, what: dict[str, str] | str
) -> Response | None:
    session = console.sessions.of(request.cookies)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if session is None:
        return RedirectResponse(f"/{words.language}/login?after={here.replace('&', '%26')}", SEE_OTHER)
    try:
        view = await ask(session.token)
    except SessionOverError:
        console.sessions.forget(session.token)
        return RedirectResponse(f"/{words.language}/login?after={here.replace('&', '%26')}", SEE_OTHER)
    except CasebusError as error:
        fault = error.said if isinstance(error, DeskRefusedError) else error.message(words.language)
        return HTMLResponse(sign_in.fault_page(words, fault), status_code=_status(error))
    page: BoardPage | AlertPage
    desk = console.desk.speaking(words.language)
    if isinstance(what, str):
        page = AlertPage(words, session, desk, client, what)
    else:
        page = BoardPage(words, session, desk, client, what)
    page.draw(view)
    console.feed.follow(page)
    client.on_delete(lambda: console.feed.leave(page))
    return None


def _status(error: CasebusError) -> int:
    return error.status if isinstance(error, DeskRefusedError) else error.http_status
