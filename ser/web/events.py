"""Work in a thread is waited for: it ends with the connection, and its progress can be told meanwhile."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from threading import Lock
from typing import Any

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ser.errors import InputError
from ser.web.guard import as_refusal, stopping
from ser.web.recognition import StoppedError, Work
from ser.web.upload import Refusal

INTERVAL_S = 0.5
"""Time from one event of progress to the next, in seconds."""


async def finished(
    work: Work,
    run: Callable[[], str],
    *,
    receive: Receive,
    free: anyio.CapacityLimiter,
    send: Send | None = None,
) -> str:
    """Run work in a thread, and wait for it.

    Parameters
    ----------
    work
        What is stopped where the client hangs up.
    run
        Does the work, in a thread.
    receive
        Tells when the client hangs up; the body of its request must have been read.
    free
        How many may run at once; the others wait.
    send
        Where given, gets an event of progress every `INTERVAL_S`.

    Returns
    -------
    str
        What `run` returned.

    Raises
    ------
    ClientDisconnect
        Where the client hung up.
    CancelledError
        Where the server is stopped; the thread has ended then.
    Exception
        Whatever `run` raised.
    """
    busy = Lock()
    results: list[str] = []
    failures: list[Exception] = []

    def locked() -> str:
        with busy:
            return run()

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        work.stop()
        group.cancel_scope.cancel()

    async def tell(send: Send) -> None:
        while True:
            heard = work in free.statistics().borrowers or free.available_tokens
            state = "listening" if heard else "waiting"
            await send(_event("progress", json.dumps({"state": state, "done": round(work.done, 3)})))
            await anyio.sleep(INTERVAL_S)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        if send is not None:
            group.start_soon(tell, send)
        try:
            await free.acquire_on_behalf_of(work)
            try:
                results.append(await anyio.to_thread.run_sync(locked))
            except asyncio.CancelledError:
                # The server is stopped, which waits for no thread; but the file that it reads is closed next.
                work.stop()
                with busy:
                    raise
            finally:
                free.release_on_behalf_of(work)
        except StoppedError:
            pass
        except Exception as error:
            # Not raised within the group, which would make a group of it.
            failures.append(error)
        group.cancel_scope.cancel()
    if failures:
        raise failures[0]
    if not results:
        raise ClientDisconnect
    return results[0]


class Events(Response):
    """An answer as server-sent events: some of progress, and at the end one, ``answer`` or ``problem``.

    Parameters
    ----------
    work, run, free
        As of `finished`.
    held
        What the work needs, closed at its end.
    """

    media_type = "text/event-stream"

    def __init__(
        self, work: Work, run: Callable[[], str], *, free: anyio.CapacityLimiter, held: AsyncExitStack
    ) -> None:
        super().__init__()
        self._work, self._run, self._free, self._held = work, run, free, held
        del self.headers["content-length"]
        # A proxy is not to collect them; nginx takes this from an answer.
        self.headers["X-Accel-Buffering"] = "no"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            try:
                async with self._held:
                    content = await finished(
                        self._work, self._run, receive=receive, free=self._free, send=send
                    )
                last = _event("answer", content)
            except InputError as error:
                last = _problem(as_refusal(error))
            except Refusal as refusal:
                last = _problem(refusal)
            except ClientDisconnect:
                # Nobody is there to read it.
                return
            except asyncio.CancelledError:
                last = _problem(stopping())
            except Exception:
                await send(_problem(Refusal(500, "an error in the server; its log has more")))
                raise
            await send(last)
            await send({"type": "http.response.body", "body": b""})
        finally:
            await self._held.aclose()


def _problem(refusal: Refusal) -> dict[str, Any]:
    content = {"status": refusal.status, "detail": refusal.detail, "outcome": refusal.outcome}
    return _event("problem", json.dumps(content))


def _event(kind: str, content: str) -> dict[str, Any]:
    body = f"event: {kind}\ndata: {content}\n\n".encode()
    return {"type": "http.response.body", "body": body, "more_body": True}
