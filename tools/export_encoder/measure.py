"""Compare ways to store the encoder's weights: size, cost, and what they change in features and in answers.

    python -m tools.export_encoder.measure [--clips N] [--workspace FOLDER]

Each way is compared on clips of the training and validation actors of LUNA5's first fold; no clip of a test
actor is read. Features are compared with those of the encoder in NumPy (`experiments.whisper`), answers with
those of the float32 file: an LDA a layer, sum of logits, each clip recognised by LDAs that were fitted on
other actors. Time is that of one core's work, best of some rounds, all ways in turn; memory is what loading
adds at its peak.

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet, and the weights
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from experiments.whisper import whisper_encoder as published
from experiments.whisper.params import WhisperParams
from ser.audio import clip_io
from ser.errors import InputError
from ser.features import speaker_encoder
from ser.features.whisper_encoder import WhisperEncoder
from ser.features.whisper_front_end import whisper_mel
from ser.files import read_table
from ser.models.shrinkage_lda import ShrinkageLda
from ser.params import load
from ser.recognizer.onnxruntime_without_telemetry import open_session
from stages import command
from tools.export_encoder.__main__ import export
from tools.export_encoder.weights import STORES

Array = npt.NDArray[np.float32]

SHRINKAGE, FOLDS = 0.5, 5
COMPARED, CALIBRATION = 50, 40
"""Number of clips on which features and time are compared, and on which static scales are set."""
ROUNDS = 3
_LOADING = """
import re, sys, time
from pathlib import Path
from ser.recognizer.onnxruntime_without_telemetry import open_session
# Unlike getrusage's, this peak begins anew where a program is started.
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
content = Path(sys.argv[1]).read_bytes()
before, started = peak(), time.process_time()
session = open_session(content)
print(time.process_time() - started, (peak() - before) / 1024)
"""


def main() -> None:
    """Measure, and print a table."""
    parser = command.parser(__doc__)
    parser.add_argument("--clips", type=int, metavar="N", help="this many, evenly chosen; all if not given")
    parser.add_argument("--workspace", type=Path, default=Path(), metavar="FOLDER", help="where data/ lies")
    arguments = parser.parse_args()
    clips = training_clips(arguments.workspace, arguments.clips)
    trim_db = load("experiments/whisper/params.yaml", WhisperParams).trim_db
    speeches = [speech_of(arguments.workspace / path, trim_db=trim_db) for path in clips["path"]]
    compared = speeches[:: max(1, len(speeches) // COMPARED)][:COMPARED]
    with tempfile.TemporaryDirectory() as folder:
        files = candidates(Path(folder), calibration=speeches[:: max(1, len(speeches) // CALIBRATION)])
        encoders = {
            name: WhisperEncoder(open_session(path.read_bytes())).functionals for name, path in files.items()
        }
        table = pd.DataFrame(index=["NumPy", *files])
        table["MB"] = pd.Series({name: path.stat().st_size / 1e6 for name, path in files.items()})
        loads = {name: loading(path) for name, path in files.items()}
        table["load s"] = pd.Series({name: it[0] for name, it in loads.items()})
        table["load MiB"] = pd.Series({name: it[1] for name, it in loads.items()})
        three, four = numpy_encoder(3), numpy_encoder(4)
        times = {"NumPy": lambda it: published.state_functionals(it[0], encoder=three), **encoders}
        with threadpool_limits(1):
            table["ms/s"] = pd.Series(milliseconds(times, compared))
        # The last layer's states are normalised, so that the third are as they are only before a fourth.
        expected = np.stack([published.state_functionals(it, encoder=four)[1:4] for it in compared])
        table["max difference"] = pd.Series(
            {name: np.abs(it(compared) - expected).max() for name, it in encoders.items()}
        )
        answers = {name: answers_of(it(speeches), clips) for name, it in encoders.items()}
    truth, reference = clips["emotion"].to_numpy(), answers["float32"]
    for name, found in answers.items():
        table.loc[name, "UAR"] = 100 * recall_score(truth, found, average="macro")
        table.loc[name, "agreement"] = 100 * np.mean(found == reference)
        table.loc[name, "lost"] = np.sum((reference == truth) & (found != truth))
        table.loc[name, "gained"] = np.sum((reference != truth) & (found == truth))
    print(f"{len(clips)} clips of {clips['actor'].nunique()} actors; load {os.getloadavg()[0]:.1f}")
    print(table.to_string(float_format=lambda it: f"{it:.6g}"))


def training_clips(workspace: Path, n: int | None) -> pd.DataFrame:
    """Give clips of the first fold's training and validation actors: path, emotion, actor."""
    clips = read_table(workspace / "data/clips.parquet", ("clip", "path", "emotion", "actor"))
    split = read_table(workspace / "data/splits/luna5.parquet", ("fold", "clip", "role"))
    allowed = split.loc[(split["fold"] == 0) & (split["role"] != "test"), "clip"]
    kept = clips[clips["clip"].isin(allowed)].reset_index(drop=True)
    if n is None:
        return kept
    if not FOLDS <= n <= len(kept):
        raise InputError(f"--clips {n}: must be from {FOLDS} to {len(kept)}")
    return kept.iloc[np.linspace(0, len(kept) - 1, n).astype(int)].reset_index(drop=True)


