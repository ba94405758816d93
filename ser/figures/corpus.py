"""The exploratory figures: what the corpus holds, how long and how loud it is, how each emotion looks.

Every function takes the clip table (a row a clip, as the stage ingest writes it) and returns a `Figure`, to
be saved with `ser.figures.style.save`.
"""

from collections.abc import Mapping, Sequence

import librosa
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ser.audio import clip_io as audio
from ser.data.ravdess import EMOTIONS, INTENSITIES
from ser.errors import list_problems
from ser.features.logmel import article_logmel
from ser.figures.style import EMOTION_COLOURS, GENDER_COLOURS, LEVEL_COLOUR_MAP, project_style
from ser.params import ArticleMel

Array = npt.NDArray[np.float32]

COLUMNS = (
    "clip",
    "path",
    "emotion",
    "intensity",
    "statement",
    "repetition",
    "actor",
    "gender",
    "sample_rate",
    "duration_s",
    "rms_dbfs",
)
"""Columns of the clip table that these figures need."""

WIDTH = 8.0
"""Width of every figure, in inches."""

_LEVEL_PERCENTILES = (5, 99.5)
_LEVEL_COLOURS = 64  # Steps of little more than 1 dB, which make a smaller file.
_TICKS_HZ = (500, 1000, 2000, 4000, 8000, 16_000)


def class_distribution(clips: pd.DataFrame) -> Figure:
    """Draw the number of clips of each emotion."""
    with project_style():
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        axes = figure.add_subplot()
        counts = clips["emotion"].value_counts().reindex(list(EMOTIONS), fill_value=0)
        bars = axes.bar(EMOTIONS, counts, color=list(EMOTION_COLOURS.values()))
        axes.bar_label(bars)
        _count_axis(axes, title=f"Clips of each emotion ({len(clips)} in all)")
    return figure


def gender_distribution(clips: pd.DataFrame) -> Figure:
    """Draw the number of clips of each emotion by male and by female actors."""
    genders = list(GENDER_COLOURS)
    totals = ", ".join(f"{(clips['gender'] == gender).sum()} {gender}" for gender in genders)
    return _grouped_counts(
        clips, column="gender", colours=GENDER_COLOURS, title=f"Clips by the actor's gender ({totals})"
    )


def intensity_distribution(clips: pd.DataFrame) -> Figure:
    """Draw the number of clips of each emotion in normal and in strong intensity."""
    colours = dict(zip(INTENSITIES, ("#9ab8cf", "#1f4e79"), strict=True))
    totals = ", ".join(f"{(clips['intensity'] == intensity).sum()} {intensity}" for intensity in INTENSITIES)
    return _grouped_counts(clips, column="intensity", colours=colours, title=f"Clips by intensity ({totals})")


def example_clips(clips: pd.DataFrame) -> pd.DataFrame:
    """Choose one clip for each emotion and gender, alike in all else.

    Returns
    -------
    pandas.DataFrame
        16 rows: by emotion in the order of `EMOTIONS`, first male, then female; the first actor of that
        gender, statement "kids", first repetition, normal intensity.

    Raises
    ------
    ser.errors.InputError
        Where the table lacks one of them.
    """
    alike = clips[
        (clips["statement"] == "kids") & (clips["repetition"] == 1) & (clips["intensity"] == "normal")
    ]
    chosen = alike.sort_values("actor").groupby(["emotion", "gender"]).head(1)
    wanted = pd.MultiIndex.from_product([EMOTIONS, GENDER_COLOURS], names=["emotion", "gender"])
    indexed = chosen.set_index(["emotion", "gender"])
    missing = [key for key in wanted if key not in indexed.index]
    if missing:
        problems = [f"no clip by a {gender} actor, {emotion}, normal" for emotion, gender in missing]
        raise list_problems("the clip table cannot illustrate every emotion; run ingest again", problems)
    return indexed.loc[wanted].reset_index()


