"""Figures of the results: scores with their intervals, confusion matrices, learning curves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ser.data.ravdess import EMOTIONS
from ser.evaluation.article_results import CORRECT, TEST_CLIPS, Comparison
from ser.evaluation.metrics import CHANCE, recalls, uar
from ser.evaluation.model_names import model_title
from ser.evaluation.scores import Summary, Tally
from ser.figures.style import (
    EMOTION_COLOURS,
    GENDER_COLOURS,
    SERIES_COLOURS,
    SHARE_COLOUR_MAP,
    project_style,
)

CURVES = ("model", "seed", "fold", "epoch", "loss", "accuracy", "val_loss", "val_accuracy")
"""Columns of the learning curves."""

_BLUE, _ORANGE, _DARK, _LIGHT = "#0072b2", "#d55e00", "#222222", "#bbbbbb"

_PROTOCOLS = MappingProxyType(
    {
        "article": "Article (random split: test actors are in training)",
        "luna5": "LUNA5 (speaker-independent: test actors are new)",
    }
)


def overview(summary: Summary) -> Figure:
    """Draw the UAR of every model under every protocol, its 95 % interval over actors, and chance.

    Parameters
    ----------
    summary
        ``{protocol: {model: {uar, uar_low, uar_high, ...}}}``, in the order to draw.
    """
    sizes = [len(models) for models in summary.values()]
    with project_style():
        figure = Figure(figsize=(8, 0.7 + 0.5 * len(sizes) + 0.36 * sum(sizes)), layout="constrained")
        panels = figure.subplots(len(sizes), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
        for axes, (protocol, models) in zip(panels, summary.items(), strict=True):
            colour = _ORANGE if protocol == "article" else _BLUE
            for row, score in enumerate(models.values()):
                mean, low, high = (100 * score[name] for name in ("uar", "uar_low", "uar_high"))
                axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.5)
                axes.plot(mean, row, "o", color=colour, markersize=5)
                _beside(axes, row, f"{mean:.1f}  ({low:.1f} to {high:.1f})")
            axes.axvline(100 * CHANCE, color=_DARK, linestyle="--", linewidth=1, zorder=0)
            axes.set_xlim(0, 100)
            _name_rows(axes, [model_title(model) for model in models])
            axes.set_title(_protocol_name(protocol))
        panels[0].annotate("chance", (100 * CHANCE, 0), (4, 0), textcoords="offset points", va="center")
        panels[-1].set_xlabel("UAR in %, with its 95 % interval (bootstrap over actors)")
    return figure


def confusion(scored: Tally, *, model: str, protocol: str) -> Figure:
    """Draw a confusion matrix in percent of each emotion's clips: the diagonal is the recall.

    Parameters
    ----------
    scored
        The model's counts; seeds are averaged.
    model, protocol
        Keys of the model and of the protocol, for the title.
    """
    n_seeds = len(scored.seeds)
    counts = scored.pooled.sum(axis=0)  # (seeds, 8, 8) to (8, 8)
    totals = counts.sum(axis=1)  # (8,)
    shares = 100 * counts / np.maximum(totals, 1)[:, None]  # (8, 8)
    with project_style():
        figure = Figure(figsize=(6.2, 5.6), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap=SHARE_COLOUR_MAP, vmin=0, vmax=100)
        for (row, column), share in np.ndenumerate(shares):
            colour = "white" if share > 55 else _DARK if counts[row, column] else _LIGHT
            weight = "bold" if row == column else "normal"
            axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour, fontweight=weight)
        names = [f"{emotion} ({n // n_seeds})" for emotion, n in zip(EMOTIONS, totals, strict=True)]
        axes.set_yticks(range(len(EMOTIONS)), names)
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=40, ha="right", rotation_mode="anchor")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted, in % of the row")
        axes.set_ylabel("actual (test clips)")
        seeds = f", mean of {n_seeds} seeds" if n_seeds > 1 else ""
        score = f"UAR {100 * uar(scored.pooled).mean():.1f} %{seeds}"
        axes.set_title(f"{model_title(model)}: {score}\n{_protocol_name(protocol)}")
    return figure


def learning_curves(curves: pd.DataFrame) -> Figure:
    """Draw loss and accuracy by epoch, a column a network, a thin line a seed and fold.

    Parameters
    ----------
    curves
        A row a network, seed, fold and epoch, with `CURVES`.
    """
    models = list(curves["model"].unique())
    with project_style():
        figure = Figure(figsize=(0.6 + 3.1 * len(models), 5.2), layout="constrained")
        columns = figure.subplots(2, len(models), sharex="col", squeeze=False).T
        for (top, bottom), model in zip(columns, models, strict=True):
            of_model = curves[curves["model"] == model]
            thin = {"linewidth": 0.9, "alpha": 0.8}
            for _, run in of_model.groupby(["seed", "fold"]):
                top.plot(run["epoch"], run["loss"], color=_BLUE, **thin)
                top.plot(run["epoch"], run["val_loss"], color=_ORANGE, **thin)
                bottom.plot(run["epoch"], 100 * run["accuracy"], color=_BLUE, **thin)
                bottom.plot(run["epoch"], 100 * run["val_accuracy"], color=_ORANGE, **thin)
            # A few wild first epochs must not flatten all the rest.
            top.set_ylim(0, 1.2 * np.nanquantile(of_model[["loss", "val_loss"]], 0.96))
            bottom.set_ylim(0, 100)
            bottom.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            bottom.set_xlabel("epoch")
            top.set_title(model_title(model))
            held_out = "test clips, as in the article" if model in CORRECT else "validation actors"
            handles = [Line2D([], [], color=colour) for colour in (_BLUE, _ORANGE)]
            bottom.legend(handles, ["training", held_out], loc="best", fontsize=8)
            top.grid()
            bottom.grid()
        columns[0, 0].set_ylabel("loss")
        columns[0, 1].set_ylabel("accuracy in %")
    return figure


def article_comparison(
    comparisons: Mapping[str, Comparison], accuracies: Mapping[str, npt.ArrayLike]
) -> Figure:
    """Draw the article's accuracies and their 95 % intervals, with our runs beside them.

    Parameters
    ----------
    comparisons
        By model, in the order to draw, the article's accuracy and ours.
    accuracies
        By model, the accuracies of our seeds [shape=(seeds,)], from 0 to 1.
    """
    with project_style():
        figure = Figure(figsize=(8, 1.3 + 0.55 * len(comparisons)), layout="constrained")
        axes = figure.subplots()
        for row, (model, it) in enumerate(comparisons.items()):
            axes.hlines(row, 100 * it.article_low, 100 * it.article_high, color=_LIGHT, linewidth=10)
            axes.plot(100 * it.article, row, "|", color=_DARK, markersize=14, markeredgewidth=2)
            runs = 100 * np.asarray(accuracies[model])
            axes.plot(runs, np.full(len(runs), row), "o", color=_BLUE, markersize=4, alpha=0.45)
            axes.plot(100 * it.measured, row, "D", color=_BLUE, markersize=7, markeredgecolor="white")
            spread = "" if it.measured_sd is None else f" ± {100 * it.measured_sd:.1f}"
            inside = "inside" if it.inside else "outside"
            _beside(axes, row, f"ours {100 * it.measured:.1f}{spread}\n{inside} the interval")
        _name_rows(
            axes,
            [f"{model_title(model)}\narticle {100 * it.article:.1f}" for model, it in comparisons.items()],
        )
        axes.set_xlim(left=0)
        axes.set_xlabel(f"accuracy in %, {TEST_CLIPS} test clips of a random split")
        axes.set_title("Accuracy: the article's, and ours (mean ± SD over seeds)")
        handles = [
            Line2D([], [], color=_DARK, marker="|", linestyle="", markersize=11, markeredgewidth=2),
            Patch(color=_LIGHT),
            Line2D([], [], color=_BLUE, marker="D", linestyle=""),
            Line2D([], [], color=_BLUE, marker="o", linestyle="", markersize=4, alpha=0.45),
        ]
        labels = ["article", "its 95 % interval", "ours: mean", "ours: each seed"]
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def per_actor(scored: Tally, *, model: str, protocol: str) -> Figure:
    """Draw the UAR of each actor, by gender."""
    values = 100 * uar(scored.counts).mean(axis=0)  # (seeds, actors) to (actors,)
    # Hatched as well, so that the genders differ in grey, too.
    hatches = {"male": "", "female": "//"}
    with project_style():
        figure = Figure(figsize=(8, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.bar(
            [str(actor) for actor in scored.actors],
            values,
            color=[GENDER_COLOURS[gender] for gender in scored.genders],
            hatch=[hatches[gender] for gender in scored.genders],
            edgecolor="white",
        )
        _reference_lines(axes, mean=float(values.mean()))
        axes.margins(x=0.01)
        axes.set_xlabel("actor")
        axes.set_ylabel("UAR in %")
        axes.set_title(f"{model_title(model)}: UAR of each actor\n{_protocol_name(protocol)}")
        handles = [
            Patch(facecolor=colour, edgecolor="white", hatch=hatches[gender])
            for gender, colour in GENDER_COLOURS.items()
        ]
        figure.legend(handles, list(GENDER_COLOURS), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def per_emotion(scored: Tally, *, model: str, protocol: str) -> Figure:
    """Draw the recall of each emotion."""
    values = 100 * recalls(scored.pooled).mean(axis=0)  # (seeds, 8) to (8,)
    with project_style():
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        bars = axes.bar(EMOTIONS, values, color=[EMOTION_COLOURS[emotion] for emotion in EMOTIONS], width=0.7)
        axes.bar_label(
            bars, fmt="%.0f", padding=3, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1}
        )
        _reference_lines(axes, mean=float(np.nanmean(values)))
        axes.set_ylabel("recall in %")
        axes.set_title(f"{model_title(model)}: recall of each emotion\n{_protocol_name(protocol)}")
    return figure


def human_comparison(compared: Mapping[str, Any], *, models: list[str]) -> Figure:
    """Draw recalls of human listeners and of models, neutral and calm as one, by the listeners' recall.

    Parameters
    ----------
    compared
        Scores of models and human listeners, from `ser.evaluation.human_listeners.compare`.
    models
        Names of the models to draw, at most four.
    """
    human = compared["human"]
    emotions = sorted(human["per_emotion"], key=lambda name: -human["per_emotion"][name])
    rows = np.arange(len(emotions)) + 2.0
    with project_style():
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        axes = figure.subplots()
        for number, model in enumerate(models):
            it = compared["models"][model]
            colour, marker = SERIES_COLOURS[number], "os^v"[number]
            # Beside each other, so that the intervals do not overlap.
            row = 0.3 * (number - (len(models) - 1) / 2)
            low, high = 100 * it["accuracy_low"], 100 * it["accuracy_high"]
            axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.4)
            values = 100 * np.array([it["accuracy"], *(it["per_emotion"][emotion] for emotion in emotions)])
            label = f"{model_title(model)} ({values[0]:.1f})"
            style: dict[str, Any] = {
                "color": colour,
                "markersize": 7,
                "markeredgecolor": "white",
                "zorder": 4,
            }
            axes.plot(values, [row, *rows], marker, label=label, **style)
        values = 100 * np.array([human["per_emotion"][emotion] for emotion in emotions])
        people = 100 * human["accuracy"]
        axes.vlines(people, -0.6, 0.6, color=_DARK, linewidth=1)
        style = {"color": _DARK, "markersize": 9, "markeredgecolor": "white"}
        axes.plot([people, *values], [0, *rows], "D", label=f"people ({people:.1f})", **style)
        axes.set_yticks([0, *rows], ["all clips (accuracy)", *emotions])
        axes.set_ylim(rows[-1] + 0.6, -0.8)
        axes.axhline(1.2, color=_LIGHT, linewidth=0.8)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, 100)
        axes.grid(axis="x")
        axes.set_xlabel("recognised clips in %; bars: 95 % interval of an accuracy (bootstrap over actors)")
        axes.set_title(f"People and models, neutral and calm counted as one\n{_protocol_name('luna5')}")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _protocol_name(protocol: str) -> str:
    return _PROTOCOLS.get(protocol, protocol)


def _beside(axes: Axes, y: float, words: str) -> None:
    axes.annotate(words, (1.015, y), xycoords=("axes fraction", "data"), va="center", annotation_clip=False)


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _reference_lines(axes: Axes, *, mean: float) -> None:
    for value, name in ((mean, f"mean {mean:.1f}"), (100 * CHANCE, "chance")):
        axes.axhline(value, color=_DARK, linestyle="--", linewidth=1)
        _beside(axes, value, name)
    axes.set_ylim(0, 105)
    axes.grid(axis="y")
