"""The schema of params.yaml: every key is required, typed and within its range, or a stage stops.

The main pipeline's schema is here; that of an experiment stands in its folder, beside a params.yaml of its
own, is made of the same types, and read by the same `load`.

No stage lists this module as a dependency: it holds no default, so all that a stage gets from it are values
of params.yaml, which DVC tracks key by key.
"""

import reprlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ser.errors import InputError, list_problems


def _processes_only(backend: str) -> str:
    # Threads would share the generators that augmentations and networks seed for each clip and run, and
    # joblib's multiprocessing does not hand out results as they come.
    if backend in ("threading", "sequential", "multiprocessing"):
        raise ValueError("must be loky, or a cluster's backend such as dask")
    return backend


def _different(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("the seeds must differ from one another")
    return seeds


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(_different)]
Grid = Annotated[list[Positive], Field(min_length=1)]
Shrinkages = Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
InnerFolds = Annotated[int, Field(ge=2, le=18)]
Luna5Folds = Annotated[list[Annotated[int, Field(ge=0, le=4)]], Field(min_length=1)]


def _ascending(interval: list[float]) -> list[float]:
    if interval[0] > interval[1]:
        raise ValueError("must be [lowest, highest]")
    return interval


Interval = Annotated[list[Finite], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
"""Lowest and highest value of a range, from which draws are uniform."""
PositiveInterval = Annotated[list[Positive], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
"""The same, of values above 0."""
ShareInterval = Annotated[
    list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=2, max_length=2), AfterValidator(_ascending)
]
"""The same, of proportions above 0 and below 1."""
PlaceInterval = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2, max_length=2), AfterValidator(_ascending)
]
"""The same, of places from 0, the beginning, to 1, the end."""


class Section(BaseModel):
    """A mapping in a params.yaml, or the whole of one: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Corpus(Section):
    """Which corpus the pipeline is held to."""

    manifest: str


class Workers(Section):
    """How parallel work is done; never what comes out."""

    backend: Annotated[str, AfterValidator(_processes_only)]
    jobs: Annotated[int, Field(ge=1, le=256)]


class Window(Section):
    """A part of a recording, in seconds."""

    offset_s: NotNegative
    duration_s: Positive


class NoiseParams(Section):
    """Gaussian noise of amplitude ``max_amplitude * U(0, 1) * peak``."""

    seed: Seed
    max_amplitude: Annotated[float, Field(gt=0, le=1)]


class StretchParams(Section):
    """Time stretch; a rate below 1 makes a clip longer."""

    seed: Seed
    rate: Annotated[float, Field(ge=0.25, le=4)]


class SpeedPitchParams(Section):
    """Linear-interpolation resampling by ``factor / U(min_length_change, max_length_change)``."""

    seed: Seed
    factor: Annotated[float, Field(ge=0.25, le=4)]
    min_length_change: Positive
    max_length_change: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_length_change > self.max_length_change:
            raise ValueError("min_length_change must not exceed max_length_change")
        return self


class Augment(Section):
    """One section a variant."""

    noise: NoiseParams
    stretch: StretchParams
    speed_pitch: SpeedPitchParams


class MelParams(Section):
    """A mel spectrogram: rates in Hz, lengths in samples."""

    sample_rate: Annotated[int, Field(ge=8000, le=192_000)]
    n_fft: Annotated[int, Field(ge=16)]
    hop_length: Count
    n_mels: Count
    fmin: NotNegative
    fmax: Positive

    @model_validator(mode="after")
    def _band(self) -> Self:
        if not self.fmin < self.fmax <= self.sample_rate / 2:
            raise ValueError("fmin < fmax <= sample_rate / 2 must hold")
        return self


class ArticleMel(MelParams):
    """The article's log-mel."""

    top_db: Positive


