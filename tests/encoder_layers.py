"""Made-up layers of Whisper's encoder and of the speaker encoder, for tests of the stages that read them."""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from params_files import read_params, write_params

from ser.data.fold import Fold, folds
from ser.data.protocols import EMOBOX6, LOSO, LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.files import write_array, write_parquet

_UNITS = 9
LAYERS = ("speaker_1", "whisper_1", "whisper_2")
"""Names of the feature sets."""


def configure(**whisper: object) -> None:
    """Write small parameters, some of experiments/whisper as given."""
    params = read_params()
    params["workers"]["jobs"] = 1
    params["experiments/whisper"] |= {"shuffles": [0, 1]} | whisper
    params["experiments/speaker_adaptation"] |= {
        "clips": [0, 8],
        "seeds": [0, 3],
        "inner_folds": 2,
        "lda_shrinkage": [0.5],
        "prior_clips": [1],
    }
    params["evaluate"]["bootstrap_samples"] = 100
    write_params(params)


def write_layers() -> None:
    """Write what split and encode_whisper leave of 720 clips: few folds by actor, and a random split."""
    configure()
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips() if parse_clip(name).repetition == 1])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:2]))
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    write_parquet("data/splits/loso.parquet", split_by_actor(clips, LOSO[4:5]))
    known = np.where(clips["statement"] == clips["statement"].iloc[0], "train", "test")
    write_parquet("data/splits/article.parquet", clips[["clip"]].assign(fold=0, role=known))
    draw = np.random.default_rng(0)
    emotions, voices = draw.normal(0, 1, (8, _UNITS)), draw.normal(0, 3, (25, _UNITS))
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    trace = emotions[place] + voices[clips["actor"].to_numpy()]
    for name, noises in (("whisper", (3.0, 1.0)), ("whisper_speaker", (2.0,))):
        layers = [trace + draw.normal(0, noise, trace.shape) for noise in noises]
        write_array(f"data/features/clean/{name}.npy", np.stack(layers, axis=1).astype(np.float32))


def spoil_test_clips() -> None:
    """Set the layers of the test clips of LUNA5's first fold to what no recording has."""
    tested = pd.read_parquet("data/clips.parquet")["actor"].isin(LUNA5[0].test).to_numpy()
    for name in ("whisper", "whisper_speaker"):
        layers = np.load(f"data/features/clean/{name}.npy")
        layers[tested] = 1e3
        write_array(f"data/features/clean/{name}.npy", layers)


def train_on_test_clips(monkeypatch: pytest.MonkeyPatch, stage: ModuleType) -> None:
    """Let a stage put the test clips of each fold among its training clips as well."""

    def leaking(*arguments: Any) -> Iterator[Fold]:
        for fold in folds(*arguments):
            yield replace(fold, train=pd.concat([fold.train, fold.test]).sort_index())

    monkeypatch.setattr(stage, "folds", leaking)