def speech_of(path: Path, *, trim_db: float) -> Array:
    """Read a clip at 16 kHz and cut off silence, as `experiments.whisper` does."""
    samples = clip_io.load(path, sample_rate=published.SAMPLE_RATE)
    return np.asarray(speaker_encoder.speech_of(samples, trim_db=trim_db))


def numpy_encoder(layers: int) -> published.WhisperEncoder:
    """Give the encoder in NumPy up to a layer, whose states it normalises."""
    encoder = published.pretrained_whisper()
    left_out = tuple(f"layer_{layer}/" for layer in range(layers, 6))
    kept = {name: x for name, x in encoder.weights.items() if not name.startswith(left_out)}
    return published.WhisperEncoder(weights=kept, heads=encoder.heads)


def candidates(folder: Path, *, calibration: Sequence[Array]) -> dict[str, Path]:
    """Write a file for each way to store the weights; give its path by the way's name.

    Two of them are ONNX Runtime's own, which compute in integers: "dynamic" takes the scale of each input
    from that input, "static" from the calibration clips.
    """
    from onnxruntime import quantization

    files = {}
    for name in STORES:
        files[name] = folder / f"{name}.onnx"
        files[name].write_bytes(export(stored_as=name))
    options: dict[str, Any] = {"per_channel": True, "weight_type": quantization.QuantType.QInt8}
    files["dynamic"], files["static"] = folder / "dynamic.onnx", folder / "static.onnx"
    quantization.quantize_dynamic(
        files["float32"], files["dynamic"], op_types_to_quantize=["MatMul"], **options
    )

    class Clips(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter([{"mel": whisper_mel(it)} for it in calibration])

        def get_next(self) -> dict[str, Array] | None:
            return next(self._left, None)

    quantization.quantize_static(
        files["float32"], files["static"], Clips(), op_types_to_quantize=["Gemm"], **options
    )
    return files


def loading(path: Path) -> tuple[float, float]:
    """Load a file in a process of its own; give CPU seconds and MiB of memory at the most."""
    found = subprocess.run(
        [sys.executable, "-c", _LOADING, str(path)], capture_output=True, text=True, check=True
    )
    seconds, mebibytes = map(float, found.stdout.split())
    return seconds, mebibytes


def milliseconds(
    encoders: dict[str, Callable[[Sequence[Array]], Array]], speeches: Sequence[Array]
) -> dict[str, float]:
    """Time encoders, one after the other for each clip, in CPU milliseconds a second of speech."""
    spent: dict[str, list[float]] = {name: [] for name in encoders}
    for speech in speeches:
        rounds: dict[str, list[float]] = {name: [] for name in encoders}
        for _ in range(ROUNDS):
            for name, encoder in encoders.items():
                started = time.process_time()
                encoder([speech])
                rounds[name].append(time.process_time() - started)
        for name, each in rounds.items():
            spent[name].append(min(each))
    seconds = sum(map(len, speeches)) / published.SAMPLE_RATE
    return {name: 1000 * sum(each) / seconds for name, each in spent.items()}


def answers_of(features: Array, clips: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Recognise each clip by an LDA a layer, fitted on other actors: sum of their logits [shape=(n,)]."""
    truth, actors = clips["emotion"].to_numpy(), clips["actor"].to_numpy()
    answers = np.empty_like(truth)
    for train, test in GroupKFold(FOLDS).split(truth, groups=actors):
        logits = []
        for layer in range(features.shape[1]):
            scaler = StandardScaler().fit(features[train, layer])
            lda = ShrinkageLda(shrinkage=SHRINKAGE)
            lda.fit(scaler.transform(features[train, layer]), truth[train])
            logits.append(lda.decision_function(scaler.transform(features[test, layer])))
        answers[test] = lda.classes_[np.sum(logits, axis=0).argmax(axis=1)]
    return answers


if __name__ == "__main__":
    command.run(main)
