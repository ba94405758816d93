"""Train and apply the 2-D CNN under another protocol than the main pipeline's.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/{clean,resampled}/logmel.npy
Writes  data/protocols/PROTOCOL/cnn.parquet: a row a test clip and seed

Its settings are those of train_cnn.logmel, but for the seeds. It is trained on every clip that is not tested,
for all its epochs; there are no validation clips. The settings were judged on LUNA5's validation actors, who
are tested here: these scores confirm LUNA5's, and are no estimate of their own. A killed training goes on
from its last epoch when the stage runs again.
"""

from pathlib import Path

from experiments.protocols.params import ProtocolsParams
from ser.files import remove, write_parquet
from ser.models.network_inputs import INPUTS
from ser.models.network_recipe import NetworkRecipe, logmel
from ser.models.recipe import cross_validate
from ser.params import load, load_params
from stages import command
from stages.inputs import read_folds


def main() -> None:
    """Train every seed on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "protocol", choices=list(ProtocolsParams.model_fields), help="who is tested, and when"
    )
    protocol: str = parser.parse_args().protocol
    params = load_params()
    protocols = load("experiments/protocols/params.yaml", ProtocolsParams)
    seeds: list[int] = getattr(protocols, protocol).seeds
    wanted = INPUTS["logmel"]
    checkpoints = Path(f"data/checkpoints/cnn_logmel_{protocol}")
    recipe = NetworkRecipe(logmel, params.train_cnn.logmel, checkpoints)
    results = cross_validate(
        [(recipe, read_folds(protocol, wanted.features, wanted.copies))],
        protocol=protocol,
        seeds=seeds,
        workers=params.workers,
        what=f"{protocol} CNN",
        unit="run",
    )
    write_parquet(f"data/protocols/{protocol}/cnn.parquet", results.predictions)
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