class LogMelParams(MelParams):
    """The 2-D network's log-mel: silence trimmed, a fixed number of frames."""

    win_length: Count
    trim_db: Positive
    floor_db: Annotated[float, Field(lt=0, allow_inf_nan=False)]
    network_floor_db: Annotated[float, Field(lt=0, allow_inf_nan=False)]
    n_frames: Count

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if self.win_length > self.n_fft:
            raise ValueError("win_length must not exceed n_fft")
        return self


class FunctionalsParams(Section):
    """Statistics over time."""

    n_mfcc: Count


class Resample(Section):
    """Speeds at which copies of a clip are made."""

    speeds: Annotated[list[Annotated[float, Field(ge=0.5, le=2)]], Field(min_length=1)]


class Encode(Section):
    """The pretrained speaker encoder."""

    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    trim_db: Positive


class SpeedRanges(Section):
    """From what a speed is drawn: factors, of which 1 changes nothing."""

    factor: PositiveInterval


class CutRanges(Section):
    """From what a cut is drawn: where in the speech the part lies, and its length in s.

    Less than 0.7 s of speech says little of the emotion.
    """

    place: PlaceInterval
    duration_s: Annotated[
        list[Annotated[float, Field(ge=0.7, allow_inf_nan=False)]],
        Field(min_length=2, max_length=2),
        AfterValidator(_ascending),
    ]


class RoomRanges(Section):
    """From what a room is drawn: reverberation times in s, and direct-to-reverberant ratios in dB."""

    rt60_s: PositiveInterval
    direct_to_reverberant_db: Interval


