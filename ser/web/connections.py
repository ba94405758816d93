"""Connections that bring no request are closed: otherwise a few hundred of them keep everybody out."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_S = 15.0
"""Time in seconds in which a connection must send the complete head of its first or next request."""


class Connection(H11Protocol):
    """A connection of uvicorn, which by itself waits for a request without end, and for the rest of one."""

    idle_s = IDLE_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to check whether the connection is idle."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request from now on."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def _watch(self) -> None:
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        idle = cycle is None or cycle.response_complete
        if idle and self.loop.time() >= self._idle_since + self.idle_s:
            self.transport.close()
        else:
            self.loop.call_later(self.idle_s / 4, self._watch)
