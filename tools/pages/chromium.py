"""Chromium under remote control, through the pipe that it opens for that: no driver, no port."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium")
_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
]
PATIENCE_S = 120.0


class Page:
    """A page of the browser.

    Parameters
    ----------
    commands, answers
        File descriptors of the pipes to and from the browser.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.problems: list[str] = []
        self.call("Runtime.enable")
        self.call("Log.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command, and wait for what it gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(answer["params"]))

    def run(self, script: str) -> Any:
        """Evaluate JavaScript; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until JavaScript gives something that is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}\n{self.run('document.body.innerText')}"
            time.sleep(0.1)

    def show(self, url: str, *, width: int = 1000, height: int = 800, dark: bool = False) -> None:
        """Open an address in a window of this size."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.call("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    def press(self, key: str, code: int) -> None:
        """Press a key and let it go; `code` is Windows' number of it."""
        for kind in ("keyDown", "keyUp"):
            text = {"Enter": "\r", " ": " "}.get(key, "")
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text, windowsVirtualKeyCode=code
            )

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        x, y = self.middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def middle(self, selector: str) -> tuple[float, float]:
        """Scroll an element into view, and give the position of its middle."""
        script = f"""(() => {{ const it = document.querySelector({json.dumps(selector)});
            it.scrollIntoView({{ block: "center", behavior: "instant" }});
            const box = it.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()"""
        x, y = self.run(script)
        return x, y

    def drop(self, path: Path, selector: str) -> None:
        """Drop a file onto an element, as from a file manager."""
        x, y = self.middle(selector)
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def wheel(self, selector: str, far: float, *, control: bool = False) -> None:
        """Turn the wheel over the middle of an element, perhaps with the key Ctrl held."""
        x, y = self.middle(selector)
        about = {"x": x, "y": y, "deltaX": 0, "deltaY": far, "modifiers": 2 if control else 0}
        self.call("Input.dispatchMouseEvent", type="mouseWheel", **about)

    def choose(self, path: Path, selector: str) -> None:
        """Choose a file in an input."""
        self.choose_all([path], selector)

    def choose_all(self, paths: Sequence[Path], selector: str) -> None:
        """Choose several files at once."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(it) for it in paths])

    def picture(self, *, whole: bool = True) -> bytes:
        """Take a screenshot, a PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def _read(self) -> Any:
        while b"\0" not in self._buffer:
            piece = os.read(self._answers, 2**20)
            assert piece, "Chromium has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


@contextmanager
def browsing(*options: str) -> Iterator[Page]:
    """Start a browser without a window or a past."""
    assert PROGRAM is not None
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # It reads commands from 3 and answers on 4.
        script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        command = ["bash", "-c", script, PROGRAM, *_QUIET, f"--user-data-dir={profile}", *options]
        process = subprocess.Popen(command, pass_fds=[theirs_in, theirs_out], stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_out, ours_in)
        finally:
            os.close(ours_out)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()
            os.close(ours_in)
