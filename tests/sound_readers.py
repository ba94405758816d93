"""Every stage after ingest that reads recordings, and what it needs beside them with few clips."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from ctranslate2_files import HEADS, model_file, random_weights
from matplotlib.figure import Figure
from params_files import read_params, write_params

from experiments.cross_corpus import encode as encode_corpus
from experiments.cross_corpus import encode_copies
from experiments.dtw import extract as extract_aligned
from experiments.ladder import nearest_neighbour as ladder_neighbour
from experiments.protocols import encode_babble
from experiments.whisper import encode as encode_whisper
from experiments.whisper.whisper_encoder import VARIABLE
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.figures import corpus as corpus_figures
from ser.files import read_table, write_csv, write_parquet
from stages import augment, encode, explore, extract, resample
from stages.layers import encode as encode_layers
from stages.robustness import degrade

TABLE = "data/clips.parquet"


@dataclass(frozen=True)
class Reader:
    """A stage that reads recordings.

    Attributes
    ----------
    stage, arguments
        How it is run.
    prepare
        Leaves in the current folder, whose table of clips has their paths, what else the stage reads, and
        stands in for what no test has: weights and trained models.
    reads, suffix
        Where it finds a clip, and what that ends in.
    """

    stage: ModuleType
    arguments: tuple[str, ...] = ()
    prepare: Callable[[pytest.MonkeyPatch], None] = lambda _: None
    reads: str = "data/raw"
    suffix: str = ".wav"

    def path(self, clip: str) -> Path:
        """Where this stage finds a clip."""
        return clip_path(Path(self.reads), clip, suffix=self.suffix)


def change_params(*keys: str, **values: object) -> None:
    """Give keys of one section, of the project's params or below an experiment's folder, other values."""
    params = read_params(Path())
    section = params
    for key in keys:
        section = section[key]
    section |= values
    write_params(params)


def list_clips(names: list[str], **columns: str | float) -> None:
    """Put other clips in the table; their recordings are those that it had, again and again."""
    paths = read_table(TABLE, ("path",))["path"]
    table = pd.DataFrame([vars(parse_clip(name)) for name in names])
    table["path"] = np.resize(paths, len(names))
    for name, value in columns.items():
        table[name] = value
    write_parquet(TABLE, table)


def copy_recordings(folder: str) -> None:
    """Let each clip's augmented copy be its recording."""
    for clip, path in read_table(TABLE, ("clip", "path")).itertuples(index=False):
        copy = clip_path(Path(folder), clip, suffix=".flac")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def for_explore(patch: pytest.MonkeyPatch) -> None:
    """Its examples; the other figures read no recording, and take long."""
    examples = [name for name in all_clips() if name[9:17] == "01-01-01" and name[-2:] in ("01", "02")]
    list_clips(examples, sample_rate=SAMPLE_RATE, duration_s=2.0, rms_dbfs=-26.0)
    for name in ("class", "gender", "intensity"):
        patch.setattr(corpus_figures, f"{name}_distribution", lambda _: Figure(figsize=(1, 1)))
    for name in ("durations", "loudness"):
        patch.setattr(corpus_figures, name, lambda _: Figure(figsize=(1, 1)))


def for_degrade(patch: pytest.MonkeyPatch) -> None:
    """The first actor is tested; in place of trained models stands one that tells nothing."""
    clips = read_table(TABLE, ("clip", "actor"))
    roles = np.where(clips["actor"] == clips["actor"].iloc[0], "test", "train")
    write_parquet("data/splits/luna5.parquet", clips[["clip"]].assign(fold=0, role=roles))
    for group, model, point in (("transfer", "encoder_lda", "layer=1"), ("luna5", "lda", "shrinkage=0.5")):
        models = [model, f"{model}_augmented"]
        chosen = pd.DataFrame({"model": models, "fold": 0, "parameters": point, "chosen": True})
        write_csv(f"metrics/search/baselines_{group}.csv", chosen)
    change_params("robustness", babble={"babble_0": {"babble": {"talkers": [1, 1], "snr_db": [0, 0]}}})
    # What it would train on: nothing, of one fold.
    patch.setattr(degrade, "read_folds", lambda *_: [None])
    patch.setattr(degrade, "models_in", lambda _: ["layers_lda"])
    for name in ("apply_classical", "apply_network", "apply_layers"):
        patch.setattr(degrade, name, predict_evenly)