class BabbleRanges(Section):
    """From what babble is drawn: the number of talkers, fewest and most, and SNR in dB."""

    talkers: Annotated[list[Count], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
    snr_db: Interval


class ColoredNoiseRanges(Section):
    """From what coloured noise is drawn: colours alike, and SNR in dB."""

    colors: Annotated[list[Literal["white", "pink", "brown"]], Field(min_length=1)]
    snr_db: Interval


class HumRanges(Section):
    """From what hum is drawn: mains frequencies in Hz alike, the number of partials, SNR in dB."""

    mains_hz: Annotated[list[Literal[50, 60]], Field(min_length=1)]
    partials: Annotated[int, Field(ge=1, le=20)]
    snr_db: Interval


class ClickRanges(Section):
    """From what a click is drawn: duration in s, and magnitude relative to full scale."""

    duration_s: PositiveInterval
    magnitude: PositiveInterval


class LevelRanges(Section):
    """From what a level is drawn: gains in dB, and whether full scale clips."""

    gain_db: Interval
    clipped: bool


class DcOffsetRanges(Section):
    """From what an offset is drawn: its magnitude relative to full scale; the sign is drawn as well."""

    magnitude: PositiveInterval


class ClippingRanges(Section):
    """From what clipping is drawn: proportions of the speech's samples, above 0 and below 1."""

    share: ShareInterval


class TelephoneRanges(Section):
    """From what a telephone line's band is drawn: its lower and its upper end, in Hz."""

    low_hz: PositiveInterval
    high_hz: PositiveInterval

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.low_hz[1] >= self.high_hz[0] or self.high_hz[1] >= 4000:
            raise ValueError("low_hz < high_hz < 4000 must hold: the line's rate is 8 kHz")
        return self


class CodecRanges(Section):
    """From what a codec is drawn: codecs alike, and the bit rate of Opus in kbit/s."""

    codes: Annotated[list[Literal["mu_law", "a_law", "gsm", "opus"]], Field(min_length=1)]
    opus_kbit_s: PositiveInterval


class CorruptionRanges(Section):
    """What happens to a recording, from what each is drawn; what is left out does not happen.

    The order is that in which they are applied: speaker, room, microphone, line.
    """

    speed: SpeedRanges | None = None
    cut: CutRanges | None = None
    room: RoomRanges | None = None
    babble: BabbleRanges | None = None
    colored_noise: ColoredNoiseRanges | None = None
    hum: HumRanges | None = None
    click: ClickRanges | None = None
    level: LevelRanges | None = None
    dc_offset: DcOffsetRanges | None = None
    clipping: ClippingRanges | None = None
    telephone: TelephoneRanges | None = None
    codec: CodecRanges | None = None


class EncodeLayers(Section):
    """Corrupted training copies of every clip, each of another kind, and the seed of all draws."""

    seed: Seed
    copies: Annotated[dict[str, CorruptionRanges], Field(min_length=1)]


class Extract(Section):
    """What is computed of each clip."""

    article: ArticleMel
    logmel: LogMelParams
    functionals: FunctionalsParams

    @model_validator(mode="after")
    def _mfcc_fit(self) -> Self:
        if self.functionals.n_mfcc > self.logmel.n_mels:
            raise ValueError("functionals.n_mfcc must not exceed logmel.n_mels")
        return self


class ArticleSplit(Section):
    """scikit-learn's train_test_split."""

    test_size: Annotated[float, Field(gt=0, lt=1)]
    random_state: Seed


class Split(Section):
    """Protocols with a choice in them; the speaker-independent ones have none."""

    article: ArticleSplit


class ArticleBaselines(Section):
    """The article's dummy and decision tree, one run a seed."""

    seeds: Seeds


class Luna5Baselines(Section):
    """Grids of the classical models, selected on inner folds of training actors."""

    inner_folds: InnerFolds
    lda_shrinkage: Shrinkages
    logistic_c: Grid
    svm_c: Grid
    svm_gamma: Grid


class TransferBaselines(Section):
    """Grids of the LDA on the speaker encoder's hidden states, selected on inner folds of training actors."""

    inner_folds: InnerFolds
    layer: Annotated[list[Annotated[int, Field(ge=1, le=3)]], Field(min_length=1)]
    lda_shrinkage: Shrinkages


class TrainBaselines(Section):
    """The article's models, those on functionals, and those on hidden states of the speaker encoder."""

    article: ArticleBaselines
    luna5: Luna5Baselines
    transfer: TransferBaselines


class AdaptationSearch(Section):
    """Grids of LDAs with unsupervised speaker adaptation, selected on inner folds of training actors.

    No section of the main params.yaml: experiments/speaker_adaptation reads it from its own.
    """

    seeds: Seeds
    inner_folds: InnerFolds
    lda_shrinkage: Shrinkages
    prior_clips: Grid


class TrainLayers(Section):
    """Grid of the LDAs on the encoder's layers, selected on inner folds of training actors."""

    inner_folds: InnerFolds
    lda_shrinkage: Shrinkages


class ArticleCnn(Section):
    """A 1-D CNN on frame-mean log-mel, trained for a fixed number of epochs."""

    seeds: Seeds
    kernel_size: Annotated[int, Field(ge=1, le=20)]
    dropout: Share
    output: Literal["sigmoid", "softmax"]
    learning_rate: Positive
    decay: NotNegative
    batch_size: Count
    epochs: Count


class LogMelCnn(Section):
    """The 2-D CNN and its training."""

    seeds: Seeds
    learning_rate: Positive
    weight_decay: NotNegative
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Count
    warmup_epochs: Annotated[int, Field(ge=0)]
    dropout: Share
    label_smoothing: Share
    mixup_share: Annotated[float, Field(ge=0, le=1)]
    mixup_beta: Positive
    gain_db: NotNegative
    tilt_db: NotNegative
    noise_share: Annotated[float, Field(ge=0, le=1)]
    noise_min_db: Finite
    noise_max_db: Finite
    tempo_change: Share
    mel_warp: Share
    crop_frames: Annotated[int, Field(ge=0)]
    time_mask_frames: Annotated[int, Field(ge=0)]
    frequency_mask_bands: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.noise_min_db > self.noise_max_db:
            raise ValueError("noise_min_db must not exceed noise_max_db")
        return self


class TrainCnn(Section):
    """One section a network."""

    article: ArticleCnn
    article_augmented: ArticleCnn
    logmel: LogMelCnn


class CheckLeaks(Section):
    """Permutations of the training labels."""

    seeds: Seeds


class Evaluate(Section):
    """The bootstrap over actors."""

    bootstrap_samples: Annotated[int, Field(ge=100)]
    bootstrap_seed: Seed


class Calibrate(Section):
    """How calibration is measured."""

    bins: Annotated[int, Field(ge=2, le=100)]


Conditions = Annotated[dict[str, CorruptionRanges], Field(min_length=1)]
"""Corruptions of the test clips, by the conditions' names in tables."""


class Robustness(Section):
    """Conditions in which the test clips are recognised, a kind a stage; and the seed of all draws."""

    seed: Seed
    noise: Conditions
    babble: Conditions
    channel: Conditions
    recording: Conditions


ROBUSTNESS_KINDS = tuple(name for name in Robustness.model_fields if name != "seed")
"""Kinds of conditions, each a section of ``robustness``."""


class Params(Section):
    """The whole of the main params.yaml."""

    corpus: Corpus
    workers: Workers
    article_window: Window
    augment: Augment
    encode: Encode
    encode_layers: EncodeLayers
    extract: Extract
    resample: Resample
    split: Split
    train_baselines: TrainBaselines
    train_layers: TrainLayers
    train_cnn: TrainCnn
    check_leaks: CheckLeaks
    evaluate: Evaluate
    calibrate: Calibrate
    robustness: Robustness


_NO_YAML = (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What the parser raises on odd files, beside its own errors: found by feeding it such (tests/fuzz)."""
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother = 2, 60, 60


_Schema = TypeVar("_Schema", bound=Section)


def load_params(path: Path | str = "params.yaml") -> Params:
    """Read and check the main params.yaml; see `load`."""
    return load(path, Params)


def load(path: Path | str, schema: type[_Schema]) -> _Schema:
    """Read and check a params.yaml, the whole of it, whichever stage asks.

    Parameters
    ----------
    path
        Path of the file, relative to the working folder, which is the project's root.
    schema
        Type of the file's content: the main pipeline's `Params`, or an experiment's section.

    Raises
    ------
    InputError
        Where the file is missing or no YAML, or keys are missing, unknown, of a wrong type or out of range;
        the message lists every such key by its path.
    """
    try:
        # DVC's own parser (YAML 1.2), so that a stage sees the values that DVC tracks: for PyYAML (1.1) the
        # 1e-05 that `dvc exp run -S` writes is a string, and 010 is 8.
        content: Any = YAML(typ="safe").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run from the project's root") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except _NO_YAML as error:
        raise InputError(f"{path}: cannot be read as YAML ({_line(str(error), at_most=250)})") from error
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problems = [_problem(part) for part in error.errors()]
        raise list_problems(f"{path}: mend these keys", problems) from error


def _problem(part: ErrorDetails) -> str:
    key = _line(".".join(map(str, part["loc"]))) or "the whole file"
    if part["type"] == "missing":
        return f"{key}: missing"
    if part["type"] == "extra_forbidden":
        return f"{key}: unknown key; is it spelt right, and in the right section?"
    return f"{key}: {part['msg']}, got {_value(part['input'])}"


def _value(value: Any) -> str:
    try:
        # Not `repr`, which writes out whatever aliases refer to: a few lines of YAML can stand for terabytes.
        return _line(_REPR.repr(value), at_most=60)
    except ValueError:
        return "an integer of thousands of digits"


def _line(text: str, *, at_most: int = 100) -> str:
    """Bring text from the file to one line that can be printed, of limited length."""
    text = " ".join(text.split())
    plain = "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)
    return plain if len(plain) <= at_most else f"{plain[: at_most - 3]}..."
