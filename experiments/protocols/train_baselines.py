"""Tune, fit and apply the final LDAs under another protocol than the main pipeline's.

lda_augmented          on functionals
encoder_lda_augmented  on the hidden states of the pretrained speaker encoder

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet,
        data/features/{clean,resampled}/{functionals,encoder}.npy
Writes  data/protocols/PROTOCOL/baselines.parquet: a row a test clip and model
        metrics/search/protocol_PROTOCOL.csv: every point of both grids with its inner UAR, and which was
                                              selected

Models and grids are those of train_baselines. For each fold the hyper-parameters are selected anew on inner
folds of its own training actors: what was selected under luna5 has seen the actors that are tested here.
Under article every actor is in both splits; no test clip is seen there, but other clips of its actor are.
"""

import pandas as pd

from experiments.protocols.params import ProtocolsParams
from ser.data.datasets import prediction_table, read_features, read_split, take
from ser.files import write_csv, write_parquet
from ser.models.classical import SEARCHED_MODELS, Grids, search
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command

MODELS = {"lda_augmented": ("luna5", "functionals"), "encoder_lda_augmented": ("transfer", "encoder")}
"""Each model's section of ``train_baselines``, and what it reads."""


def run_fold(protocol: str, name: str, fold: int, grids: Grids) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return its predictions and its trials."""
    group, features = MODELS[name]
    clips, split = read_split(protocol)
    copies = read_features(features, list(SEARCHED_MODELS[group][name]))
    training = take(clips, split, copies, fold=fold, role="train")
    test = take(clips, split, copies[:1], fold=fold, role="test")
    result = search(name, training=training, test=test, grids=grids, copies=len(copies))
    return (
        prediction_table(test, result.probabilities, protocol=protocol, model=name, seed=0, fold=fold),
        result.trials.assign(model=name, fold=fold)[["model", "fold", *result.trials.columns]],
    )


def main() -> None:
    """Run both models on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "protocol", choices=list(ProtocolsParams.model_fields), help="who is tested, and when"
    )
    protocol: str = parser.parse_args().protocol
    params = load_params()
    protocols = load("experiments/protocols/params.yaml", ProtocolsParams)
    inner_folds: int = getattr(protocols, protocol).inner_folds
    grids: dict[str, Grids] = {
        "luna5": params.train_baselines.luna5,
        "transfer": params.train_baselines.transfer,
    }
    _, split = read_split(protocol)
    calls = [
        (protocol, name, fold, grids[group].model_copy(update={"inner_folds": inner_folds}))
        for name, (group, _) in MODELS.items()
        for fold in sorted(split["fold"].unique().tolist())
    ]
    results = run_all(run_fold, calls, workers=params.workers, what=f"{protocol} baselines", unit="model")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    write_csv(f"metrics/search/protocol_{protocol}.csv", trials)
    write_parquet(f"data/protocols/{protocol}/baselines.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
