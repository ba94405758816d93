"""Measure how far results may differ between kinds of CPU, on this machine: libraries take it for another.

Needs what `dvc repro` leaves in data/ (data/clips.parquet, data/raw, data/splits). From the recordings on,
features are computed, models fitted and clips recognised, once as this machine does it, a second time for
control, and once for each CPU that libraries can be made to believe in. Printed is a Markdown table of the
greatest differences from the first run.

What is made to believe: OpenBLAS, NumPy, the C library, and oneDNN in TensorFlow. ONNX Runtime, soxr and
what compilers fixed beforehand cannot be made to, so that another machine may differ by more.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from ser.data.fold import Fold, folds
from ser.errors import InputError
from ser.files import read_table, write_arrays
from ser.params import Params, load_params
from stages import command
from stages.inputs import read_split

Arrays = dict[str, npt.NDArray[np.generic]]

_NO_AVX512 = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD",
}
_NO_AVX = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-AVX512F",
}
MACHINES: dict[str, Mapping[str, str]] = {
    "this one": {},
    "this one again": {},
    "Intel with AVX2 (Haswell)": {"OPENBLAS_CORETYPE": "Haswell", **_NO_AVX512},
    "AMD with AVX2 (Zen)": {"OPENBLAS_CORETYPE": "Zen", **_NO_AVX512},
    "without AVX (Nehalem)": {"OPENBLAS_CORETYPE": "Nehalem", **_NO_AVX},
}
"""The first is what the others are compared with."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_FOLD = 0
_EPOCHS = 2
_RECOGNISED = 60


def measure(n_clips: int) -> Arrays:
    """Compute everything from the recordings on, for a number of clips that are drawn with a fixed seed.

    Returns
    -------
    dict
        Names beginning with ``feature:`` [shape=(clips, ...)] or ``probability:`` [shape=(clips, 8)], and
        ``weights`` of a network [shape=(n,)].
    """
    params = load_params()
    clips, split = read_split("luna5")
    clips["path"] = read_table("data/clips.parquet", ("path",))["path"]
    clips = clips.sample(min(n_clips, len(clips)), random_state=0).sort_index().reset_index(drop=True)
    results = _features(clips, params)
    on_functionals, on_logmel = (
        list(folds(clips, split, [results[f"feature:{name}"].astype(np.float32)]))[_FOLD]
        for name in ("functionals", "log-mel")
    )
    results |= _classical(on_functionals, params)
    results |= _network(on_logmel, params)
    return results | _recognized(list(clips["path"])[:: max(len(clips) // _RECOGNISED, 1)], params)


def _features(clips: pd.DataFrame, params: Params) -> Arrays:
    from stages.extract import extract_clip

    paths = tqdm(clips["path"], desc="features", unit="clip", mininterval=10)
    rows = [extract_clip(path, params.article_window, params.extract) for path in paths]
    names = {
        "article_logmel": "the article's log-mel",
        "contour": "the article's contour",
        "logmel": "log-mel",
        "functionals": "functionals",
    }
    return {f"feature:{names[name]}": np.stack([row[name] for row in rows]) for name in names}


def _classical(fold: Fold, params: Params) -> Arrays:
    from ser.models.classical import fit_with_probabilities, model_and_grid

    grids = params.train_baselines.luna5
    training, test = fold.training(), fold.recordings(fold.test)
    results: Arrays = {}
    for name in ("lda", "logistic_regression", "svm_rbf"):
        model, grid = model_and_grid(name, grids=grids)
        # The middle of each grid; which point is best does not matter here.
        model.set_params(**{key: values[len(values) // 2] for key, values in grid.items()})
        fitted = fit_with_probabilities(model, training, n_folds=grids.inner_folds, copies=1)
        results[f"probability:{name}"] = fitted.predict_proba(test.x)
    return results


def _network(fold: Fold, params: Params) -> Arrays:
    # TensorFlow takes seconds to load.
    from ser.models import cnn_runs
    from ser.models.logmel_cnn import NETWORKS

    network = NETWORKS["logmel"]
    settings = params.train_cnn.logmel.model_copy(update={"epochs": _EPOCHS, "warmup_epochs": 0})
    with tempfile.TemporaryDirectory() as folder:
        fitted = cnn_runs.fit(
            network,
            settings,
            cnn_runs.training_data(fold, network),
            seed=0,
            name="network",
            checkpoint=Path(folder) / "network.npz",
        )
    weights = np.concatenate([np.ravel(variable) for variable in fitted.network.get_weights()])
    return {"weights": weights, "probability:network": fitted.predict(fold.recordings(fold.test))}


def _recognized(paths: list[str], params: Params) -> Arrays:
    from ser import Recognizer
    from ser.audio import clip_io as audio
    from stages.encode import encode_clip

    voices = [audio.load(path, sample_rate=48_000) for path in paths]
    return {
        "feature:speaker encoder": np.stack([encode_clip(path, [1.0], params.encode) for path in paths]),
        "probability:exported": Recognizer.load().predict_proba(voices, sample_rate=48_000),
    }


RESULTS = {
    "feature:the article's log-mel": "the article's log-mel, dB",
    "feature:the article's contour": "its mean over bands, dB",
    "feature:log-mel": "log-mel of the 2-D network, dB",
    "feature:functionals": "functionals, in deviations of their column",
    "feature:speaker encoder": "states of the speaker encoder, in deviations",
    "probability:lda": "LDA, probabilities",
    "probability:logistic_regression": "logistic regression, probabilities",
    "probability:svm_rbf": "SVM, probabilities",
    "weights": f"2-D network after {_EPOCHS} epochs, weights",
    "probability:network": f"2-D network after {_EPOCHS} epochs, probabilities",
    "probability:exported": "exported model, probabilities",
}


def describe_difference(name: str, one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> str:
    """Say how far a result of another machine lies from the first's."""
    before, after = one.astype(np.float64), other.astype(np.float64)
    distance = np.abs(after - before)
    if "deviations" in RESULTS[name]:
        spread = before.std(axis=0)
        distance = distance / np.where(spread > 0, spread, 1.0)
    if not distance.any():
        return "0"
    largest = f"{distance.max():.1g}"
    if not name.startswith("probability:"):
        return largest
    changed = int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
    return f"{largest} ({changed} of {len(before)} decisions)"


def as_table(results: Mapping[str, Arrays]) -> str:
    """Write a Markdown table: a row a result, a column for each machine but the first, the reference."""
    first, *others = results
    lines = [f"| greatest difference | {' | '.join(others)} |", f"|---|{'---|' * len(others)}"]
    for name, words in RESULTS.items():
        cells = [describe_difference(name, results[first][name], results[other][name]) for other in others]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _measured_as(machine: str, n_clips: int, path: Path) -> Arrays:
    print(f"== {machine}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "tools.other_machines", "--clips", str(n_clips), "--measure", str(path)],
        env=os.environ | _ONE_THREAD | dict(MACHINES[machine]),
        check=False,
    )
    if done.returncode:
        raise InputError(f"{machine}: failed; its own message stands above")
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def main() -> None:
    """Measure as each machine, then print the table."""
    parser = command.parser(__doc__)
    parser.add_argument("--clips", type=int, default=1440, help="how many, drawn once (default: all)")
    parser.add_argument("--measure", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        write_arrays(arguments.measure, **measure(arguments.clips))
        return
    with tempfile.TemporaryDirectory() as folder:
        results = {
            machine: _measured_as(machine, arguments.clips, Path(folder) / f"{place}.npz")
            for place, machine in enumerate(MACHINES)
        }
    print(as_table(results))


if __name__ == "__main__":
    command.run(main)
