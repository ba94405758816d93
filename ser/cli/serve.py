"""Serve a page on which to drop or record a recording, and its HTTP API, on this machine.

  ser serve                          then open the address that it prints; Ctrl-C ends it
  ser serve --port 9000 --jobs 4     another port, four recordings side by side
  curl -H 'Content-Type: audio/wav' --data-binary @talk.wav http://127.0.0.1:8000/api/recognize

GET /openapi.json describes the API. Uploads are kept in memory or in a file without a name, and gone with
the answer. Only this machine can reach the server unless --host says otherwise.
"""

import argparse
import contextlib
import importlib.util
import ipaddress
import os
import socket
import sys

from ser.cli.options import add_jobs, add_model, whole_number
from ser.errors import InputError

_NEEDED = ("fastapi", "uvicorn", "python_multipart")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser serve``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number(0, 65_535), default=8000, help="0 takes a free one (default: 8000)"
    )
    add_model(parser)
    add_jobs(parser, default=None, told="one a core, at most 4")
    parser.add_argument(
        "--max-mb",
        type=whole_number(1, 10_000),
        default=200,
        metavar="MB",
        help="largest upload (default: 200)",
    )
    parser.add_argument(
        "--max-minutes",
        type=whole_number(1, 24 * 60),
        default=240,
        metavar="N",
        help="longest recording (default: 240)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"ser serve needs {', '.join(missing)}; install them with: pip install -e '.[serve]'"
        )
    import uvicorn

    from ser.recognizer.recognizer import Recognizer
    from ser.web.app import create_app
    from ser.web.connections import Connection
    from ser.web.limits import Limits

    recognizer = Recognizer.load(arguments.model)
    limits = Limits(
        largest_bytes=arguments.max_mb * 1_000_000,
        longest_s=arguments.max_minutes * 60.0,
        at_once=arguments.jobs or min(os.cpu_count() or 1, 4),
    )
    here_alone = _is_loopback(arguments.host)
    hosts = ["localhost", "127.0.0.1", "::1", "[::1]", arguments.host] if here_alone else ["*"]
    with _listening(arguments.host, arguments.port) as listener:
        # No log of requests: names of files may be in them.
        settings = uvicorn.Config(
            create_app(recognizer, limits, hosts=hosts),
            http=Connection,
            access_log=False,
            log_level="warning",
            server_header=False,
            limit_concurrency=256,
            timeout_graceful_shutdown=5,
        )
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        print(f"ser serve: http://{host}:{listener.getsockname()[1]}/  (Ctrl-C ends it)", flush=True)
        if not here_alone:
            print(
                "warning: whoever reaches this machine over the network can use it, and what they send is "
                "not encrypted; browsers record on localhost or https alone",
                file=sys.stderr,
                flush=True,
            )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listener])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}); give another --port or --host"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
