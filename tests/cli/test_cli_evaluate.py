"""``ser evaluate`` from end to end: files that the tests make, and a recognizer whose answers are known."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from ser import cli
from ser.data.other_corpora import CORPORA
from ser.data.ravdess import EMOTIONS, all_clips
from ser.errors import InputError
from ser.evaluation.cross_corpus import restrict, score
from ser.recognizer import recognizer
from ser.recognizer.judging import Recognition

SPEAKERS = ("03", "08", "09", "10", "11", "12")
LETTERS = {"N": "neutral", "F": "happy", "T": "sad", "W": "angry", "A": "fearful", "E": "disgust"}


def probabilities(**shares: float) -> dict[str, float]:
    """These, and what is left of 1 in equal parts."""
    rest = (1 - sum(shares.values())) / (len(EMOTIONS) - len(shares))
    return {emotion: shares.get(emotion, rest) for emotion in EMOTIONS}


@dataclass
class KnownAnswers:
    """In place of `Recognizer`: answers by clip, and errors on what is no sound."""

    answers: Mapping[str, dict[str, float]]

    @property
    def bundle(self) -> SimpleNamespace:
        return SimpleNamespace(version="7.0", about={"expected": {"uar": 0.625}})

    def predict_many(self, sources: Iterable[Path], *, jobs: int = 1) -> Iterator[Recognition | InputError]:
        for path in sources:
            try:
                duration_s = soundfile.info(str(path)).duration
            except soundfile.LibsndfileError:
                yield InputError(f"{path}: no readable audio")
                continue
            given = self.answers[path.stem]
            emotion = max(EMOTIONS, key=given.__getitem__)
            yield Recognition(str(path), duration_s, emotion, given[emotion], 0.5, given, "sure", ())


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float]]:
    known: dict[str, dict[str, float]] = {}
    monkeypatch.setattr(recognizer.Recognizer, "load", lambda *_, **__: KnownAnswers(known))
    return known


def write_wav(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, spoken(0.5), 16_000)


def make_emodb(folder: Path, answers: dict[str, dict[str, float]]) -> Path:
    """Six speakers, six emotions each; half of them sound happy in anger; neutral sounds calm."""
    for place, speaker in enumerate(SPEAKERS):
        for letter, emotion in LETTERS.items():
            clip = f"{speaker}a01{letter}a"
            write_wav(folder / f"{clip}.wav")
            answers[clip] = probabilities(**{emotion: 0.6})
            if letter == "W" and place % 2:
                answers[clip] = probabilities(happy=0.5, angry=0.3)
            if letter == "N":
                answers[clip] = probabilities(calm=0.6, neutral=0.3)
    return folder


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_json_says_all(
    tmp_path: Path, answers: dict[str, dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_emodb(tmp_path / "wav", answers)
    write_wav(folder / "03a01La.wav")
    code, out, err = evaluate(capsys, tmp_path, "--corpus", "emodb", "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    result = json.loads(out)
    assert result["corpus"] == "emodb"
    assert result["model"] == "7.0"
    assert (result["n"], result["speakers"]) == (36, 6)
    assert result["left_out"] == {"boredom": 1}
    assert result["emotions"] == [it for it in EMOTIONS if it not in ("calm", "surprised")]
    # Half of one emotion of six is wrong. Neutral is right, since calm is left out.
    assert result["uar"] == result["accuracy"] == pytest.approx(5.5 / 6, abs=1e-4)
    assert result["per_emotion"]["angry"] == {"n": 6, "recall": 0.5}
    assert result["per_emotion"]["neutral"] == {"n": 6, "recall": 1.0}
    assert result["confusion"]["angry"]["happy"] == result["confusion"]["angry"]["angry"] == 3
    assert result["per_speaker"]["03"] == {"n": 6, "accuracy": 1.0}
    assert result["per_speaker"]["08"] == {"n": 6, "accuracy": round(5 / 6, 4)}
    # Anger is recognised or not by speaker: a resample has from none to all of it.
    assert 5 / 6 - 1e-4 <= result["uar_low"] < result["uar"] < result["uar_high"] <= 1
    assert result["chance"] == pytest.approx(1 / 6, abs=1e-4)
    assert (result["misnamed"], result["failed"], result["doubled"]) == (0, 0, 0)
    elsewhere = [each["calm"] + each["surprised"] for each in answers.values()]
    assert result["mean_left_out"] == pytest.approx(np.mean(elsewhere), abs=1e-4)


def test_the_table_says_what_the_figure_is(
    tmp_path: Path, answers: dict[str, dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_emodb(tmp_path, answers)
    write_wav(folder / "03a01La.wav")
    code, out, _ = evaluate(capsys, folder, "--corpus", "emodb")
    assert code == 0
    assert "EMO-DB: 36 recordings, 6 speakers, 6 emotions" in out
    assert "Cross-corpus: the model learned its emotions from RAVDESS speech alone" in out
    assert "EMO-DB has no calm or surprised" in out
    assert "Left out: 1 of boredom" in out
    # The score on RAVDESS is over other emotions.
    assert "62.5" not in out
    assert "by bootstrap over speakers" in out
    (angry,) = [line for line in out.splitlines() if line.startswith("angry")]
    assert angry.split() == ["angry", "6", "50.0", "0", "3", "0", "3", "0", "0"]


def test_what_cannot_be_used_is_named_and_skipped(
    tmp_path: Path, answers: dict[str, dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_emodb(tmp_path, answers)
    (folder / "08b02Wa.wav").write_bytes(b"")
    write_wav(folder / "speech.wav")
    code, out, err = evaluate(capsys, folder, "--corpus", "emodb", "--json")
    assert code == 1
    assert f"error: {folder / '08b02Wa.wav'}: no readable audio" in err
    assert f"error: {folder / 'speech.wav'}: no recording of EMO-DB, skipped" in err
    result = json.loads(out)
    assert (result["n"], result["misnamed"], result["failed"]) == (36, 1, 1)


def test_nothing_recognised_is_an_error(
    tmp_path: Path, answers: dict[str, dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "03a01Fa.wav").write_bytes(b"RIFF")
    code, out, err = evaluate(capsys, tmp_path, "--corpus", "emodb")
    assert (code, out) == (1, "")
    assert "none of the 1 recordings could be recognised" in err
    code, _, err = evaluate(capsys, tmp_path, "--corpus", "tess")
    assert code == 1
    assert "try --corpus emodb" in err


@pytest.mark.parametrize(
    "arguments", [["--corpus", "iemocap"], [], ["--corpus", "tess", "--jobs", "0"]], ids=str
)
def test_wrong_usage_is_2(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["evaluate", str(tmp_path), *arguments])
    assert caught.value.code == 2


def test_ravdess_itself_is_no_test(
    tmp_path: Path, answers: dict[str, dict[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    clip = all_clips()[0]
    write_wav(tmp_path / f"{clip}.wav")
    answers[clip] = probabilities(neutral=0.9)
    code, out, _ = evaluate(capsys, tmp_path, "--corpus", "ravdess")
    assert code == 0
    assert "RAVDESS speech: 1 recording, 1 speaker, 8 emotions\n" in out
    assert "WARNING: the model was trained on these very recordings" in out
    assert "62.5" not in out
    assert "no interval" in out
    assert "There is no recording of calm, happy" in out
    _, out, _ = evaluate(capsys, tmp_path, "--corpus", "ravdess", "--json")
    result = json.loads(out)
    assert "WARNING" in result["note"]
    assert (result["uar"], result["uar_low"], result["per_emotion"]["calm"]["recall"]) == (1, None, None)
    assert result["mean_left_out"] == 0


SHARES = st.lists(st.floats(1e-6, 1), min_size=8, max_size=8)


@settings(deadline=None, max_examples=50)
@given(SHARES, st.sets(st.sampled_from(EMOTIONS), min_size=1))
def test_restricted_probabilities_keep_their_proportions(shares: list[float], kept: set[str]) -> None:
    given_ = dict(zip(EMOTIONS, (np.array(shares) / sum(shares)).tolist(), strict=True))
    emotions = [emotion for emotion in EMOTIONS if emotion in kept]
    restricted = restrict(given_, emotions)
    assert list(restricted) == emotions
    assert sum(restricted.values()) == pytest.approx(1)
    for one in emotions:
        assert restricted[one] * given_[emotions[0]] == pytest.approx(restricted[emotions[0]] * given_[one])


def test_probabilities_that_are_all_elsewhere_become_equal() -> None:
    assert restrict(probabilities(calm=1.0), ["happy", "sad"]) == {"happy": 0.5, "sad": 0.5}


def test_one_emotion_with_many_recordings_weighs_no_more() -> None:
    """UAR against accuracy: nine angry ones recognised, one sad one not."""
    tess = CORPORA["tess"]
    angry, sad = tess.parse("OAF_back_angry"), tess.parse("YAF_back_sad")
    heard = probabilities(angry=0.9)
    result = score(tess, [(angry, heard)] * 9 + [(sad, heard)])
    assert (result["uar"], result["accuracy"]) == (0.5, 0.9)


def test_with_an_exported_model(
    tmp_path: Path, bundle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for speaker in SPEAKERS[:2]:
        for letter in LETTERS:
            write_wav(tmp_path / f"{speaker}a01{letter}a.wav")
    options = ("--corpus", "emodb", "--bundle", bundle_folder, "--jobs", "2", "--json")
    code, out, err = evaluate(capsys, tmp_path, *options)
    assert (code, err) == (0, "")
    result = json.loads(out)
    # The same noise everywhere: one answer for all.
    assert (result["n"], result["accuracy"]) == (12, pytest.approx(1 / 6, abs=1e-4))
