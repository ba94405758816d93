"""Sound that libsndfile reads, block by block the same as in one go, or a refusal where it would be wrong."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import soundfile

from ser.audio import wav_header
from ser.audio.byte_ranges import ByteRanges, Piece
from ser.audio.channels import Decoded, Waveform
from ser.audio.containers import Kind
from ser.audio.mp3_pieces import mp3_pieces
from ser.audio.ogg_pieces import ogg_pieces
from ser.errors import InputError, UndecodableError

BLOCK_VALUES = 2**18
"""Samples of all channels that a block holds at the most."""

_SEVERAL = "several sounds one after the other, of which only the first would be heard; give them one by one"
_UNHEARD_S = 0.1
"""Some writers are a chunk's length wrong about how much they wrote; so little changes no answer."""
# The size in a header is that of a file's length, so that less was copied than recorded.
_COUNTED = ("WAV", "WAVEX", "FLAC", "AIFF", "W64", "RF64", "CAF", "AU")
_UNKNOWN_FRAMES = 2**62
_GSM_BYTES, _GSM_SAMPLES = 65, 320


class _ReadingOn(soundfile.SoundFile):  # type: ignore[misc]
    """Reads on from where it is.

    soundfile itself seeks to that place after each read, by which the decoders of MP3 and Opus lose what they
    know of the sound before it, and those of streams without a known length fail.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def decoding(file: BinaryIO, *, kind: Kind | None, name: str) -> Iterator[Decoded]:
    """Decode a file by libsndfile.

    Parameters
    ----------
    file
        Open binary file, seekable, at its start.
    kind
        What it is, as of `ser.audio.containers`; None for what libsndfile alone may know.
    name
        What errors call the file.

    Yields
    ------
    Decoded
        The sound with all of its channels; of a file that was joined of several, all of them.

    Raises
    ------
    UndecodableError
        Where libsndfile cannot read it.
    InputError
        From the blocks, where it is damaged or truncated, or was joined of several that differ in rate or
        channels.
    """
    if kind is Kind.VOC and wav_header.voc_sounds(file) > 1:
        # libsndfile takes the heads of all but the first block for samples.
        raise UndecodableError(f"{name}: no readable audio, its sound is in several blocks")
    if wav_header.another_follows(file):
        raise InputError(f"{name}: {_SEVERAL}")
    parts = _parts(file, kind, name)
    try:
        decoder = _ReadingOn(parts[0].file)
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        _refuse_cut(parts)
        if len(parts) > 1:
            raise InputError(f"{name}: {_SEVERAL}") from error
        raise UndecodableError(f"{name}: no readable audio; give it as WAV, FLAC, OGG or MP3") from error
    with decoder:
        as_floats = decoder.subtype in ("FLOAT", "DOUBLE")
        yield Decoded(decoder.samplerate, decoder.channels, _blocks(decoder, parts, name), as_floats)


@dataclass(frozen=True)
class _Part:
    """A file for libsndfile, what a header of bare samples says of their length, and if its end is cut."""

    file: Any
    promise: wav_header.Promise | None = None
    cut: InputError | None = None


def _parts(file: BinaryIO, kind: Kind | None, name: str) -> list[_Part]:
    pieces: list[Piece] = []
    if kind is Kind.MP3:
        pieces = mp3_pieces(file)
    elif kind is Kind.OGG:
        pieces = ogg_pieces(file, name=name)
    if pieces:
        return [_Part(ByteRanges(file, it.ranges, before=it.before), cut=_cut(it, name)) for it in pieces]
    promise = wav_header.promised(file)
    return [_Part(wav_header.with_true_size(wav_header.staying(file)), promise)]


def _cut(piece: Piece, name: str) -> InputError | None:
    if piece.cut:
        return InputError(f"{name}: truncated, it ends within a page; copy it again")
    if piece.promised_s - piece.there_s > _UNHEARD_S:
        return _truncated(name, piece.there_s, piece.promised_s)
    return None


def _refuse_cut(parts: Sequence[_Part]) -> None:
    for part in parts:
        if part.cut is not None:
            raise part.cut


def _truncated(name: str, there_s: float, promised_s: float) -> InputError:
    return InputError(f"{name}: truncated, {there_s:.1f} of {promised_s:.1f} s are there; copy it again")


def _blocks(decoder: soundfile.SoundFile, parts: Sequence[_Part], name: str) -> Iterator[Waveform]:
    _refuse_cut(parts)
    first, *rest = parts
    yield from _part_blocks(decoder, first, name)
    for part in rest:
        try:
            following = _ReadingOn(part.file)
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"{name}: a file that was joined to it is damaged; give them one by one"
            ) from error
        with following:
            if (following.samplerate, following.channels) != (decoder.samplerate, decoder.channels):
                raise InputError(
                    f"{name}: holds sounds of {decoder.samplerate} Hz and {decoder.channels} channels, and "
                    f"of {following.samplerate} Hz and {following.channels}; give them one by one"
                )
            yield from _part_blocks(following, part, name)


def _part_blocks(decoder: soundfile.SoundFile, part: _Part, name: str) -> Iterator[Waveform]:
    rate = decoder.samplerate
    promise = part.promise
    if promise is not None and promise.there < promise.promised:
        # libsndfile says nothing of it, and plays what is there.
        there_s = decoder.frames / rate
        promised_s = there_s * promise.promised / max(promise.there, 1)
        if promised_s - there_s > _UNHEARD_S:
            raise _truncated(name, there_s, promised_s)
    left = _most_frames(decoder, part)
    size = max(BLOCK_VALUES // decoder.channels, 1)
    read = 0
    while left > 0:
        try:
            # [shape=(n, channels)]
            block = decoder.read(min(size, left), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            # Of the block nothing is given, so that the place is not known.
            until = min(read + size, max(decoder.frames, read)) / rate
            raise InputError(
                f"{name}: damaged or truncated between {read / rate:.1f} and {until:.1f} s; copy it again"
            ) from error
        if not len(block):
            break
        read += len(block)
        left -= len(block)
        yield block
    counted = decoder.format in _COUNTED and decoder.subtype != "MPEG_LAYER_III"
    if counted and read < min(decoder.frames, read + left) < _UNKNOWN_FRAMES:
        raise InputError(f"{name}: truncated, {read} of {decoder.frames} frames are there; copy it again")


def _most_frames(decoder: soundfile.SoundFile, part: _Part) -> int:
    if decoder.format in ("WAV", "WAVEX") and decoder.subtype == "GSM610" and part.promise is not None:
        # Of an odd number of blocks, libsndfile reads one more than there is.
        return part.promise.there // _GSM_BYTES * _GSM_SAMPLES
    return _UNKNOWN_FRAMES