def waveforms(examples: pd.DataFrame) -> Figure:
    """Draw the waveform of each example, all on one scale.

    Parameters
    ----------
    examples
        From `example_clips`; their recordings are read.
    """
    with project_style():
        figure, panels = _panels(examples, title="Waveform of each emotion, amplitude on one scale")
        for axes, example in zip(panels, examples.to_dict("records"), strict=True):
            samples = audio.load(example["path"], sample_rate=example["sample_rate"])
            seconds, low, high = _envelope(samples, sample_rate=example["sample_rate"])
            axes.fill_between(seconds, low, high, color=EMOTION_COLOURS[example["emotion"]], linewidth=0.5)
            level = f"{example['rms_dbfs']:.0f} dBFS RMS".replace("-", "\N{MINUS SIGN}")
            axes.text(1, 0.97, level, transform=axes.transAxes, ha="right", va="top", size=7, color="#444444")
            axes.grid(axis="x")
        figure.supylabel("amplitude (full scale is 1)")
    return figure


def logmels(examples: pd.DataFrame, *, settings: ArticleMel) -> Figure:
    """Draw the log-mel spectrogram of each example, all on one dB scale.

    Colours end at the percentiles `_LEVEL_PERCENTILES` of all levels.

    Parameters
    ----------
    examples
        From `example_clips`; their recordings are read, from beginning to end.
    settings
        The section ``extract.article``: rates in Hz, lengths in samples.
    """
    spectra = [
        article_logmel(audio.load(path, sample_rate=settings.sample_rate), settings=settings)
        for path in examples["path"]
    ]
    # A few loud bands of angry speech would leave calm speech black.
    faintest, loudest = np.percentile(np.concatenate([each.ravel() for each in spectra]), _LEVEL_PERCENTILES)
    edges_hz = librosa.mel_frequencies(n_mels=settings.n_mels + 2, fmin=settings.fmin, fmax=settings.fmax)
    ticks_hz = [tick for tick in _TICKS_HZ if settings.fmin <= tick <= settings.fmax]
    # A mel axis is one on which the bands lie evenly, as the rows of an image do.
    ticks = np.interp(ticks_hz, edges_hz[1:-1], np.arange(settings.n_mels) + 0.5)
    with project_style():
        figure, panels = _panels(examples, title="Log-mel spectrogram of each emotion, level on one scale")
        for axes, spectrum in zip(panels, spectra, strict=True):
            duration_s = spectrum.shape[1] * settings.hop_length / settings.sample_rate
            image = axes.imshow(
                spectrum,
                origin="lower",
                aspect="auto",
                interpolation="nearest",
                extent=(0, duration_s, 0, settings.n_mels),
                cmap=colormaps[LEVEL_COLOUR_MAP].resampled(_LEVEL_COLOURS),
                vmin=faintest,
                vmax=loudest,
            )
            axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks_hz], size=6)
        figure.supylabel("frequency in Hz (mel scale)")
        bar = figure.colorbar(
            image, ax=panels, location="bottom", extend="both", shrink=0.5, aspect=40, pad=0.01
        )
        bar.set_label("power in dB relative to full scale squared")
    return figure


def durations(clips: pd.DataFrame) -> Figure:
    """Draw how long the clips of each actor are."""
    with project_style():
        figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
        axes = figure.add_subplot()
        _boxes_by_actor(axes, clips, column="duration_s")
        axes.set_ylabel("duration in s")
        axes.set_title("Length of the clips of each actor, silence included")
    return figure


def loudness(clips: pd.DataFrame) -> Figure:
    """Draw the mean level of the clips, by actor and by emotion."""
    with project_style():
        figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
        by_actor, by_emotion = figure.subplots(2, 1, sharey=True)
        _boxes_by_actor(by_actor, clips, column="rms_dbfs")
        by_actor.set_title("Level of the clips of each actor")
        by_emotion.set_title("Level of the clips of each emotion")
        values = [clips.loc[clips["emotion"] == emotion, "rms_dbfs"] for emotion in EMOTIONS]
        _boxes(by_emotion, values, labels=EMOTIONS, colours=list(EMOTION_COLOURS.values()))
        for axes in (by_actor, by_emotion):
            axes.set_ylabel("RMS in dBFS")
    return figure


