"""The synthetic corpus: RAVDESS-shaped, the same on every run, learnable but not trivially."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import stft
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from ser.audio.clip_io import Pcm16, read_pcm16, rms_dbfs, sha256_of
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip, read_manifest
from ser.data.synthetic import synthesize
from ser.data.synthetic_corpus import write_corpus
from ser.errors import InputError
from ser.params import Workers

A_FEW = all_clips()[::97]


def workers(jobs: int) -> Workers:
    return Workers(backend="loky", jobs=jobs)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@given(clip=st.sampled_from(all_clips()))
@settings(max_examples=20, deadline=None)
def test_any_clip_is_a_short_phrase_between_exact_silences(clip: str) -> None:
    samples = synthesize(clip)
    sounding = np.flatnonzero(samples)
    lead_s = sounding[0] / SAMPLE_RATE
    trail_s = (len(samples) - 1 - sounding[-1]) / SAMPLE_RATE
    # A quiet phrase's first and last samples may round to 0 too.
    assert 0.1 <= lead_s < 0.27
    assert 0.1 <= trail_s < 0.27
    assert 0.9 <= len(samples) / SAMPLE_RATE <= 1.7
    assert np.abs(samples.astype(int)).max() < 32767
    window_begins = SAMPLE_RATE // 2
    assert rms_dbfs(samples[window_begins : window_begins + SAMPLE_RATE // 10]) > -70
    np.testing.assert_array_equal(samples, synthesize(clip))


def test_the_manifest_tells_what_the_files_hold(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", workers=workers(1), clips=A_FEW)
    manifest = read_manifest(tmp_path / "corpus" / "manifest.csv")
    assert sorted(manifest) == sorted(A_FEW)
    for clip, entry in manifest.items():
        path = clip_path(tmp_path / "corpus", clip, suffix=".flac")
        samples = read_pcm16(path, sample_rate=SAMPLE_RATE)
        assert (len(samples), sha256_of(samples)) == (entry.frames, entry.sha256)


def test_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    write_corpus(tmp_path / "one", workers=workers(1), clips=A_FEW)
    write_corpus(tmp_path / "two", workers=workers(2), clips=A_FEW)
    assert len(digests(tmp_path / "one")) == len(A_FEW) + 1
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_failure_leaves_the_former_folder(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", workers=workers(1), clips=A_FEW[:2])
    before = digests(tmp_path)
    with pytest.raises(InputError, match="intensity"):
        write_corpus(tmp_path / "corpus", workers=workers(1), clips=[A_FEW[0], "03-01-02-03-01-01-01"])
    assert digests(tmp_path) == before


@pytest.fixture(scope="module")
def first_repetitions() -> dict[str, Pcm16]:
    return {clip: synthesize(clip) for clip in all_clips() if clip[15:17] == "01" and int(clip[-2:]) <= 12}


def test_no_two_clips_are_equal(first_repetitions: dict[str, Pcm16]) -> None:
    assert (
        len({sha256_of(samples) for samples in first_repetitions.values()}) == len(first_repetitions) == 360
    )


def test_emotions_are_learnable_across_actors_but_not_trivially(first_repetitions: dict[str, Pcm16]) -> None:
    labels = [parse_clip(clip) for clip in first_repetitions]
    features = np.stack([band_statistics(samples) for samples in first_repetitions.values()])
    emotions = [label.emotion for label in labels]
    predicted = cross_val_predict(
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3),
        features / features.std(axis=0),
        emotions,
        groups=[label.actor for label in labels],
        cv=GroupKFold(4),
    )
    assert 0.3 < recall_score(emotions, predicted, average="macro") < 0.9


def band_statistics(samples: Pcm16) -> np.ndarray:
    """Mean and deviation over time of log energies in 32 bands, where there is sound; its length."""
    power = np.abs(stft(samples / 32768, fs=SAMPLE_RATE, nperseg=2048)[2]) ** 2
    edges = np.unique(np.geomspace(3, 340, 33).astype(int))
    bands = 10 * np.log10(np.add.reduceat(power, edges, axis=0)[:-1] + 1e-12)
    loudness = bands.max(axis=0)
    heard = bands[:, loudness > loudness.max() - 32]
    return np.concatenate([heard.mean(axis=1), heard.std(axis=1), [heard.shape[1]]])
