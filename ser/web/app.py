"""The page and the HTTP API: a recording comes in, an answer goes out, nothing of it stays."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ser.audio.stream import Sound, Waveform, open_sound, resampled
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError, UndecodableError
from ser.recognizer.recognizer import Recognizer
from ser.web.answers import About, Answer, Health, Problem
from ser.web.limits import Limits
from ser.web.overview import overview
from ser.web.upload import Refusal, discard, received

Name = Annotated[str, Query(description="Of a bare body, for the answer and for errors; never opened.")]
Pictured = Annotated[bool, Query(description="Whether the answer is to hold waveform and log-mel.")]

PAGE = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/recorder.js": ("recorder.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    # The page needs nothing from elsewhere; blob: is the recording that it plays.
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
_ANYWHERE: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It is asked under a name that is not its own."},
    500: {"model": Problem, "description": "An error in the server; its log has more."},
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **_ANYWHERE,
    403: {"model": Problem, "description": "A page of another site, or of another port, asked in a browser."},
    408: {"model": Problem, "description": "The upload is too slow."},
    413: {"model": Problem, "description": "The upload is too large, or the recording too long."},
    415: {"model": Problem, "description": "It is no sound that can be decoded."},
    422: {
        "model": Problem,
        "description": "It is a sound, but empty, silent, damaged or too short; or a parameter or the form "
        "is wrong.",
    },
    503: {
        "model": Problem,
        "description": "Too many recordings wait; try again later.",
        "headers": {
            "Retry-After": {
                "description": "After how many seconds.",
                "required": True,
                "schema": {"type": "integer"},
            }
        },
    },
    507: {"model": Problem, "description": "No room for temporary files; its folder of them is full."},
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "WAV, FLAC, OGG, MP3 or AIFF (M4A and WebM where ffmpeg is installed), as a form with "
        "one file or as the bare body.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def create_app(
    recognizer: Recognizer, limits: Limits | None = None, *, hosts: Sequence[str] = ("*",)
) -> FastAPI:
    """Make the web application.

    Parameters
    ----------
    recognizer
        The recognizer, which is called from several threads.
    limits
        Limits of uploads and of waiting recordings; see `ser.web.limits`.
    hosts
        Host names that requests may give; any by default. A server for this machine alone gives its own
        names, so that no web site can reach it under another.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="ser serve",
        version=recognizer.bundle.version,
        summary="Which of eight acted emotions a recording of speech expresses.",
        description="The answers are about how speech sounds, learned from actors. They say nothing about "
        "what a person feels. Do not use them for decisions about people: no hiring, policing, medical or "
        "educational use. Uploads are not kept.",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    _add_guards(app, hosts)
    _add_page(app)
    _add_about(app, recognizer, limits)
    _add_recognition(app, recognizer, limits)
    return app


def _add_recognition(app: FastAPI, recognizer: Recognizer, limits: Limits) -> None:
    free = anyio.CapacityLimiter(limits.at_once)
    uploads = _Places(limits.uploading, "are being uploaded")
    recordings = _Places(limits.at_once + limits.waiting, "are being listened to or wait")

    @app.post(
        "/api/recognize",
        responses={200: {"model": Answer}, **_PROBLEMS},
        openapi_extra=_BODY,
        summary="Recognise the emotion in a recording",
        operation_id="recognize",
    )
    async def recognize(request: Request, name: Name = "recording", picture: Pictured = False) -> Response:
        """Answer for one recording, which is not kept."""
        try:
            if uploads.full:
                await discard(request, limits=limits)
                raise uploads.refusal()
            with ExitStack() as place:
                place.enter_context(uploads)
                async with received(request, name=name, limits=limits) as upload:
                    # Only now does it take a place among those that wait: slow ones keep nobody from it.
                    place.close()
                    place.enter_context(recordings)
                    async with free:
                        if await request.is_disconnected():
                            raise ClientDisconnect
                        work = partial(_answer, recognizer, upload, limits=limits, picture=picture)
                        return JSONResponse(await anyio.to_thread.run_sync(work))
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=499)


class _Places:
    """So many at once, and no more; to be entered by each of them."""

    def __init__(self, number: int, doing: str) -> None:
        self._number = number
        self._doing = doing
        self._taken = 0

    @property
    def full(self) -> bool:
        return self._taken >= self._number

    def refusal(self) -> Refusal:
        return Refusal(503, f"{self._taken} recordings {self._doing}; try again soon")

    def __enter__(self) -> None:
        if self.full:
            raise self.refusal()
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        self._taken -= 1


