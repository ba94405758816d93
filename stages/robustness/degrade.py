"""Corrupt every test clip in the conditions of one kind, compute its features anew, apply its fold's models.

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet, models/layers, models/cnn_logmel,
        data/normalized/logmel.npz, for the LDAs metrics/search/baselines_{luna5,transfer}.csv and
        data/features/{clean,resampled}/{functionals,encoder}.npy, and the encoders' weights
Writes  data/robustness/KIND.parquet: condition, protocol, model, seed, fold, clip, p_neutral ... p_surprised
        data/robustness/KIND_draws.parquet: condition, clip, corruptions (JSON, which Mixture.from_json reads)

The whole recording is corrupted, at 16 kHz; only then is silence trimmed and are features computed, as of a
clean clip, so that the effect of noise on the trimming counts too. What is drawn depends on the seed, the
clip and the corruption alone: noise is the same at every SNR. Babble is of training actors of the fold in
which the clip is tested. All models are those of the main results; the LDAs are fitted again to the same
clips.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ser.audio import clip_io as audio
from ser.audio.corruptions.mixture import Mixture
from ser.data.babble_voices import in_fold
from ser.data.fold import Fold, folds, join
from ser.errors import InputError
from ser.features.speaker_encoder import SAMPLE_RATE, check_weights
from ser.files import read_table, write_parquet
from ser.models.classical import FEATURES, MODELS, Grids, Refit
from ser.models.layers.linear import models_in
from ser.parallel import run_all
from ser.params import ROBUSTNESS_KINDS, CorruptionRanges, load_params
from stages import command
from stages.inputs import read_chosen, read_folds
from stages.layers.copies import voice_of
from stages.robustness.features import Array, Settings, features_of
from stages.robustness.models import (
    CLASSICAL,
    LAYERS,
    Degraded,
    apply_classical,
    apply_layers,
    apply_network,
)

Draws = Mapping[str, Mapping[str, Mixture]]
"""What happens to a clip, by its id and by condition."""


def draw_fold(fold: Fold, conditions: Mapping[str, CorruptionRanges], *, seed: int) -> Draws:
    """Draw what happens to each test clip of a fold.

    Parameters
    ----------
    fold
        The fold, of whose training clips babble is made: never of an actor that it tests or validates on.
    conditions
        Ranges by condition, a section of ``robustness`` in params.yaml.
    seed
        Seed of all draws, ``robustness.seed``.

    Raises
    ------
    InputError
        Where babble has more talkers than there are training actors.
    """
    draws = {}
    for clip, actor in zip(fold.test["clip"], fold.test["actor"], strict=True):
        candidates = in_fold(fold, actor=actor)
        try:
            draws[clip] = {
                condition: Mixture.draw(ranges, clip, seed=seed, candidates=candidates)
                for condition, ranges in conditions.items()
            }
        except ValueError as error:
            raise InputError(f"params.yaml: robustness: fold {fold.number}: {error}") from error
    return draws


def degrade_clip(
    path: str, draws: Mapping[str, Mixture], voices: Mapping[str, str], settings: Settings
) -> dict[str, dict[str, Array]]:
    """Compute one clip's features in each condition.

    Parameters
    ----------
    path
        Path of the clip's recording.
    draws
        What happens to it, by condition.
    voices
        Paths of the recordings of its babble, by clip id.
    settings
        How features are computed.

    Returns
    -------
    dict of str to dict
        By condition, the features by their names.
    """
    samples = audio.load(path, sample_rate=SAMPLE_RATE)
    talkers = {clip: voice_of(voice) for clip, voice in voices.items()}
    return {
        condition: features_of(mixture.apply(samples, SAMPLE_RATE, voices=talkers), settings)
        for condition, mixture in draws.items()
    }


def degrade_fold(
    fold: Fold, draws: Draws, paths: Mapping[str, str], settings: Settings, **options: Any
) -> dict[str, Degraded]:
    """Compute the features of a fold's test clips in each condition.

    Parameters
    ----------
    fold, draws
        The fold, and what happens to each of its test clips, as of `draw_fold`.
    paths
        Paths of all recordings, by clip id.
    settings
        How features are computed.
    **options
        Keyword arguments of `ser.parallel.run_all`.

    Returns
    -------
    dict of str to Degraded
        By the features' names, the test clips in each condition.
    """
    calls = []
    for clip in fold.test["clip"]:
        voices = {voice: paths[voice] for mixture in draws[clip].values() for voice in mixture.voices}
        calls.append((paths[clip], draws[clip], voices, settings))
    rows = run_all(degrade_clip, calls, **options)
    tested = fold.test.reset_index(drop=True)
    return {
        features: {name: join(tested, [np.stack([row[name][features] for row in rows])]) for name in rows[0]}
        for features in next(iter(rows[0].values()))
    }


def input_of(model: str) -> str:
    """Name the features that an LDA reads."""
    return FEATURES[MODELS[model].group]


def read_ldas(grids: Mapping[str, Grids]) -> list[tuple[Refit, list[Fold]]]:
    """Read how each of `CLASSICAL` was fitted, and the folds to fit it to, by section of their grids."""
    read = []
    for model in CLASSICAL:
        group, copies = MODELS[model].group, MODELS[model].copies
        refit = Refit(model, grids[group], read_chosen(group, model))
        read.append((refit, read_folds("luna5", input_of(model), copies)))
    return read


def tabulate_draws(draws: Draws) -> pd.DataFrame:
    """Tabulate draws: ``condition``, ``clip``, ``corruptions``, a row each, clip by clip."""
    rows = [
        (condition, clip, mixture.to_json())
        for clip, of_clip in draws.items()
        for condition, mixture in of_clip.items()
    ]
    return pd.DataFrame(rows, columns=["condition", "clip", "corruptions"])


def main() -> None:
    """Corrupt the test clips, compute their features, and apply the models."""
    parser = command.parser(__doc__)
    parser.add_argument("kind", choices=ROBUSTNESS_KINDS, help="what happens to the recordings")
    kind: str = parser.parse_args().kind
    params = load_params()
    conditions = getattr(params.robustness, kind)
    check_weights(params.encode.weights_sha256)
    clips = read_table("data/clips.parquet", ("clip", "path", "emotion", "actor"))
    split = read_table("data/splits/luna5.parquet", ("fold", "clip", "role"))
    if params.extract.logmel.sample_rate != SAMPLE_RATE:
        raise InputError(
            f"params.yaml: extract.logmel.sample_rate must be {SAMPLE_RATE}, as the encoders': one degraded "
            "waveform serves all features"
        )

    ldas = read_ldas({"transfer": params.train_baselines.transfer, "luna5": params.train_baselines.luna5})
    layers = models_in(LAYERS)
    if not layers:
        raise InputError(f"{LAYERS}: no models; run the stage train_layers")
    n_layers = int(max(point.get("layer", 1) for lda, _ in ldas for point in lda.points.values()))
    settings = Settings(params.extract.logmel, params.extract.functionals, params.encode, n_layers)
    paths = dict(zip(clips["clip"], clips["path"], strict=True))

    drawn, by_fold, runs = [], [], []
    # One fold's features at a time: those of all would not fit into memory.
    for place, fold in enumerate(folds(clips, split)):
        what, workers = f"{kind}, fold {fold.number}", params.workers
        draws = draw_fold(fold, conditions, seed=params.robustness.seed)
        degraded = degrade_fold(fold, draws, paths, settings, workers=workers, what=what)
        drawn.append(tabulate_draws(draws))

        fits = [(lda, own[place], degraded[input_of(lda.model)]) for lda, own in ldas]
        classical = run_all(apply_classical, fits, workers=workers, what=f"{what}, LDAs", unit="model")
        # In workers as well, for there BLAS has one thread: with more, the last digits would differ.
        ensembles = [(model, fold.number, degraded["layers"]) for model in layers]
        linear = run_all(apply_layers, ensembles, workers=workers, what=f"{what}, layers", unit="model")
        by_fold.append((classical, linear))
        runs += [(fold.number, degraded["logmel"], seed) for seed in params.train_cnn.logmel.seeds]
    # All at once, as TensorFlow takes seconds to load.
    networks = run_all(apply_network, runs, workers=workers, what=f"{kind}, networks", unit="model")
    n_seeds = len(params.train_cnn.logmel.seeds)
    tables = []
    for classical, linear in by_fold:
        tables += [*classical, *networks[:n_seeds], *linear]
        networks = networks[n_seeds:]
    write_parquet(f"data/robustness/{kind}_draws.parquet", pd.concat(drawn, ignore_index=True))
    write_parquet(f"data/robustness/{kind}.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