def _grouped_counts(clips: pd.DataFrame, *, column: str, colours: Mapping[str, str], title: str) -> Figure:
    """Draw a bar for each emotion and each value of `column`; no bar where there is no clip."""
    counts = pd.crosstab(clips["emotion"], clips[column]).reindex(
        index=list(EMOTIONS), columns=list(colours), fill_value=0
    )
    places, width = np.arange(len(EMOTIONS)), 0.8 / len(colours)
    with project_style():
        figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for number, (value, colour) in enumerate(colours.items()):
            shift = (number - (len(colours) - 1) / 2) * width
            bars = axes.bar(places + shift, counts[value], width * 0.95, color=colour, label=value)
            axes.bar_label(bars)
        axes.set_xticks(places, EMOTIONS)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        _count_axis(axes, title=title)
    return figure


def _count_axis(axes: Axes, *, title: str) -> None:
    axes.set_title(title)
    axes.set_ylabel("clips")
    axes.margins(y=0.12)


def _boxes_by_actor(axes: Axes, clips: pd.DataFrame, *, column: str) -> None:
    """Draw a box for each actor in the colour of their gender."""
    by_actor = clips.groupby("actor", sort=True)
    actors = [str(actor) for actor in by_actor.groups]
    genders = by_actor["gender"].first()
    colours = [GENDER_COLOURS[gender] for gender in genders]
    _boxes(axes, [values for _, values in by_actor[column]], labels=actors, colours=colours)
    axes.set_xlabel("actor")
    keys = [Patch(color=colour, label=gender) for gender, colour in GENDER_COLOURS.items()]
    axes.legend(handles=keys, loc="upper left", bbox_to_anchor=(1, 1))


def _boxes(axes: Axes, values: Sequence[pd.Series], *, labels: Sequence[str], colours: Sequence[str]) -> None:
    boxes = axes.boxplot(
        [part.to_numpy() for part in values],
        tick_labels=list(labels),
        widths=0.65,
        patch_artist=True,
        medianprops={"color": "white", "linewidth": 1.6},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "#777777"},
    )
    for box, colour in zip(boxes["boxes"], colours, strict=True):
        box.set(facecolor=colour, edgecolor=colour)
    axes.grid(axis="y")


def _panels(examples: pd.DataFrame, *, title: str) -> tuple[Figure, list[Axes]]:
    """Lay out one titled panel an example: a row an emotion, male on the left, female on the right."""
    figure = Figure(figsize=(WIDTH, 1.35 * len(EMOTIONS) + 1), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", weight="bold", size=10)
    grid = figure.subplots(len(EMOTIONS), len(GENDER_COLOURS), sharex=True, sharey=True)
    panels = list(grid.flat)
    for axes, example in zip(panels, examples.to_dict("records"), strict=True):
        axes.set_title(f"{example['emotion']}, {example['gender']}", size=9)
        axes.set_title(example["clip"], loc="right", size=7, weight="normal", color="#444444")
    panels[0].set_xlim(0, examples["duration_s"].max())
    for axes in grid[-1]:
        axes.set_xlabel("time in s")
    return figure, panels


def _envelope(samples: Array, *, sample_rate: int, points: int = 900) -> tuple[Array, Array, Array]:
    """Reduce samples [shape=(n,)] to times in s, and the least and greatest sample from each to the next."""
    block = max(1, len(samples) // points)
    blocks = samples[: len(samples) // block * block].reshape(-1, block)  # (n // block, block)
    seconds = np.arange(len(blocks), dtype=np.float32) * np.float32(block / sample_rate)
    return seconds, blocks.min(axis=1), blocks.max(axis=1)
