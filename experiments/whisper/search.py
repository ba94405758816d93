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
from ser.data.fold import Array, folds
from ser.evaluation.inner_trials import inner_split, keep, score
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.recipe import cross_validate
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


def main() -> None:
    """Recognise by each design, log, and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    clips, split = read_split("luna5")
    inner = inner_split(clips, split)
    trials = []
    for name, views in designs(read_encoder_views()).items():
        recipe = LdaEnsemble.of("sum of LDAs", views, settings)
        candidates = [(recipe, folds(clips, inner, [np.hstack([*views.values()])]))]
        found = cross_validate(candidates, protocol="luna5", workers=params.workers, what=name)
        trials.append(score(found.predictions, clips).assign(settings=name))
    keep(pd.concat(trials), LOG)


if __name__ == "__main__":
    command.run(main)
