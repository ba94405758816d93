"""The page of `ser serve` in a real browser: drop, choose, record; bars, timeline, errors; small and dark."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from ser.audio.clip_io import write_pcm16
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.data.synthetic import synthesize
from tools.pages import chromium

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="chromium is not on the PATH")

SHOWN = "!document.getElementById('result').hidden"
SHARES = (
    "[...document.querySelectorAll('#bars tr')].map((it) => [it.cells[0].innerText, it.cells[1].innerText])"
)
SIDEWAYS = """(() => {
  const { clientWidth, scrollWidth } = document.documentElement;
  const all = "h1, h2, p, td, th, button, .button, canvas, audio";
  const cut = [...document.querySelectorAll(all)].filter((it) =>
    !it.closest(".scroll") && it.getBoundingClientRect().right > clientWidth + 0.5);
  return [scrollWidth - clientWidth, ...cut.map((it) => it.outerHTML.slice(0, 80))];
})()"""
# How often a screen reader would be told something new while it plays.
COUNT_TOLD = """window.told = 0;
new MutationObserver((changes) => { told += changes.length; }).observe(
  document.getElementById("cursor"), { attributeFilter: ["aria-valuetext"] });"""
UNLABELLED = """[...document.querySelectorAll("button, input, audio, [tabindex='0'], canvas")].filter((it) =>
  it.checkVisibility() && !it.innerText && !it.labels?.length && !it.ariaLabel).map((it) => it.outerHTML)"""


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    write_pcm16(path, synthesize("03-01-05-01-01-01-12"), sample_rate=SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def long_talk(talk: Path) -> Path:
    path = talk.with_name("long talk.wav")
    clips = [np.tile(synthesize(f"03-01-0{emotion}-01-01-01-12"), 4) for emotion in (1, 5, 4)]
    silence = np.zeros(3 * SAMPLE_RATE, dtype=np.int16)
    write_pcm16(path, np.concatenate([clips[0], silence, *clips[1:]]), sample_rate=SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def address(bundle_folder: Path) -> Iterator[str]:
    """The server as a user starts it, on a free port."""
    command = [sys.executable, "-m", "ser.cli", "serve", "--port", "0", "--model", str(bundle_folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert "http://127.0.0.1:" in said
    yield said.split()[2]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def browser(talk: Path) -> Iterator[chromium.Page]:
    # It plays the file over and over.
    microphone = f"--use-file-for-fake-audio-capture={talk}"
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", microphone]
    with chromium.browsing(*fake, "--autoplay-policy=no-user-gesture-required") as page:
        yield page


@pytest.fixture
def page(browser: chromium.Page, address: str) -> Iterator[chromium.Page]:
    browser.problems.clear()
    browser.show(address)
    browser.wait("document.getElementById('model').textContent")
    yield browser


def check_bars(page: chromium.Page) -> None:
    shares = page.run(SHARES)
    assert [name for name, _ in shares] == list(EMOTIONS)
    numbers = [0 if "<" in share else int(share.removesuffix("\N{NO-BREAK SPACE}%")) for _, share in shares]
    assert 95 <= sum(numbers) <= 105
    widths = page.run("[...document.querySelectorAll('#bars .filled')].map((it) => it.offsetWidth)")
    assert max(numbers) == numbers[int(np.argmax(widths))], "the longest bar is that of another emotion"
    assert page.problems == []


def test_drop_a_file(page: chromium.Page, talk: Path) -> None:
    page.drop(talk, "#drop")
    page.wait(SHOWN)
    check_bars(page)
    assert "talk.wav" in page.run("document.getElementById('status').innerText")
    for name in ("waveform", "logmel"):
        pixels = f"document.getElementById('{name}').getContext('2d').getImageData(0, 0, 400, 60).data"
        assert page.run(f"new Set({pixels}).size") > 2, f"{name} is blank"
    assert page.run("document.getElementById('timeline').hidden")


def test_choose_a_long_file_move_and_play(page: chromium.Page, long_talk: Path) -> None:
    page.choose(long_talk, "#file")
    page.wait(SHOWN)
    check_bars(page)
    rows = page.run("document.querySelectorAll('#pieces tbody tr').length")
    assert rows > 6
    page.wait("document.getElementById('audio').readyState > 0")
    page.click("#waveform")
    moment = page.run("document.getElementById('audio').currentTime")
    length = page.run("document.getElementById('audio').duration")
    assert moment == pytest.approx(length / 2, abs=0.2)
    assert page.run("document.activeElement.id") == "cursor"
    page.press("Home", 36)
    assert page.run("document.getElementById('cursor').ariaValueNow") == "0.0"
    page.press("ArrowRight", 39)
    page.wait("document.getElementById('cursor').ariaValueNow === '0.5'")
    page.run(COUNT_TOLD)
    page.press(" ", 32)
    page.wait("document.getElementById('audio').currentTime > 0.7")
    page.wait("Number(getComputedStyle(document.getElementById('cursor')).getPropertyValue('--at')) > 0.04")
    page.wait("document.getElementById('audio').currentTime > 3")
    page.press(" ", 32)
    page.wait("document.getElementById('audio').paused")
    stopped = "document.getElementById('audio').currentTime"
    page.wait(f"document.getElementById('cursor').ariaValueNow === {stopped}.toFixed(1)")
    # Once a second at most, and where it stopped; every picture moves the cursor nevertheless.
    assert 1 <= page.run("told") <= page.run(stopped) + 3


def test_record(page: chromium.Page) -> None:
    page.click("#record")
    page.wait("document.getElementById('record').innerText.startsWith('Stop (0:03')")
    page.click("#record")
    page.wait(SHOWN)
    check_bars(page)
    assert page.run("document.getElementById('record').innerText") == "Record"
    page.wait("document.getElementById('audio').duration > 2.5")


def test_a_microphone_that_fails_is_let_go(page: chromium.Page) -> None:
    page.run("""
      window.opened = [];
      const plain = AudioContext;
      window.AudioContext = function () { opened.push(new plain()); return opened.at(-1); };
      AudioWorklet.prototype.addModule = () => Promise.reject(new Error("no module"));
    """)
    page.click("#record")
    page.wait("!document.getElementById('problem').hidden")
    assert "could not be opened (no module)" in page.run("document.getElementById('problem').innerText")
    page.wait("opened.length === 1 && opened[0].state === 'closed'")
    assert page.run("document.getElementById('record').innerText") == "Record"


def test_the_keyboard_is_enough(page: chromium.Page) -> None:
    reached = []
    for _ in range(4):
        page.press("Tab", 9)
        reached.append(page.run("document.activeElement.id || document.activeElement.className"))
    assert reached[:3] == ["skip", "file", "record"]
    page.run("document.getElementById('record').focus()")
    page.press("Enter", 13)
    page.wait("document.getElementById('record').innerText.startsWith('Stop (0:02')")
    page.press("Enter", 13)
    page.wait(SHOWN)
    assert page.run("document.activeElement.id") == "verdict"


def test_an_error_is_told_and_the_next_file_works(page: chromium.Page, talk: Path) -> None:
    words = talk.with_name("words.wav")
    words.write_text("Dear all,\n" * 50)
    page.drop(words, "#drop")
    page.wait("!document.getElementById('problem').hidden")
    assert "words.wav: no readable audio" in page.run("document.getElementById('problem').innerText")
    assert page.run("document.getElementById('result').hidden")
    page.drop(talk, "#drop")
    page.wait(SHOWN)
    assert page.run("document.getElementById('problem').hidden")


def test_an_error_leaves_no_verdict_of_another_file(page: chromium.Page, talk: Path, tmp_path: Path) -> None:
    page.drop(talk, "#drop")
    page.wait(SHOWN)
    page.run("document.getElementById('audio').play()")
    folder = tmp_path / "my recordings"
    folder.mkdir()
    page.drop(folder, "#drop")
    page.wait("!document.getElementById('problem').hidden")
    said = page.run("document.getElementById('problem').innerText")
    assert said.startswith("my recordings cannot be read. If it is a folder")
    assert page.run("document.getElementById('result').hidden")
    assert page.run("document.getElementById('audio').paused")


def test_what_is_recorded_is_not_the_player(page: chromium.Page, long_talk: Path) -> None:
    page.drop(long_talk, "#drop")
    page.wait(SHOWN)
    page.run("document.getElementById('audio').play()")
    page.click("#record")
    page.wait("document.getElementById('record').innerText.startsWith('Stop (0:01')")
    assert page.run("document.getElementById('audio').paused")
    page.click("#record")
    page.wait("document.getElementById('status').innerText.startsWith('recording.wav')")


def test_cancel_keeps_the_keyboards_place(page: chromium.Page, talk: Path) -> None:
    # A server that does not come to an end.
    page.run(
        "window.fetch = (_, { signal }) => "
        "new Promise((_, refuse) => signal.onabort = () => refuse(signal.reason))"
    )
    page.drop(talk, "#drop")
    page.wait("!document.getElementById('cancel').hidden")
    page.run("document.getElementById('cancel').focus()")
    page.press("Enter", 13)
    page.wait("document.getElementById('cancel').hidden")
    assert page.run("document.activeElement.id") == "file"
    assert page.run("document.getElementById('status').innerText") == "Cancelled."


def test_the_parts_of_the_page_tell_what_they_are(page: chromium.Page, long_talk: Path) -> None:
    page.drop(long_talk, "#drop")
    page.wait(SHOWN)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    read = {it["nodeId"]: it for it in nodes if not it["ignored"]}
    sliders = [it for it in read.values() if it["role"]["value"] == "slider"]
    (slider,) = (it for it in sliders if it["name"]["value"] == "Position in the recording")
    assert not [it for it in slider["childIds"] if it in read], "what is inside of a slider is not read"
    pictures = [it["name"]["value"] for it in read.values() if it["role"]["value"] in ("image", "img")]
    assert [it.split()[0] for it in pictures] == ["Waveform", "Log-mel", "Probability"]
    assert page.run("document.getElementById('moment').closest('output, [aria-live], [role=status]')") is None
    assert page.run("[...document.querySelectorAll('#bars tr')].every((it) => it.cells.length === 2)")
    assert not page.run("document.querySelectorAll('td[aria-hidden]').length")


def test_downloads(page: chromium.Page, long_talk: Path, tmp_path: Path) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.drop(long_talk, "#drop")
    page.wait(SHOWN)
    page.click("#save-json")
    page.click("#save-csv")
    page.wait("new Promise((done) => setTimeout(() => done(true), 1500))")
    answer = json.loads((tmp_path / "long talk.emotions.json").read_text(encoding="utf-8"))
    assert answer["file"] == "long talk.wav"
    assert "picture" not in answer
    lines = (tmp_path / "long talk.emotions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",")[:4] == ["file", "start_s", "end_s", "emotion"]
    assert len(lines) == 1 + len(answer["segments"])
    first = lines[1].split(",")
    assert first[3] == answer["segments"][0]["emotion"]
    assert float(first[4]) == pytest.approx(answer["segments"][0]["confidence"], abs=1e-5)


@contextmanager
def page_elsewhere(folder: Path) -> Iterator[int]:
    """Serve a folder from another port of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_another_port_cannot_upload(
    browser: chromium.Page, address: str, tmp_path: Path, host: str
) -> None:
    form = f'<form method="post" enctype="multipart/form-data" action="{address}api/recognize"></form>'
    (tmp_path / "index.html").write_text(form)
    with page_elsewhere(tmp_path) as port:
        browser.show(f"http://{host}:{port}/")
        browser.run("document.forms[0].submit()")
        browser.wait("document.body.innerText.includes('not for the pages of other sites')")


def test_it_says_what_it_is_not(page: chromium.Page) -> None:
    text = page.run("document.body.innerText")
    assert (
        "Do not use it for decisions about people: no hiring, policing, medical or educational use." in text
    )
    assert "24 professional actors" in text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_fits_and_is_labelled(
    browser: chromium.Page, address: str, long_talk: Path, tmp_path: Path, width: int, dark: bool
) -> None:
    browser.show(address, width=width, dark=dark)
    browser.wait("document.getElementById('model').textContent")
    browser.choose(long_talk, "#file")
    browser.wait(SHOWN)
    assert browser.run(SIDEWAYS) == [0]
    assert browser.run(UNLABELLED) == []
    picture = tmp_path / f"page-{width}-{'dark' if dark else 'light'}.png"
    picture.write_bytes(browser.picture())
    paper = imread(picture)[-1, 0, :3].mean()
    assert paper < 0.2 if dark else paper > 0.8
