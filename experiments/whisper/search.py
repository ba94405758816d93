"""Try feature sets of the two pretrained encoders on training actors, and keep every trial.

    python -m experiments.whisper.search

splits the training actors of LUNA5's first fold (validation actors train, too) into inner folds. In each,
models like those of experiments/whisper are trained on the other actors and scored on the held-out ones;
shrinkages and weights are selected within. The test clips of the fold are not used. Tried are each layer
alone, the ensemble of an encoder's layers and that of both encoders'; and this last with the means of the
hidden states over time, without standard deviations and extremes. whisper_1 is the input of Whisper's first
layer. A row an inner fold is added to metrics/search/whisper_trials.csv.

The trials were made after the design had been settled, to show what each choice adds, and nothing was
changed because of them; those that settled it were not kept.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{whisper,whisper_speaker}.npy
Writes  metrics/search/whisper_trials.csv, to which it adds rows

What it reads is made by make whisper. All of it takes a minute on two new cores; there is nothing to choose,
so that a second run adds the same rows again.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import Array
from ser.data.predictions import prediction_table
from ser.evaluation.inner_trials import INNER_FOLDS, inner_split, keep, score
from ser.files import read_table
from ser.models.encoder_views import BOTH, Learned, sides_of
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split

LOG = Path("metrics/search/whisper_trials.csv")
UNITS = {"whisper": 512, "speaker": 256}
"""Of a layer's hidden states: the first columns of a feature set are their means."""
STATISTICS = {"whisper": 2, "speaker": 4}
"""Of each unit; of the speaker encoder level and length follow."""


def designs(views: dict[str, Array]) -> dict[str, dict[str, Array]]:
    """List what to try: by name the feature sets of an ensemble of LDAs."""
    of_encoder = {
        encoder: {name: x for name, x in views.items() if name.startswith(encoder)} for encoder in UNITS
    }
    tried = {f"{name} alone": {name: x} for name, x in views.items()}
    tried |= {f"{encoder}, all layers": own for encoder, own in of_encoder.items()}
    tried["both, all layers"] = views
    means = {}
    for name, x in views.items():
        units, statistics = (it[name.partition("_")[0]] for it in (UNITS, STATISTICS))
        means[name] = np.hstack([x[:, :units], x[:, statistics * units :]])
    return tried | {"both, all layers, means alone": means}


def try_design(
    split: pd.DataFrame, inner: int, views: dict[str, Array], settings: AdaptationParams
) -> pd.DataFrame:
    """Predict the held-out actors."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    training, test = sides_of(views, clips, split, fold=inner)
    learned = Learned.of(training, settings)
    # Of all feature sets that there are; the other model would leave out the speaker encoder's.
    choices, _ = learned.choose(BOTH, n_clips=0)
    nobody = np.zeros(len(test.clips), dtype=np.bool_)
    found = learned.recognise(choices, test, enrolled=nobody, n_clips=0)
    part = test.part(next(iter(views)))
    return prediction_table(part, found, protocol="luna5", model="sum of LDAs", seed=0, fold=inner)


def main() -> None:
    """Recognise by each design, log, and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    adaptation = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    clips, split = read_split("luna5")
    inner = inner_split(clips, split)
    tried = designs(read_encoder_views())
    calls = [(inner, place, views, adaptation) for views in tried.values() for place in range(INNER_FOLDS)]
    found = run_all(try_design, calls, workers=params.workers, what="designs", unit="inner fold")
    trials = [
        score(pd.concat(found[place * INNER_FOLDS :][:INNER_FOLDS]), clips).assign(settings=name)
        for place, name in enumerate(tried)
    ]
    keep(pd.concat(trials), LOG)


if __name__ == "__main__":
    command.run(main)
