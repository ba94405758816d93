"""Try a network on top of Whisper's frames, on training actors, and keep every trial.

    python -m tools.search_head --tuned-layers 1 --epochs 12 --learning-rate 2e-4

divides the training actors of LUNA5's first fold (validation actors train, too) into inner folds. In each, a
network learns of the other actors and is scored on those who are held out. It weighs the frames by attention,
and recognises by their weighted mean and deviation. It reads a weighted sum of all layers of a frozen
Whisper; or, with --tuned-layers, what enters the first of the last layers, which are fine-tuned with it. Of
the states, which heard a whole clip, those of its first 4 s are read. "both" is its geometric mean with the
LDAs of pipelines/whisper. The clips that the fold tests are not heard. A row a model and inner fold is added
to metrics/search/whisper_trials.csv, which has the trials of tools.search_whisper, too. Nothing in
pipelines/whisper goes back to these trials.

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy, and the weights that make whisper installs
Writes  metrics/search/whisper_trials.csv, to which it adds rows

What else it reads is made by make whisper. Frames of all layers take 2 GB of room for temporary files
(TMPDIR), with --copies 10 GB. A trial took 9 to 20 minutes on two new cores.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser import audio, whisper_encoder
from ser.datasets import emotion_index, prediction_table, read_split, rows_of, take
from ser.encoder_views import read_encoder_views
from ser.files import read_table
from ser.parallel import run_all
from ser.params import Params, load_params
from ser.ravdess import EMOTIONS
from ser.speaker_encoder import speech_of
from stages import command
from stages.evaluate_taught import geometric_mean
from tools.inner_trials import INNER_FOLDS, inner_split, keep, known_rows, score
from tools.search_whisper import LOG, try_design

FRAMES = 200
"""Of a clip, 20 ms each: 4 s. States of a longer one are cut, those of a shorter one followed by zeros."""
BATCH_SIZE = 32
Array = npt.NDArray[np.float32]


def states_of(path: str, speed: float, *, trim_db: float, tuned_layers: int) -> Array:
    """Compute what the network reads of one copy of a clip: [shape=(frames, layers, units)]."""
    # Read at another rate than it is then taken to have.
    samples = audio.load(path, sample_rate=round(whisper_encoder.SAMPLE_RATE / speed))
    mel = whisper_encoder.whisper_mel(speech_of(samples, trim_db=trim_db))
    states = whisper_encoder.pretrained_whisper().states(mel)
    # The last of them is normalised, and no layer follows it: what enters a layer stands before it.
    return np.stack([states[-1 - tuned_layers]] if tuned_layers else states, axis=1)[:FRAMES]


def keep_states(
    file: Path, row: int, path: str, speeds: list[float], trim_db: float, tuned_layers: int
) -> None:
    """Write what the network reads of all copies of a clip into a file [shape=(speeds, clips, ...)]."""
    stored = np.load(file, mmap_mode="r+")
    for copy, speed in enumerate(speeds):
        states = states_of(path, speed, trim_db=trim_db, tuned_layers=tuned_layers)
        stored[copy, row, : len(states)] = states
    stored.flush()


def compute_states(
    file: Path, split: pd.DataFrame, speeds: list[float], tuned_layers: int, params: Params
) -> None:
    """Write what the network reads of every clip that is not away; the others stay 0."""
    clips = read_table("data/clips.parquet", ("clip", "path"))
    known = known_rows(clips, split)
    paths, trim_db = clips["path"].to_numpy(), params.whisper.trim_db
    _, layers, units = states_of(paths[known[0]], 1.0, trim_db=trim_db, tuned_layers=tuned_layers).shape
    # Of all layers and copies it is 10 GB, too much for memory.
    shape = len(speeds), len(clips), FRAMES, layers, units
    np.lib.format.open_memmap(file, "w+", dtype=np.float16, shape=shape).flush()
    calls = [(file, row, paths[row], speeds, trim_db, tuned_layers) for row in known.tolist()]
    run_all(keep_states, calls, workers=params.workers, what="frames")


def try_head(
    split: pd.DataFrame,
    inner: int,
    file: Path,
    tuned_layers: int,
    epochs: int,
    learning_rate: float,
    seed: int,
    bar: int,
) -> pd.DataFrame:
    """Train the network, and recognise the actors who are held out. Only here is TensorFlow loaded."""
    from tools.whisper_head import head  # isort: split

    from ser import training

    states = np.load(file, mmap_mode="r")
    clips, _ = read_split("luna5")
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[emotion_index(clips)]
    known = rows_of(clips, split, fold=inner, role="train")

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        rows = generator.permutation(known)
        copies = generator.integers(len(states), size=len(rows))
        return states[copies, rows].astype(np.float32), labels[rows]

    model = head(
        states.shape[2:],
        encoder=whisper_encoder.pretrained_whisper(),
        tuned_layers=tuned_layers,
        learning_rate=learning_rate,
        steps=epochs * -(-len(known) // BATCH_SIZE),
        seed=seed,
    )
    run = training.Run(
        name=f"inner fold {inner}",
        seed=seed,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        draw_epoch=draw,
        # Of training clips: nothing is chosen by the curve.
        watched=(states[0, known[:64]].astype(np.float32), labels[known[:64]]),
        checkpoint=file.with_name(f"{inner}.npz"),
        identity="",
        bar_position=bar,
    )
    training.train(model, run)
    test = take(clips, split, [states[0]], fold=inner, role="test")
    found = training.predict(model, test.x.astype(np.float32), batch_size=BATCH_SIZE)
    return prediction_table(test, found, protocol="luna5", model="network", seed=seed, fold=inner)


def main() -> None:
    """Compute the frames, train, recognise, log, and print."""
    arguments = _arguments()
    params = load_params()
    whisper_encoder.check_weights(params.whisper.weights_sha256)
    clips, split = read_split("luna5")
    inner = inner_split(clips, split)
    speeds = [1.0, *(params.resample.speeds if arguments.copies else [])]
    about: dict[str, Any] = {"workers": params.workers, "unit": "inner fold"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "states.npy"
        compute_states(file, inner, speeds, arguments.tuned_layers, params)
        settings = (arguments.tuned_layers, arguments.epochs, arguments.learning_rate, arguments.seed)
        trainings = [(inner, it, file, *settings, 1 + it % params.workers.jobs) for it in range(INNER_FOLDS)]
        networks = pd.concat(run_all(try_head, trainings, what="network", **about))
    views = read_encoder_views()
    of_ldas = [(inner, it, views, params.enrolled) for it in range(INNER_FOLDS)]
    ldas = pd.concat(run_all(try_design, of_ldas, what="LDAs", **about))
    both = geometric_mean(networks, ldas, model="both")

    described = f"attention tuned_layers={arguments.tuned_layers} epochs={arguments.epochs}"
    described += f" learning_rate={arguments.learning_rate:g}" + (" copies" if arguments.copies else "")
    keep(score(pd.concat([networks, both])).assign(settings=described), LOG)


def _arguments() -> argparse.Namespace:
    parser = command.parser(__doc__)
    parser.add_argument(
        "--tuned-layers",
        type=int,
        choices=range(7),
        metavar="N",
        default=0,
        help="how many of the last layers, 6 at most, are fine-tuned; else none",
    )
    parser.add_argument("--epochs", type=int, default=30, help="30 unless told")
    parser.add_argument(
        "--learning-rate", type=float, default=1e-3, help="at the start, then a cosine to 0; 1e-3 unless told"
    )
    parser.add_argument("--copies", action="store_true", help="learn of copies at resample.speeds, too")
    parser.add_argument("--seed", type=int, default=0, help="of the network; else 0")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
