"""Fewer FLOPs: what lighter ways to train the 2-D network cost in accuracy.

Unlike `benchmarks.training`, which times a few epochs, each case trains to the end, with every fold and seed
of the pipeline, and is scored on the validation actors. (By these the network's settings were chosen, so that
what the pipeline has is somewhat favoured.) Test actors are not used. What the pipeline has is read from its
learning curves. One round, as another would give the same; half an hour on 2 cores.
"""

import dataclasses
import os
import tempfile
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import layer_profile, training
from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import Column, Ratio, Subject
from benchmarks.whole import check_current
from ser.data.protocols import LUNA5
from ser.errors import InputError
from ser.parallel import run_all
from ser.params import LogMelCnn, load_params

_CASES = ("stage", "crop_96", "narrow")
"""Of `benchmarks.training.VARIANTS`."""
_CURVES = Path("data", "curves", "cnn_logmel.csv")
_CODE = tuple(
    f"ser/models/{name}.py"
    for name in ("cnn_runs", "deterministic_tensorflow", "logmel_cnn", "spec_augment", "training")
)
_FOLDS = range(len(LUNA5))


def subject(folder: Path, *, workspace: Path) -> Subject:
    """Describe what is measured on a workspace's features.

    Raises
    ------
    InputError
        Where the workspace has no learning curves of the network, its code or parameters differ from those
        here, or it shows the network whole clips, whose lengths differ.
    """
    workspace = workspace.resolve()
    if not (workspace / _CURVES).exists():
        raise InputError(f"{workspace / _CURVES}: missing; run make repro there, or give another --workspace")
    check_current(workspace)
    for name in _CODE:
        if (PROJECT / name).read_bytes() != (workspace / name).read_bytes():
            raise InputError(f"{workspace / name}: differs from {PROJECT / name}; give another --workspace")
    here, there = (load_params(each / "params.yaml") for each in (PROJECT, workspace))
    for name in ("extract", "resample", "train_cnn"):
        if getattr(here, name) != getattr(there, name):
            raise InputError(f"{workspace / 'params.yaml'}: {name} differs from that in {PROJECT}")
    if not here.train_cnn.logmel.crop_frames:
        raise InputError("params.yaml: train_cnn.logmel.crop_frames: must be above 0 to be lessened")
    titles = {name: training.VARIANTS[name].title for name in _CASES}
    titles["stage"] = "as the stage trains it"
    return Subject(
        name="lighter",
        heading="Fewer FLOPs",
        about=(
            "The 2-D network trained to the end, all folds and seeds, scored on the validation actors: the "
            "mean of the seeds, and their deviation (of the mean of the folds). FLOPs are those of "
            "convolutions and dense layers, of a clip in training, forward. How fast each is stands under "
            "Training."
        ),
        cases=[
            case_of("lighter", name, str(workspace), folder=folder, variables={"PYTHONHASHSEED": "0"})
            for name in _CASES
        ],
        titles=titles,
        columns=(
            Column("flop", "MFLOP a clip", unit=1e6, digits=1),
            Column("uar", "UAR", digits=3),
            Column("deviation", "its deviation", digits=3),
            *(Column(f"fold_{fold}", f"fold {fold}", digits=3) for fold in _FOLDS),
        ),
        ratios=tuple(
            Ratio(f"{title}, relative to the stage: {titles[name]}", quantity, name, "stage")
            for name in _CASES
            if name != "stage"
            for quantity, title in (("flop", "FLOPs"), ("uar", "UAR"))
        ),
        rounds=1,
        warm_up=False,
    )


def run_once(case: str, workspace: str) -> dict[str, float]:
    """Train all runs of a case, or read what the pipeline trained.

    Returns
    -------
    dict
        ``flop``; ``uar`` and ``fold_N``, means after the last epoch as fractions, and the seeds'
        ``deviation``, which one seed alone has not.
    """
    os.chdir(workspace)
    params = load_params(PROJECT / "params.yaml")
    (flop,) = run_all(count_flop, [(case,)], workers=params.workers, what="count", unit="network")
    if case == "stage":
        curves = pd.read_csv(_CURVES)
        scores = curves[curves["epoch"] == curves["epoch"].max()]
    else:
        calls = [(case, seed, fold) for seed in params.train_cnn.logmel.seeds for fold in _FOLDS]
        scores = pd.DataFrame(run_all(train, calls, workers=params.workers, what=case, unit="run"))
    folds, seeds = (scores.groupby(by)["val_uar"].mean() for by in ("fold", "seed"))
    spread = {"deviation": seeds.std()} if len(seeds) > 1 else {}
    by_fold = {f"fold_{fold}": it for fold, it in folds.items()}
    return {"flop": flop, "uar": folds.mean(), **spread, **by_fold}


def train(case: str, seed: int, fold: int) -> dict[str, float]:
    """Train the network on a fold as its stage would; return ``seed``, ``fold`` and last ``val_uar``."""
    from ser.models import cnn_runs
    from stages.train_cnn import read_inputs

    settings, network = _changed(case)
    folds, scalers = read_inputs("logmel")
    data = cnn_runs.training_data(folds[fold], network, scaler=scalers[fold])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint.npz")
        curve = cnn_runs.fit(network, settings, data, seed=seed, name=case, checkpoint=checkpoint).log
    return {"seed": seed, "fold": fold, "val_uar": curve["val_uar"].iloc[-1]}


def count_flop(case: str) -> int:
    """Count those of a clip as long as it is in training; the form in which a worker is called."""
    from ser.models import deterministic_tensorflow

    # The worker is kept for the trainings.
    deterministic_tensorflow.start(0)
    settings, network = _changed(case)
    n_mels = load_params(PROJECT / "params.yaml").extract.logmel.n_mels
    shape = (settings.crop_frames, n_mels)
    return flop_of(network.build(shape, settings, 1), shape=shape)


def flop_of(model: Any, *, shape: tuple[int, ...]) -> int:
    """Count the multiplications and additions of a model's kernels, for one input of a shape."""
    values = layer_profile._values(model, batch=1, shape=shape)
    # Each weight of a kernel acts once for each place of the output, which lies between batch and channels.
    return sum(
        2 * prod(layer.kernel.shape) * prod(layer(inputs).shape[1:-1])
        for layer, inputs in values
        if hasattr(layer, "kernel")
    )


def _changed(case: str) -> tuple[LogMelCnn, Any]:
    from ser.models.logmel_cnn import NETWORKS

    variant, network = training.VARIANTS[case], NETWORKS["logmel"]
    settings = load_params(PROJECT / "params.yaml").train_cnn.logmel
    settings = settings.model_copy(update=dict(variant.settings))

    def build(*how: Any) -> Any:
        return training._changed(variant.change, partial(network.build, *how))

    return settings, dataclasses.replace(network, build=build)
