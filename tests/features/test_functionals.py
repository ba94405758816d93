"""Statistics over time: their closed forms, and MFCC as librosa's."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.features.functionals import QUANTILES, Array, functionals
from ser.params import FunctionalsParams

N_MELS, N_MFCC = 12, 5
SETTINGS = FunctionalsParams(n_mfcc=N_MFCC)
N_TRACKS = N_MELS + 3 * N_MFCC + 2
STATISTICS = ("mean", "deviation", *QUANTILES, "slope", "change")


def some_logmel(n_frames: int = 50, seed: int = 0) -> Array:
    noise = np.random.default_rng(seed).normal(-40, 12, (n_frames, N_MELS))
    return noise.astype(np.float32)


def named(values: Array) -> dict[str | float, Array]:
    """Each statistic's values: bands, MFCC, their delta and delta-delta, the level, its delta."""
    rows = values[:-1].reshape(len(STATISTICS), N_TRACKS)
    return dict(zip(STATISTICS, rows, strict=True))


def nine_frame_slope(track: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The least-squares slope, a frame, of nine frames about each; the ends are repeated."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(track, 4, mode="edge"), 9)
    return np.array([np.polyfit(np.arange(9), window, 1)[0] for window in windows])


@settings(max_examples=20, deadline=None)
@given(n_frames=st.integers(1, 90), n_mels=st.integers(5, 40), data=st.data())
def test_the_length_is_that_of_the_docstring(n_frames: int, n_mels: int, data: st.DataObject) -> None:
    n_mfcc = data.draw(st.integers(1, n_mels))
    speech = np.random.default_rng(0).normal(size=(n_frames, n_mels)).astype(np.float32)
    values = functionals(speech, settings=FunctionalsParams(n_mfcc=n_mfcc))
    assert values.shape == (9 * (n_mels + 3 * n_mfcc + 2) + 1,)
    assert values.dtype == np.float32
    assert values[-1] == n_frames
    assert np.isfinite(values).all()


def test_mfcc_are_librosas() -> None:
    speech = some_logmel()
    mfcc = librosa.feature.mfcc(S=speech.T, n_mfcc=N_MFCC)
    tracks = slice(N_MELS, N_MELS + N_MFCC)
    values = named(functionals(speech, settings=SETTINGS))
    np.testing.assert_allclose(values["mean"][tracks], mfcc.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(values["deviation"][tracks], mfcc.std(axis=1), rtol=1e-4)
    np.testing.assert_allclose(values[0.95][tracks], np.quantile(mfcc, 0.95, axis=1), rtol=1e-4)


def test_bands_and_level_have_the_statistics_of_numpy() -> None:
    speech = some_logmel().astype(np.float64)
    level = speech.mean(axis=1)
    values = named(functionals(some_logmel(), settings=SETTINGS))
    tracks = [*enumerate(speech.T), (N_TRACKS - 2, level), (N_TRACKS - 1, nine_frame_slope(level))]
    for place, track in tracks:
        assert values["mean"][place] == pytest.approx(track.mean(), abs=1e-4)
        assert values["deviation"][place] == pytest.approx(track.std(), rel=1e-4)
        assert values["change"][place] == pytest.approx(np.abs(np.diff(track)).sum() / len(track), rel=1e-4)
        assert values["slope"][place] == pytest.approx(
            np.polyfit(np.linspace(-1, 1, len(track)), track, 1)[0], rel=1e-3, abs=1e-4
        )
        for quantile in QUANTILES:
            assert values[quantile][place] == pytest.approx(np.quantile(track, quantile), abs=1e-4)


@pytest.mark.parametrize("n_frames", [2, 21, 101])
def test_the_slope_of_a_line_is_half_its_rise_whatever_its_length(n_frames: int) -> None:
    speech = np.repeat(np.linspace(-60, -20, n_frames, dtype=np.float32)[:, None], N_MELS, axis=1)
    values = named(functionals(speech, settings=SETTINGS))
    np.testing.assert_allclose(values["slope"][:N_MELS], 20, rtol=1e-5)
    assert values["slope"][-2] == pytest.approx(20, rel=1e-5)
    np.testing.assert_allclose(values["change"][:N_MELS], 40 / n_frames, rtol=1e-4)
    np.testing.assert_allclose(values[0.5][:N_MELS], -40, rtol=1e-5)


def test_a_gain_moves_the_places_of_bands_and_level_and_nothing_else() -> None:
    quiet = named(functionals(some_logmel(), settings=SETTINGS))
    loud = named(functionals(some_logmel() + np.float32(6), settings=SETTINGS))
    # Of the MFCC only the first holds the level: 6 dB in each of the bands.
    gain = np.zeros(N_TRACKS)
    gain[[*range(N_MELS), -2]] = 6
    gain[N_MELS] = 6 * np.sqrt(N_MELS)
    for statistic in STATISTICS:
        moved = gain if statistic in ("mean", *QUANTILES) else 0
        np.testing.assert_allclose(loud[statistic] - quiet[statistic], moved, atol=1e-4)


def test_played_backwards_only_slopes_and_deltas_turn_round() -> None:
    forwards = named(functionals(some_logmel(), settings=SETTINGS))
    backwards = named(functionals(some_logmel()[::-1], settings=SETTINGS))
    still = [*range(N_MELS + N_MFCC), N_TRACKS - 2]
    for statistic in ("mean", "deviation", "change", *QUANTILES):
        np.testing.assert_allclose(backwards[statistic][still], forwards[statistic][still], atol=1e-4)
    np.testing.assert_allclose(backwards["slope"][still], -forwards["slope"][still], atol=1e-4)
    deltas = [*range(N_MELS + N_MFCC, N_MELS + 2 * N_MFCC), N_TRACKS - 1]
    np.testing.assert_allclose(backwards["mean"][deltas], -forwards["mean"][deltas], atol=1e-4)
