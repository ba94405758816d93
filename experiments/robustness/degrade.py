"""Corrupt every test clip in one way, compute its features anew, and apply the models of its fold.

clean          the recordings as they are
white, babble  noise at several signal-to-noise ratios; the babble is of training actors of the fold in which
               the clip is tested
telephone      300 to 3400 Hz at 8 kHz with 8 bit of mu-law
reverberation  rooms of several reverberation times
level          quieter, louder, and louder with what exceeds full scale clipped
clipping       several proportions of the samples clipped
start          truncation: no more than the beginning of the speech

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet, metrics/search/baselines_{luna5,transfer}.csv
        and data/features/{clean,resampled}/{functionals,encoder}.npy for the LDAs, models/cnn_logmel,
        data/normalized/logmel.npz, models/cnn_logmel_unaugmented, and the weights in Resemblyzer
Writes  data/robustness/KIND.parquet: condition, protocol, model, seed, fold, clip, p_neutral ... p_surprised

The whole recording is corrupted, at 16 kHz; only then is silence trimmed and are features computed, as of a
clean clip, so that the effect of noise on the trimming counts too. No model is adapted to a corruption: all
are those of the main results, the LDAs fitted again to the same clips, and the 2-D CNN without augmentation.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.robustness.condition_names import KINDS
from experiments.robustness.degradations import Recording, choose_talkers, degrade, speech_span
from experiments.robustness.models import CLASSICAL, NETWORKS, Degraded, apply_classical, apply_network
from experiments.robustness.params import Babble, ConditionParams, RobustnessParams
from ser.audio import clip_io as audio
from ser.data.fold import folds
from ser.errors import InputError
from ser.features import logmel
from ser.features.functionals import functionals
from ser.features.speaker_encoder import (
    SAMPLE_RATE,
    SpeakerEncoder,
    check_weights,
    pretrained_encoder,
    speech_functionals,
    speech_of,
)
from ser.files import read_table, write_parquet
from ser.models.classical import FEATURES, MODELS, Grids, Refit
from ser.parallel import run_all
from ser.params import Encode, FunctionalsParams, LogMelParams, load, load_params
from stages import command
from stages.inputs import read_chosen, read_folds

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """How features are computed.

    Attributes
    ----------
    logmel, functionals, encode : LogMelParams, FunctionalsParams, Encode
        Sections of params.yaml: rates in Hz, lengths in samples, thresholds in dB.
    n_layers : int
        Number of the encoder's layers to compute, from the lowest.
    """

    logmel: LogMelParams
    functionals: FunctionalsParams
    encode: Encode
    n_layers: int


def features_of(samples: Array, settings: Settings) -> dict[str, Array]:
    """Compute all features of a waveform [shape=(n,)] at 16 kHz, by their names; see `Settings`."""
    speech = logmel.speech_logmel(samples, settings=settings.logmel)  # (t, n_mels)
    heard = speech_of(samples, trim_db=settings.encode.trim_db)  # (m,), m <= n
    encoder = SpeakerEncoder(pretrained_encoder().layers[: settings.n_layers])
    return {
        "logmel": logmel.fit_middle(speech, settings=settings.logmel),  # (160, 64)
        "functionals": functionals(speech, settings=settings.functionals),  # (1135,)
        "encoder": speech_functionals(heard, encoder=encoder),  # (n_layers, 1026)
    }


def degrade_clip(
    clip: str, path: str, talkers: list[str], condition: ConditionParams, settings: Settings
) -> dict[str, dict[str, Array]]:
    """Compute one clip's features under each corruption of a kind.

    Parameters
    ----------
    clip, path
        Id of the clip, and path of its recording.
    talkers
        Paths of the recordings for babble; empty for other kinds.
    condition
        The kind's section of the experiment's params.yaml.
    settings
        How features are computed.

    Returns
    -------
    dict of str to dict
        By the corruption's name, the features by their names.
    """

    def listen(path: str) -> tuple[Array, slice]:
        samples = audio.load(path, sample_rate=SAMPLE_RATE)
        return samples, speech_span(samples, settings=settings.logmel)

    samples, speech = listen(path)
    voices = tuple(voice[span] for voice, span in map(listen, talkers))
    degraded = degrade(Recording(clip, samples, SAMPLE_RATE, speech, voices), settings=condition)
    return {name: features_of(it, settings) for name, it in degraded.items()}


def talkers_behind(
    tested: Iterable[str], clips: pd.DataFrame, split: pd.DataFrame, condition: ConditionParams
) -> list[list[str]]:
    """Draw recordings of training actors of each clip's fold for its babble; none for other corruptions."""
    if not isinstance(condition, Babble):
        return [[] for _ in tested]
    tested_in = split[split["role"] == "test"].set_index("clip")["fold"]
    in_training = split[split["role"] == "train"].merge(clips, on="clip")
    training = {fold: in_training[in_training["fold"] == fold] for fold in tested_in.unique()}
    return [choose_talkers(training[tested_in[clip]], clip=clip, settings=condition) for clip in tested]


