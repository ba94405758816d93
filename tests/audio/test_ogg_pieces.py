"""Ogg files of very many pages: what is kept of them is bounded."""

import io
import tracemalloc

import pytest

from ser.audio import ogg_pieces as module
from ser.audio.ogg_pieces import ogg_pieces
from ser.errors import UndecodableError


def page(content: bytes = b"", *, begins: bool = False) -> bytes:
    sizes = bytes([len(content)]) if content else b""
    return b"OggS\0" + bytes([2 * begins]) + bytes(20) + bytes([len(sizes)]) + sizes + content


FLAC = page(b"\x7fFLAC" + bytes(8), begins=True)


@pytest.mark.parametrize("first", [page(begins=True), FLAC], ids=["any", "FLAC"])
def test_pages_without_content_take_no_memory(first: bytes) -> None:
    file = io.BytesIO(first + 50_000 * page())
    tracemalloc.start()
    (piece,) = ogg_pieces(file, name="it")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    assert len(piece.ranges) == 1


def test_the_content_of_flac_is_joined() -> None:
    (piece,) = ogg_pieces(io.BytesIO(FLAC + page() + page(b"ab")), name="it")
    assert piece.ranges == [(28 + 9, 28 + 13), (41 + 27 + 28, 41 + 27 + 30)]
    # With another stream beside it, it is not.
    beside = FLAC + page(begins=True) + page(b"ab")
    (piece,) = ogg_pieces(io.BytesIO(beside), name="it")
    assert piece.ranges == [(0, len(beside))]


def test_streams_and_pages_of_flac_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_STREAMS", 10)
    monkeypatch.setattr(module, "_MOST_FLAC_PAGES", 20)
    chain = page(begins=True) + page(b"a")
    assert len(ogg_pieces(io.BytesIO(10 * chain), name="it")) == 10
    assert len(ogg_pieces(io.BytesIO(FLAC + 19 * page(b"a")), name="it")[0].ranges) == 20
    for content in (11 * chain, FLAC + 20 * page(b"a")):
        with pytest.raises(UndecodableError, match=r"^it: no readable audio, it is in too many parts"):
            ogg_pieces(io.BytesIO(content), name="it")
