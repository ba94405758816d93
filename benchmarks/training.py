"""Training: each network as its stage trains it, beside the same with one thing changed.

Every case trains a few epochs on the features of a workspace, with the stage's own inputs, draws and
training loop, and tells the time of an epoch, of which drawing, gradients, and scoring and keeping apart, and
what came out: the training loss of the last epoch and the score of whom the learning curve follows, so that
nobody takes speed for nothing. The first epoch, in which TensorFlow traces the network, is left out of the
times.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from benchmarks.cases import PROJECT, Case
from benchmarks.once import case_of
from benchmarks.subjects import CPU, PEAK, Column, Ratio, Subject
from ser.errors import InputError


@dataclass(frozen=True)
class Variant:
    """One thing changed in training.

    Attributes
    ----------
    title : str
    settings : dict
        Changed keys of the network's section of ``train_cnn``.
    variables : dict
        Environment variables, for what TensorFlow reads when it is loaded.
    change : str
        What `run_once` changes: ``xla``, ``bfloat16``, ``narrow``, ``tf_data``, ``ahead``, ``two_threads``,
        ``two_processes`` or nothing.
    networks : tuple of str
        Of which it is measured.
    rounds : int or None
        See `benchmarks.cases.Case`.
    """

    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    change: str = ""
    networks: tuple[str, ...] = ("article", "article_augmented", "logmel")
    rounds: int | None = None


VARIANTS = {
    "stage": Variant("one training as its stage runs it, but alone: one process, one thread"),
    "own_kernels": Variant(
        "TensorFlow's own kernels in place of oneDNN's",
        variables={"TF_ENABLE_ONEDNN_OPTS": "0"},
        networks=("article", "logmel"),
    ),
    "onednn_bfloat16": Variant(
        "oneDNN multiplies in bfloat16, all else in float32",
        variables={"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"},
    ),
    # Some ten times slower, which one round tells.
    "mixed_bfloat16": Variant(
        "Keras' policy mixed_bfloat16", change="bfloat16", networks=("article", "logmel"), rounds=1
    ),
    # Keras compiles nothing by XLA where operations must be deterministic.
    "xla": Variant("compiled by XLA, operations not held to be deterministic", change="xla"),
    "tf_data": Variant("its batches fed by tf.data through Keras' `fit`", change="tf_data"),
    "ahead": Variant(
        "the next epoch drawn meanwhile, by a second thread", change="ahead", networks=("logmel",)
    ),
    "batch_64": Variant("batches of 64", settings={"batch_size": 64}),
    "batch_16": Variant("batches of 16", settings={"batch_size": 16}, networks=("logmel",)),
    "crop_96": Variant("excerpts of 96 frames, not 120", settings={"crop_frames": 96}, networks=("logmel",)),
    "narrow": Variant("three quarters of the channels", change="narrow", networks=("logmel",)),
    "two_threads": Variant("one process, two threads", change="two_threads"),
    "two_processes": Variant(
        "two trainings at once, one thread each: an epoch of both, halved", change="two_processes"
    ),
}

_SEED = 0
TIMED_EPOCHS = {"article": 3, "article_augmented": 1, "logmel": 2}
"""After the first one."""


def subject(folder: Path, *, workspace: Path, rounds: int) -> Subject:
    """Describe what is measured on a workspace's features.

    Raises
    ------
    InputError
        Where the workspace has none.
    """
    workspace = workspace.resolve()
    needed = workspace / "data" / "normalized" / "logmel.npz"
    if not needed.exists():
        raise InputError(f"{needed}: missing; run make repro there, or give another --workspace")
    chosen = [
        (network, name) for network in TIMED_EPOCHS for name, it in VARIANTS.items() if network in it.networks
    ]
    return Subject(
        name="training",
        heading="Training",
        about=(
            "Fold 0, seed 0, the first epoch left out, and few epochs, so that loss and UAR say only whether "
            "much is lost. An epoch is all that its stage does in one; the UAR is that of whom its learning "
            "curve follows, of the article's networks the tested clips, as in the article, of `logmel` the "
            "validation actors. Peak memory is that of the largest process."
        ),
        cases=[_case(network, name, folder, workspace) for network, name in chosen],
        titles={f"{network}_{name}": f"`{network}`: {VARIANTS[name].title}" for network, name in chosen},
        columns=(
            Column("epoch_s", "an epoch, s"),
            Column("clips_per_s", "clips a second", digits=0),
            Column("draw_s", "of it drawing, s"),
            Column("gradient_s", "gradients, s"),
            Column("rest_s", "scoring and keeping, s"),
            Column("loss", "loss", digits=3),
            Column("uar", "UAR watched", digits=3),
            *(CPU, PEAK),
        ),
        ratios=tuple(
            Ratio(
                f"`{network}`, speed of an epoch relative to one training alone: {VARIANTS[name].title}",
                *("epoch_s", f"{network}_stage", f"{network}_{name}"),
            )
            for network, name in chosen
            if name != "stage"
        ),
        rounds=rounds,
        warm_up=False,
        findings=lambda: _profiles(workspace),
    )


def _case(network: str, name: str, folder: Path, workspace: Path) -> Case:
    variant = VARIANTS[name]
    variables = {"PYTHONHASHSEED": "0", **variant.variables}
    more = (f"{network}_{name}", str(workspace))
    return case_of("training", *more, folder=folder, rounds=variant.rounds, variables=variables)


def _split(case: str) -> tuple[str, Variant]:
    network = max((it for it in TIMED_EPOCHS if case.startswith(f"{it}_")), key=len)
    return network, VARIANTS[case.removeprefix(f"{network}_")]


def run_once(case: str, workspace: str) -> dict[str, float]:
    """Train a few epochs.

    Returns
    -------
    dict
        ``epoch_s``, of which ``draw_s``, ``gradient_s`` and ``rest_s``: medians in seconds; ``clips_per_s``;
        ``loss`` of the last epoch and ``uar`` after it.
    """
    network, variant = _split(case)
    if variant.change == "two_processes":
        return _side_by_side(f"{network}_stage", workspace)
    os.chdir(workspace)
    # TensorFlow reads it when it is loaded, which is here, before
    # `ser.models.deterministic_tensorflow` can set it.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import tensorflow as tf

    if variant.change == "two_threads":
        _allow_two_threads(tf)
    if variant.change == "xla":
        tf.config.experimental.enable_op_determinism = lambda: None
    return _train(network, variant)


class _Clock:
    """When each epoch began, had its inputs, and had its gradients; and how many clips it showed."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.drawn: list[float] = []
        self.fitted: list[float] = []
        self.clips = 0

    def draw(self, draw: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Time what draws an epoch."""

        def timed(generator: Any) -> Any:
            self.began.append(time.perf_counter())
            x, y = draw(generator)
            self.drawn.append(time.perf_counter())
            self.clips = len(x)
            return x, y

        return timed

    def fit(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        """Time what trains on it."""

        def timed(*args: Any, **options: Any) -> Any:
            scores = fit(*args, **options)
            self.fitted.append(time.perf_counter())
            return scores

        return timed

    def taken(self) -> dict[str, float]:
        """Tell the seconds of the epochs but the first, of which the last has ended now."""
        ended = [*self.began[1:], time.perf_counter()]
        rows = list(zip(self.began, self.drawn, self.fitted, ended, strict=True))[1:]
        epoch_s = median(end - began for began, _, _, end in rows)
        return {
            "epoch_s": epoch_s,
            "draw_s": median(drawn - began for began, drawn, _, _ in rows),
            "gradient_s": median(fitted - drawn for _, drawn, fitted, _ in rows),
            "rest_s": median(end - fitted for _, _, fitted, end in rows),
            "clips_per_s": self.clips / epoch_s,
        }


def _train(network: str, variant: Variant) -> dict[str, float]:
    from ser.models import cnn_runs, deterministic_tensorflow, training
    from ser.models.article_cnn import NETWORKS as ARTICLE
    from ser.models.cnn_runs import one_hot
    from ser.models.logmel_cnn import NETWORKS as LOGMEL
    from ser.params import load_params
    from stages.train_cnn import read_inputs

    settings = getattr(load_params(PROJECT / "params.yaml").train_cnn, network)
    settings = settings.model_copy(update=dict(variant.settings))
    wanted = {**ARTICLE, **LOGMEL}[network]
    folds, scalers = read_inputs(network)
    data = cnn_runs.training_data(folds[0], wanted, scaler=scalers[0])
    deterministic_tensorflow.start(_SEED)
    steps = -(-len(data.training.x) // data.copies // settings.batch_size)
    model = _changed(variant.change, lambda: wanted.build(data.training.x.shape[1:], settings, steps))
    draw = wanted.epochs(data.training, data.scaler, data.copies, settings)
    fit = _fit_by_tf_data if variant.change == "tf_data" else training._fit
    clock = _Clock()
    with ThreadPoolExecutor(1) as second, tempfile.TemporaryDirectory() as folder:
        run = training.Run(
            name=network,
            seed=_SEED,
            epochs=TIMED_EPOCHS[network] + 1,
            batch_size=settings.batch_size,
            draw_epoch=clock.draw(_drawn_ahead(draw, second) if variant.change == "ahead" else draw),
            monitored=(data.scaler.transform(data.monitored.x), one_hot(data.monitored)),
            checkpoint=Path(folder, "checkpoint.npz"),
            identity=network,
        )
        with mock.patch.object(training, "_fit", clock.fit(fit)):
            last = training.train(model, run)[-1]
        return {**clock.taken(), "loss": last["loss"], "uar": last["val_uar"]}


def _drawn_ahead(draw: Callable[[Any], Any], second: ThreadPoolExecutor) -> Callable[[Any], Any]:
    """Draw the same epochs, each while the one before is trained on."""
    import numpy as np

    epochs = itertools.count(2)
    waiting: list[Future[Any]] = []

    def drawn(generator: Any) -> Any:
        present = waiting.pop() if waiting else second.submit(draw, generator)
        waiting.append(second.submit(draw, np.random.default_rng([_SEED, next(epochs)])))
        return present.result()

    return drawn


def _fit_by_tf_data(model: Any, x: Any, y: Any, *, batch_size: int) -> dict[str, float]:
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size).prefetch(2)
    scores = model.fit(batches, verbose=0).history
    return {name: values[0] for name, values in scores.items()}


def _changed(change: str, build: Callable[[], Any]) -> Any:
    """Build a network with one thing changed."""
    import keras

    if change == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    if change == "narrow":
        return _narrowed(build)
    model = build()
    if change == "xla":
        model.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"], jit_compile=True)
        if not model.jit_compile:
            raise InputError("Keras does not compile this network by XLA here")
    return model


def _narrowed(build: Callable[[], Any]) -> Any:
    """Build the 2-D network with three quarters of the channels in each convolution."""
    from ser.models import logmel_cnn

    wide = logmel_cnn._convolution

    def narrow(x: Any, filters: int, **options: Any) -> Any:
        return wide(x, filters * 3 // 4, **options)

    with mock.patch.object(logmel_cnn, "_convolution", narrow):
        return build()


def _allow_two_threads(tf: Any) -> None:
    """Make what fixes one thread a process fix two."""
    threading = tf.config.threading
    fixed = threading.set_intra_op_parallelism_threads
    threading.set_intra_op_parallelism_threads = lambda _one: fixed(2)


def _side_by_side(case: str, workspace: str) -> dict[str, float]:
    """Run a case twice at once; the mean of both, and half of its times, as both were trained."""
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.json") for number in (1, 2)]
        start = [sys.executable, "-m", "benchmarks.once", "training", case]
        processes = [subprocess.Popen([*start, str(file), workspace]) for file in files]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise InputError(f"{case}: failed beside another")
        taken = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    means = {key: sum(it[key] for it in taken) / len(taken) for key in taken[0]}
    for key in ("epoch_s", "draw_s", "gradient_s", "rest_s"):
        means[key] /= len(taken)
    means["clips_per_s"] *= len(taken)
    return means


def _profiles(workspace: Path) -> list[str]:
    """Say which layers take the time, in a process of its own, since TensorFlow is set up once."""
    command = [sys.executable, "-m", "benchmarks.layer_profile", str(workspace)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"failed: {' '.join(command)}\n{done.stderr[-600:].strip()}")
    return done.stdout.strip().splitlines()
