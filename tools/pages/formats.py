"""Try every format, and write the table of docs/formats.md.

Synthetic voices are encoded by libsndfile and ffmpeg in each of `FORMATS`, read with ffmpeg and as if it were
not installed, answered, and read once more with the second half of the file cut off. Formats that the
installed ffmpeg does not write are left out, and named.
"""

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ser import Recognizer
from ser.audio.stream import open_sound
from ser.data.ravdess import SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.errors import InputError, NoSpeechError
from stages import command
from tools.pages.marked_blocks import fill_blocks

PAGE = Path("docs/formats.md")
VOICES = ("03-01-01-01-01-02-16", "03-01-05-02-01-01-12", "03-01-03-02-01-01-04", "03-01-04-01-01-01-07")

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Format:
    """A container and what is in it.

    Attributes
    ----------
    title : str
        As the table has it.
    how : str
        ffmpeg's options, or format and subtype of libsndfile.
    rate : int
        Sample rate in Hz, for not all have all.
    by_ffmpeg : bool
        Whether ffmpeg writes it.
    """

    title: str
    how: str
    rate: int = 16_000
    by_ffmpeg: bool = True

    def encode(self, samples: Samples) -> bytes:
        """Write samples [shape=(n,)] at `rate`.

        Raises
        ------
        InputError
            Where the encoder is missing.
        """
        if not self.by_ffmpeg:
            form, _, subtype = self.how.partition(" ")
            content = io.BytesIO()
            try:
                soundfile.write(content, samples, self.rate, format=form, subtype=subtype)
            except soundfile.LibsndfileError as error:
                raise InputError(f"{self.title}: this libsndfile does not write it") from error
            return content.getvalue()
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "in.wav", Path(folder) / "out"
            soundfile.write(source, samples, self.rate)
            # By its name, so that ffmpeg is the user's own.
            made = ["ffmpeg", "-v", "error", "-i", str(source), *self.how.split(), str(out)]
            if subprocess.run(made, check=False, capture_output=True).returncode:
                raise InputError(f"{self.title}: this ffmpeg does not write it")
            return out.read_bytes()


_CODINGS = {
    "PCM_S8": "8 bit",
    "PCM_U8": "unsigned 8 bit",
    "PCM_16": "16 bit",
    "PCM_24": "24 bit",
    "PCM_32": "32 bit",
    "FLOAT": "float",
    "DOUBLE": "double",
    "ULAW": "mu-law",
    "ALAW": "A-law",
    "IMA_ADPCM": "IMA ADPCM",
    "MS_ADPCM": "Microsoft ADPCM",
    "GSM610": "GSM 6.10",
    "G721_32": "G.721",
    "G723_24": "G.723 24 kbit/s",
    "G723_40": "G.723 40 kbit/s",
    "NMS_ADPCM_16": "NMS ADPCM 16 kbit/s",
    "NMS_ADPCM_24": "NMS ADPCM 24 kbit/s",
    "NMS_ADPCM_32": "NMS ADPCM 32 kbit/s",
    "ALAC_16": "ALAC 16 bit",
    "ALAC_20": "ALAC 20 bit",
    "ALAC_24": "ALAC 24 bit",
    "ALAC_32": "ALAC 32 bit",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "MPEG_LAYER_III": "",
}
_CONTAINERS = {
    **{
        it: it
        for it in ("WAV", "RF64", "FLAC", "MP3", "AIFF", "AU", "CAF", "VOC", "AVR", "HTK", "PAF", "PVF")
    },
    **{"WAVEX": "WAV (extensible)", "OGG": "Ogg", "W64": "Wave64", "NIST": "SPHERE", "SVX": "8SVX or 16SV"},
    **{"IRCAM": "IRCAM", "MAT4": "MATLAB 4", "MAT5": "MATLAB 5", "SDS": "SDS"},
}


def _of_libsndfile() -> Iterator[Format]:
    """Give all that it writes with a header that says what it is, in the order of `_CONTAINERS`."""
    for form, container in _CONTAINERS.items():
        for subtype in soundfile.available_subtypes(form):
            if subtype in _CODINGS:
                title = ", ".join(filter(None, (container, _CODINGS[subtype])))
                slow = subtype.startswith(("GSM", "G72", "NMS"))
                yield Format(title, f"{form} {subtype}", 8000 if slow else 16_000, by_ffmpeg=False)


