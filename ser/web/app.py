"""The pages and the HTTP API: a recording comes in, an answer goes out, nothing of it stays."""

import csv
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from typing import Annotated, Any, Literal

import anyio
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from ser.data.ravdess import EMOTIONS
from ser.recognizer.channels import SPLIT
from ser.recognizer.reasons import IN_WORDS
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.rows import COLUMNS, as_text, rows_of
from ser.web.answers import About, Answer, Channels, Health, Problem, SampleAbout
from ser.web.api_page import api_page
from ser.web.events import Events, finished
from ser.web.guard import add_guards
from ser.web.limits import Limits
from ser.web.model_pages import USE, licences_page, model_page
from ser.web.recognition import Work
from ser.web.samples import SAMPLES, sample
from ser.web.upload import Refusal, discard, received

Name = Annotated[str, Query(description="Of a bare body, for the answer and for errors; never opened.")]
Pictured = Annotated[bool, Query(description="Whether the answer is to hold waveform and log-mel.")]
Chosen = Annotated[
    Literal["mix", "left", "right", "split"],
    Query(
        description="Which of several channels are answered: their mean, one, or with split two by "
        "themselves. A recording of one channel has no other."
    ),
]
Format = Annotated[
    Literal["json", "csv", "events"],
    Query(
        description='csv: the rows of ser predict --csv. events: server-sent events; some "progress", each '
        'with state and done (0 to 1), then "answer", with the JSON, or "problem", with status, detail and '
        "outcome."
    ),
]

_MEDIA_TYPES = {"json": "application/json", "csv": "text/csv"}
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
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
        "description": "Too many recordings wait, or the server is being stopped; try again later.",
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
_ANSWERS: dict[str, Any] = {
    "model": Answer | Channels,
    "description": "The answer, in the format that was asked for.",
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        # Of each event.
        "text/event-stream": {
            "schema": {
                "type": "object",
                "required": ["event", "data"],
                "properties": {
                    "event": {"enum": ["progress", "answer", "problem"]},
                    "data": {"type": "string", "contentMediaType": "application/json"},
                },
            }
        },
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "WAV, FLAC, OGG, MP3, AIFF and others (with ffmpeg M4A, WebM and many more), as a "
        "form with one file or as the bare body.",
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
    recognizer: Recognizer,
    limits: Limits | None = None,
    *,
    hosts: Sequence[str] = ("*",),
    origins: Sequence[str] = (),
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
    origins
        Origins of other pages that may use the API; none by default.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="ser serve",
        version=recognizer.bundle.version,
        summary="Which of eight acted emotions a recording of speech expresses.",
        description=f"{USE} Uploads are not kept.",
        # FastAPI's own load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    add_guards(app, hosts=hosts, origins=origins)
    _add_recognition(app, recognizer, limits)
    _add_about(app, recognizer, limits)
    _add_samples(app)
    _add_pages(app, recognizer)
    return app


def _add_recognition(app: FastAPI, recognizer: Recognizer, limits: Limits) -> None:
    free = anyio.CapacityLimiter(limits.at_once)
    uploads = _Places(limits.uploading, "are being uploaded")
    recordings = _Places(limits.at_once + limits.waiting, "are being listened to or wait")

    @app.post(
        "/api/recognize",
        responses={200: _ANSWERS, **_PROBLEMS},
        openapi_extra=_BODY,
        summary="Recognise the emotion in a recording",
        operation_id="recognize",
    )
    async def recognize(
        request: Request,
        name: Name = "recording",
        picture: Pictured = False,
        channels: Chosen = "mix",
        format: Format = "json",
    ) -> Response:
        """Answer for one recording, which is not kept."""
        try:
            if uploads.full:
                await discard(request, limits=limits)
                raise uploads.refusal()
            async with AsyncExitStack() as held:
                with ExitStack() as place:
                    place.enter_context(uploads)
                    upload = await held.enter_async_context(received(request, name=name, limits=limits))
                # Only now does it take a place among those that wait: slow ones keep nobody from it.
                held.enter_context(recordings)
                work = Work(
                    recognizer,
                    upload.file,
                    name=upload.filename or name,
                    size=upload.size or 0,
                    limits=limits,
                    picture=picture,
                    channels=channels,
                )
                run = partial(_as_csv, work)
                if format != "csv":
                    run = partial(_as_json, work, split=channels == SPLIT)
                if format == "events":
                    return Events(work, run, free=free, held=held.pop_all())
                content = await finished(work, run, receive=request.receive, free=free)
                return Response(content, media_type=_MEDIA_TYPES[format])
        except ClientDisconnect:
            # Nobody is there to read it.
            return Response(status_code=499)


def _as_json(work: Work, *, split: bool) -> str:
    answers = list(work.answers())
    answer: dict[str, Any] = {"file": answers[0]["file"], "channels": answers} if split else answers[0]
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _as_csv(work: Work) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for found, _ in work.recognitions():
        writer.writerows(map(as_text, rows_of(found)))
    return table.getvalue()


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
            **asdict(recognizer.model.thresholds),
            "reasons": dict(IN_WORDS),
            "timeline_after_s": bundle.listening.timeline_after_s,
            "limits": {"largest_bytes": limits.largest_bytes, "longest_s": limits.longest_s},
            "about": recognizer.model.about,
        }

    @app.get("/health", include_in_schema=False)
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


def _add_samples(app: FastAPI) -> None:
    @app.get(
        "/api/samples",
        response_model=list[SampleAbout],
        responses=_ANYWHERE,
        summary="List the recordings to try",
        operation_id="samples",
    )
    async def samples() -> list[dict[str, str]]:
        """Tell which synthetic voices there are, made by a formant synthesizer; no person speaks."""
        return [asdict(it) for it in SAMPLES]

    @app.get(
        "/api/samples/{name}",
        response_class=Response,
        responses={
            200: {
                "content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}},
                "description": "A FLAC file.",
            },
            404: {"model": Problem, "description": "There is none of this name."},
            422: {"model": Problem, "description": "The name is none."},
            **_ANYWHERE,
        },
        summary="Give a recording to try",
        operation_id="sample",
    )
    def one(name: Annotated[str, Path(description="Of the list of samples.")]) -> Response:
        """Give a synthetic voice as a FLAC file."""
        content = sample(name)
        if content is None:
            raise HTTPException(404, "no sample of this name; /api/samples lists them")
        return Response(content, media_type="audio/flac")


def _add_pages(app: FastAPI, recognizer: Recognizer) -> None:
    def add(address: str, send: Callable[[], Awaitable[Response]]) -> None:
        app.add_api_route(address, send, methods=["GET"], include_in_schema=False)

    for file in files("ser.web").joinpath("page").iterdir():
        if media_type := _TYPES.get(file.name.rpartition(".")[2]):
            address = "/" if file.name == "index.html" else f"/{file.name}"
            add(address, _sender(file.read_bytes(), media_type))
    add("/model", _sender(model_page(recognizer).encode(), "text/html"))
    add("/licences", _sender(licences_page(recognizer).encode(), "text/html"))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(api_page(app.openapi()), media_type="text/html")


def _sender(content: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return Response(content, media_type=f"{media_type}; charset=utf-8")

    return send
