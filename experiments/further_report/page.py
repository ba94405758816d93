"""The further report: leaks, enrolment, degraded recordings and other protocols, on a page like the first.

`experiments/further_report/further.html` holds the page and its prose. Its tables, and the sentences that
follow from results, are
made here, in `experiments.further_report.ladder_section` and in
`experiments.further_report.robustness_section`; what is read is in `experiments.further_report.results`.
"""

from html import escape
from pathlib import Path
from string import Template

from experiments.further_report import ladder_section as report_ladder
from experiments.further_report import robustness_section as report_robustness
from experiments.further_report.protocols import EMOBOX_UAR, PROTOCOL_TITLES
from experiments.further_report.results import FurtherResults
from ser import report
from ser.evaluation.model_names import model_name
from ser.evaluation.scores import CHANCE
from ser.report.html_parts import RAVDESS_MANIFEST, Cell, Estimate, banner, figure, percent, table
from ser.report.inputs import Figures

_CAPTIONS = {
    "ladder": "The ladder: UAR on each rung with its 95 % interval; small points are seeds.",
    "leaks": "What each leak adds to the UAR of each model, with its 95 % interval.",
    "uar_by_clips": "UAR by the number of clips that are heard first, with its 95 % interval and every draw.",
    "noise": "UAR in white noise and in babble, by the signal-to-noise ratio.",
    "conditions": "UAR under all other conditions, with 95 % intervals.",
    "augmentation": "What augmented copies in training add to the UAR, condition by condition.",
}


def render(results: FurtherResults, figures: Figures, *, manifest: str, bootstrap_samples: int) -> str:
    """Write the page.

    Parameters
    ----------
    results
        From `experiments.further_report.results.read_further_results`.
    figures
        From `experiments.further_report.results.read_further_figures`.
    manifest
        Which manifest the recordings were held to; any but `RAVDESS_MANIFEST` is named in a banner.
    bootstrap_samples
        How many times the actors were drawn for the intervals.

    Returns
    -------
    str
        HTML; equal arguments give equal text.
    """
    folder = Path(__file__).parent
    template = Template((folder / "further.html").read_text(encoding="utf-8"))
    ravdess = manifest == RAVDESS_MANIFEST
    shown = {
        f"figure_{name}": figure(
            figures[name], caption, f"Figure: {caption} A table on this page has the numbers."
        )
        for name, caption in _CAPTIONS.items()
    }
    return template.substitute(
        style=(Path(report.__file__).parent / "report.css").read_text(encoding="utf-8"),
        corpus_name="RAVDESS" if ravdess else "synthetic recordings",
        banner="" if ravdess else banner(manifest),
        headline=report_ladder.headline(results.ladder),
        chance=percent(CHANCE),
        rungs_table=report_ladder.rungs_table(results.ladder),
        epochs_table=report_ladder.epochs_table(results.ladder),
        leaks_table=report_ladder.leaks_table(results.ladder),
        leak_words=report_ladder.leak_words(results.ladder),
        sides_table=report_ladder.sides_table(results.ladder),
        pair_table=report_ladder.pair_table(results.ladder),
        enrolled_table=_enrolled_table(results),
        draws_table=_draws_table(results),
        enrolled_words=_enrolled_words(results),
        condition_table=report_robustness.condition_table(results.robustness),
        robustness_words=report_robustness.robustness_words(results.robustness),
        gain_table=report_robustness.gain_table(results.robustness),
        gain_words=report_robustness.gain_words(results.robustness),
        protocols_table=_protocols_table(results),
        protocol_tables="\n".join(_protocol_table(results, name) for name in results.protocols),
        protocol_words=_protocol_words(results),
        emobox_table=_emobox_table(),
        bootstrap_samples=f"{bootstrap_samples:,}",
        **shown,
    )


def _enrolled_table(results: FurtherResults) -> str:
    rows: list[list[Cell]] = []
    for n_clips, it in results.enrolled.items():
        uar = Estimate(it.uar, it.uar_low, it.uar_high)
        rows.append([n_clips, uar, it.accuracy, it.macro_f1, it.lda_uar, it.uar_sd, it.n])
    return table(
        "Recognised after some unlabelled clips of the speaker (protocol enrolled), in %",
        [
            "Clips heard first",
            "UAR, 95 % interval",
            "Accuracy",
            "Macro-F1",
            "UAR without the 2-D CNN",
            "SD of UAR over draws",
            "Clips tested",
        ],
        rows,
    )


