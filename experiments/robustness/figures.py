"""Figures of robustness: UAR by signal-to-noise ratio, and under all other corruptions."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.robustness.condition_names import condition_words
from experiments.robustness.scores import MODELS, PAIRS, Gains, Scores
from ser.evaluation.metrics import CHANCE
from ser.evaluation.model_names import model_name
from ser.figures.style import project_style

_DARK = "#222222"
NOISES = MappingProxyType({"white": "White noise", "babble": "Babble of training actors"})
"""The kinds of corruptions that are drawn against their signal-to-noise ratio."""
DRAWN = ("fused_transfer", "encoder_lda_augmented", "fused_scratch", "logmel_cnn", "lda_augmented")
"""The models whose UAR is drawn; those without augmentation stand in the figure of gains."""
MODEL_WORDS: Mapping[str, str] = MappingProxyType(
    {model: model_name(model) for model in MODELS}
    | {"logmel_cnn": "log-mel CNN, augmented", "logmel_cnn_unaugmented": "log-mel CNN"}
)
"""What is called augmented was trained on augmented copies; so was what is fused."""

# Told apart in grey, too, by marker and line.
_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "fused_transfer": {"color": _DARK, "marker": "D"},
        "encoder_lda_augmented": {"color": "#009e73", "marker": "s"},
        "fused_scratch": {"color": "#cc79a7", "marker": "v", "linestyle": "--"},
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
    """Draw UAR under all corruptions but noise, a row each, with intervals over actors.

    Parameters
    ----------
    scores
        As for `noise`.
    """
    shown = [name for name in scores if name.partition("_")[0] not in NOISES]
    with project_style():
        figure = Figure(figsize=(8.4, 1.3 + 0.62 * len(shown)), layout="constrained")
        axes = figure.subplots()
        _rows(axes, shown)
        for row, condition in enumerate(shown):
            for model, shift in _dodged(DRAWN, 0.15):
                it = scores[condition][model]
                look = {**_LOOKS[model], "linestyle": ""}
                axes.hlines(
                    row + shift, 100 * it["uar_low"], 100 * it["uar_high"], color=look["color"], alpha=0.45
                )
                axes.plot(
                    100 * it["uar"],
                    row + shift,
                    markersize=5,
                    label=MODEL_WORDS[model] if row == 0 else None,
                    **look,
                )
        axes.axvline(100 * CHANCE, color=_DARK, linestyle=":", linewidth=1)
        axes.annotate("chance", (100 * CHANCE, -0.5), (4, -9), textcoords="offset points", fontsize=8)
        axes.set_xlim(0, 100 * _highest(scores) + 4)
        axes.set_xlabel("UAR in % (95 % interval over actors)")
        axes.set_title("Robustness to corruptions (LUNA5; no model is adapted to them)")
        _legend(figure, axes)
    return figure


def augmentation(gained: Gains) -> Figure:
    """Draw the gain in UAR by augmentation in training, a row a corruption, with its interval.

    Parameters
    ----------
    gained
        By kind of `PAIRS`, what `experiments.robustness.scores.gains` gives.
    """
    shown = list(next(iter(gained.values())))
    with project_style():
        figure = Figure(figsize=(8.4, 1.5 + 0.42 * len(shown)), layout="constrained")
        axes = figure.subplots()
        _rows(axes, shown)
        for kind, shift in _dodged(tuple(PAIRS), 0.24):
            augmented, plain = PAIRS[kind]
            look = {**_LOOKS[augmented], "linestyle": ""}
            mean, low, high = (
                100 * np.array([gained[kind][condition][name] for condition in shown])
                for name in ("gain", "low", "high")
            )
            rows = np.arange(len(shown)) + shift
            axes.hlines(rows, low, high, color=look["color"], alpha=0.45)
            axes.plot(mean, rows, markersize=5, label=MODEL_WORDS[plain], **look)
        axes.axvline(0, color=_DARK, linewidth=1)
        axes.set_xlabel("gain of UAR in percentage points (95 % interval over actors)")
        axes.set_title("Gain by augmentation in training (LUNA5)")
        _legend(figure, axes)
    return figure


def _rows(axes: Axes, conditions: Sequence[str]) -> None:
    """Give each condition a row, every second one shaded, the first on top."""
    for row in range(1, len(conditions), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f4f4f4", zorder=0)
    axes.set_yticks(range(len(conditions)), [condition_words(name) for name in conditions])
    axes.set_ylim(len(conditions) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _with_intervals(axes: Axes, x: np.ndarray, figures: list[dict[str, float]], model: str) -> None:
    mean, low, high = (
        100 * np.array([it[name] for it in figures]) for name in ("uar", "uar_low", "uar_high")
    )
    axes.vlines(x, low, high, color=_LOOKS[model]["color"], alpha=0.35, linewidth=1.2)
    axes.plot(x, mean, markersize=4.5, label=MODEL_WORDS[model], **_LOOKS[model])


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
