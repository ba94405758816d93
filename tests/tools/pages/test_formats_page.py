"""The page of formats tells what becomes of them."""

import re
import shutil
from pathlib import Path

import pytest

from ser import Recognizer
from tools.pages import formats

PAGE = (Path(__file__).resolve().parents[3] / formats.PAGE).read_text(encoding="utf-8")
TITLES = {it.title: it for it in formats.FORMATS}


def row_of(title: str) -> list[str]:
    """Find the cells of a format on the page."""
    container, _, coding = title.partition(", ")
    for line in PAGE.splitlines():
        first, *cells = line.strip("| ").split(" | ")
        name, _, codings = first.partition(": ")
        if name == container and (not coding or f", {coding}," in f", {codings},"):
            return cells
    raise AssertionError(title)


def test_the_page_has_many_formats_each_once() -> None:
    assert len(TITLES) == len(formats.FORMATS)
    counted = re.search(r"^(\d+) formats, by libsndfile 1\..* and ffmpeg \d", PAGE, flags=re.MULTILINE)
    assert counted is not None
    assert 80 <= int(counted[1]) <= len(formats.FORMATS)
    # Whatever has bare samples is answered as the WAV is.
    for title in ("WAV, 24 bit", "FLAC, 16 bit", "AIFF, float", "CAF, ALAC 16 bit"):
        assert row_of(title)[:3] == ["read", "read", f"{len(formats.VOICES)} of {len(formats.VOICES)}"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the PATH")
@pytest.mark.parametrize("title", ["WAV, 16 bit", "AU, mu-law", "M4A, AAC", "Matroska, FLAC", "TTA"])
def test_the_page_tells_what_becomes_of_a_format(title: str) -> None:
    tried = formats.attempt(TITLES[title], Recognizer.load())
    assert row_of(title) == [tried.with_ffmpeg, tried.without_ffmpeg, tried.same, tried.cut]


def test_formats_that_fare_alike_share_a_row() -> None:
    one, two, other = (
        formats.Tried(f"WAV, {coding}", "read", without, "4 of 4", "refused")
        for coding, without in (("8 bit", "read"), ("16 bit", "read"), ("MP3", "needs ffmpeg"))
    )
    assert formats.table_of([other, one, two]).splitlines()[2:] == [
        "| WAV: 8 bit, 16 bit | read | read | 4 of 4 | refused |",
        "| WAV: MP3 | read | needs ffmpeg | 4 of 4 | refused |",
    ]
