"""Figures of robustness: UAR by signal-to-noise ratio, in all other conditions, and what copies are worth."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ser.evaluation.metrics import CHANCE
from ser.evaluation.model_names import model_name
from ser.evaluation.robustness import PAIRS, Differences, Gains, Scores, condition_words
from ser.figures.style import project_style

_DARK = "#222222"
NOISES = MappingProxyType({"white": "White noise", "babble": "Babble of training actors"})
"""The kinds of conditions that are drawn against their signal-to-noise ratio."""
DRAWN = ("layers_lda", "fused_transfer", "encoder_lda_augmented", "logmel_cnn", "lda_augmented")
"""The models whose UAR is drawn; those without augmentation stand in the figure of gains."""
COPY_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "noise": "noise",
        "babble": "babble",
        "line": "telephone and codecs",
        "room": "rooms",
        "level": "other levels",
        "cut": "cuts",
        "fault": "hum, clicks and clipping",
    }
)
"""Kinds of corruptions in training copies."""
MODEL_WORDS: Mapping[str, str] = MappingProxyType(
    {model: model_name(model) for model in (*DRAWN, *(plain for _, plain in PAIRS.values()))}
    | {"logmel_cnn": "log-mel CNN, augmented"}
)
"""What is called augmented was trained on augmented copies; so was what is fused."""

# Told apart in grey, too, by marker and line.
_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "layers_lda": {"color": "#cc79a7", "marker": "v"},
        "fused_transfer": {"color": _DARK, "marker": "D", "linestyle": "--"},
        "encoder_lda_augmented": {"color": "#009e73", "marker": "s"},
        "logmel_cnn": {"color": "#0072b2", "marker": "o"},
        "lda_augmented": {"color": "#d55e00", "marker": "^"},
    }
)


def noise(scores: Scores) -> Figure:
    """Draw UAR against the signal-to-noise ratio, a panel a kind of noise, with intervals over actors.

    Parameters
    ----------
    scores
        ``{condition: {model: {uar, uar_low, uar_high}}}``, with ``clean`` and conditions such as
        ``white_10``.
    """
    with project_style():
        figure = Figure(figsize=(8.4, 4.4), layout="constrained")
        panels = figure.subplots(1, len(NOISES), sharey=True)
        for axes, (kind, title) in zip(panels, NOISES.items(), strict=True):
            ratios = sorted((_value(name) for name in scores if name.startswith(f"{kind}_")), reverse=True)
            conditions = ["clean", *(f"{kind}_{ratio:g}" for ratio in ratios)]
            for model, shift in _dodged(DRAWN, 0.09):
                _with_intervals(
                    axes, np.arange(len(conditions)) + shift, [scores[it][model] for it in conditions], model
                )
            axes.set_xticks(range(len(conditions)), ["clean", *(f"{ratio:g}" for ratio in ratios)])
            axes.set_xlabel("signal-to-noise ratio in dB, over speech")
            axes.axhline(100 * CHANCE, color=_DARK, linestyle=":", linewidth=1)
            axes.annotate("chance", (0, 100 * CHANCE), (0, 3), textcoords="offset points", fontsize=8)
            axes.set_title(title)
            axes.grid(axis="y")
        panels[0].set_ylim(0, 100 * _highest(scores) + 4)
        panels[0].set_ylabel("UAR in % (95 % interval over actors)")
        _legend(figure, panels[0])
    return figure


def conditions(scores: Scores) -> Figure:
    """Draw UAR in all conditions but noise, a row each, with intervals over actors.

    Parameters
    ----------
    scores
        As for `noise`; conditions of noise are not drawn.
    """
    shown = [name for name in scores if name.partition("_")[0] not in NOISES]
    with project_style():
        figure = Figure(figsize=(8.4, 1.3 + 0.52 * len(shown)), layout="constrained")
        axes = figure.subplots()
        _rows(axes, [condition_words(name) for name in shown])
        for model, shift in _dodged(DRAWN, 0.16):
            figures = [scores[condition][model] for condition in shown]
            mean, low, high = (_percent(figures, name) for name in ("uar", "uar_low", "uar_high"))
            _points(axes, mean, low, high, shift=shift, model=model, label=MODEL_WORDS[model])
        axes.axvline(100 * CHANCE, color=_DARK, linestyle=":", linewidth=1)
        axes.annotate("chance", (100 * CHANCE, -0.5), (4, -9), textcoords="offset points", fontsize=8)
        axes.set_xlim(0, 100 * _highest(scores) + 4)
        axes.set_xlabel("UAR in % (95 % interval over actors)")
        axes.set_title("Robustness to corruptions (LUNA5)")
        _legend(figure, axes)
    return figure


def augmentation(gained: Gains) -> Figure:
    """Draw the gain in UAR by augmentation in training, a row a condition, with its interval.

    Parameters
    ----------
    gained
        By kind of `PAIRS`, what `ser.evaluation.robustness.gains` gives.
    """
    shown = list(next(iter(gained.values())))
    with project_style():
        figure = Figure(figsize=(8.4, 1.5 + 0.42 * len(shown)), layout="constrained")
        axes = figure.subplots()
        _rows(axes, [condition_words(name) for name in shown])
        for kind, shift in _dodged(tuple(PAIRS), 0.24):
            augmented, plain = PAIRS[kind]
            figures = [gained[kind][condition] for condition in shown]
            mean, low, high = (_percent(figures, name) for name in ("gain", "low", "high"))
            _points(axes, mean, low, high, shift=shift, model=augmented, label=MODEL_WORDS[plain])
        axes.axvline(0, color=_DARK, linewidth=1)
        axes.set_xlabel("gain of UAR in percentage points (95 % interval over actors)")
        axes.set_title("Gain by augmentation in training (LUNA5)")
        _legend(figure, axes)
    return figure


def left_out(costs: Mapping[str, Differences]) -> Figure:
    """Draw the UAR that is lost where a kind of training copies is left out, with its interval.

    Parameters
    ----------
    costs
        By kind of copies, what `ser.evaluation.robustness.costs_of_leaving_out` gives; a panel each.
    """
    rows = [len(differences) for differences in costs.values()]
    with project_style():
        figure = Figure(figsize=(8.4, 1.2 + 0.3 * sum(rows) + 0.4 * len(rows)), layout="constrained")
        panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
        for axes, (kind, differences) in zip(panels, costs.items(), strict=True):
            _rows(axes, [condition_words(name) for name in differences])
            figures = [*differences.values()]
            mean, low, high = (_percent(figures, name) for name in ("uar", "low", "high"))
            _points(axes, mean, low, high, shift=0, model="layers_lda", label=None)
            axes.axvline(0, color=_DARK, linewidth=1)
            axes.set_title(f"Without copies with {COPY_WORDS[kind]}", fontsize=9, fontweight="normal")
        panels[-1].set_xlabel("loss of UAR in percentage points (95 % interval over actors)")
        title = "LDAs on Whisper's layers, one kind of training copies left out (LUNA5)"
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    """Give each condition a row, every second one shaded, the first on top."""
    for row in range(1, len(labels), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", zorder=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _points(
    axes: Axes,
    mean: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    shift: float,
    model: str,
    label: str | None,
) -> None:
    """Draw a point a row, with its interval; values [shape=(rows,)] are in percent."""
    look = {**_LOOKS[model], "linestyle": ""}
    rows = np.arange(len(mean)) + shift
    axes.hlines(rows, low, high, color=look["color"], alpha=0.45)
    axes.plot(mean, rows, markersize=5, label=label, **look)


def _with_intervals(axes: Axes, x: np.ndarray, figures: list[dict[str, float]], model: str) -> None:
    mean, low, high = (_percent(figures, name) for name in ("uar", "uar_low", "uar_high"))
    axes.vlines(x, low, high, color=_LOOKS[model]["color"], alpha=0.35, linewidth=1.2)
    axes.plot(x, mean, markersize=4.5, label=MODEL_WORDS[model], **_LOOKS[model])


def _percent(figures: Sequence[Mapping[str, float]], name: str) -> np.ndarray:
    return 100 * np.array([it[name] for it in figures])


def _dodged(models: Sequence[str], step: float) -> list[tuple[str, float]]:
    """Place models beside each other, so that their intervals can be distinguished."""
    return [(model, step * (place - (len(models) - 1) / 2)) for place, model in enumerate(models)]


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)


def _value(condition: str) -> float:
    return float(condition.partition("_")[2])


def _highest(scores: Scores) -> float:
    return max(it["uar_high"] for models in scores.values() for it in models.values())
