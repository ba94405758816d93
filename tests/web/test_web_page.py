"""The page of `ser serve` in a real browser: drop, choose, record; answers, table, zoom; small and dark."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from ser.audio.clip_io import write_pcm16
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.recognizer.bundle_format import read_bundle, write_bundle
from ser.recognizer.rows import COLUMNS
from tools.pages import chromium

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="chromium is not on the PATH")

SHOWN = "!document.getElementById('result').hidden"
DONE = "document.getElementById('cancel').hidden"
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
UNLABELLED = """[...document.querySelectorAll(
  "button, input, select, progress, audio, [tabindex='0'], canvas")].filter((it) =>
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


@contextmanager
def serving(bundle: Path, *options: str) -> Iterator[str]:
    """Start the server as a user does, on a free port, and give its address."""
    command = [sys.executable, "-m", "ser.cli", "serve", "--port", "0", "--bundle", str(bundle), *options]
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
def address(bundle_folder: Path) -> Iterator[str]:
    with serving(bundle_folder) as address:
        yield address


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
    # Less than a second of speech.
    assert page.run("document.getElementById('verdict').innerText") == "Not sure"
    assert "too little speech" in page.run("document.getElementById('reasons').innerText")
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
    page.run("XMLHttpRequest.prototype.send = () => {}")
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
    assert [it.split()[0] for it in pictures] == ["Share", "Answers", "Waveform", "Log-mel", "Probability"]
    assert page.run("document.getElementById('moment').closest('output, [aria-live], [role=status]')") is None
    assert page.run("[...document.querySelectorAll('#bars tr')].every((it) => it.cells.length === 2)")
    assert not page.run("document.querySelectorAll('td[aria-hidden]').length")


def test_downloads(page: chromium.Page, long_talk: Path, tmp_path: Path, address: str) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.drop(long_talk, "#drop")
    page.wait(SHOWN)
    page.click("#save-json")
    page.click("#save-csv")
    page.wait("new Promise((done) => setTimeout(() => done(true), 1500))")
    answer = json.loads((tmp_path / "long talk.emotions.json").read_text(encoding="utf-8"))
    assert answer["file"] == "long talk.wav"
    assert "picture" not in answer
    check_csv(tmp_path / "long talk.emotions.csv", [long_talk], address)


def check_csv(path: Path, recordings: list[Path], address: str) -> list[dict[str, str]]:
    """Compare a table of the page with what the API gives for recordings; give what is left of it."""
    found = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    assert found.pop(0) == list(COLUMNS)
    for recording in recordings:
        query = urlencode({"format": "csv", "name": recording.name})
        with urlopen(f"{address}api/recognize?{query}", recording.read_bytes()) as answer:
            _, *expected = csv.reader(answer.read().decode().splitlines())
        for row in expected:
            for cell, value in zip(row, found.pop(0), strict=True):
                assert cell == value
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def test_samples_are_a_click_away(page: chromium.Page) -> None:
    page.wait("document.querySelectorAll('#sample-buttons button').length === 3")
    assert "a synthetic voice" in page.run("document.getElementById('samples').innerText")
    for place, name in enumerate(["calm", "angry", "call"], start=1):
        page.click(f"#sample-buttons button:nth-child({place})")
        page.wait(f"document.getElementById('status').innerText.startsWith('synthetic-{name}.flac: ')")
        page.wait(DONE)
        check_bars(page)


TABLE = """[...document.querySelectorAll('#recordings-rows tr')].map(
  (row) => [...row.cells].map((cell) => cell.innerText.trim()))"""


def test_several_files_are_a_table(
    page: chromium.Page, talk: Path, long_talk: Path, tmp_path: Path, address: str
) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    words = tmp_path / "=words.wav"
    words.write_text("Dear all,\n" * 50)
    page.run(
        "window.said = []; new MutationObserver(() => said.push(document.getElementById('status').innerText))"
        ".observe(document.getElementById('status'), { childList: true })"
    )
    page.choose_all([talk, words, long_talk], "#file")
    page.wait(f"document.querySelectorAll('#recordings-rows tr').length === 3 && {DONE}")
    rows = page.run(TABLE)
    assert [row[0] for row in rows] == ["talk.wav", "=words.wav", "long talk.wav"]
    assert rows[1][1].startswith("no answer: no readable audio")
    assert rows[0][1] in EMOTIONS
    assert rows[0][2].endswith("%")
    assert rows[0][3] == "not sure"
    assert "too little speech" in rows[0][4], "in words"
    assert rows[0][5] == "1.1 s"
    said = page.run("said")
    assert any(it.startswith("1 of 3: Listening to talk.wav") for it in said)
    assert said[-1] == "2 recordings answered, 1 not: the table says why."
    # The first stays open until another is chosen.
    assert "talk.wav (" in page.run("document.getElementById('bars-caption').innerText")
    page.click("#recordings-rows tr:nth-child(3) td:nth-child(4)")
    page.wait("document.getElementById('bars-caption').innerText.includes('long talk.wav')")
    assert page.run("document.activeElement.id") == "verdict"
    page.run("document.querySelector('#recordings-rows .name').focus()")
    page.press("Enter", 13)
    page.wait("document.getElementById('bars-caption').innerText.includes(' talk.wav (1.1')")
    assert page.run("document.querySelectorAll('#recordings-rows [aria-pressed=true]').length") == 1
    page.click("#save-all")
    page.wait("new Promise((done) => setTimeout(() => done(true), 1000))")
    # The rows of those that were answered are in the order of the table, which has one between.
    table = tmp_path / "emotions.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    (refused,) = (line for line in lines if "words.wav" in line)
    assert refused.startswith("'=words.wav,,"), "a spreadsheet would compute it"
    assert ",error," in refused
    table.write_text("".join(line for line in lines if line != refused), encoding="utf-8")
    assert check_csv(table, [talk, long_talk], address) == []
    page.click("#forget")
    page.wait("document.getElementById('recordings').hidden && document.getElementById('result').hidden")


def test_recordings_without_an_answer_are_rows_too(page: chromium.Page, tmp_path: Path) -> None:
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    silence, words = tmp_path / "\uff1dsilence.wav", tmp_path / "words.wav"
    soundfile.write(silence, np.zeros(16_000), 16_000)
    words.write_text("Dear all,\n" * 50)
    page.choose_all([silence, words], "#file")
    page.wait(f"document.querySelectorAll('#recordings-rows tr').length === 2 && {DONE}")
    page.click("#save-all")
    page.wait("new Promise((done) => setTimeout(() => done(true), 1000))")
    heading, *rows = csv.reader((tmp_path / "emotions.csv").read_text(encoding="utf-8").splitlines())
    assert heading == list(COLUMNS)
    told = [(row[0], *row[-2:]) for row in rows]
    silent = "silent, there is no speech to hear; record it again, closer or louder"
    assert told[0] == ("'\uff1dsilence.wav", "no_speech", silent)
    assert told[1][:2] == ("words.wav", "error")
    assert told[1][2].startswith("no readable audio")


def test_cancel_ends_all_that_wait(page: chromium.Page, talk: Path, long_talk: Path) -> None:
    page.run("XMLHttpRequest.prototype.send = () => {}")
    page.choose_all([talk, long_talk], "#file")
    page.wait("document.getElementById('status').innerText.startsWith('1 of 2: Sending')")
    page.click("#cancel")
    page.wait(DONE)
    assert page.run("document.getElementById('status').innerText") == "Cancelled."
    assert page.run("document.getElementById('recordings').hidden")


def test_the_summary_comes_first(page: chromium.Page, long_talk: Path, address: str) -> None:
    page.drop(long_talk, "#drop")
    page.wait(SHOWN)
    with urlopen(f"{address}api/recognize", long_talk.read_bytes()) as answer:
        summary = json.load(answer)["summary"]
    text = page.run("document.getElementById('summary').innerText")
    assert f"{summary['speech_s']:.1f} s of " in text
    changes = len(summary["changes"])
    assert (f"{changes} change" if changes else "does not change") in text
    shares = {**summary["shares"], "not sure": summary["not_sure"]}
    words = page.run("[...document.querySelectorAll('#share-words li')].map((it) => it.innerText)")
    assert sorted(words) == sorted(
        f"{name} {round(100 * share)}\N{NO-BREAK SPACE}%" for name, share in shares.items() if share > 0
    )
    assert page.run("document.querySelectorAll('#shares span').length") == len(words)
    order = page.run(
        "[...document.querySelectorAll('#summary, .bars, #stack')].map((it) => it.id || it.className)"
    )
    assert order == ["summary", "bars", "stack"]
    if summary["most_confident"]:
        page.click("#confident-list button")
        start = summary["most_confident"][0]["start_s"]
        page.wait(f"document.getElementById('cursor').ariaValueNow === '{start:.1f}'")


def test_zoom(page: chromium.Page, long_talk: Path) -> None:
    page.drop(long_talk, "#drop")
    page.wait(f"{SHOWN} && document.getElementById('audio').readyState > 0")
    shown = "document.getElementById('shown').innerText"
    duration = page.run("document.getElementById('audio').duration")
    pixels = "document.getElementById('waveform').toDataURL()"
    whole = page.run(pixels)
    page.click("#waveform")
    page.click("#zoom-in")
    # Around the position, which is the middle.
    assert page.run(shown) == f"0:{duration / 4:04.1f} to 0:{duration * 3 / 4:04.1f} of 0:{duration:04.1f}"
    assert page.run(pixels) != whole
    assert page.run("document.querySelector('#ticks span').innerText") != "0:00"
    page.click("#later")
    assert page.run(shown).startswith(f"0:{duration / 2:04.1f} to 0:{duration:04.1f}")
    page.run("document.getElementById('cursor').focus()")
    page.press("+", 187)
    page.press("0", 48)
    assert page.run(shown) == ""
    assert page.run(pixels) == whole
    page.press("+", 187)
    assert page.run(shown) != ""
    page.press("-", 189)
    assert page.run(shown) == ""
    page.wheel("#waveform", -200, control=True)
    page.wait(f"{shown} === '0:{duration / 4:04.1f} to 0:{duration * 3 / 4:04.1f} of 0:{duration:04.1f}'")
    # What is played stays in sight.
    page.press("Home", 36)
    page.wait(f"{shown}.startsWith('0:00.0 to')")
    before = page.run(shown)
    page.wheel("#waveform", -200)
    # Alone, it scrolls the page from where the element was in the middle.
    page.wait(
        "Math.abs(document.getElementById('waveform').getBoundingClientRect().top - innerHeight / 2) > 100"
    )
    assert page.run(shown) == before
    assert page.problems == []


def stereo(left: Path, right: Path, path: Path) -> Path:
    channels = [soundfile.read(it, dtype="int16")[0] for it in (left, right)]
    length = max(map(len, channels))
    soundfile.write(path, np.column_stack([np.resize(it, length) for it in channels]), SAMPLE_RATE)
    return path


def test_two_channels_each_by_itself(
    page: chromium.Page, talk: Path, long_talk: Path, tmp_path: Path
) -> None:
    call = stereo(long_talk, talk, tmp_path / "call.wav")
    page.drop(call, "#drop")
    page.wait(SHOWN)
    assert page.run("!document.getElementById('mixed').hidden"), "it says that they differ"
    page.click("#split")
    page.wait(f"document.querySelectorAll('#recordings-rows tr').length === 3 && {DONE}")
    titles = [row[0] for row in page.run(TABLE)]
    assert titles == ["call.wav", "call.wav, left channel", "call.wav, right channel"]
    assert page.run("document.getElementById('mixed').hidden")
    assert "call.wav, left channel" in page.run("document.getElementById('bars-caption').innerText")
    page.run("document.getElementById('channels').value = 'right'")
    page.drop(call, "#drop")
    page.wait(f"document.querySelectorAll('#recordings-rows tr').length === 4 && {DONE}")
    assert page.run(TABLE)[3][0] == "call.wav, right channel"
    assert page.run(TABLE)[3][1:] == page.run(TABLE)[2][1:]


def test_a_long_recording_shows_its_progress(page: chromium.Page, long_talk: Path, tmp_path: Path) -> None:
    path = tmp_path / "hour.flac"
    samples, _ = soundfile.read(long_talk, dtype="int16")
    soundfile.write(path, np.tile(samples, 8), SAMPLE_RATE)
    page.run("""window.values = []; window.timer = setInterval(() => {
      const [bar, status] = ["progress", "status"].map((it) => document.getElementById(it));
      if (!bar.hidden && status.innerText.startsWith("Listening")) values.push(bar.value); }, 20)""")
    page.drop(path, "#drop")
    page.wait(f"{SHOWN} && {DONE}")
    values = page.run("clearInterval(timer), values")
    assert values == sorted(values)
    assert len(set(values)) > 3
    assert page.run("document.getElementById('progress').hidden")


@pytest.mark.parametrize("secure", [True, False])
def test_without_a_microphone_it_says_why(browser: chromium.Page, address: str, secure: bool) -> None:
    script = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    script += f"Object.defineProperty(window, 'isSecureContext', {{ value: {str(secure).lower()} }});"
    added = browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)
    try:
        browser.show(address)
        browser.wait("document.getElementById('model').textContent")
        text = browser.run("document.getElementById('no-microphone').innerText")
        assert ("cannot record here" if secure else "over https, or on the machine itself") in text
        assert browser.run("document.getElementById('record').hidden")
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", **added)


