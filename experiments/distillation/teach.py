"""Compute the teacher's posteriors for the training clips of every fold.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy
Writes  data/taught/PROTOCOL_opinions.parquet: a row a fold and training clip, with a probability an emotion

The teacher is the per-layer LDA ensemble on Whisper's encoder and the speaker encoder. Each clip's posteriors
are of a teacher fitted to other training actors, so that none is merely memorised. Validation actors count as
training actors; the teacher is neither fitted to a test clip nor applied to one.
"""

from typing import Any

import pandas as pd

from experiments.distillation.params import PROTOCOLS
from experiments.distillation.teacher import TEACHER, opinions
from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.predictions import prediction_table
from ser.files import write_parquet
from ser.models.encoder_views import sides_of
from ser.models.speaker_adaptation import Speech
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split


def run_fold(protocol: str, fold: int, training: Speech, settings: AdaptationParams) -> pd.DataFrame:
    """Ask about one fold's training clips."""
    part = training.part(next(iter(training.views)))
    about: dict[str, Any] = {"protocol": protocol, "model": TEACHER, "seed": 0, "fold": fold}
    return prediction_table(part, opinions(training, settings), **about)


def main() -> None:
    """Ask about every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS, help="whose folds")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    adaptation = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    views = read_encoder_views()
    clips, split = read_split(protocol)
    calls = []
    for fold in sorted(split["fold"].unique().tolist()):
        training, _ = sides_of(views, clips, split, fold=fold)
        calls.append((protocol, fold, training, adaptation))
    tables = run_all(run_fold, calls, workers=params.workers, what=f"{protocol} teacher", unit="fold")
    write_parquet(f"data/taught/{protocol}_opinions.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