def main() -> None:
    """Corrupt the test clips, compute their features, and apply the models."""
    parser = command.parser(__doc__)
    parser.add_argument("kind", choices=KINDS, help="what happens to the recordings")
    kind: str = parser.parse_args().kind
    params = load_params()
    robustness = load("experiments/robustness/params.yaml", RobustnessParams)
    condition: ConditionParams = getattr(robustness, kind)
    check_weights(params.encode.weights_sha256)
    clips = read_table("data/clips.parquet", ("clip", "path", "emotion", "actor"))
    split = read_table("data/splits/luna5.parquet", ("fold", "clip", "role"))
    tested = clips[clips["clip"].isin(split.loc[split["role"] == "test", "clip"])]
    if params.extract.logmel.sample_rate != SAMPLE_RATE:
        raise InputError(
            f"params.yaml: extract.logmel.sample_rate must be {SAMPLE_RATE}, as the speaker encoder's: one "
            "degraded waveform serves all features"
        )

    grids: dict[str, Grids] = {
        "transfer": params.train_baselines.transfer,
        "luna5": params.train_baselines.luna5,
    }
    groups = {model: MODELS[model].group for model in CLASSICAL}
    refits = [Refit(model, grids[group], read_chosen(group, model)) for model, group in groups.items()]
    n_layers = int(max(point.get("layer", 1) for refit in refits for point in refit.points.values()))
    settings = Settings(params.extract.logmel, params.extract.functionals, params.encode, n_layers)
    behind = talkers_behind(tested["clip"], clips, split, condition)
    calls = [
        (clip, path, talkers, condition, settings)
        for clip, path, talkers in zip(tested["clip"], tested["path"], behind, strict=True)
    ]
    rows = run_all(degrade_clip, calls, workers=params.workers, what=f"degrade {kind}")

    def degraded(features: str) -> list[Degraded]:
        """Give each fold's test clips under each corruption."""
        # By corruption (test clips, ...).
        copies = {name: np.stack([row[name][features] for row in rows]) for name in rows[0]}
        by_condition = {name: folds(tested, split, [x]) for name, x in copies.items()}
        return [
            {name: fold.recordings(fold.test) for name, fold in zip(by_condition, it, strict=True)}
            for it in zip(*by_condition.values(), strict=True)
        ]

    fits = []
    for refit in refits:
        model = MODELS[refit.model]
        features = FEATURES[model.group]
        own = read_folds("luna5", features, model.copies)
        fits += [(refit, fold, it) for fold, it in zip(own, degraded(features), strict=True)]
    tables = run_all(apply_classical, fits, workers=params.workers, what="LDA", unit="fold")

    seeds = {
        "logmel_cnn": params.train_cnn.logmel.seeds,
        "logmel_cnn_unaugmented": [robustness.unaugmented.seed],
    }
    trained = [
        (model, fold, it, seed)
        for fold, it in enumerate(degraded("logmel"))
        for model in NETWORKS
        for seed in seeds[model]
    ]
    tables += run_all(apply_network, trained, workers=params.workers, what="networks", unit="fold")
    write_parquet(f"data/robustness/{kind}.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
