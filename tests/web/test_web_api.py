"""`ser serve` over HTTP: answers, clear refusals, limits, and nothing left behind."""

import base64
import io
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from voices import spoken

from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.voice_activity import SpeechDetector
from ser.web.answers import About, Answer
from ser.web.app import create_app
from ser.web.connections import Connection
from ser.web.limits import Limits
from ser.web.upload import shown_name

CLIP = "03-01-05-01-01-01-12"
LIMITS = Limits(largest_bytes=3_000_000, longest_s=30.0)


def wav(samples: npt.ArrayLike, *, rate: int = SAMPLE_RATE, **options: Any) -> bytes:
    encoded = io.BytesIO()
    soundfile.write(encoded, np.asarray(samples), rate, **{"format": "WAV", **options})
    return encoded.getvalue()


@pytest.fixture(scope="session")
def voice() -> npt.NDArray[np.int16]:
    return synthesize(CLIP)


@pytest.fixture(scope="session")
def recording(voice: npt.NDArray[np.int16]) -> bytes:
    return wav(voice)


@pytest.fixture(scope="session")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


@pytest.fixture
def client(recognizer: Recognizer) -> Iterator[TestClient]:
    with TestClient(create_app(recognizer, LIMITS), raise_server_exceptions=False) as client:
        yield client


def recognise(client: TestClient, content: bytes, **query: str) -> Any:
    return client.post("/api/recognize", content=content, params=query)


# --- Answers


def test_a_form_and_a_bare_body_get_the_recognizers_answer(
    client: TestClient, recognizer: Recognizer, recording: bytes
) -> None:
    expected = recognizer.predict(io.BytesIO(recording), name="talk.wav").as_dict()
    form = client.post("/api/recognize", files={"file": ("talk.wav", recording, "audio/wav")})
    bare = recognise(client, recording, name="talk.wav")
    assert form.status_code == bare.status_code == 200
    assert form.json() == bare.json() == expected
    assert list(Answer.model_validate(form.json()).probabilities) == list(EMOTIONS)


def test_a_long_recording_gets_a_timeline(client: TestClient, voice: npt.NDArray[np.int16]) -> None:
    answer = Answer.model_validate(recognise(client, wav(np.tile(voice, 8))).json())
    assert answer.duration_s == pytest.approx(8 * len(voice) / SAMPLE_RATE, abs=0.01)
    assert answer.segments is not None
    assert len(answer.segments) > 5


