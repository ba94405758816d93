"""What stands around every answer: safe headers, one form of refusal, and no word to other sites' pages."""

import asyncio
from collections.abc import Collection, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ser.errors import InputError, NoSpeechError, UndecodableError
from ser.recognizer.rows import ERROR, NO_SPEECH
from ser.web.upload import Refusal

_HEADERS = {
    # The pages need nothing from elsewhere; blob: is the recording that is played.
    "Content-Security-Policy": (
        "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOR_OTHERS = ("/api/", "/openapi.json", "/health")
"""Beginnings of the paths that pages of an allowed origin may use."""


def add_guards(app: FastAPI, *, hosts: Collection[str], origins: Collection[str]) -> None:
    """Put the guards around an application.

    Parameters
    ----------
    app
        The application, whose routes may be added later.
    hosts
        Host names that requests may give, without ports; ``"*"`` among them stands for any.
    origins
        Origins, such as ``"https://intranet.example.org"``, whose pages may use the API.
    """

    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return problem(refusal)

    @app.exception_handler(InputError)
    async def unusable(_: Request, error: InputError) -> Response:
        return problem(as_refusal(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        return problem(Refusal(422, "; ".join(f"{it['loc'][-1]}: {it['msg']}" for it in error.errors())))

    @app.exception_handler(HTTPException)
    async def elsewhere(_: Request, error: HTTPException) -> Response:
        return problem(Refusal(error.status_code, str(error.detail)), error.headers)

    app.add_middleware(_Guard, hosts=hosts, origins=origins)


def as_refusal(error: InputError) -> Refusal:
    """Refuse a recording: with 415 what cannot be decoded, else with 422."""
    outcome = NO_SPEECH if isinstance(error, NoSpeechError) else ERROR
    return Refusal(415 if isinstance(error, UndecodableError) else 422, str(error), outcome=outcome)


def stopping() -> Refusal:
    """Refuse what is not answered yet when the server ends."""
    return Refusal(503, "the server is being stopped; try again later")


def problem(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Put a refusal into the one form that all have."""
    later = {"Retry-After": "5"} if refusal.status == 503 else {}
    content = {"detail": refusal.detail, "outcome": refusal.outcome}
    return JSONResponse(content, refusal.status, headers={**later, **(headers or {})})


class _Guard:
    """Gives every answer the headers that keep a browser from harm, and refuses other sites' pages.

    It is around all else but the log of errors: an answer of 400 or 500 is a page to a browser as well.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._hosts = None if "*" in hosts else {host.strip("[]").lower() for host in hosts}
        self._origins = {it.lower() for it in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        head = scope["method"] == "HEAD"
        allowed = self._allowed(scope)

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if self._origins:
                    headers.add_vary_header("Origin")
                if allowed is not None:
                    headers["Access-Control-Allow-Origin"] = allowed
                    headers["Access-Control-Expose-Headers"] = "Retry-After"
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            answer = self._refusal(scope, allowed) or self._app
            await answer({**scope, "method": "GET"} if head else scope, receive, guarded)
        except asyncio.CancelledError:
            # Raised, uvicorn would log it as an error.
            if not begun:
                await problem(stopping())(scope, receive, guarded)
        except Exception:
            if not begun:
                answer = problem(Refusal(500, "an error in the server; its log has more"))
                await answer(scope, receive, guarded)
            # To the log.
            raise

    def _allowed(self, scope: Scope) -> str | None:
        """Give the origin of the page that asks, if that may use what it asks for."""
        origin = Headers(scope=scope).get("origin", "")
        may = origin.lower() in self._origins and scope["path"].startswith(_FOR_OTHERS)
        return origin if may else None

    def _refusal(self, scope: Scope, allowed: str | None) -> Response | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return problem(
                Refusal(
                    400,
                    "not under this name of the machine; open the address that ser serve printed, or start "
                    "it with --allow-host",
                )
            )
        if allowed is not None:
            return _preflight() if scope["method"] == "OPTIONS" else None
        if scope["method"] not in ("GET", "HEAD") and _asked_from_elsewhere(headers):
            # It comes from a page elsewhere that a user happens to have open.
            return problem(Refusal(403, "not for the pages of other sites"))
        return None


def _preflight() -> Response:
    """Tell a browser what a page of an allowed origin may send."""
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "GET, HEAD, POST",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "600",
        },
    )


def _host(header: str) -> str:
    """Reduce a Host header to the name in it: no port, and of an IPv6 address no brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _asked_from_elsewhere(headers: Headers) -> bool:
    """Whether a request is of another site's page, or of another port's of this machine, by its headers."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        # "none" is what a user does without a page.
        return site not in ("same-origin", "none")
    # Older browsers say it nowhere, others not to an address on the network without https. No page can choose
    # its origin. A program such as curl sends neither.
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()
