"""What kind of file holds a sound, told by its first bytes: whatever its name ends in."""

from collections.abc import Container, Mapping
from enum import Enum
from typing import BinaryIO

from ser.audio import mpeg_frames

_MOST_ZEROS = 2**22
_MOST_TAGS = 100
START_BYTES = 2**14
"""How much of a file's start `kind_of` needs at the most."""


class Kind(Enum):
    """Kinds of files that can hold sound.

    Attributes
    ----------
    title : str
        What people call it.
    demuxer : str
        Name of ffmpeg's demuxer for it. ffmpeg is always given one, and never left to find out by itself: a
        playlist in disguise would lead it to other files of this machine.
    libsndfile : bool
        Whether libsndfile reads it, if only with some kinds of compression.
    """

    WAV = "WAV", "wav", True
    RF64 = "RF64", "wav", True
    BW64 = "BW64", "wav", False
    WAVE64 = "Wave64", "w64", True
    AIFF = "AIFF", "aiff", True
    SVX = "8SVX", "iff", True
    AU = "AU", "au", True
    CAF = "CAF", "caf", True
    FLAC = "FLAC", "flac", True
    OGG = "Ogg", "ogg", True
    MP3 = "MP3", "mp3", True
    VOC = "VOC", "voc", True
    SPHERE = "SPHERE", "nistsphere", True
    IRCAM = "IRCAM", "ircam", True
    AAC = "AAC", "aac", False
    LATM = "AAC in LATM", "loas", False
    MP4 = "MP4 or M4A", "mov", False
    MATROSKA = "Matroska or WebM", "matroska", False
    AMR = "AMR", "amr", False
    ILBC = "iLBC", "ilbc", False
    WMA = "WMA", "asf", False
    XWMA = "xWMA", "xwma", False
    AVI = "AVI", "avi", False
    FLV = "FLV", "flv", False
    QCP = "QCP", "qcp", False
    TRANSPORT_STREAM = "MPEG transport stream", "mpegts", False
    PROGRAM_STREAM = "MPEG program stream", "mpeg", False
    AC3 = "AC-3", "ac3", False
    DTS = "DTS", "dts", False
    WAVPACK = "WavPack", "wv", False
    TTA = "TTA", "tta", False
    TAK = "TAK", "tak", False
    MONKEYS = "Monkey's Audio", "ape", False
    MUSEPACK_7 = "Musepack", "mpc", False
    MUSEPACK_8 = "Musepack 8", "mpc8", False
    REAL = "RealMedia", "rm", False
    MXF = "MXF", "mxf", False
    NUT = "NUT", "nut", False
    DSF = "DSF", "dsf", False
    DSDIFF = "DSDIFF", "iff", False
    SHORTEN = "Shorten", "shn", False
    SOX = "SoX", "sox", False
    CODEC_2 = "Codec 2", "codec2", False
    ATRAC = "ATRAC", "oma", False

    def __init__(self, title: str, demuxer: str, libsndfile: bool) -> None:
        self.title = title
        self.demuxer = demuxer
        self.libsndfile = libsndfile


