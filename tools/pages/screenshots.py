"""Take the pictures of the page and of the report that the README shows.

Writes  docs/images/serve.png    the page of `ser serve` with a synthetic call, as at a desk
        docs/images/report.png   the upper part of data/report/index.html

It needs Chromium on the PATH, and the report of the last `dvc repro`. What the page is shown is synthesized:
no recording is in either picture.
"""

import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ser.errors import InputError
from stages import command
from tools.pages import chromium

REPORT = Path("data/report/index.html")
IMAGES = Path("docs/images")
# Without a screen, Chromium takes itself for a device that can only be touched.
MOUSE = (
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
)


@contextmanager
def serving() -> Iterator[str]:
    """Start `ser serve` with the exported model, as a user does, and give its address."""
    command_line = [sys.executable, "-m", "ser.cli", "serve", "--port", "0"]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[2]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def shoot_page(page: chromium.Page) -> bytes:
    """Try the synthetic call of the page, each channel by itself, and take the page down to the downloads."""
    with serving() as address:
        page.show(address, width=885, height=2165)
        page.wait("document.getElementById('model').textContent")
        page.run("document.getElementById('channels').value = 'split'")
        page.click("#sample-buttons button:last-child")
        page.wait("document.querySelectorAll('#recordings-rows tr').length === 2")
        page.click("#recordings-rows tr:last-child .name")
        page.wait("document.getElementById('audio').readyState > 0")
        page.click("#waveform")
        page.run("document.activeElement.blur(); scrollTo(0, 0)")
        return page.picture(whole=False)


def shoot_report(page: chromium.Page) -> bytes:
    """Take the upper part of the report."""
    if not REPORT.exists():
        raise InputError(f"{REPORT}: not there; run make repro first")
    page.show(REPORT.resolve().as_uri(), width=1200, height=1175)
    return page.picture(whole=False)


def write(name: str, png: bytes) -> None:
    """Write a picture in 256 colours, which are enough for it, to docs/images."""
    path = IMAGES / name
    Image.open(io.BytesIO(png)).convert("RGB").quantize(
        256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    ).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Take both."""
    command.parser(__doc__).parse_args()
    if chromium.PROGRAM is None:
        raise InputError("chromium is not on the PATH; install it")
    with chromium.browsing(MOUSE, "--hide-scrollbars") as page:
        write("serve.png", shoot_page(page))
        write("report.png", shoot_report(page))


if __name__ == "__main__":
    command.run(main)
