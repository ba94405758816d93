"""Try a network on top of Whisper's frames, on training actors alone, and keep every trial.

    python -m tools.search_head --tuned-layers 1 --epochs 12 --learning-rate 2e-4

divides the training actors of one fold of LUNA5 (0, or --fold; validation actors train, too) into inner
folds. In each, a network learns of the other actors and is scored on those who are held out. It weighs the
frames by attention, and recognises by their weighted mean and deviation. It reads a weighted sum of all
layers of a frozen Whisper; or, with --tuned-layers, it changes the last ones with it. "both" is its geometric
mean with the LDAs of pipelines/whisper. The clips that the fold tests are not read. A row a model and inner
fold is added to metrics/search/whisper_trials.csv, which has the trials of tools.search_whisper, too.

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy, and the weights that make whisper installs
Writes  metrics/search/whisper_trials.csv, to which it adds rows

What else it reads is made by make whisper.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser import audio, whisper_encoder
from ser.datasets import prediction_table, read_split, take
from ser.encoder_views import read_encoder_views
from ser.files import read_table
from ser.parallel import run_all
from ser.params import load_params
from ser.ravdess import EMOTIONS
from ser.speaker_encoder import speech_of
from stages import command
from stages.evaluate_taught import geometric_mean
from tools.inner_trials import INNER_FOLDS, inner_split, keep, score
from tools.search_whisper import LOG, try_design

FRAMES = 200
"""Of a clip, 20 ms each: 4 s of speech. A longer clip is cut, a shorter one followed by zeros."""
BATCH_SIZE = 32
Array = npt.NDArray[np.float16]


def states_of(path: str, speeds: list[float], trim_db: float, tuned_layers: int) -> Array:
    """Compute what the network reads of one clip: [shape=(speeds, FRAMES, layers, units)]."""
    encoder = whisper_encoder.pretrained_whisper()
    copies = []
    for speed in speeds:
        # Read at another rate than it is then taken to have.
        samples = audio.load(path, sample_rate=round(whisper_encoder.SAMPLE_RATE / speed))
        states = encoder.states(whisper_encoder.whisper_mel(speech_of(samples, trim_db=trim_db)))
        # The last of them is normalised, and no layer follows it: what enters a layer stands before it.
        wanted = [states[-1 - tuned_layers]] if tuned_layers else states
        found = np.stack(wanted, axis=1)[:FRAMES]
        copies.append(np.pad(found, ((0, FRAMES - len(found)), (0, 0), (0, 0))))
    return np.stack(copies).astype(np.float16)


def try_head(
    split: pd.DataFrame,
    inner: int,
    folder: Path,
    tuned_layers: int,
    epochs: int,
    learning_rate: float,
    seed: int,
    bar: int,
) -> pd.DataFrame:
    """Train the network, and recognise the actors who are held out. Only here is TensorFlow loaded."""
    from tools.whisper_head import head  # isort: split

    from ser import training

    copies = list(np.load(folder / "states.npy", mmap_mode="r"))
    clips, _ = read_split("luna5")
    known = take(clips, split, copies, fold=inner, role="train")
    test = take(clips, split, copies[:1], fold=inner, role="test")
    n = len(known.x) // len(copies)
    labels = np.eye(len(EMOTIONS), dtype=np.float32)[known.y[:n]]

    def draw(generator: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        order = generator.permutation(n)
        rows = generator.integers(len(copies), size=n) * n + order
        return known.x[rows].astype(np.float32), labels[order]

    model = head(
        known.x.shape[1:],
        encoder=whisper_encoder.pretrained_whisper(),
        tuned_layers=tuned_layers,
        learning_rate=learning_rate,
        steps=epochs * -(-n // BATCH_SIZE),
        seed=seed,
    )
    run = training.Run(
        name=f"inner fold {inner}",
        seed=seed,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        draw_epoch=draw,
        # Of training clips: nothing is chosen by the curve.
        watched=(known.x[:64].astype(np.float32), labels[:64]),
        checkpoint=folder / f"{inner}.npz",
        identity="",
        bar_position=bar,
    )
    training.train(model, run)
    found = training.predict(model, test.x.astype(np.float32), batch_size=BATCH_SIZE)
    return prediction_table(test, found, protocol="luna5", model="network", seed=seed, fold=inner)


def main() -> None:
    """Compute the frames, train, recognise, log, and print."""
    arguments = _arguments()
    params = load_params()
    workers = params.workers
    paths = read_table("data/clips.parquet", ("clip", "path"))["path"]
    clips, split = read_split("luna5")
    inner = inner_split(clips, split, fold=arguments.fold)
    speeds = [1.0, *(params.resample.speeds if arguments.copies else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        calls = [(path, speeds, params.whisper.trim_db, arguments.tuned_layers) for path in paths]
        states = run_all(states_of, calls, workers=workers, what="frames")
        np.save(folder / "states.npy", np.swapaxes(np.stack(states), 0, 1))
        del states
        about: dict[str, Any] = {"workers": workers, "unit": "inner fold"}
        settings = (arguments.tuned_layers, arguments.epochs, arguments.learning_rate, arguments.seed)
        trainings = [(inner, it, folder, *settings, 1 + it % workers.jobs) for it in range(INNER_FOLDS)]
        networks = pd.concat(run_all(try_head, trainings, what="network", **about))
    of_ldas = [(inner, it, read_encoder_views(), params.enrolled) for it in range(INNER_FOLDS)]
    ldas = pd.concat(run_all(try_design, of_ldas, what="LDAs", **about))
    both = geometric_mean(networks, ldas, model="both")

    described = f"attention tuned_layers={arguments.tuned_layers} epochs={arguments.epochs}"
    described += f" learning_rate={arguments.learning_rate:g}" + (" copies" if arguments.copies else "")
    trial = score(pd.concat([networks, both])).assign(settings=described, fold=arguments.fold)
    keep(trial, LOG)


def _arguments() -> argparse.Namespace:
    parser = command.parser(__doc__)
    parser.add_argument("--tuned-layers", type=int, default=0, help="the last so many are changed; else none")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="at the start; then a cosine to 0")
    parser.add_argument("--copies", action="store_true", help="learn of copies at resample.speeds, too")
    parser.add_argument("--seed", type=int, default=0, help="of the network")
    parser.add_argument("--fold", type=int, default=0, help="of LUNA5, whose training actors are divided")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
