"""Try settings of the 2-D network on validation actors, and keep every trial.

    python -m tools.search_network --set epochs=30 --set mixup_share=0.3

trains the network of params.yaml, but for what --set changes, on the training actors of each fold, and scores
it on the fold's validation actors. Test clips are not read. A row a fold is added to
metrics/search/cnn_logmel.csv; those that begin with "probe" are of an exploration before this script, with
copies at six speeds from 0.84 to 1.19.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/normalized/logmel.npz,
        data/features/{clean,resampled}/logmel.npy
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from ser.data.protocols import LUNA5
from ser.errors import InputError
from ser.files import write_csv
from ser.parallel import run_all
from ser.params import LogMelCnn, load_params
from stages import command
from stages.train_cnn import read_inputs

LOG = Path("metrics/search/cnn_logmel.csv")


def changed(settings: LogMelCnn, changes: list[str]) -> LogMelCnn:
    """Apply changes such as ``epochs=30``; a wrong key or value is an error."""
    content: dict[str, Any] = settings.model_dump()
    for change in changes:
        key, _, value = change.partition("=")
        if key not in content:
            raise InputError(f"--set {change}: train_cnn.logmel has no key {key!r}")
        content[key] = YAML(typ="safe").load(value)
    try:
        return LogMelCnn.model_validate(content)
    except ValueError as error:
        raise InputError(f"--set: {error}") from error


def try_fold(settings: LogMelCnn, seed: int, fold: int) -> dict[str, Any]:
    """Train on one fold; return the validation scores of the last epoch, and what it cost."""
    from ser.models.cnn_runs import fit, training_data
    from ser.models.logmel_cnn import NETWORKS

    started = time.process_time()
    folds, scalers = read_inputs("logmel")
    data = training_data(folds[fold], NETWORKS["logmel"], scaler=scalers[fold])
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(
            NETWORKS["logmel"],
            settings,
            data,
            seed=seed,
            name=f"seed {seed} fold {fold}",
            checkpoint=Path(folder) / "checkpoint.npz",
        )
    last = fitted.log.iloc[-1]
    return {
        "seed": seed,
        "fold": fold,
        **{name: float(last[name]) for name in ("loss", "val_loss", "val_accuracy", "val_uar")},
        "cpu_s": round(time.process_time() - started),
    }


def main() -> None:
    """Train, log, and print the mean over folds."""
    parser = command.parser(__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of train_cnn.logmel")
    parser.add_argument("--folds", type=int, nargs="+", metavar="N", help="these alone (0-based)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    params = load_params()
    settings = changed(params.train_cnn.logmel, arguments.set)

    folds = arguments.folds or list(range(len(LUNA5)))
    calls = [(settings, arguments.seed, fold) for fold in folds]
    rows = run_all(try_fold, calls, workers=params.workers, what="search", unit="fold")

    trial = pd.DataFrame(rows).assign(settings=" ".join(arguments.set) or "as in params.yaml")
    trial = trial[["settings", *trial.columns.drop("settings")]]
    former = [pd.read_csv(LOG)] if LOG.exists() else []
    write_csv(LOG, pd.concat([*former, trial], ignore_index=True))
    print(trial.to_string(index=False))
    print(f"mean validation UAR {trial['val_uar'].mean():.3f}")


if __name__ == "__main__":
    command.run(main)
