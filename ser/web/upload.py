"""How an upload is taken in: bounded in size and time, into a file without a name that vanishes by itself."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ser.errors import NO_ROOM
from ser.recognizer.rows import ERROR
from ser.web.limits import Limits

_IN_MEMORY = 2**22
# The wrapping of a form around its file.
_FORM_BYTES = 2**14
# A browser shows an answer only after it has sent all: so much of what is too large is read, and thrown away.
_READ_ON = 4


class Refusal(Exception):
    """A request that is not served.

    Parameters
    ----------
    status
        Status code of HTTP, 4xx or 5xx.
    detail
        Message for the user: what is wrong, and what to do.
    outcome
        `ERROR` or `NO_SPEECH` of `ser.recognizer.rows`, as the rows of ``ser predict --csv`` have it.
    """

    def __init__(self, status: int, detail: str, *, outcome: str = ERROR) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.outcome = outcome


@asynccontextmanager
async def received(request: Request, *, name: str, limits: Limits) -> AsyncIterator[UploadFile]:
    """Receive the file that a request brings, as a form or as its bare body.

    Parameters
    ----------
    request
        The HTTP request, whose content type decides which of the two it is.
    name
        Name of a bare body; the file of a form has its own.
    limits
        Largest size, in bytes, and longest time, in seconds, of an upload.

    Yields
    ------
    UploadFile
        The file, at its start. Its ``filename`` can be shown; nothing is ever opened under it.

    Raises
    ------
    Refusal
        Where it is too large (413), too slow (408), empty (422) or a broken form (422); and where there is no
        room for it, or for what is made of it while it is there (507).
    """
    form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    largest = limits.largest_bytes + (_FORM_BYTES if form else 0)
    pieces = _pieces(request, largest=largest, limits=limits)
    try:
        upload = await (_of_form(request, pieces) if form else _of_body(pieces, name))
        try:
            if not upload.size:
                raise Refusal(422, f"{shown_name(upload.filename)}: empty, 0 bytes; choose another file")
            if upload.size > limits.largest_bytes:
                raise _too_large(limits)
            upload.filename = shown_name(upload.filename)
            await upload.seek(0)
            yield upload
        finally:
            await upload.close()
    except OSError as error:
        if not _lacks_room(error):
            raise
        # The log may be a file on the same disk.
        with suppress(OSError):
            print(
                f"ser serve: {error}: no room for temporary files; make room, or set TMPDIR", file=sys.stderr
            )
        await _read_on(pieces)
        raise Refusal(507, "the server has no room for temporary files; try again later") from error


async def discard(request: Request, *, limits: Limits) -> None:
    """Read, within limits, and throw away what a client sends: only then does a browser show the answer."""
    await _read_on(_pieces(request, largest=limits.largest_bytes, limits=limits))


async def _read_on(pieces: AsyncGenerator[bytes, None]) -> None:
    try:
        async for _ in pieces:
            pass
    except Refusal:
        return


def shown_name(name: str | None) -> str:
    """Reduce a name that a client gave to what can be shown: no folders, nothing unprintable, not long.

    >>> shown_name("../../etc/passwd")
    'passwd'
    """
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(it for it in last if it.isprintable()).strip()
    return printable[:100] if printable.strip(".") else "recording"


async def _of_form(request: Request, pieces: AsyncGenerator[bytes, None]) -> UploadFile:
    parser = MultiPartParser(request.headers, pieces, max_files=1, max_fields=8)
    parser.spool_max_size = _IN_MEMORY
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(422, f"the form cannot be read ({error.message}); send one file") from error
    for part in form.values():
        if isinstance(part, UploadFile):
            return part
    raise Refusal(422, "the form has no file; send one")


async def _of_body(pieces: AsyncGenerator[bytes, None], name: str) -> UploadFile:
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed with the upload)
    upload = UploadFile(file, filename=name, size=0)  # type: ignore[arg-type]
    try:
        async for piece in pieces:
            await upload.write(piece)
    except BaseException:
        file.close()
        raise
    return upload


async def _pieces(request: Request, *, largest: int, limits: Limits) -> AsyncGenerator[bytes, None]:
    headers = request.headers
    announced = int(length) if (length := headers.get("content-length", "0")).isdigit() else 0
    # Who asks first, as curl does, need not send it at all.
    if announced > (largest if "expect" in headers else _READ_ON * largest):
        raise _too_large(limits)
    so_far = 0
    began = time.monotonic()
    stream = aiter(request.stream())
    while True:
        # One that trickles, as who wants to keep others out lets it, has less time than one that flows.
        allowed_s = min(limits.upload_s, limits.pause_s + so_far / limits.slowest_bytes_s)
        left_s = began + allowed_s - time.monotonic()
        try:
            async with asyncio.timeout(min(left_s, limits.pause_s)):
                piece = await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError as error:
            raise Refusal(408, "the upload took too long, trickled or stood still; send it again") from error
        so_far += len(piece)
        if so_far > _READ_ON * largest:
            break
        if so_far <= largest:
            yield piece
    if so_far > largest:
        raise _too_large(limits)


def _lacks_room(error: OSError) -> bool:
    """Whether it says that temporary files find no room."""
    # The second is how Python says that no folder took a byte when it looked for one.
    return error.errno in NO_ROOM or str(error).startswith("[Errno 2] No usable temporary directory")


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413,
        f"larger than {limits.largest_bytes / 1e6:g} MB, which is the most; send a shorter piece, or as FLAC "
        "or MP3",
    )
