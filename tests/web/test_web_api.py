"""`ser serve` over HTTP: answers, clear refusals, limits, and nothing left behind."""

import base64
import csv
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
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

from ser import web
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.recognizer.judging import Recognition
from ser.recognizer.reasons import IN_WORDS
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.rows import COLUMNS, as_text, rows_of
from ser.recognizer.voice_activity import SpeechDetector
from ser.web.answers import About, Answer, Channels
from ser.web.app import create_app
from ser.web.connections import Connection
from ser.web.limits import Limits
from ser.web.model_pages import LICENCES
from ser.web.samples import sample
from ser.web.upload import shown_name

PAGE = Path(web.__file__).parent / "page"
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
    assert about.about == recognizer.model.about
    assert (about.sure_from, about.likely_from, about.agreement_from) == (0.8, 0.5, 0.5)
    assert about.reasons == IN_WORDS
    assert about.limits.largest_bytes == LIMITS.largest_bytes
    assert client.get("/healthz").json() == {"status": "ok"}


def test_openapi_describes_uploads_answers_and_refusals(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    recognize = described["paths"]["/api/recognize"]["post"]
    bodies = {"multipart/form-data", "application/octet-stream", "audio/*"}
    assert set(recognize["requestBody"]["content"]) == bodies
    refusals = {"400", "403", "408", "413", "415", "422", "500", "503", "507"}
    assert set(recognize["responses"]) == {"200"} | refusals
    for status in refusals:
        (content,) = recognize["responses"][status]["content"].values()
        assert content["schema"]["$ref"].endswith("Problem")
    answers = recognize["responses"]["200"]["content"]
    assert list(answers) == ["application/json", "text/csv", "text/event-stream"]
    (schema,) = (it["schema"] for media, it in answers.items() if media == "application/json")
    assert [it["$ref"].rpartition("/")[2] for it in schema["anyOf"]] == ["Answer", "Channels"]
    assert "Retry-After" in recognize["responses"]["503"]["headers"]
    assert all(it["description"] for it in recognize["parameters"])
    operations = [it["operationId"] for path in described["paths"].values() for it in path.values()]
    assert sorted(operations) == ["about", "health", "recognize", "sample", "samples"]
    answer = described["components"]["schemas"]["Answer"]
    assert not {"segments", "picture"} & set(answer["required"])
    nullable = [name for name, it in answer["properties"].items() if "null" in json.dumps(it)]
    assert nullable == ["channel"], "what is not there is left out of an answer"


# --- The page


PAGES = ["/", *(f"/{it.name}" for it in PAGE.iterdir() if it.suffix in (".js", ".css"))]
TEXTS = ["/docs", "/model", "/licences"]


@pytest.mark.parametrize("path", [*PAGES, *TEXTS, "/api/about", "/nothing"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in policy


def test_the_page_names_nothing_elsewhere(client: TestClient) -> None:
    for path in PAGES:
        text = client.get(path).text
        assert "//" not in text.replace("// ", "").replace("//\n", ""), path
        assert "url(" not in text


class Page(HTMLParser):
    """Text and links of a page, and whether it is what a strict policy lets through."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def addresses(self) -> set[str]:
        return {address or "" for _, it in self.tags for key, address in it.items() if key in ("href", "src")}


@pytest.mark.parametrize("path", TEXTS)
def test_pages_of_text_need_neither_scripts_nor_anything_from_elsewhere(
    client: TestClient, path: str
) -> None:
    page = Page(client.get(path).text)
    assert page.addresses <= {"data:,", "page.css", "openapi.json", "./"}
    assert not [tag for tag, it in page.tags if tag in ("script", "style") or "style" in it]
    assert f'href="{path[1:]}"' in client.get("/").text, "the page links to it"


def test_the_description_for_people_has_all_that_is_described(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    text = Page(client.get("/docs").text).text
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in text
            assert all(it["name"] in text for it in operation.get("parameters", []))
            assert all(it["description"] in text for it in operation["responses"].values())
    for name, schema in described["components"]["schemas"].items():
        assert name in text
        assert all(field in text for field in schema.get("properties", {}))
    assert "segmentslist of Piece, or not there" in text


def test_the_licences_are_shown_in_full(client: TestClient) -> None:
    text = Page(client.get("/licences").text).text
    for name in LICENCES.values():
        assert files("ser").joinpath(name).read_text(encoding="utf-8") in text


def test_the_model_is_shown_with_its_scores() -> None:
    recognizer = Recognizer.load()
    expected, certainty = (recognizer.model.about[it] for it in ("expected", "certainty"))
    with TestClient(create_app(recognizer)) as client:
        text = Page(client.get("/model").text).text.replace("\N{NO-BREAK SPACE}", "")
    for score in (
        expected["uar"],
        certainty["ravdess"]["sure"]["accuracy"],
        certainty["emodb"]["likely"]["share"],
    ):
        assert f"{score:.1%}" in text


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"training": {}, "expected": {}, "certainty": {}, "licence": {"code": 1}},
        {"training": "mine", "expected": "good", "certainty": "high", "licence": "MIT"},
        {"training": {"recordings": ["a.wav"]}, "expected": {"what": "", "elsewhere": "nowhere"}},
        {"expected": {"uar": 0.5, "uar_low": 0.4}, "certainty": {"mine": {"sure": {"share": 0.5}}}},
    ],
)
def test_a_model_that_tells_less_of_itself_is_served(recognizer: Recognizer, about: dict[str, Any]) -> None:
    bundle = recognizer.bundle
    models = {name: replace(it, about=about) for name, it in bundle.models.items()}
    with TestClient(create_app(Recognizer(replace(bundle, models=models)))) as client:
        for path in ("/model", "/licences"):
            assert client.get(path).status_code == 200
        text = Page(client.get("/model").text).text
    assert "Reasons against an answer" in text
    assert ("50.0" in text) == ("uar" in about.get("expected", {}))


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/about", "/healthz", "/docs", "/openapi.json"])
def test_heads_are_those_of_the_answers(client: TestClient, path: str) -> None:
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers
    assert int(head.headers["content-length"]) == len(whole.content)


def test_health_has_two_names(client: TestClient) -> None:
    assert client.get("/health").json() == client.get("/healthz").json() == {"status": "ok"}


# --- Channels, and answers as CSV


@pytest.fixture(scope="session")
def call() -> bytes:
    """Two voices, each on a channel of its own, longer than what is answered at once."""
    return wav(np.stack([spoken(8, rate=16_000, seed=seed) for seed in (0, 2)], axis=1), rate=16_000)


def test_each_channel_can_be_answered(client: TestClient, recognizer: Recognizer, call: bytes) -> None:
    both = recognise(client, call, channels="split", name="call.wav", picture="true").json()
    assert (both["file"], [it["channel"] for it in both["channels"]]) == ("call.wav", ["left", "right"])
    Channels.model_validate(both)
    for answer in both["channels"]:
        channel = answer["channel"]
        assert recognise(client, call, channels=channel, name="call.wav", picture="true").json() == answer
        del answer["picture"]
        expected = recognizer.predict(io.BytesIO(call), name="call.wav", channel=channel).as_dict()
        assert answer == expected
    assert both["channels"][0]["probabilities"] != both["channels"][1]["probabilities"]


def test_mixed_channels_are_told_to_differ(client: TestClient, call: bytes, recording: bytes) -> None:
    short = wav(soundfile.read(io.BytesIO(call))[0][: 16_000 * 3], rate=16_000)
    for content in (call, short):
        mixed = recognise(client, content).json()
        assert (mixed["channel"], mixed["channels_differ"]) == (None, True)
        assert "channels_differ" not in recognise(client, content, channels="left").json()
    assert "channels_differ" not in recognise(client, recording).json()


def test_a_recording_of_one_channel_has_no_other(client: TestClient, recording: bytes) -> None:
    mixed = recognise(client, recording).json()
    assert recognise(client, recording, channels="split").json()["channels"] == [mixed]
    assert recognise(client, recording, channels="right").json() == mixed


def test_six_channels_cannot_be_split(client: TestClient) -> None:
    sound = np.tile(spoken(2, rate=16_000)[:, None], 6)
    assert "6 channels, but two can be split" in refused(
        recognise(client, wav(sound, rate=16_000), channels="split"), 422
    )
    assert "channels" in refused(recognise(client, b"1", channels="middle"), 422)
    assert "no readable audio" in refused(recognise(client, b"Dear all" * 99, channels="left"), 415)


def test_csv_has_the_rows_of_predict(client: TestClient, recognizer: Recognizer, call: bytes) -> None:
    asked: dict[str, list[str | None]] = {"mix": [None], "split": ["left", "right"]}
    for channels, predicted in asked.items():
        response = recognise(client, call, format="csv", channels=channels, name="call.wav")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        heading, *rows = csv.reader(response.text.splitlines())
        assert heading == list(COLUMNS)
        expected = [
            as_text(row)
            for channel in predicted
            for row in rows_of(recognizer.predict(io.BytesIO(call), name="call.wav", channel=channel))
        ]
        assert rows == expected
    assert "talk.wav: empty" in refused(recognise(client, b"", format="csv", name="talk.wav"), 422)


# --- Samples


def test_samples_are_recognised_and_called_synthetic(recognizer: Recognizer) -> None:
    client = TestClient(create_app(recognizer))
    samples = client.get("/api/samples").json()
    assert len(samples) == 3
    for it in samples:
        assert "synthetic" in it["name"]
        assert "synthetic voice" in it["told"].lower()
        response = client.get(f"/api/samples/{it['name']}")
        assert response.headers["content-type"] == "audio/flac"
        assert recognise(client, response.content).status_code == 200
    assert client.get("/api/samples/synthetic-call.wav").status_code == 404
    sound, _ = soundfile.read(io.BytesIO(client.get("/api/samples/synthetic-call.flac").content))
    assert not (sound[:, 0] * sound[:, 1]).any(), "of the two, only one speaks"


def test_names_that_are_no_samples_take_no_memory() -> None:
    tracemalloc.start()
    for number in range(20):
        assert sample(f"{number}{'x' * 20_000}") is None
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000


def test_samples_need_no_package_of_the_pipeline() -> None:
    """Nor does the server: where only what `ser serve` needs is installed, it starts."""
    code = """
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {"scipy", "pandas", "librosa", "joblib", "sklearn", "yaml"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import ser.cli.serve, ser.web.app, ser.web.connections
from ser.web.samples import SAMPLES, sample
assert all(sample(it.name) for it in SAMPLES)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


# --- Progress


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events: kind and content of each."""
    found = []
    for event in text.removesuffix("\n\n").split("\n\n"):
        kind, content = event.split("\n")
        found.append((kind.removeprefix("event: "), json.loads(content.removeprefix("data: "))))
    return found


def test_progress_is_told_as_events(
    client: TestClient, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ser.web.events.INTERVAL_S", 0.01)
    content = wav(spoken(28, rate=48_000), rate=48_000, subtype="PCM_16")
    response = recognise(client, content, name="talk.wav", picture="true", format="events")
    assert response.headers["content-type"].startswith("text/event-stream")
    *progress, (kind, answer) = events(response.text)
    assert kind == "answer"
    assert answer == recognise(client, content, name="talk.wav", picture="true").json()
    assert {kind for kind, _ in progress} == {"progress"}
    done = [it["done"] for _, it in progress]
    assert len({it for it in done if 0.1 < it < 1}) > 3, "it is told on its way"
    assert max(done) <= 1


@pytest.mark.parametrize(
    ("content", "status"), [(b"Dear all,\n" * 100, 415), (wav(np.zeros(SAMPLE_RATE)), 422)]
)
def test_a_refusal_is_an_event_too(client: TestClient, content: bytes, status: int) -> None:
    response = recognise(client, content, format="events", name="talk.wav")
    kind, told = events(response.text)[-1]
    assert (response.status_code, kind, told["status"]) == (200, "problem", status)
    del told["status"]
    assert told == recognise(client, content, name="talk.wav").json()


def test_an_upload_that_is_refused_has_no_events(client: TestClient) -> None:
    content = bytes(LIMITS.largest_bytes + 1)
    assert "larger than 3 MB" in refused(recognise(client, content, format="events"), 413)


# --- Refusals


def refused(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    assert list(response.json()) == ["detail", "outcome"]
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


@pytest.mark.parametrize("content", [b"Dear all,\n" * 100, b"RIFF", bytes(5000), b"<svg></svg>"])
def test_what_is_no_sound(client: TestClient, content: bytes) -> None:
    assert "talk.wav: no readable audio" in refused(recognise(client, content, name="talk.wav"), 415)
    assert "talk.wav: a playlist" in refused(recognise(client, b"#EXTM3U\n/etc", name="talk.wav"), 415)


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


def test_a_recording_is_decoded_once_and_a_long_one_twice_a_channel(
    client: TestClient, voice: npt.NDArray[np.int16], call: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    plain = soundfile.SoundFile.__init__

    def counted(self: soundfile.SoundFile, *arguments: Any, **options: Any) -> None:
        opened.append(1)
        plain(self, *arguments, **options)

    short, long = wav(voice), wav(np.tile(voice, 8))
    short_call = wav(soundfile.read(io.BytesIO(call))[0][: 16_000 * 3], rate=16_000)
    contents = [(short, "mix", 1), (long, "mix", 2), (short, "split", 1), (long, "split", 2)]
    contents += [(short_call, "split", 2), (call, "split", 4), (call, "left", 2)]
    monkeypatch.setattr(soundfile.SoundFile, "__init__", counted)
    for content, channels, times in contents:
        for picture in ("0", "1"):
            opened.clear()
            assert recognise(client, content, picture=picture, channels=channels).status_code == 200
            assert len(opened) == times


def test_silence(client: TestClient) -> None:
    response = recognise(client, wav(np.zeros(SAMPLE_RATE)), name="a.wav", picture="1")
    assert "a.wav: silent" in refused(response, 422)
    assert response.json()["outcome"] == "no_speech"
    assert recognise(client, b"RIFF").json()["outcome"] == "error"


def test_channels_that_cancel_each_other(client: TestClient) -> None:
    sound = spoken(2, rate=16_000)
    response = recognise(client, wav(np.stack([sound, -sound], axis=1), rate=16_000), name="a.wav")
    assert "a.wav: silent, the mean of its 2 channels at least" in refused(response, 422)


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


ALLOWED = "https://intranet.example"


@pytest.fixture
def shared(recognizer: Recognizer) -> Iterator[TestClient]:
    """A server that lets the pages of one other origin use its API."""
    with TestClient(create_app(recognizer, LIMITS, origins=[ALLOWED])) as client:
        yield client


def test_a_page_of_an_allowed_origin_may_use_the_api(shared: TestClient, recording: bytes) -> None:
    headers = {"origin": ALLOWED, "sec-fetch-site": "cross-site"}
    for response in (
        recognise_at(shared, recording, headers),
        recognise_at(shared, b"no sound", headers),
        shared.get("/api/about", headers=headers),
        shared.options("/api/recognize", headers={**headers, "access-control-request-method": "POST"}),
    ):
        assert response.status_code in (200, 204, 415), response.text
        assert response.headers["access-control-allow-origin"] == ALLOWED
        assert response.headers["access-control-expose-headers"] == "Retry-After"
        assert "access-control-allow-credentials" not in response.headers
    assert "Content-Type" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize("path", ["/", "/page.js", "/docs"])
def test_the_pages_are_not_for_other_origins(shared: TestClient, path: str) -> None:
    assert "access-control-allow-origin" not in shared.get(path, headers={"origin": ALLOWED}).headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "http://intranet.example",
        f"{ALLOWED}:8443",
        f"{ALLOWED}.evil.example",
        "null",
    ],
)
def test_another_origin_stays_refused(shared: TestClient, recording: bytes, origin: str) -> None:
    headers = {"origin": origin, "sec-fetch-site": "cross-site"}
    response = recognise_at(shared, recording, headers)
    refused(response, 403)
    for answer in (
        response,
        shared.get("/api/about", headers=headers),
        shared.options("/api/recognize", headers=headers),
    ):
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"


def test_no_origin_is_allowed_by_default(client: TestClient) -> None:
    headers = {"origin": ALLOWED, "sec-fetch-site": "cross-site", "access-control-request-method": "POST"}
    assert client.options("/api/recognize", headers=headers).status_code == 403
    assert "access-control-allow-origin" not in client.get("/api/about", headers=headers).headers


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


@pytest.mark.parametrize("kind", ["json", "events"])
def test_who_hangs_up_keeps_nobody_waiting(recognizer: Recognizer, recording: bytes, kind: str) -> None:
    long = wav(np.resize(spoken(10, rate=16_000), 16_000 * 1200), rate=16_000)
    with serving(recognizer, Limits(at_once=1, waiting=0)) as port:
        head = request(long).replace(b"picture=1", f"format={kind}".encode())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head)
            time.sleep(1)
            began = time.monotonic()
        while not exchange(port, request(recording)).startswith(b"HTTP/1.1 200"):
            # Of 20 minutes, some seconds were heard.
            assert time.monotonic() < began + 8
            time.sleep(0.1)


def test_who_waits_is_told_so(recognizer: Recognizer, recording: bytes) -> None:
    class Slow(Recognizer):
        def predict(self, *sources: Any, **options: Any) -> Recognition:
            time.sleep(1)
            return super().predict(*sources, **options)

    asked = request(recording).replace(b"picture=1", b"format=events")
    with serving(Slow(recognizer.bundle), Limits(at_once=1)) as port, ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: exchange(port, asked), range(2)))
    assert all(b"event: answer" in answer for answer in answers)
    assert sorted(b'"waiting"' in answer for answer in answers) == [False, True]
    assert all(b'"listening"' in answer for answer in answers)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_file_is_left_behind(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    limits = Limits(pause_s=0.3)
    big = np.resize(spoken(10, rate=SAMPLE_RATE), 50 * SAMPLE_RATE)
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