FORMATS = (
    *_of_libsndfile(),
    Format("WAV, MP3", "-c:a libmp3lame -f wav", 44_100),
    Format("WAV, AC-3", "-c:a ac3 -f wav", 48_000),
    Format("MP2", "-c:a mp2 -f mp2", 48_000),
    Format("MP3, variable bit rate", "-c:a libmp3lame -q:a 4 -f mp3"),
    Format("MP3, variable bit rate without a count", "-c:a libmp3lame -q:a 4 -write_xing 0 -f mp3"),
    Format("Ogg, FLAC", "-c:a flac -f ogg"),
    Format("Ogg, Opus of 8 kHz speech", "-c:a libopus -b:a 12k -f ogg", 8000),
    Format("CAF, Opus", "-c:a libopus -f caf", 48_000),
    Format("CAF, AAC", "-c:a aac -f caf"),
    Format("AIFF, IMA ADPCM of QuickTime", "-c:a adpcm_ima_qt -f aiff"),
    Format("Ogg, Speex", "-c:a libspeex -f ogg"),
    Format("M4A, AAC", "-c:a aac -f ipod"),
    Format("M4A, ALAC", "-c:a alac -f ipod"),
    Format("M4A in fragments", "-c:a aac -movflags frag_keyframe+empty_moov -f mp4"),
    Format("MP4, AC-3", "-c:a ac3 -f mp4", 48_000),
    Format("MP4, Opus", "-c:a libopus -strict -2 -f mp4", 48_000),
    Format("MP4, FLAC", "-c:a flac -strict -2 -f mp4"),
    Format("MOV, AAC", "-c:a aac -f mov"),
    Format("MOV, 16 bit", "-c:a pcm_s16le -f mov"),
    Format("MOV, IMA ADPCM", "-c:a adpcm_ima_qt -f mov"),
    Format("3GP, AAC", "-c:a aac -f 3gp"),
    Format("3G2, AAC", "-c:a aac -f 3g2"),
    Format("AAC", "-c:a aac -f adts"),
    Format("AAC in LATM", "-c:a aac -f latm"),
    Format("WebM, Opus", "-c:a libopus -f webm", 48_000),
    Format("WebM, Vorbis", "-c:a libvorbis -f webm"),
    Format("Matroska, AAC", "-c:a aac -f matroska"),
    Format("Matroska, FLAC", "-c:a flac -f matroska"),
    Format("Matroska, MP3", "-c:a libmp3lame -f matroska"),
    Format("Matroska, 16 bit", "-c:a pcm_s16le -f matroska"),
    Format("WMA 1", "-c:a wmav1 -f asf"),
    Format("WMA 2", "-c:a wmav2 -f asf"),
    Format("AVI, MP3", "-c:a libmp3lame -f avi"),
    Format("AVI, 16 bit", "-c:a pcm_s16le -f avi"),
    Format("FLV, AAC", "-c:a aac -f flv", 44_100),
    Format("FLV, MP3", "-c:a libmp3lame -f flv", 44_100),
    Format("FLV, Nellymoser", "-c:a nellymoser -f flv", 22_050),
    Format("MPEG transport stream, AAC", "-c:a aac -f mpegts"),
    Format("MPEG transport stream, MP2", "-c:a mp2 -f mpegts", 48_000),
    Format("MPEG transport stream of M2TS, AC-3", "-c:a ac3 -mpegts_m2ts_mode 1 -f mpegts", 48_000),
    Format("MPEG program stream, MP2", "-c:a mp2 -f mpeg", 48_000),
    Format("VOB, AC-3", "-c:a ac3 -f vob", 48_000),
    Format("AC-3", "-c:a ac3 -f ac3", 48_000),
    Format("E-AC-3", "-c:a eac3 -f eac3", 48_000),
    Format("DTS", "-strict -2 -c:a dca -f dts", 48_000),
    Format("WavPack", "-c:a wavpack -f wv"),
    Format("TTA", "-c:a tta -f tta"),
    Format("RealMedia, AC-3", "-c:a ac3 -f rm", 48_000),
    Format("NUT, Vorbis", "-c:a libvorbis -f nut"),
    Format("SoX", "-f sox"),
    Format("Codec 2, 2400 bit/s", "-c:a libcodec2 -mode 2400 -f codec2", 8000),
    Format("ATRAC's OMA, MP3", "-c:a libmp3lame -f oma", 44_100),
)