_BY_START = {
    b"fLaC": Kind.FLAC,
    b"OggS": Kind.OGG,
    b"RF64": Kind.RF64,
    b"BW64": Kind.BW64,
    b"riff\x2e\x91\xcf\x11": Kind.WAVE64,
    b"caff": Kind.CAF,
    b".snd": Kind.AU,
    b"dns.": Kind.AU,
    b"Creative Voice File": Kind.VOC,
    b"NIST_1A\n": Kind.SPHERE,
    b"\x64\xa3\x01\x00": Kind.IRCAM,
    b"\x64\xa3\x02\x00": Kind.IRCAM,
    b"\x00\x01\xa3\x64": Kind.IRCAM,
    b"\x00\x02\xa3\x64": Kind.IRCAM,
    b"\x1a\x45\xdf\xa3": Kind.MATROSKA,
    b"#!AMR": Kind.AMR,
    b"#!iLBC": Kind.ILBC,
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": Kind.WMA,
    b"FLV\x01": Kind.FLV,
    b"\x00\x00\x01\xba": Kind.PROGRAM_STREAM,
    b"wvpk": Kind.WAVPACK,
    b"TTA1": Kind.TTA,
    b"MAC ": Kind.MONKEYS,
    b"MP+": Kind.MUSEPACK_7,
    b"MPCK": Kind.MUSEPACK_8,
    b"nut/multimedia container": Kind.NUT,
    b".RMF": Kind.REAL,
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01": Kind.MXF,
    b"DSD ": Kind.DSF,
    b"FRM8": Kind.DSDIFF,
    b"tBaK": Kind.TAK,
    b"ajkg": Kind.SHORTEN,
    b".SoX": Kind.SOX,
    b"XoS.": Kind.SOX,
    b"\xc0\xde\xc2": Kind.CODEC_2,
    b"EA3\x01": Kind.ATRAC,
    b"\x0b\x77": Kind.AC3,
    b"\x7f\xfe\x80\x01": Kind.DTS,
    b"\xfe\x7f\x01\x80": Kind.DTS,
    b"\x1f\xff\xe8\x00": Kind.DTS,
    b"\xff\x1f\x00\xe8": Kind.DTS,
}
_VERSIONS: Mapping[Kind, tuple[slice, Container[int]]] = {
    Kind.MONKEYS: (slice(4, 6), range(3800, 4000)),
    Kind.MUSEPACK_7: (slice(3, 4), (0x07, 0x17)),
}
"""Where the version is, and which there are, of kinds with whose letters a text may begin as well."""
_RIFF = {b"WAVE": Kind.WAV, b"AVI ": Kind.AVI, b"QLCM": Kind.QCP, b"XWMA": Kind.XWMA}
_FORM = {b"AIFF": Kind.AIFF, b"AIFC": Kind.AIFF, b"8SVX": Kind.SVX, b"16SV": Kind.SVX}
_OLD_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""With which QuickTime began before 2001, when there was no ftyp."""

_NO_SOUND = {
    b"version https://git-lfs.github.com/spec/": (
        "a pointer of Git LFS, not the recording itself; fetch that with: git lfs pull"
    ),
    b"/annex/objects/": "a pointer of git-annex, not the recording itself; fetch that with: git annex get",
    b"../.git/annex/objects/": (
        "a pointer of git-annex, not the recording itself; fetch that with: git annex get"
    ),
    b"<!DOCTYPE html": "a web page, not a recording; download it again",
    b"<!doctype html": "a web page, not a recording; download it again",
    b"<html": "a web page, not a recording; download it again",
    b"PK\x03\x04": "a zip archive, not a recording; unpack it",
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"MThd": "MIDI, which holds notes, not sound",
    b"#EXTM3U": "a playlist, not a recording; give what it names",
}
"""What is often met in place of a recording, by its first bytes, in words for the user."""


def no_sound(start: bytes) -> str | None:
    """Say in words for the user what a file is, by its first bytes, that is met in place of a recording."""
    return next((words for magic, words in _NO_SOUND.items() if start.lstrip().startswith(magic)), None)


def kind_of_file(file: BinaryIO) -> Kind | None:
    """Tell the kind of an open file, seekable, behind ID3 tags and zeros; it is left at its start."""
    place = _after_tags(file)
    tagged = place > 0
    file.seek(place)
    start = file.read(START_BYTES)
    kind = kind_of(start)
    if kind is None and start[:1] == b"\0":
        # Some begin an MP3 file with zeros.
        while start and not start.strip(b"\0") and place < _MOST_ZEROS:
            place += len(start)
            start = file.read(START_BYTES)
        kind = kind_of(start.lstrip(b"\0") + file.read(START_BYTES))
    file.seek(0)
    return kind or (Kind.MP3 if tagged else None)


def _after_tags(file: BinaryIO) -> int:
    """Give the place behind the ID3 tags with which a file begins; it may be full of them, 10 bytes each."""
    place = 0
    for _ in range(_MOST_TAGS):
        file.seek(place)
        size = id3_size(file.read(10))
        if not size:
            break
        place += size
    return place


def id3_size(content: bytes) -> int:
    """Give the size in bytes of the ID3 tag, of version 2, with which these begin; 0 where there is none."""
    if content[:3] != b"ID3" or len(content) < 10 or max(content[6:10]) > 127:
        return 0
    if not 2 <= content[3] <= 4 or content[5] & 0x0F:
        # A text about it.
        return 0
    size = content[6] << 21 | content[7] << 14 | content[8] << 7 | content[9]
    footer = 10 if content[5] & 0x10 else 0
    return 10 + size + footer


def kind_of(start: bytes) -> Kind | None:
    """Tell the kind of a file.

    Parameters
    ----------
    start
        Its first `START_BYTES`, or all of it if it is shorter, without ID3 tags.

    Returns
    -------
    Kind or None
        None where it is none of those that are known here; libsndfile may know it.
    """
    if start[:4] in (b"RIFF", b"RIFX"):
        return _RIFF.get(start[8:12])
    if start[:4] == b"FORM":
        return _FORM.get(start[8:12])
    for magic, kind in _BY_START.items():
        if start.startswith(magic) and (kind not in _VERSIONS or _has_version(start, kind)):
            return kind
    if start[4:8] == b"ftyp" or (start[4:8] in _OLD_ATOMS and _is_size_of_atom(start)):
        return Kind.MP4
    if _repeats(start, 0x47, every=188) or _repeats(start[4:], 0x47, every=192):
        return Kind.TRANSPORT_STREAM
    return _of_frames(start)


def _has_version(start: bytes, kind: Kind) -> bool:
    place, versions = _VERSIONS[kind]
    return int.from_bytes(start[place], "little") in versions


def _is_size_of_atom(start: bytes) -> bool:
    """Tell whether the first four bytes can be an atom's size: they are no text, as of "The free lunch"."""
    size = int.from_bytes(start[:4], "big")
    return (size in (0, 1) or size >= 8) and any(it < 32 and it not in b"\t\n\r" for it in start[:4])


def _repeats(start: bytes, sync: int, *, every: int) -> bool:
    return len(start) > 3 * every and all(start[place] == sync for place in range(0, 3 * every + 1, every))


def _of_frames(start: bytes) -> Kind | None:
    """Tell a stream of frames without any container, which may begin with zeros or within a frame."""
    if mpeg_frames.begins_with_adts(start):
        return Kind.AAC
    if mpeg_frames.begins_with_loas(start):
        return Kind.LATM
    return Kind.MP3 if mpeg_frames.first(start) is not None else None
