"""Serve a page on which to drop or record a recording, and its HTTP API, on this machine.

  ser serve                          then open the address that it prints; Ctrl-C ends it
  ser serve --port 9000 --jobs 4     another port, four recordings side by side
  ser serve --allow-host emotion.example.org    behind a reverse proxy of that name
  curl -H 'Content-Type: audio/wav' --data-binary @talk.wav http://127.0.0.1:8000/api/recognize

/docs describes the API, and /openapi.json does for programs. Uploads are kept in memory or in a file without
a name, and gone with the answer. Only this machine can reach the server unless --host says otherwise.

exit codes:
  0  it was ended by Ctrl-C              1  it cannot listen there, or its model or a package is missing
  2  the command was called wrongly
"""

import argparse
import contextlib
import ipaddress
import os
import re
import socket
import sys

from ser.cli.extras import needs
from ser.cli.options import add_jobs, add_model, whole_number
from ser.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser serve``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number(0, 65_535), default=8000, help="0 takes a free one (default: 8000)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        type=_host_name,
        metavar="NAME",
        help="answer under this name too, such as that of a reverse proxy, and under no others but this "
        "machine's own; may be given again",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        type=_origin,
        metavar="ORIGIN",
        help="let pages of this origin, such as https://intranet.example.org, use the API (default: none but "
        "its own); may be given again",
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
    with needs("serve"):
        # The last is imported by the others, and only once a form comes.
        import python_multipart  # noqa: F401
        import uvicorn

        from ser.web.app import create_app
        from ser.web.connections import Connection

    from ser.recognizer.recognizer import Recognizer
    from ser.web.limits import Limits

    recognizer = Recognizer.load(arguments.bundle, model=arguments.model)
    limits = Limits(
        largest_bytes=arguments.max_mb * 1_000_000,
        longest_s=arguments.max_minutes * 60.0,
        at_once=arguments.jobs or min(os.cpu_count() or 1, 4),
    )
    here_alone = _is_loopback(arguments.host)
    hosts = ["localhost", "127.0.0.1", "::1", arguments.host, *arguments.allow_host]
    if not here_alone and not arguments.allow_host:
        hosts = ["*"]
    with _listening(arguments.host, arguments.port) as listener:
        # No log of requests: names of files may be in them.
        settings = uvicorn.Config(
            create_app(recognizer, limits, hosts=hosts, origins=arguments.allow_origin),
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


def _host_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+|\[?[0-9a-fA-F:]+\]?", text, flags=re.ASCII):
        raise argparse.ArgumentTypeError(
            f"must be a name such as emotion.example.org, without http:// and port, got {text}"
        )
    return text


def _origin(text: str) -> str:
    # As browsers send it: lower case, and no port that is the scheme's own.
    found = re.fullmatch(r"(https?)://([\w.-]+|\[[0-9a-f:]+\])(:\d+)?", text.lower(), flags=re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"must be a scheme, a name and perhaps a port, such as https://intranet.example.org, got {text}"
        )
    scheme, name, port = found.groups("")
    return f"{scheme}://{name}{'' if port == {'http': ':80', 'https': ':443'}[scheme] else port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