def predict_evenly(*arguments: object) -> pd.DataFrame:
    """Stand in for a trained model."""
    for part in (it for each in arguments if isinstance(each, dict) for it in each.values()):
        assert np.isfinite(part.x).all()
    return pd.DataFrame({"p_calm": [0.5]})


def for_layers(_: pytest.MonkeyPatch) -> None:
    """Nobody is tested, and the other actors may talk."""
    clips = read_table(TABLE, ("clip",))
    write_parquet("data/splits/luna5.parquet", clips.assign(fold=0, role="train"))
    change_params("encode_layers", copies={"babble": {"babble": {"talkers": [1, 1], "snr_db": [0, 9]}}})


def for_babble(patch: pytest.MonkeyPatch) -> None:
    """The two actors talk behind each other's clips, in both versions of the copies."""
    for_layers(patch)
    patch.setattr(encode_babble, "HALVES", (frozenset({1, 2}), frozenset({1, 2})))


def for_corpus(_: pytest.MonkeyPatch) -> None:
    """The clips stand in for those of another corpus."""
    write_parquet("data/cross_corpus/nemo/clips.parquet", read_table(TABLE, ("clip", "path")))
    noise = {"colored_noise": {"colors": ["white"], "snr_db": [0, 9]}}
    change_params("encode_layers", copies={"noise": noise})


def for_whisper(patch: pytest.MonkeyPatch) -> None:
    """A small Whisper with random weights."""
    own = {f"encoder/{name}": x.astype("<f2") for name, x in random_weights().items()}
    weights = model_file({**own, "encoder/num_heads": np.array(HEADS, "<i2")})
    Path("model.bin").write_bytes(weights)
    patch.setenv(VARIABLE, "model.bin")
    change_params("experiments/whisper", weights_sha256=hashlib.sha256(weights).hexdigest())


def for_neighbour(_: pytest.MonkeyPatch) -> None:
    """Both sentences in two emotions of every actor, so that they can be divided; their copies."""
    names = [name for name in all_clips() if name[6:11] in ("01-01", "03-01") and name[15:17] == "01"]
    list_clips(names, sha256="of the samples")
    copy_recordings("data/augmented/speed_pitch")
    change_params("experiments/ladder", "neighbour", splits=[0])
    change_params("split", "article", test_size=0.5)
    change_params("evaluate", bootstrap_samples=100)


READERS: dict[str, Reader] = {
    **{f"augment {it}": Reader(augment, (it,)) for it in ("noise", "stretch", "speed_pitch")},
    "extract clean": Reader(extract, ("clean",)),
    "extract noise": Reader(
        extract,
        ("noise",),
        lambda _: copy_recordings("data/augmented/noise"),
        reads="data/augmented/noise",
        suffix=".flac",
    ),
    "resample": Reader(resample),
    "encode": Reader(encode),
    "encode_layers": Reader(encode_layers, prepare=for_layers),
    "encode_protocol_babble": Reader(encode_babble, prepare=for_babble),
    "encode_corpus": Reader(encode_corpus, ("nemo",), for_corpus),
    "encode_corpus_copies": Reader(encode_copies, ("nemo",), for_corpus),
    "explore": Reader(explore, prepare=for_explore),
    "extract_aligned": Reader(extract_aligned),
    "degrade recording": Reader(degrade, ("recording",), for_degrade),
    "degrade babble": Reader(degrade, ("babble",), for_degrade),
    "encode_whisper": Reader(encode_whisper, prepare=for_whisper),
    "ladder_neighbour": Reader(ladder_neighbour, prepare=for_neighbour),
    "ladder_neighbour, copies": Reader(
        ladder_neighbour, prepare=for_neighbour, reads="data/augmented/speed_pitch", suffix=".flac"
    ),
}
"""By name; that of the stage ``export`` is in test_final_stages.py, as it needs a model."""
