"""Stretches of a timeline, and its summary, by segments whose answers are known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.data.ravdess import EMOTIONS
from ser.recognizer.certainty import NOT_SURE, WORDS
from ser.recognizer.judging import Recognition
from ser.recognizer.segment import Segment
from ser.recognizer.stretches import Change, merged, summarized


def segment(
    start_s: float,
    emotion: str,
    confidence: float = 0.9,
    *,
    certainty: str = "sure",
    reasons: tuple[str, ...] = (),
    length_s: float = 1.0,
) -> Segment:
    shares = dict.fromkeys(EMOTIONS, (1 - confidence) / 7) | {emotion: confidence}
    return Segment(start_s, start_s + length_s, emotion, confidence, 0.6, shares, certainty, reasons)


CALL = [
    segment(0, "calm", 0.9),
    segment(1, "calm", 0.7, certainty="likely", reasons=("noisy",)),
    segment(2, "calm", 0.9, length_s=2.0),
    segment(6, "calm", 0.6, certainty="likely"),
    segment(7, "sad", 0.3, certainty=NOT_SURE, reasons=("low_confidence",)),
    segment(8, "angry", 0.4, certainty=NOT_SURE, reasons=("noisy", "low_confidence")),
    segment(9, "angry", 0.99),
    segment(10, "happy", 0.7, certainty="likely"),
    segment(11, "happy", 0.9, certainty="sure"),
]
"""Calm, a pause of 2 s, calm, not sure, angry, happy."""


def test_equal_neighbours_are_merged_up_to_a_pause() -> None:
    found = [(it.start_s, it.end_s, it.emotion, it.certainty) for it in merged(CALL)]
    assert found == [
        (0, 4, "calm", "likely"),
        (6, 7, "calm", "likely"),
        (7, 9, "angry", NOT_SURE),
        (9, 10, "angry", "sure"),
        (10, 12, "happy", "likely"),
    ]


def test_a_stretch_has_the_mean_of_its_time_and_the_reasons_of_half_of_it() -> None:
    first, _, unsure, *_ = merged(CALL)
    assert first.confidence == pytest.approx((0.9 + 0.7 + 2 * 0.9) / 4)
    assert sum(first.probabilities.values()) == pytest.approx(1)
    assert (first.reasons, unsure.reasons) == ((), ("noisy", "low_confidence"))
    # Of both together, anger is the most probable.
    assert unsure.confidence == pytest.approx((0.4 + (1 - 0.3) / 7) / 2)


def test_a_summary_says_how_much_of_what_and_when_it_changes() -> None:
    summary = summarized(CALL)
    assert summary.speech_s == 10
    assert summary.shares == pytest.approx(
        dict.fromkeys(EMOTIONS, 0.0) | {"calm": 0.5, "angry": 0.1, "happy": 0.2}
    )
    assert summary.not_sure == pytest.approx(0.2)
    # What is not sure is passed over, and a pause is no change.
    assert summary.changes == (Change(9, "calm", "angry", 1), Change(10, "angry", "happy", 2))
    assert [it.start_s for it in summary.most_confident] == [9, 0, 10]


def test_of_equal_confidence_the_longer_stretch_comes_first() -> None:
    short, long = segment(0, "sad", 0.902), segment(1, "calm", 0.898, length_s=5.0)
    assert [it.emotion for it in summarized([short, long]).most_confident] == ["calm", "sad"]


def test_json_of_a_long_recording_has_summary_stretches_and_segments() -> None:
    shares = CALL[0].probabilities
    about = (12.0, "calm", 0.9, 0.6, shares, "sure", ())
    short, long = Recognition("it", *about), Recognition("it", *about, segments=tuple(CALL))
    assert not {"summary", "stretches", "segments"} & set(short.as_dict())
    content = long.as_dict()
    assert len(content["segments"]) == len(CALL)
    assert [it["emotion"] for it in content["stretches"]] == ["calm", "calm", "angry", "angry", "happy"]
    assert list(content["stretches"][0]) == list(content["segments"][0])
    assert content["summary"]["changes"][0] == {"at_s": 9, "before": "calm", "after": "angry", "speech_s": 1}
    assert list(content["summary"]) == ["speech_s", "shares", "not_sure", "changes", "most_confident"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(EMOTIONS[:3]),
            st.sampled_from(WORDS),
            st.floats(0.2, 1.0),
            st.sampled_from((0.0, 2.0)),
            st.sampled_from((0.4, 1.0)),
        ),
        min_size=1,
    )
)
def test_stretches_keep_the_time_and_never_touch_their_like(
    drawn: list[tuple[str, str, float, float, float]],
) -> None:
    segments: list[Segment] = []
    start_s = 0.0
    for emotion, certainty, confidence, pause_s, length_s in drawn:
        start_s += pause_s
        reasons = ("low_confidence",) if certainty == NOT_SURE else ()
        segments.append(
            segment(start_s, emotion, confidence, certainty=certainty, reasons=reasons, length_s=length_s)
        )
        start_s = segments[-1].end_s
    stretches = list(merged(segments))
    summary = summarized(segments)
    assert sum(it.duration_s for it in stretches) == pytest.approx(
        sum(it.end_s - it.start_s for it in segments)
    )
    assert sum(summary.shares.values()) + summary.not_sure == pytest.approx(1)
    for before, after in pairwise(stretches):
        assert before.end_s <= after.start_s + 1e-6
        alike = before.uncertain == after.uncertain and (before.uncertain or before.emotion == after.emotion)
        assert not alike or after.start_s > before.end_s + 1e-6
    for it in stretches:
        assert it.emotion == max(it.probabilities, key=it.probabilities.__getitem__)
        assert it.reasons or not it.uncertain


def test_short_stretches_can_be_left_out_but_their_time_counts() -> None:
    assert [it.start_s for it in merged(CALL, shortest_s=2)] == [0, 7, 10]
    summary = summarized(CALL, shortest_s=2)
    assert summary.changes == (Change(10, "calm", "happy", 2),)
    assert summary.shares["angry"] == pytest.approx(0.1)
