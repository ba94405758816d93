"""Features: the article's log-mel by librosa, as its notebook has it, against this project's.

Only what becomes of a recording is timed, from the file to log-mel and its mean over bands; start and imports
are in the process's own wall time. Every way uses one thread for matrix products.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import CPU, PEAK, WALL, Column, Ratio, Subject
from ser.parallel import run_all
from ser.params import Params, Window, Workers, load_params

Array = npt.NDArray[np.float32]
Features = tuple[Array, Array]

TITLES = {
    "article": "the article's way: librosa with `kaiser_fast`",
    "article_soxr": "the same with librosa's present resampler, soxr",
    "ours_1": "ours, the article's part of the stage `extract`, 1 process",
    "ours_2": "ours, 2 processes",
}
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def article_way(path: str, window: Window, params: Params) -> Features:
    """Compute log-mel and contour as the article's notebook does, with what it leaves to librosa."""
    return _librosa_features(_librosa_samples(path, window, params, res_type="kaiser_fast"), params)


def article_way_soxr(path: str, window: Window, params: Params) -> Features:
    """Compute the same, resampled by librosa's default."""
    return _librosa_features(_librosa_samples(path, window, params), params)


def our_way(path: str, window: Window, params: Params) -> Features:
    """Compute them by the functions that the stage ``extract`` calls."""
    from ser.audio import clip_io as audio
    from ser.features import logmel

    settings = params.extract.article
    samples = audio.load(
        path, sample_rate=settings.sample_rate, offset_s=window.offset_s, duration_s=window.duration_s
    )
    decibels = logmel.article_logmel(samples, settings=settings)
    return decibels, logmel.contour(decibels)


WAYS: dict[str, tuple[Callable[[str, Window, Params], Features], int]] = {
    "article": (article_way, 0),
    "article_soxr": (article_way_soxr, 0),
    "ours_1": (our_way, 0),
    "ours_2": (our_way, 2),
}
"""What is called, and in how many worker processes; 0 is this process alone."""


def subject(recordings: Sequence[Path], folder: Path, *, rounds: int, params: Params, kind: str) -> Subject:
    """Describe what is measured; the recordings, of a kind, lie in one folder, and figures go to `folder`."""
    cases = [
        case_of("features", name, str(recordings[0].parent), folder=folder, variables=_ONE_THREAD)
        for name in WAYS
    ]
    cpu, wall = "CPU time a clip", "wall time a clip"
    ratios = (
        Ratio(f"{cpu}: the article's way, in that of ours", "clip_cpu_ms", "article", "ours_1"),
        Ratio(f"{cpu}: that way with soxr, in that of ours", "clip_cpu_ms", "article_soxr", "ours_1"),
        Ratio(f"{wall}: the article's way, in that of ours, 2 processes", "clip_ms", "article", "ours_2"),
        Ratio("peak memory: the article's way, in that of ours", "peak_bytes", "article", "ours_1"),
    )
    return Subject(
        name="features",
        heading="Features",
        about=(
            f"{len(recordings)} {kind}; the window that the article reads, its log-mel and contour. A clip's "
            "time leaves out start and imports, and that of two processes the start of these. Memory is that "
            "of the largest process."
        ),
        cases=cases,
        titles=TITLES,
        columns=(
            Column("clip_ms", "wall a clip, ms"),
            Column("clip_cpu_ms", "CPU a clip, ms"),
            *(WALL, CPU, PEAK),
        ),
        ratios=ratios,
        rounds=rounds,
        findings=lambda: differences(recordings, params),
    )


def differences(recordings: Sequence[Path], params: Params) -> list[str]:
    """Say how far values lie from the article's, from the same resampled signal and from each one's own."""
    from ser.features import logmel

    window, settings = params.article_window, params.extract.article
    same, soxr, own, contours = [], [], [], []
    for path in map(str, recordings):
        samples = _librosa_samples(path, window, params, res_type="kaiser_fast")
        expected, expected_contour = _librosa_features(samples, params)
        same.append(np.abs(logmel.article_logmel(samples, settings=settings) - expected).max())
        decibels, contour = our_way(path, window, params)
        soxr.append(np.abs(decibels - article_way_soxr(path, window, params)[0]).max())
        own.append(np.abs(decibels - expected).ravel())
        contours.append(np.abs(contour - expected_contour).max())
    each = np.concatenate(own)
    return [
        "Values of the article's way against ours, in dB: from the same resampled signal at most "
        f"{max(same):.5f}; with soxr in both at most {max(soxr):.5f}; each with its own resampler at most "
        f"{each.max():.3f}, in 99 % of the values at most {np.quantile(each, 0.99):.4f}, in the median "
        f"{np.median(each):.4f}; in the contour at most {max(contours):.4f}."
    ]


def _librosa_samples(path: str, window: Window, params: Params, *, res_type: str = "soxr_hq") -> Array:
    """Load a window, by default resampled as librosa does by its own."""
    import librosa

    rate = params.extract.article.sample_rate
    samples, _ = librosa.load(
        path, sr=rate, offset=window.offset_s, duration=window.duration_s, res_type=res_type
    )
    return np.asarray(samples)


def _librosa_features(samples: Array, params: Params) -> Features:
    import librosa

    settings = params.extract.article
    power = librosa.feature.melspectrogram(
        y=samples, sr=settings.sample_rate, n_mels=settings.n_mels, fmax=settings.fmax
    )
    decibels = librosa.power_to_db(power)
    return decibels, np.mean(decibels, axis=0)


def _timed(way: str, path: str, window: Window, params: Params) -> tuple[Features, float]:
    start = time.process_time()
    features = WAYS[way][0](path, window, params)
    return features, time.process_time() - start


def run_once(way: str, folder: str) -> dict[str, float]:
    """Go through a folder of WAV files one way.

    Returns
    -------
    dict
        ``clip_ms`` and ``clip_cpu_ms``: wall and CPU time of a clip in milliseconds.
    """
    params = load_params(PROJECT / "params.yaml")
    paths = [str(path) for path in sorted(Path(folder).glob("*.wav"))]
    calls = [(way, path, params.article_window, params) for path in paths]
    _, processes = WAYS[way]

    def go(some: list[tuple[str, str, Window, Params]]) -> list[tuple[Features, float]]:
        if not processes:
            return [_timed(*call) for call in some]
        workers = Workers(backend="loky", jobs=processes)
        return run_all(_timed, some, workers=workers, what=way)

    # Imports, compiled loops, the mel bank, and the workers, which are kept.
    go(calls[: 2 * processes + 1])
    start = time.perf_counter()
    results = go(calls)
    wall_s = time.perf_counter() - start
    cpu_s = sum(cpu for _, cpu in results)
    return {"clip_ms": 1e3 * wall_s / len(calls), "clip_cpu_ms": 1e3 * cpu_s / len(calls)}