def _draws_table(results: FurtherResults) -> str:
    draws = sorted({draw for it in results.enrolled.values() for draw in it.uar_per_seed})
    return table(
        "UAR of each draw of these clips, in %",
        ["Clips heard first", *(f"Draw {draw}" for draw in draws)],
        [[n_clips, *map(it.uar_per_seed.get, draws)] for n_clips, it in results.enrolled.items()],
    )


def _enrolled_words(results: FurtherResults) -> str:
    fewest, most = min(results.enrolled), max(results.enrolled)
    first, last = results.enrolled[fewest], results.enrolled[most]
    best = max(results.enrolled, key=lambda n_clips: results.enrolled[n_clips].uar)
    words = (
        f"With {fewest or 'no'} clips heard, the recognizer reaches a UAR of {percent(first.uar)}&nbsp;% "
        f"(95&nbsp;% interval {percent(first.uar_low)} to {percent(first.uar_high)}&nbsp;%); with {most}, "
        f"{percent(last.uar)}&nbsp;% ({percent(last.uar_low)} to {percent(last.uar_high)}&nbsp;%)."
    )
    return words if best == most else f"{words} The highest figure comes with {best}."


def _protocols_table(results: FurtherResults) -> str:
    """Tabulate the UAR of each model under each protocol, and under LUNA5 in the main pipeline."""
    luna5 = results.summary["luna5"]
    models = dict.fromkeys(model for scores in results.protocols.values() for model in scores)
    rows: list[list[Cell]] = []
    for model in models:
        scores = [luna5.get(model), *(by_model.get(model) for by_model in results.protocols.values())]
        estimates = [Estimate(it.uar, it.uar_low, it.uar_high) if it else None for it in scores]
        rows.append([model_name(model), *estimates])
    titles = [PROTOCOL_TITLES[name] for name in results.protocols]
    return table(
        "UAR of the final models by protocol, in %, with 95 % intervals",
        ["Model", "LUNA5: 5 folds by actor", *titles],
        rows,
        bars=True,
    )


def _protocol_table(results: FurtherResults, name: str) -> str:
    rows: list[list[Cell]] = [
        [model_name(model), it.uar, it.uar_sd, len(it.seeds), it.accuracy, it.macro_f1, it.n]
        for model, it in results.protocols[name].items()
    ]
    return table(
        f"{PROTOCOL_TITLES[name]}, in %",
        ["Model", "UAR", "SD of UAR over seeds", "Seeds", "Accuracy", "Macro-F1", "Clips tested a seed"],
        rows,
    )


def _protocol_words(results: FurtherResults) -> str:
    scores = results.protocols["emobox6"]
    best = max(scores, key=lambda model: scores[model].uar)
    it = scores[best]
    below = [encoder for encoder, uar in EMOBOX_UAR.items() if uar < it.uar_low]
    inside = [encoder for encoder, uar in EMOBOX_UAR.items() if it.uar_low <= uar <= it.uar_high]
    above = [encoder for encoder, uar in EMOBOX_UAR.items() if uar > it.uar_high]
    places = [
        f"{place} {escape(', '.join(encoders))}"
        for place, encoders in (("below it lies", below), ("inside", inside), ("above", above))
        if encoders
    ]
    return (
        f"Under EMOBOX6 our best model by its test score, {escape(model_name(best))}, has a UAR of "
        f"{percent(it.uar)}&nbsp;%, with a 95&nbsp;% interval of {percent(it.uar_low)} to "
        f"{percent(it.uar_high)}&nbsp;%. Of the figures of EmoBox, {'; '.join(places)}."
    )


def _emobox_table() -> str:
    return table(
        "Published by EmoBox: frozen encoders under the folds of EMOBOX6, UAR in %",
        ["Encoder", "UAR"],
        [[encoder, uar] for encoder, uar in EMOBOX_UAR.items()],
        bars=True,
    )
