"""What an epoch changes in log-mels, each against what it promises."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.models import spec_augment as augmentation
from ser.models.spec_augment import Array
from ser.params import LogMelCnn, load_params

COMMITTED = load_params(Path(__file__).parents[2] / "params.yaml").train_cnn.logmel
STILL = dict.fromkeys(("gain_db", "tilt_db", "noise_share", "tempo_change", "mel_warp"), 0.0)
FLOOR = -80.0
N, FRAMES, BANDS = 40, 30, 12


def chosen(**changes: Any) -> LogMelCnn:
    return COMMITTED.model_copy(update=changes)


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def speech(n: int = N) -> Array:
    """Log-mels with a ridge in the middle, in padding at both ends."""
    x = draws().normal(-30, 5, (n, FRAMES, BANDS)).astype(np.float32)
    x[:, :6] = FLOOR
    x[:, -6:] = FLOOR
    return x


def distorted(x: Array, seed: int = 0, **changes: Any) -> Array:
    return augmentation.distort(
        x, floor_db=FLOOR, settings=chosen(**{**STILL, **changes}), generator=draws(seed)
    )


@settings(max_examples=30, deadline=None)
@given(copies=st.integers(1, 5), seed=st.integers(0, 99))
def test_each_clip_gets_one_of_its_own_copies(copies: int, seed: int) -> None:
    x = np.array([[clip, copy] for copy in range(copies) for clip in range(N)], dtype=np.float32)
    taken = augmentation.choose_copies(x, copies=copies, generator=draws(seed))
    np.testing.assert_array_equal(taken[:, 0], np.arange(N))
    assert set(taken[:, 1]) <= set(range(copies))


def test_all_copies_are_as_likely() -> None:
    x = np.repeat(np.arange(4, dtype=np.float32), 8000)
    taken = augmentation.choose_copies(x, copies=4, generator=draws())
    assert [(taken == copy).mean() for copy in range(4)] == pytest.approx([0.25] * 4, abs=0.02)


def test_nothing_asked_is_nothing_changed() -> None:
    np.testing.assert_array_equal(distorted(speech()), speech())
    still = chosen(time_mask_frames=0, frequency_mask_bands=0)
    np.testing.assert_array_equal(augmentation.mask(speech(), settings=still, generator=draws()), speech())
    labels = np.eye(8, dtype=np.float32)[draws().integers(0, 8, N)]
    x, y = augmentation.mix(
        speech(), labels, batch_size=8, settings=chosen(mixup_share=0.0), generator=draws()
    )
    np.testing.assert_array_equal(x, speech())
    np.testing.assert_array_equal(y, labels)


def test_gain_is_one_level_a_clip_within_its_bounds_and_leaves_padding() -> None:
    moved = distorted(speech(), gain_db=4.0) - speech()
    assert (moved[:, :6] == 0).all()
    assert (moved[:, -6:] == 0).all()
    gains = moved[:, 6:-6].reshape(N, -1)
    assert np.ptp(gains, axis=1).max() < 1e-4
    assert np.abs(gains).max() <= 4.0001
    assert np.ptp(gains[:, 0]) > 4


def test_tilt_is_a_line_over_the_bands_that_leaves_the_middle() -> None:
    moved = (distorted(speech(), tilt_db=4.0) - speech())[:, 6:-6]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-4)
    np.testing.assert_allclose(np.diff(moved[:, 0], n=2, axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(moved[:, 0, 0], -moved[:, 0, -1], atol=1e-4)
    assert np.abs(moved).max() <= 4.0001
    assert np.ptp(moved[:, 0, -1]) > 4


def test_noise_adds_its_power_to_a_share_of_the_clips() -> None:
    x = speech(400)
    noisy = distorted(x, noise_share=0.3, noise_min_db=-60.0, noise_max_db=-50.0)
    touched = (np.abs(noisy - x) > 1e-3).any(axis=(1, 2))
    assert touched.mean() == pytest.approx(0.3, abs=0.07)
    added = 10 ** (noisy / 10) - 10 ** (x / 10)
    assert added.min() > -1e-5
    # In the padding nearly all is noise: 2 dB of ripple; 5 above to 15 dB below its level at the top.
    padding = noisy[touched][:, :6]
    assert padding.mean(axis=(1, 2)).min() > -60 - 8.5
    assert padding.mean(axis=(1, 2)).max() < -50 + 3.5
    assert padding[:, :, 0].mean() == pytest.approx(-55, abs=1.5)


def test_padding_stays_padding_to_the_bit() -> None:
    padding = np.full((N, FRAMES, BANDS), FLOOR, dtype=np.float32)
    moved = distorted(padding, gain_db=4, tilt_db=4, tempo_change=0.2, mel_warp=0.2)
    np.testing.assert_array_equal(moved, padding)


def test_the_floor_stays_the_floor() -> None:
    quiet = np.where(speech() > FLOOR, np.float32(FLOOR + 1), np.float32(FLOOR))
    assert distorted(quiet, gain_db=4.0).min() == FLOOR


def test_tempo_moves_ends_about_the_middle_and_no_band() -> None:
    moved = distorted(speech(), tempo_change=0.3)
    lengths = (moved > FLOOR).any(axis=2).sum(axis=1)
    assert lengths.min() < FRAMES - 12 < lengths.max()
    assert lengths.min() >= (FRAMES - 12) * 0.7 - 1
    assert lengths.max() <= (FRAMES - 12) * 1.3 + 2
    loudest = moved.max(axis=2)
    onsets, ends = (loudest > FLOOR).argmax(axis=1), (loudest[:, ::-1] > FLOOR).argmax(axis=1)
    np.testing.assert_allclose(onsets, ends, atol=1)
    same_in_time = np.repeat(draws().normal(-30, 5, (N, 1, BANDS)).astype(np.float32), FRAMES, axis=1)
    np.testing.assert_allclose(distorted(same_in_time, tempo_change=0.3), same_in_time, atol=1e-4)


def test_mel_warp_scales_bands_from_0_and_moves_no_frame() -> None:
    ramp = np.broadcast_to(np.arange(BANDS, dtype=np.float32) - 60, (N, FRAMES, BANDS)).copy()
    moved = distorted(ramp, mel_warp=0.2)
    np.testing.assert_allclose(moved[:, :, 0], -60, atol=1e-4)
    slopes = moved[:, 0, 5] - moved[:, 0, 4]
    assert slopes.min() >= 1 / 1.2 - 1e-4
    assert slopes.max() <= 1 / 0.8 + 1e-4
    assert np.ptp(slopes) > 0.2
    in_time = np.broadcast_to(np.arange(FRAMES, dtype=np.float32)[:, None] - 60, (N, FRAMES, BANDS)).copy()
    np.testing.assert_allclose(distorted(in_time, mel_warp=0.2), in_time, atol=1e-4)


@given(length=st.integers(0, 2 * FRAMES), seed=st.integers(0, 99))
def test_excerpts_are_consecutive_frames_of_their_own_clip(length: int, seed: int) -> None:
    numbered = np.arange(N * FRAMES, dtype=np.float32).reshape(N, FRAMES, 1)
    generator = np.random.default_rng(seed)
    excerpts = augmentation.crop(numbered, settings=chosen(crop_frames=length), generator=generator)
    assert excerpts.shape[1] == (min(length, FRAMES) or FRAMES)
    assert (np.diff(excerpts, axis=1) == 1).all()
    np.testing.assert_array_equal(excerpts[:, 0] // FRAMES, np.arange(N)[:, None])


def test_excerpts_begin_anywhere() -> None:
    numbered = np.broadcast_to(np.arange(FRAMES, dtype=np.float32)[:, None], (200, FRAMES, 1))
    excerpts = augmentation.crop(
        numbered, settings=chosen(crop_frames=FRAMES - 5), generator=np.random.default_rng(0)
    )
    assert set(excerpts[:, 0, 0]) == set(range(6))


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(0, 200), bands=st.integers(0, 200), seed=st.integers(0, 99))
def test_masks_hide_two_strips_of_each_kind_at_the_most(frames: int, bands: int, seed: int) -> None:
    # Widths beyond the log-mel's own are the user's right: whatever there is may be hidden.
    wanted = chosen(time_mask_frames=frames, frequency_mask_bands=bands)
    hidden = (
        augmentation.mask(
            np.ones((N, FRAMES, BANDS), dtype=np.float32), settings=wanted, generator=draws(seed)
        )
        == 0
    )
    whole_frames, whole_bands = hidden.all(axis=2), hidden.all(axis=1)
    np.testing.assert_array_equal(hidden, whole_frames[:, :, None] | whole_bands[:, None, :])
    not_all = ~hidden.all(axis=(1, 2))
    assert (whole_frames[not_all].sum(axis=1) <= min(2 * frames, FRAMES)).all()
    assert (whole_bands[not_all].sum(axis=1) <= min(2 * bands, BANDS)).all()
    strips = np.diff(np.pad(whole_frames[not_all], ((0, 0), (1, 1))).astype(int), axis=1) == 1
    assert (strips.sum(axis=1) <= 2).all()


def test_masks_reach_every_frame_and_band_and_leave_the_input() -> None:
    x = np.ones((400, FRAMES, BANDS), dtype=np.float32)
    wanted = chosen(time_mask_frames=8, frequency_mask_bands=4)
    hidden = augmentation.mask(x, settings=wanted, generator=draws()) == 0
    assert hidden.any(axis=(0, 2)).all()
    assert hidden.any(axis=(0, 1)).all()
    assert (x == 1).all()


def test_mixing_blends_within_a_batch_inputs_and_labels_alike() -> None:
    n, batch = 44, 8
    x = np.eye(n, dtype=np.float32)
    wanted = chosen(mixup_share=1.0, mixup_beta=0.5)
    mixed, labels = augmentation.mix(x, x.copy(), batch_size=batch, settings=wanted, generator=draws())
    np.testing.assert_array_equal(mixed, labels)
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    for row, partners in enumerate(mixed):
        places = np.flatnonzero(partners)
        assert row in places or partners.max() == pytest.approx(1)
        assert {place // batch for place in places} == {row // batch}
        assert len(places) <= 2
    assert (mixed != x).any()
    np.testing.assert_array_equal(x, np.eye(n))


def test_only_the_share_of_batches_is_mixed() -> None:
    x = np.eye(800, dtype=np.float32)
    wanted = chosen(mixup_share=0.25)
    mixed, _ = augmentation.mix(x, x, batch_size=2, settings=wanted, generator=draws())
    touched = (mixed != x).any(axis=1).reshape(400, 2).any(axis=1).mean()
    # Of two clips in a batch, half of the permutations change nothing.
    assert touched == pytest.approx(0.125, abs=0.05)


def test_the_generator_alone_decides() -> None:
    one, two, other = (distorted(speech(), seed, gain_db=4, tempo_change=0.1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