@dataclass(frozen=True)
class Tried:
    """What became of a format: cells of the table."""

    title: str
    with_ffmpeg: str
    without_ffmpeg: str
    same: str
    cut: str


def voices(rate: int) -> list[Samples]:
    """Give the synthetic voices at a rate, each [shape=(n,)]."""
    sounds = (synthesize(it).astype(np.float32) / np.float32(32768) for it in VOICES)
    return [soxr.resample(it, SAMPLE_RATE, rate) for it in sounds]


def attempt(it: Format, recognizer: Recognizer) -> Tried:
    """Write, read and answer one format.

    Raises
    ------
    InputError
        Where its encoder is missing.
    """
    sounds = voices(it.rate)
    contents = [it.encode(sound) for sound in sounds]
    with_ffmpeg = _read(contents[0])
    with _without_ffmpeg():
        without_ffmpeg = _read(contents[0])
    same = sum(
        _answer(content, recognizer) == _answer((it.rate, sound), recognizer)
        for content, sound in zip(contents, sounds, strict=True)
    )
    cut = _read(contents[0][: len(contents[0]) // 2])
    return Tried(
        it.title,
        with_ffmpeg,
        "needs ffmpeg" if without_ffmpeg == "refused" and with_ffmpeg == "read" else without_ffmpeg,
        f"{same} of {len(sounds)}" if with_ffmpeg == "read" else "",
        "refused" if cut == "refused" else "read as far as it goes",
    )


def _read(content: bytes) -> str:
    try:
        with open_sound(content) as sound:
            for _ in sound.blocks:
                pass
    except InputError:
        return "refused"
    return "read"


def _answer(source: bytes | tuple[int, Samples], recognizer: Recognizer) -> str:
    try:
        return recognizer.predict(source).emotion
    except NoSpeechError:
        return "no speech"
    except InputError:
        return "refused"


@contextmanager
def _without_ffmpeg() -> Iterator[None]:
    path = os.environ["PATH"]
    os.environ["PATH"] = ""
    try:
        yield
    finally:
        os.environ["PATH"] = path


def table_of(results: list[Tried]) -> str:
    """Write the table: codings of a container that fare alike share a row; what needs ffmpeg comes last."""
    head = "| format | with ffmpeg | without | same answer as the WAV | cut in half |\n|---|---|---|---|---|"
    rows: dict[tuple[str, ...], list[str]] = {}
    for it in sorted(results, key=lambda it: it.without_ffmpeg != "read"):
        container, _, coding = it.title.partition(", ")
        cells = (container, it.with_ffmpeg, it.without_ffmpeg, it.same, it.cut)
        rows.setdefault(cells, []).append(coding)
    lines = []
    for (container, *shared), codings in rows.items():
        title = ": ".join(filter(None, (container, ", ".join(filter(None, codings)))))
        lines.append(f"| {' | '.join([title, *shared])} |")
    return "\n".join([head, *lines])


def versions() -> str:
    """Say what the formats were written and read with."""
    said = subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True, text=True).stdout
    return f"libsndfile {soundfile.__libsndfile_version__} and ffmpeg {said.split()[2].partition('-')[0]}"


def main() -> None:
    """Bring the page up to date."""
    command.parser(__doc__).parse_args()
    if shutil.which("ffmpeg") is None:
        raise InputError("ffmpeg is not installed; the table is about it")
    recognizer = Recognizer.load()
    results = []
    for it in FORMATS:
        try:
            results.append(attempt(it, recognizer))
        except InputError as error:
            print(error)
    blocks = {"formats": table_of(results), "tried_with": f"{len(results)} formats, by {versions()}."}
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(fill_blocks(page, blocks.get), encoding="utf-8")
    print(f"{PAGE}: {len(results)} formats")


if __name__ == "__main__":
    command.run(main)