def test_the_page_links_to_model_licences_and_api(page: chromium.Page, address: str) -> None:
    for path, word in {
        "model": "Reasons against an answer",
        "licences": "MIT",
        "docs": "POST /api/recognize",
    }.items():
        page.show(address)
        page.wait("document.getElementById('model').textContent")
        page.click(f"a[href='{path}']")
        page.wait(f"document.querySelector('main.text')?.innerText.includes({json.dumps(word)})")
        assert page.problems == []


# Without an icon the browser asks for one, whose absence it may report in a later test.
NO_ICON = '<link rel="icon" href="data:,">'


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
    (tmp_path / "index.html").write_text(NO_ICON + form)
    with page_elsewhere(tmp_path) as port:
        browser.show(f"http://{host}:{port}/")
        browser.run("document.forms[0].submit()")
        browser.wait("document.body.innerText.includes('not for the pages of other sites')")


USE_FROM_ELSEWHERE = """fetch("{address}api/recognize?name=a.wav", {{ method: "POST", body: "no sound" }})
  .then((answer) => answer.json()).then((it) => it.detail, (error) => error.name)"""


def test_a_page_of_an_allowed_origin_can_use_the_api(
    browser: chromium.Page, bundle_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text(NO_ICON + "<p>Another page</p>")
    with (
        page_elsewhere(tmp_path) as port,
        serving(bundle_folder, "--allow-origin", f"http://localhost:{port}") as address,
    ):
        answers = {}
        for host in ("localhost", "127.0.0.1"):
            browser.show(f"http://{host}:{port}/")
            answers[host] = browser.run(USE_FROM_ELSEWHERE.format(address=address))
    assert answers["localhost"].startswith("a.wav: no readable audio")
    assert answers["127.0.0.1"] == "TypeError", "its browser keeps the refusal from it"


def test_a_model_that_tells_less_of_itself_has_its_page(
    browser: chromium.Page, bundle_folder: Path, talk: Path, tmp_path: Path
) -> None:
    shipped = read_bundle(bundle_folder)
    about = {"expected": {"uar": 0.5, "uar_low": 0.4}, "certainty": {"ravdess": {}}}
    models = {name: replace(it, about=about) for name, it in shipped.models.items()}
    write_bundle(tmp_path / "mine", replace(shipped, models=models), weights_licence="mine")
    with serving(tmp_path / "mine") as address:
        browser.problems.clear()
        browser.show(address)
        browser.wait("document.getElementById('model').textContent === 'Model 0.0.0.'")
        assert "50.0\N{NO-BREAK SPACE}% of the clips" in browser.run(
            "document.getElementById('expected').innerText"
        )
        browser.drop(talk, "#drop")
        browser.wait(SHOWN)
        check_bars(browser)


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
