"""How tests read an HTML page, and look at it in a browser."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from matplotlib.image import imread

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A page read strictly: every tag is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data))
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> Iterator[dict[str, str]]:
        return (attributes for name, attributes in self.tags if name == tag)

    @property
    def text(self) -> str:
        shown = "".join(words for tag, words in self.words if tag != "style")
        return re.sub(r"\s+", " ", shown)

    def row(self, first: str, *, wide: int) -> list[str]:
        """The one row of that name and width."""
        (found,) = (row for row in self.rows if row[0] == first and len(row) == wide)
        return found[1:]


CHROMIUM = shutil.which("chromium")
MEASURE = """<script>
addEventListener("load", () => {
  const broken = [...document.images].filter((image) => !image.complete || !image.naturalWidth).length;
  const words = [...document.querySelectorAll("h1, h2, h3, p, li, dd, caption span, figcaption")];
  const { clientWidth, scrollWidth } = document.documentElement;
  const cut = words.filter((each) => each.getBoundingClientRect().right > clientWidth).length;
  parent.postMessage([innerWidth, scrollWidth - clientWidth, broken, cut].join(" "), "*");
});
</script>"""
# A window has a least width, greater than a phone's; a frame has none.
FRAME = """<!DOCTYPE html><script>
addEventListener("message", (event) => { document.documentElement.dataset.measured = event.data; });
</script><iframe src="page.html" style="border: 0; width: WIDTHpx; height: 900px"></iframe>"""


def measure(html: str, folder: Path, *, width: int) -> list[int]:
    """Open a page in a frame; return its width, what juts out of it, broken images and words cut off."""
    # The page forbids scripts; this copy alone may run the one that measures.
    allowed = html.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    (folder / "page.html").write_text(allowed.replace("</head>", MEASURE + "</head>"), encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.replace("WIDTH", str(width)), encoding="utf-8")
    dom = browse(folder / "frame.html", "--window-size=1400,1000", "--dump-dom")
    measured = re.search(r'data-measured="(\d+) (\d+) (\d+) (\d+)"', dom)
    assert measured is not None
    return list(map(int, measured.groups()))


def assert_painted_light_and_dark(page: Path, folder: Path, *, width: int) -> None:
    """Photograph a page in both schemes."""
    paper = {}
    for number, scheme in enumerate(["dark", "light"]):
        picture = folder / f"{scheme}.png"
        settings = [f"--window-size={width},900", f"--blink-settings=preferredColorScheme={number}"]
        browse(page, *settings, f"--screenshot={picture}")
        pixels = imread(picture)
        assert pixels.shape[:2] == (900, width)
        assert pixels[..., :3].std() > 0.02, "the page is blank"
        paper[scheme] = pixels[0, 0, :3].mean()
    assert paper["dark"] < 0.2 < 0.8 < paper["light"]


def browse(page: Path, *options: str) -> str:
    """Open a page in a browser that has no window, no network and no past; return what it prints."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(CHROMIUM), *quiet, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
