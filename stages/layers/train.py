"""Train and apply the ensemble on the encoder's layers: an LDA a layer, their logits weighted.

layers_lda               trained on the recordings and on all corrupted copies
layers_lda_clean         trained on the recordings alone
layers_lda_without_KIND  trained on all copies but those with one kind of corruption (`LEFT_OUT`), to see what
                         it costs where it was never trained on; for the stage degrade alone

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/{clean,corrupted}/layers.npy
Writes  data/predictions/layers.parquet, data/predictions/layers_validation.parquet: of the first two
        models/layers: each fold's classifiers
        metrics/search/layers.csv: every shrinkage of every layer with its inner UAR, and the weights

Shrinkages and weights are selected on inner folds of training actors, whose clean and corrupted clips count
alike. Validation actors train as well, for nothing is selected on them; only to measure calibration, a second
model with the same hyper-parameters is fitted without them, though their voices may be babble behind others.
What is validated or tested is the recording.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ser.files import replacing, write_csv, write_parquet
from ser.models.layers.lda import LayerLdas
from ser.models.recipe import cross_validate
from ser.params import CorruptionRanges, load_params
from stages import command
from stages.layers.inputs import MODEL, read_layer_folds, read_layers, with_copies

REPORTED = (MODEL, f"{MODEL}_clean")
"""The models of the main tables."""


LEFT_OUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "noise": frozenset({"colored_noise"}),
        "babble": frozenset({"babble"}),
        "line": frozenset({"telephone", "codec"}),
        "room": frozenset({"room"}),
        "level": frozenset({"level"}),
        "cut": frozenset({"cut"}),
        "fault": frozenset({"hum", "click", "clipping"}),
    }
)
"""By the end of a model's name, the corruptions that none of its training copies has."""


def copies_of_models(copies: Mapping[str, CorruptionRanges]) -> dict[str, list[int]]:
    """List what each model is trained on: 0 stands for the recordings, 1 for the first kind of copies."""
    corruptions = [it.model_fields_set for it in copies.values()]
    models = {MODEL: list(range(1 + len(copies))), f"{MODEL}_clean": [0]}
    for name, left_out in LEFT_OUT.items():
        kept = [place for place, has in enumerate(corruptions, start=1) if left_out.isdisjoint(has)]
        if len(kept) < len(copies):
            models[f"{MODEL}_without_{name}"] = [0, *kept]
    return models


def main() -> None:
    """Train all models on all folds."""
    command.parser(__doc__).parse_args()
    params = load_params()
    copies = params.encode_layers.copies
    widths, features = read_layers([*copies])
    folds = read_layer_folds("luna5", features)

    with replacing(Path("models/layers")) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        candidates = [
            (
                LayerLdas(model, widths, params.train_layers, folder),
                [with_copies(fold, kept) for fold in folds],
            )
            for model, kept in copies_of_models(copies).items()
        ]
        results = cross_validate(
            candidates, protocol="luna5", workers=params.workers, what="train layers", unit="fold"
        )
        tables = [it[it["model"].isin(REPORTED)] for it in (results.predictions, results.validation)]
        write_parquet("data/predictions/layers.parquet", tables[0])
        write_parquet("data/predictions/layers_validation.parquet", tables[1])
        write_csv("metrics/search/layers.csv", results.log.drop(columns="seed"))


if __name__ == "__main__":
    command.run(main)