def test_the_picture_shows_when_it_is_loud(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tone is no speech, but its picture is known.
    monkeypatch.setattr(SpeechDetector, "has_speech", lambda *_: True)
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    loud = np.where(np.arange(len(tone)) < SAMPLE_RATE, 0.5, 0.05)
    picture = Answer.model_validate(recognise(client, wav(tone * loud), picture="true").json()).picture
    assert picture is not None
    levels = np.frombuffer(base64.b64decode(picture.levels), np.uint8).reshape(-1, picture.bands)
    assert len(levels) == len(picture.low) == len(picture.high)
    assert len(levels) * picture.column_s == pytest.approx(2.0, abs=picture.column_s)
    middle = len(levels) // 2
    assert np.median(picture.high[: middle - 2]) == pytest.approx(0.5, abs=0.02)
    assert np.median(picture.low[middle + 2 :]) == pytest.approx(-0.05, abs=0.002)
    drop = levels[: middle - 2].max(axis=1).mean() - levels[middle + 2 :].max(axis=1).mean()
    assert drop * picture.range_db / 255 == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize(
    ("rate", "channels", "options"),
    [
        (8_000, 1, {}),
        (48_000, 8, {}),
        (192_000, 2, {"subtype": "PCM_24"}),
        (44_100, 1, {"subtype": "FLOAT"}),
        (48_000, 1, {"format": "FLAC"}),
        (48_000, 1, {"format": "OGG", "subtype": "VORBIS"}),
    ],
)
def test_it_takes_sound_of_any_form(
    client: TestClient, rate: int, channels: int, options: dict[str, str]
) -> None:
    sound = spoken(2, rate=rate)
    content = wav(np.tile(sound[:, None], channels), rate=rate, **options)
    response = recognise(client, content[:3_000_000], picture="true")
    assert response.status_code == 200, response.text
    assert response.json()["duration_s"] == pytest.approx(2, abs=0.01)


def test_it_tells_about_the_model(client: TestClient, recognizer: Recognizer) -> None:
    about = About.model_validate(client.get("/api/about").json())
    assert about.labels == list(EMOTIONS)
    assert about.about == recognizer.bundle.about
    assert about.limits.largest_bytes == LIMITS.largest_bytes
    assert client.get("/healthz").json() == {"status": "ok"}


def test_openapi_describes_uploads_answers_and_refusals(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    recognize = described["paths"]["/api/recognize"]["post"]
    bodies = {"multipart/form-data", "application/octet-stream", "audio/*"}
    assert set(recognize["requestBody"]["content"]) == bodies
    refusals = {"400", "403", "408", "413", "415", "422", "500", "503", "507"}
    assert set(recognize["responses"]) == {"200"} | refusals
    for status in {"200"} | refusals:
        (content,) = recognize["responses"][status]["content"].values()
        assert content["schema"]["$ref"].endswith("Answer" if status == "200" else "Problem")
    assert "Retry-After" in recognize["responses"]["503"]["headers"]
    assert all(it["description"] for it in recognize["parameters"])
    operations = [it["operationId"] for path in described["paths"].values() for it in path.values()]
    assert sorted(operations) == ["about", "health", "recognize"]
    answer = described["components"]["schemas"]["Answer"]
    assert not {"segments", "picture"} & set(answer["required"])
    assert "null" not in json.dumps(answer), "what is not there is left out of an answer"
    assert client.get("/docs").status_code == 404, "its page loads scripts from elsewhere"


# --- The page


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/recorder.js", "/api/about", "/nothing"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in policy


def test_the_page_names_nothing_elsewhere(client: TestClient) -> None:
    for path in ("/", "/page.css", "/page.js", "/recorder.js"):
        text = client.get(path).text
        assert "//" not in text.replace("// ", "").replace("//\n", ""), path
        assert "url(" not in text


# --- Refusals


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["detail"]
    assert isinstance(response.json()["detail"], str)
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    detail: str = response.json()["detail"]
    return detail


def test_zero_bytes(client: TestClient) -> None:
    assert "talk.wav: empty, 0 bytes" in refused(recognise(client, b"", name="talk.wav"), 422)
    form = client.post("/api/recognize", files={"file": ("talk.wav", b"", "audio/wav")})
    assert "talk.wav: empty, 0 bytes" in refused(form, 422)


@pytest.mark.parametrize(
    "content", [b"Dear all,\n" * 100, b"RIFF", bytes(5000), b"<svg></svg>", b"#EXTM3U\n/etc"]
)
def test_what_is_no_sound(client: TestClient, content: bytes) -> None:
    assert "talk.wav: no readable audio" in refused(recognise(client, content, name="talk.wav"), 415)


def test_what_ffmpeg_cannot_decode_is_left_to_the_browser(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    content = b"\0\0\0\x20ftypM4A " + bytes(2000)
    for picture in ("0", "1"):
        said = refused(recognise(client, content, name="a.m4a", picture=picture), 415)
        assert "a.m4a: ffmpeg cannot read it" in said


def test_a_short_recording_is_decoded_once(
    client: TestClient, voice: npt.NDArray[np.int16], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    class Counted(soundfile.SoundFile):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            opened.append(1)
            super().__init__(*arguments, **options)

    contents = [(wav(voice), 1), (wav(np.tile(voice, 8)), 2)]
    monkeypatch.setattr(soundfile, "SoundFile", Counted)
    for content, times in contents:
        for picture in ("0", "1"):
            opened.clear()
            assert recognise(client, content, picture=picture).status_code == 200
            assert len(opened) == times


def test_silence(client: TestClient) -> None:
    detail = refused(recognise(client, wav(np.zeros(SAMPLE_RATE)), name="a.wav", picture="1"), 422)
    assert "a.wav: silent" in detail


def test_too_short_or_nothing_in_it(client: TestClient) -> None:
    assert "0.010 s of sound" in refused(recognise(client, wav(np.full(480, 0.5)), picture="1"), 422)
    refused(recognise(client, wav(np.zeros(0)), picture="1"), 422)


def test_nan(client: TestClient) -> None:
    samples = np.full(SAMPLE_RATE, np.nan)
    assert "NaN" in refused(recognise(client, wav(samples, subtype="FLOAT"), picture="1"), 422)


def test_truncated(client: TestClient, voice: npt.NDArray[np.int16]) -> None:
    content = wav(voice, format="FLAC")
    detail = refused(recognise(client, content[: len(content) // 2], name="a.flac", picture="1"), 422)
    assert "a.flac: " in detail
    assert "copy it again" in detail


@pytest.mark.parametrize("excess", [1, 5_000_000, 20_000_000])
def test_too_large(client: TestClient, excess: int) -> None:
    content = bytes(LIMITS.largest_bytes + excess)
    assert "larger than 3 MB" in refused(recognise(client, content), 413)
    assert "larger than 3 MB" in refused(
        client.post("/api/recognize", files={"file": ("a.wav", content)}), 413
    )


def test_too_large_without_saying_so_before(client: TestClient) -> None:
    # In pieces, of which no header tells the sum.
    endless = (bytes(100_000) for _ in range(300))
    assert "larger than 3 MB" in refused(client.post("/api/recognize", content=endless), 413)


def test_too_long(client: TestClient) -> None:
    # Small, but days of it would be as well.
    content = wav(np.zeros(31 * SAMPLE_RATE), format="FLAC")
    assert len(content) < LIMITS.largest_bytes
    for picture in ("0", "1"):
        assert "a.flac: longer than 30 s" in refused(
            recognise(client, content, name="a.flac", picture=picture), 413
        )


def test_broken_forms(client: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    for content in (b"--x\r\nwhat?", b"", b"--x--\r\n", b"no form at all"):
        refused(client.post("/api/recognize", content=content, headers=headers), 422)
    unbound = {"content-type": "multipart/form-data"}
    refused(client.post("/api/recognize", content=b"--x--", headers=unbound), 422)
    two = [("file", ("a.wav", b"1")), ("file", ("b.wav", b"2"))]
    refused(client.post("/api/recognize", files=two), 422)
    refused(client.post("/api/recognize", data={"file": "words"}, files={}), 415)
    assert "picture" in refused(recognise(client, b"1", picture="perhaps"), 422)


@pytest.mark.parametrize(
    "told",
    [
        {"sec-fetch-site": "cross-site"},
        # A page of another port of this machine.
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
        # Of a browser that says no more.
        {"origin": "http://elsewhere.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://localhost"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:8000.elsewhere.example"},
        # A file, or a frame in a sandbox.
        {"origin": "null"},
        {"origin": ""},
    ],
)
def test_another_sites_page_may_not_ask(client: TestClient, told: dict[str, str]) -> None:
    refused(recognise_at(client, b"", told), 403)


@pytest.mark.parametrize(
    "told",
    [
        {"sec-fetch-site": "same-origin", "origin": "http://localhost:8000"},
        {"sec-fetch-site": "none"},
        # Behind a proxy that puts its own name for it.
        {"sec-fetch-site": "same-origin", "origin": "https://ser.example"},
        {"origin": "http://LOCALHOST:8000"},
        {},
    ],
)
def test_its_own_page_and_programs_may_ask(
    client: TestClient, recording: bytes, told: dict[str, str]
) -> None:
    assert recognise_at(client, recording, told).status_code == 200


def recognise_at(client: TestClient, content: bytes, headers: dict[str, str]) -> Any:
    return client.post("/api/recognize", content=content, headers={"host": "localhost:8000"} | headers)


def test_another_name_of_the_host_is_refused(recognizer: Recognizer) -> None:
    hosts = ["localhost", "127.0.0.1", "[::1]", "Studio.local"]
    with TestClient(create_app(recognizer, hosts=hosts), base_url="http://rebound.example") as client:
        for wrong in ("rebound.example", "localhost.rebound.example:80", "", "[::2]:8000", "::1]", ":8000"):
            assert "name of the machine" in refused(client.get("/api/about", headers={"host": wrong}), 400), (
                wrong
            )
        for right in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]", "studio.local:1"):
            assert client.get("/api/about", headers={"host": right}).status_code == 200, right


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/api/recognize", 405),
        ("PUT", "/api/recognize", 405),
        ("POST", "/", 405),
        ("POST", "/api/recognize?picture=perhaps", 422),
    ],
)
def test_refusals_have_one_form(client: TestClient, method: str, path: str, status: int) -> None:
    refused(client.request(method, path), status)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..\\..\\passwd", "C:\\x\\passwd"])
def test_a_name_is_never_a_path(client: TestClient, recording: bytes, name: str) -> None:
    assert recognise(client, recording, name=name).json()["file"] == "passwd"
    form = client.post("/api/recognize", files={"file": (name, recording, "audio/wav")})
    assert form.json()["file"] == "passwd"


@given(st.text())
def test_a_shown_name_is_plain(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= 100
    assert shown.isprintable()
    assert not {"/", "\\"} & set(shown)
    assert shown not in (".", "..")


def test_an_error_of_ours_is_not_told(client: TestClient, recognizer: Recognizer, recording: bytes) -> None:
    class Broken(Recognizer):
        def predict(self, *_: Any, **__: Any) -> Recognition:
            raise RuntimeError("secret")

    with TestClient(create_app(Broken(recognizer.bundle)), raise_server_exceptions=False) as client:
        response = recognise(client, recording)
    assert "its log has more" in refused(response, 500)
    assert "secret" not in response.text


# --- A real server


@contextmanager
def serving(
    recognizer: Recognizer, limits: Limits, *, connection: type[Connection] = Connection
) -> Iterator[int]:
    app = create_app(recognizer, limits)
    config = uvicorn.Config(app, http=connection, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.02)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=20)
    assert not thread.is_alive()


def exchange(port: int, content: bytes, *, close_early: bool = False) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(content)
        answer = b""
        while not close_early and (piece := connection.recv(65536)):
            answer += piece
        return answer


def request(content: bytes, length: int | None = None) -> bytes:
    head = ["POST /api/recognize?picture=1 HTTP/1.1", "Host: x", "Connection: close"]
    head += [f"Content-Length: {length or len(content)}", "", ""]
    return "\r\n".join(head).encode() + content


def test_a_slow_upload_is_ended(recognizer: Recognizer, recording: bytes) -> None:
    limits = Limits(pause_s=0.3)
    with serving(recognizer, limits) as port:
        began = time.monotonic()
        answer = exchange(port, request(recording[:1000], len(recording)))
        assert time.monotonic() - began < 10
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"took too long, trickled or stood still" in answer
        # It goes on serving, and a client that hangs up does no harm.
        exchange(port, request(recording[:1000], len(recording)), close_early=True)
        exchange(port, request(recording), close_early=True)
        assert exchange(port, request(recording)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("limits", [Limits(upload_s=0.6, pause_s=5.0), Limits(pause_s=0.6)])
def test_a_trickle_is_ended_too(recognizer: Recognizer, limits: Limits) -> None:
    with (
        serving(recognizer, limits) as port,
        socket.create_connection(("127.0.0.1", port), timeout=20) as connection,
    ):
        connection.sendall(request(b"R", 10_000))
        answer = b""
        connection.settimeout(0.1)
        for _ in range(100):
            try:
                connection.sendall(b"I")
                answer = connection.recv(1000)
                break
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")


@contextmanager
def uploading(port: int, number: int) -> Iterator[None]:
    """Hold open uploads that do not go on."""
    with ExitStack() as stack:
        for _ in range(number):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            connection.sendall(request(b"R", 10_000))
        time.sleep(0.5)
        yield


def test_slow_uploads_keep_nobody_from_being_heard(recognizer: Recognizer, recording: bytes) -> None:
    with serving(recognizer, Limits(at_once=1, waiting=0)) as port, uploading(port, 5):
        assert exchange(port, request(recording)).startswith(b"HTTP/1.1 200")


def test_uploads_are_not_without_number(recognizer: Recognizer, recording: bytes) -> None:
    with serving(recognizer, Limits(uploading=2)) as port:
        with uploading(port, 2):
            answer = exchange(port, request(recording))
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"2 recordings are being uploaded; try again soon" in answer
        time.sleep(0.5)
        assert exchange(port, request(recording)).startswith(b"HTTP/1.1 200")


class Impatient(Connection):
    idle_s = 0.5


@pytest.mark.parametrize("start", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_without_a_whole_request_is_closed(recognizer: Recognizer, start: bytes) -> None:
    with (
        serving(recognizer, Limits(), connection=Impatient) as port,
        socket.create_connection(("127.0.0.1", port), timeout=0.1) as connection,
    ):
        connection.sendall(start)
        for _ in range(200):
            try:
                if start:
                    # A head that goes on and on.
                    connection.sendall(b"X: 1\r\n")
                piece = connection.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
            if not piece:
                break
        else:
            pytest.fail("still open")


def test_a_connection_is_not_closed_while_it_is_answered(recognizer: Recognizer, recording: bytes) -> None:
    class Slow(Recognizer):
        def predict(self, *sources: Any, **options: Any) -> Recognition:
            time.sleep(2)
            return super().predict(*sources, **options)

    with serving(Slow(recognizer.bundle), Limits(), connection=Impatient) as port:
        assert exchange(port, request(recording)).startswith(b"HTTP/1.1 200")


def test_fifty_at_once(recognizer: Recognizer, recording: bytes) -> None:
    limits = Limits(at_once=2, waiting=10)
    with serving(recognizer, limits) as port, ThreadPoolExecutor(50) as pool:
        content = request(recording)
        answers = list(pool.map(lambda _: exchange(port, content), range(50)))
        assert exchange(port, content).startswith(b"HTTP/1.1 200"), "the server is down"
    statuses = [int(answer.split()[1]) for answer in answers]
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= limits.at_once + limits.waiting
    for answer, status in zip(answers, statuses, strict=True):
        if status == 503:
            assert b"retry-after" in answer.lower()
            assert b"try again soon" in answer


def test_no_more_than_allowed_are_listened_to(recognizer: Recognizer, recording: bytes) -> None:
    now, most, lock = 0, 0, threading.Lock()

    class Slow(Recognizer):
        def predict(self, *sources: Any, **options: Any) -> Recognition:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.05)
            with lock:
                now -= 1
            return super().predict(*sources, **options)

    slow = Slow(recognizer.bundle)
    with serving(slow, Limits(at_once=2, waiting=50)) as port, ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: exchange(port, request(recording)), range(10)))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    assert most == 2


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_file_is_left_behind(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    limits = Limits(pause_s=0.3)
    big = np.resize(spoken(10, rate=SAMPLE_RATE), 100 * SAMPLE_RATE)
    before = open_files()
    with serving(recognizer, limits) as port:
        open_before = open_files()
        # Too large for memory: one that is answered, one that is no sound, one that never ends.
        assert exchange(port, request(wav(big))).startswith(b"HTTP/1.1 200")
        assert exchange(port, request(bytes(9_000_000))).startswith(b"HTTP/1.1 415")
        assert exchange(port, request(bytes(9_000_000), 9_000_001)).startswith(b"HTTP/1.1 408")
        assert list(tmp_path.iterdir()) == []
        time.sleep(0.1)
        assert open_files() <= open_before
    assert open_files() <= before
