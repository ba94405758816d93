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

from experiments.protocols.params import ProtocolsParams
from ser.files import write_csv, write_parquet
from ser.models.classical import FEATURES, MODELS, Grids, Search
from ser.models.recipe import cross_validate
from ser.params import load, load_params
from stages import command
from stages.inputs import read_folds

TRAINED = ("lda_augmented", "encoder_lda_augmented")


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
    candidates = []
    for name in TRAINED:
        group, copies = MODELS[name].group, MODELS[name].copies
        search = Search(name, grids[group].model_copy(update={"inner_folds": inner_folds}))
        candidates.append((search, read_folds(protocol, FEATURES[group], copies)))
    results = cross_validate(
        candidates, protocol=protocol, workers=params.workers, what=f"{protocol} baselines", unit="model"
    )
    write_csv(f"metrics/search/protocol_{protocol}.csv", results.log.drop(columns="seed"))
    write_parquet(f"data/protocols/{protocol}/baselines.parquet", results.predictions)


if __name__ == "__main__":
    command.run(main)