def _answer(recognizer: Recognizer, upload: UploadFile, *, limits: Limits, picture: bool) -> dict[str, Any]:
    """Decode for length and picture, and a long recording again to recognise it, in constant memory."""
    file, name = upload.file, upload.filename
    with ExitStack() as stack:
        try:
            sound = stack.enter_context(open_sound(file, name=name))
        except InputError as error:
            raise Refusal(415, str(error)) from error
        whole: list[Waveform] = []
        short = round(recognizer.bundle.listening.timeline_after_s * sound.rate)
        blocks = _keeping(_not_too_long(sound, limits), whole, at_most=short)
        sound = Sound(sound.name, sound.rate, blocks)
        drawn = None
        if picture:
            drawn_from = resampled(sound, sample_rate=recognizer.sample_rate).blocks
            drawn = overview(drawn_from, settings=recognizer.bundle.front_end.logmel).as_dict()
        else:
            for _ in sound.blocks:
                pass
    if whole:
        heard = recognizer.predict(np.concatenate(whole), sound.rate, name=name)
    else:
        file.seek(0)
        heard = recognizer.predict(file, name=name)
    answer = heard.as_dict()
    return answer if drawn is None else {**answer, "picture": drawn}


def _keeping(blocks: Iterator[Waveform], kept: list[Waveform], *, at_most: int) -> Iterator[Waveform]:
    """Pass blocks on, and keep all of them unless they are longer than that together."""
    length = 0
    for block in blocks:
        length += len(block)
        if length <= at_most:
            kept.append(block)
        else:
            kept.clear()
        yield block


def _not_too_long(sound: Sound, limits: Limits) -> Iterator[Waveform]:
    left = limits.longest_s * sound.rate
    for block in sound.blocks:
        left -= len(block)
        if left < 0:
            raise Refusal(
                413, f"{sound.name}: longer than {_spoken(limits.longest_s)}, which is the most; cut it"
            )
        yield block


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} s"


def _add_about(app: FastAPI, recognizer: Recognizer, limits: Limits) -> None:
    bundle = recognizer.bundle

    @app.get(
        "/api/about",
        response_model=About,
        responses=_ANYWHERE,
        summary="Tell which model answers",
        operation_id="about",
    )
    async def about() -> dict[str, Any]:
        """Tell the model's training, expected score and licence, and what an upload may be."""
        return {
            "version": bundle.version,
            "labels": list(EMOTIONS),
            "uncertain_below": bundle.uncertain_below,
            "timeline_after_s": bundle.listening.timeline_after_s,
            "limits": {"largest_bytes": limits.largest_bytes, "longest_s": limits.longest_s},
            "about": bundle.about,
        }

    @app.get(
        "/healthz",
        response_model=Health,
        responses=_ANYWHERE,
        summary="Tell that the server is up",
        operation_id="health",
    )
    async def healthz() -> dict[str, str]:
        """Answer at once, also while recordings are being recognised."""
        return {"status": "ok"}


def _add_page(app: FastAPI) -> None:
    for address, (name, media_type) in _FILES.items():
        content = (PAGE / name).read_bytes()
        app.add_api_route(address, _sender(content, media_type), methods=["GET"], include_in_schema=False)


def _sender(content: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return Response(content, media_type=media_type)

    return send


def _add_guards(app: FastAPI, hosts: Sequence[str]) -> None:
    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return _problem(
            refusal.status, refusal.detail, {"Retry-After": "5"} if refusal.status == 503 else None
        )

    @app.exception_handler(UndecodableError)
    async def undecodable(_: Request, error: UndecodableError) -> Response:
        return _problem(415, str(error))

    @app.exception_handler(InputError)
    async def unusable(_: Request, error: InputError) -> Response:
        return _problem(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{it['loc'][-1]}: {it['msg']}" for it in error.errors())
        return _problem(422, said)

    @app.exception_handler(HTTPException)
    async def elsewhere(_: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, str(error.detail), error.headers)

    app.add_middleware(_Guard, hosts=hosts)


class _Guard:
    """Gives every answer the headers that keep a browser from harm, and refuses other sites' pages.

    It is around all else but the log of errors: an answer of 400 or 500 is a page to a browser as well.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = None if "*" in hosts else {host.strip("[]").lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(scope, receive, guarded)
        except Exception:
            if not begun:
                answer = _problem(500, "an error in the server; its log has more")
                await answer(scope, receive, guarded)
            # To the log.
            raise

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return _problem(
                400, "not under this name of the machine; open the address that ser serve printed"
            )
        if scope["method"] != "GET" and _asked_from_elsewhere(headers):
            # It comes from a page elsewhere that a user happens to have open.
            return _problem(403, "not for the pages of other sites")
        return None


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


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": detail}, status, headers=headers)
