"""Train the small network with a teacher under one protocol, and without one under luna5, and apply it.

distilled_cnn  learns of the labels and of what the teacher thinks of each training clip (stage teach)
untaught_cnn   learns of the labels alone, smoothed: all else is equal, and the difference is the teacher's

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/quantized/logmel.npy,
        data/distilled/opinions.parquet
Writes  data/distilled/PROTOCOL.parquet: a row a tested clip, model and seed

The network and its training are those of train_cnn.logmel, but for distilled.crop_frames. Both are trained
on every clip that is not tested, validation actors too, for all their epochs. A killed training goes on from
its last epoch when the stage runs again.
"""

from pathlib import Path

import pandas as pd

from ser.datasets import read_features, read_split, take
from ser.errors import InputError
from ser.files import read_table, remove, write_parquet
from ser.parallel import run_all
from ser.params import Distilled, DistilledSeeds, LogMelCnn, load_params
from ser.scores import COLUMNS
from stages import command

TAUGHT, UNTAUGHT = "distilled_cnn", "untaught_cnn"


def run_one(
    protocol: str,
    model: str,
    settings: Distilled,
    network: LogMelCnn,
    listened: list[int],
    seed: int,
    fold: int,
    checkpoints: Path,
    bar: int,
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from ser.distilled_cnn import Lesson, train_and_predict

    clips, split = read_split(protocol)
    (copies,) = read_features("logmel", ["quantized"])
    if model == TAUGHT:
        opinions = read_table("data/distilled/opinions.parquet", COLUMNS)
        opinions = opinions[(opinions["protocol"] == protocol) & (opinions["fold"] == fold)]
        share = settings.teacher_share
        lesson = Lesson.of(clips, split, list(copies), fold=fold, opinions=opinions, teacher_share=share)
    else:
        lesson = Lesson.of(clips, split, list(copies), fold=fold)
    heard = [take(clips, split, [copies[place]], fold=fold, role="test") for place in listened]
    return train_and_predict(
        lesson,
        heard,
        network,
        protocol=protocol,
        model=model,
        seed=seed,
        fold=fold,
        checkpoints=checkpoints,
        bar_position=bar,
    )


def network_settings(model: str, network: LogMelCnn, *, crop_frames: int) -> LogMelCnn:
    """Take those of train_cnn.logmel; labels are not smoothed where a teacher says how sure one may be."""
    changed: dict[str, float] = {"crop_frames": crop_frames}
    if model == TAUGHT:
        changed["label_smoothing"] = 0.0
    return network.model_copy(update=changed)


def places_of(listening_speeds: list[float], resampled: list[float]) -> list[int]:
    """Find where the copies at these speeds are among the features.

    Raises
    ------
    InputError
        Where there is none at one of them.
    """
    speeds = [1.0, *resampled]
    missing = [speed for speed in listening_speeds if speed not in speeds]
    if missing:
        raise InputError(
            f"params.yaml: distilled.listening_speeds: {missing} must be 1.0 or among resample.speeds"
        )
    return [speeds.index(speed) for speed in listening_speeds]


def main() -> None:
    """Train both models with every seed on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(DistilledSeeds.model_fields), help="who is tested, and when")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    settings = params.distilled
    listened = places_of(settings.listening_speeds, params.resample.speeds)

    _, split = read_split(protocol)
    checkpoints = Path(f"data/checkpoints/distilled_{protocol}")
    networks = {
        model: network_settings(model, params.train_cnn.logmel, crop_frames=settings.crop_frames)
        for model in (TAUGHT, UNTAUGHT)
    }
    seeds = {TAUGHT: getattr(settings.seeds, protocol)}
    if protocol == "luna5":
        seeds[UNTAUGHT] = settings.untaught_seeds
    runs = [
        (model, seed, fold)
        for model in seeds
        for seed in seeds[model]
        for fold in sorted(split["fold"].unique().tolist())
    ]
    calls = [
        (
            *(protocol, model, settings, networks[model], listened, seed, fold),
            *(checkpoints, 1 + place % params.workers.jobs),
        )
        for place, (model, seed, fold) in enumerate(runs)
    ]
    tables = run_all(run_one, calls, workers=params.workers, what=f"{protocol} CNN", unit="run")
    write_parquet(f"data/distilled/{protocol}.parquet", pd.concat(tables, ignore_index=True))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
