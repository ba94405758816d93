"""Augmentation: what `augment` and `resample` do to a clip, against librosa's functions for the same.

Both begin with the same samples, the article's window at 48 kHz, and end with samples; files and features are
left out. Where librosa has no function for it, it is NumPy as the article's notebook has it.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import CPU, PEAK, WALL, Column, Ratio, Subject
from ser.audio import clip_io as audio
from ser.audio.augmentation import draw, make_transform
from ser.data.ravdess import SAMPLE_RATE
from ser.params import Params, load_params

Waveform = npt.NDArray[np.float32]

TITLES = {
    "stretch_librosa": "time stretch: `librosa.effects.time_stretch`",
    "stretch_ours": "time stretch: ours",
    "noise_librosa": "noise: NumPy, as in the article's notebook",
    "noise_ours": "noise: ours",
    "speed_librosa": "speed and pitch: `librosa.resample` by `kaiser_fast`",
    "speed_soxr": "speed and pitch: `librosa.resample` by its default",
    "speed_numpy": "speed and pitch: NumPy's interpolation, as in the article's notebook",
    "speed_ours": "speed and pitch by interpolation: ours, in `augment`",
    "speed_resample": "speed and pitch: soxr alone, by which `resample` does it",
    "pitch_librosa": "`librosa.effects.pitch_shift`, which keeps the length; for comparison",
}
_SPEED = 1.18
"""The fastest of those in ``resample``."""
_INTERPOLATED_SPEED = 1.4 / 0.9
"""The middle of what the notebook and `augment` draw."""


def ways(params: Params) -> dict[str, Callable[[Waveform], Waveform]]:
    """List what is done to the samples, by case."""
    import librosa
    import soxr

    settings = params.augment
    stretch, noise, speed = (
        make_transform(it) for it in (settings.stretch, settings.noise, settings.speed_pitch)
    )
    random = np.random.RandomState(0)  # the notebook's generator

    def drawn(transform: object) -> Callable[[Waveform], Waveform]:
        return lambda samples: draw(transform, samples, sample_rate=SAMPLE_RATE, seed=0, clip="clip")[0]

    def noise_numpy(samples: Waveform) -> Waveform:
        amplitude = settings.noise.max_amplitude * random.uniform() * samples.max()
        return np.asarray(samples + amplitude * random.normal(size=len(samples)))

    def resampled(kind: str) -> Callable[[Waveform], Waveform]:
        target = round(SAMPLE_RATE / _SPEED)
        return lambda samples: np.asarray(
            librosa.resample(samples, orig_sr=SAMPLE_RATE, target_sr=target, res_type=kind)
        )

    def interpolated(samples: Waveform) -> Waveform:
        positions = np.arange(0, len(samples), _INTERPOLATED_SPEED)
        result = np.zeros_like(samples)
        changed = np.interp(positions, np.arange(len(samples)), samples)
        result[: len(changed)] = changed
        return result

    return {
        "stretch_librosa": lambda it: np.asarray(
            librosa.effects.time_stretch(it, rate=settings.stretch.rate)
        ),
        "stretch_ours": drawn(stretch),
        "noise_librosa": noise_numpy,
        "noise_ours": drawn(noise),
        "speed_librosa": resampled("kaiser_fast"),
        "speed_soxr": resampled("soxr_hq"),
        "speed_numpy": interpolated,
        "speed_ours": drawn(speed),
        "speed_resample": lambda it: np.asarray(
            soxr.resample(it, SAMPLE_RATE, round(SAMPLE_RATE / _SPEED), quality="HQ")
        ),
        "pitch_librosa": lambda it: np.asarray(librosa.effects.pitch_shift(it, sr=SAMPLE_RATE, n_steps=2)),
    }


def subject(recordings: Sequence[Path], folder: Path, *, rounds: int, params: Params, kind: str) -> Subject:
    """Describe what is measured; the recordings, of a kind, lie in one folder, and figures go to `folder`."""
    pairs = (
        ("time stretch: librosa's time, in ours", "stretch_librosa", "stretch_ours"),
        ("noise: the notebook's time, in ours", "noise_librosa", "noise_ours"),
        ("speed and pitch by interpolation: the notebook's time, in ours", "speed_numpy", "speed_ours"),
        ("speed and pitch: librosa's time by `kaiser_fast`, in soxr's", "speed_librosa", "speed_resample"),
        ("speed and pitch: librosa's time by its default, in soxr's", "speed_soxr", "speed_resample"),
    )
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return Subject(
        name="augmentation",
        heading="Augmentation",
        about=f"{len(recordings)} {kind}, the article's window of each in memory; one process, one thread.",
        cases=[
            case_of("augmentation", name, str(recordings[0].parent), folder=folder, variables=threads)
            for name in TITLES
        ],
        titles=TITLES,
        columns=(Column("clip_cpu_ms", "CPU a clip, ms"), WALL, CPU, PEAK),
        ratios=tuple(Ratio(title, "clip_cpu_ms", above, below) for title, above, below in pairs),
        rounds=rounds,
        findings=lambda: equality(recordings, params),
    )


def run_once(case: str, folder: str) -> dict[str, float]:
    """Go through a folder of WAV files one way.

    Returns
    -------
    dict
        ``clip_cpu_ms``: CPU time of a clip in milliseconds.
    """
    params = load_params(PROJECT / "params.yaml")
    windows = [_window(path, params) for path in sorted(Path(folder).glob("*.wav"))]
    way = ways(params)[case]
    way(windows[0])
    start = time.process_time()
    for samples in windows:
        way(samples)
    return {"clip_cpu_ms": 1e3 * (time.process_time() - start) / len(windows)}


def equality(recordings: Sequence[Path], params: Params) -> list[str]:
    """Say where ours equals librosa's, and by how much it differs elsewhere."""
    chosen = ways(params)
    found = []
    for what, reference, ours in (
        ("Time stretch, librosa's against ours", "stretch_librosa", "stretch_ours"),
        ("Speed and pitch, librosa's default against soxr", "speed_soxr", "speed_resample"),
        ("Speed and pitch, librosa's `kaiser_fast` against soxr", "speed_librosa", "speed_resample"),
    ):
        worst = 0.0
        for path in recordings:
            samples = _window(path, params)
            one, other = chosen[reference](samples), chosen[ours](samples)
            length = min(len(one), len(other))
            difference = np.abs(one[:length] - other[:length]).max() / np.abs(one).max()
            worst = max(worst, float(difference))
        found.append(f"{what}: samples differ by at most {100 * worst:.4f} % of the clip's peak.")
    return [
        *found,
        "Noise is the same kind, drawn by another generator; ours in float32. `pitch_shift` keeps a clip's "
        "length, which no augmentation here does: it is another thing.",
    ]


def _window(path: Path, params: Params) -> Waveform:
    window = params.article_window
    return audio.load(path, sample_rate=SAMPLE_RATE, offset_s=window.offset_s, duration_s=window.duration_s)
