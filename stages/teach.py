"""Ask the model on Whisper's encoder and the speaker encoder about every training clip.

Reads   data/clips.parquet, data/splits/{luna5,emobox6}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy (pipelines/whisper makes them)
Writes  data/distilled/opinions.parquet: a row a fold and clip that is not tested in it, with a probability
        for each emotion; a small network learns of them

In every fold the teacher learns of that fold's training actors alone, and is asked about those whom it did
not hear: inner folds divide them. Validation actors train, because nothing is chosen by them.
"""

import pandas as pd

from ser.datasets import prediction_table, read_split
from ser.encoder_views import read_encoder_views, sides_of
from ser.enrolment import Speech
from ser.files import write_parquet
from ser.parallel import run_all
from ser.params import DistilledSeeds, Teacher, load_params
from ser.teacher import opinions
from stages import command


def teach_fold(protocol: str, fold: int, training: Speech, settings: Teacher) -> pd.DataFrame:
    """Ask about the training clips of one fold."""
    found = opinions(training.views, training.y, training.actors, settings=settings)
    part = training.part(next(iter(training.views)))
    return prediction_table(part, found, protocol=protocol, model="teacher", seed=0, fold=fold)


def main() -> None:
    """Ask in every fold."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = params.distilled.teacher
    views = read_encoder_views()
    calls = []
    for protocol in DistilledSeeds.model_fields:
        clips, split = read_split(protocol)
        for fold in sorted(split["fold"].unique().tolist()):
            training, _ = sides_of(views, clips, split, fold=fold)
            calls.append((protocol, fold, training, settings))
    tables = run_all(teach_fold, calls, workers=params.workers, what="teach", unit="fold")
    write_parquet("data/distilled/opinions.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
