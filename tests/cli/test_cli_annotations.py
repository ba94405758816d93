"""Subtitles and labels, as public readers of each format read them."""

import io
from pathlib import Path

import crowsetta
import numpy as np
import pytest
import soundfile
import srt as srt_reader
import webvtt
from pyannote.database.util import load_rttm
from pympi.Elan import Eaf

from ser.cli.annotations import WRITERS, audacity, elan, rttm, srt, vtt
from ser.data.ravdess import EMOTIONS
from ser.recognizer.certainty import NOT_SURE
from ser.recognizer.judging import Recognition
from ser.recognizer.segment import Segment

SPANS = [(0.0, 1.0, "calm"), (1.0, 2.0, "calm"), (5.0, 6.0, "angry"), (3661.5, 3662.125, "sad")]
"""Segments of the left channel; those of the right begin half a second later."""


def answer(
    source: str, channel: str | None = None, *, later_s: float = 0.0, unsure: bool = False
) -> Recognition:
    certainty = NOT_SURE if unsure else "sure"
    reasons = ("low_confidence",) if unsure else ()
    segments = tuple(
        Segment(start_s + later_s, end_s + later_s, emotion, 0.93, 0.6, shares(emotion), certainty, reasons)
        for start_s, end_s, emotion in SPANS
    )
    return Recognition(
        source, 3700.0, "calm", 0.6, 0.6, shares("calm"), certainty, reasons, segments, channel=channel
    )


def shares(emotion: str) -> dict[str, float]:
    return dict.fromkeys(EMOTIONS, 0.01) | {emotion: 0.93}


CALL = [answer("my call.wav", "left"), answer("my call.wav", "right", later_s=0.5)]
MIX = [answer("my call.wav")]
MERGED = [(0.0, 2.0, "calm"), (5.0, 6.0, "angry"), (3661.5, 3662.125, "sad")]
INTERLEAVED = sorted(
    [(start, end, f"left: {it}") for start, end, it in MERGED]
    + [(start + 0.5, end + 0.5, f"right: {it}") for start, end, it in MERGED]
)


def test_subrip_is_read() -> None:
    read = [
        (it.start.total_seconds(), it.end.total_seconds(), it.content) for it in srt_reader.parse(srt(CALL))
    ]
    assert read == [(start, end, f"{label} 93%") for start, end, label in INTERLEAVED]
    assert [it.index for it in srt_reader.parse(srt(MIX))] == [1, 2, 3]


def test_webvtt_is_read() -> None:
    captions = webvtt.from_buffer(io.StringIO(vtt(CALL)))
    read = [
        (
            it.start_time.in_milliseconds() / 1000,
            it.end_time.in_milliseconds() / 1000,
            f"{it.voice}: {it.text}",
        )
        for it in captions.captions
    ]
    assert read == [(start, end, f"{label} 93%") for start, end, label in INTERLEAVED]
    assert (captions.captions[-2].start, captions.captions[-2].end) == ("01:01:01.500", "01:01:02.125")
    assert [it.text for it in webvtt.from_buffer(io.StringIO(vtt(MIX))).captions] == [
        "calm 93%",
        "angry 93%",
        "sad 93%",
    ]


def test_labels_of_audacity_are_read(tmp_path: Path) -> None:
    path = tmp_path / "call.txt"
    path.write_text(audacity(CALL))
    read = crowsetta.formats.seq.AudSeq.from_file(path)
    assert list(read.start_times) == [start for start, _, _ in INTERLEAVED]
    assert list(read.end_times) == [end for _, end, _ in INTERLEAVED]
    assert list(read.labels) == [f"{label} 93%" for _, _, label in INTERLEAVED]


def test_rttm_is_read(tmp_path: Path) -> None:
    path = tmp_path / "all.rttm"
    path.write_text(rttm(MIX) + rttm([answer("another.wav", unsure=True)]))
    read = load_rttm(path)  # type: ignore[no-untyped-call]
    assert set(read) == {"my_call", "another"}
    spans = [(it.start, it.end, label) for it, _, label in read["my_call"].itertracks(yield_label=True)]
    assert [it[2] for it in spans] == [it[2] for it in MERGED]
    np.testing.assert_allclose([it[:2] for it in spans], [it[:2] for it in MERGED])
    assert read["another"].labels() == ["not_sure"]


def test_rttm_has_the_channel_and_the_confidence() -> None:
    assert rttm(CALL).splitlines()[:2] == [
        "SPEAKER my_call 1 0.000 2.000 <NA> <NA> calm 0.930 <NA>",
        "SPEAKER my_call 2 0.500 2.000 <NA> <NA> calm 0.930 <NA>",
    ]


def test_elan_is_read(tmp_path: Path) -> None:
    sound = tmp_path / "my call.wav"
    soundfile.write(sound, np.zeros(8), 8000)
    path = tmp_path / "call.eaf"
    path.write_text(elan([answer(str(sound), "left"), answer(str(sound), "right", later_s=0.5)]))
    document = Eaf(str(path))
    tiers = ["emotion left", "certainty left", "emotion right", "certainty right"]
    assert list(document.get_tier_names()) == tiers
    for tier, later in (("emotion left", 0), ("emotion right", 500)):
        assert sorted(document.get_annotation_data_for_tier(tier)) == [
            (round(1000 * start) + later, round(1000 * end) + later, emotion)
            for start, end, emotion in MERGED
        ]
    assert {it[2] for it in document.get_annotation_data_for_tier("certainty right")} == {"sure 93%"}
    (media,) = document.media_descriptors
    assert media["MEDIA_URL"] == sound.as_uri()
    # No two annotations share a slot, and slots are in the order of time.
    assert len(document.timeslots) == 2 * 4 * len(MERGED)
    assert list(document.timeslots.values()) == sorted(document.timeslots.values())


@pytest.mark.parametrize("name", WRITERS)
def test_a_short_recording_is_one_stretch_and_names_are_harmless(name: str) -> None:
    short = Recognition("a\x1b\udcff b.wav", 2.5, "sad", 0.9, 0.6, shares("sad"), "sure", ())
    text = WRITERS[name]([short])
    text.encode()
    assert "\x1b" not in text
    assert "sad" in text
    assert text.endswith("\n")
    assert "2.5" in text or "2,5" in text or "2500" in text
