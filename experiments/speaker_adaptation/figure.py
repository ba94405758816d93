"""The figure of the gain by speaker adaptation."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser.figures.style import project_style

_BLUE, _DARK, _GREY = "#0072b2", "#222222", "#777777"


def uar_by_clips(scores: Mapping[int, Mapping[str, Any]]) -> Figure:
    """Draw UAR by the number of enrolment clips: 95 % interval over actors, each draw, and the LDAs alone.

    Parameters
    ----------
    scores
        By the number of clips, ascending: ``uar``, ``uar_low``, ``uar_high``, ``uar_per_seed`` and
        ``lda_uar``, as shares.
    """
    counts = list(scores)
    uars = [100 * it["uar"] for it in scores.values()]
    below = [100 * (it["uar"] - it["uar_low"]) for it in scores.values()]
    above = [100 * (it["uar_high"] - it["uar"]) for it in scores.values()]
    with project_style():
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.errorbar(
            counts,
            uars,
            yerr=(below, above),
            color=_BLUE,
            marker="o",
            markersize=5,
            capsize=3,
            elinewidth=1.0,
            label="mean over draws, 95 % interval over actors",
        )
        axes.plot(
            counts,
            [100 * it["lda_uar"] for it in scores.values()],
            color=_GREY,
            linestyle="--",
            marker=".",
            label="the same without the CNN",
        )
        for count, score in scores.items():
            seeds = [100 * each for each in score["uar_per_seed"].values()]
            # Beside the interval, which would hide them.
            axes.plot(
                [count + 0.6] * len(seeds),
                seeds,
                linestyle="none",
                marker="_",
                color=_DARK,
                label="one draw of the clips" if count == counts[0] else None,
            )
            axes.annotate(
                f"{100 * score['uar']:.1f}",
                (count, 100 * score["uar"]),
                xytext=(-5, 6),
                textcoords="offset points",
                ha="right",
            )
        axes.margins(x=0.08)
        axes.set_xticks(counts)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("unlabelled clips used for adaptation")
        axes.set_ylabel("UAR in % on the speaker's other clips")
        axes.grid(axis="y")
        axes.legend(loc="lower right")
        axes.set_title("Gain by unsupervised speaker adaptation (LUNA5)")
    return figure
