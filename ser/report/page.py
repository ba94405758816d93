"""The report: everything that was found, on one HTML page that needs nothing beside itself.

Only its players load something: the recordings, from where `fetch` put them. `ser/report/report.html` holds
the page and its prose, `ser/report/report.css` its looks; this module and `ser.report.behaviour` read the
results and make the tables and figures. Every result is a ``<data>`` element with the very value of the
metrics.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import pandas as pd

from ser.data.protocols import LUNA5
from ser.data.ravdess import ACTORS, EMOTIONS
from ser.errors import list_problems
from ser.evaluation.article_results import Comparison
from ser.evaluation.metrics import CHANCE
from ser.evaluation.model_names import capitalized, model_name
from ser.report import behaviour as report_behaviour
from ser.report.behaviour import Calibration, HumanComparison
from ser.report.html_parts import RAVDESS_MANIFEST, Cell, banner, figure, percent, table
from ser.report.inputs import Figures, Headline, Share, Some, Summary, read_checked, read_figures

_EXPLORE = {
    "class_distribution": "Clips of each emotion; neutral has no strong intensity, and so half as many.",
    "gender_distribution": "Clips of each emotion by male and by female actors.",
    "intensity_distribution": "Clips of each emotion in normal and in strong intensity.",
    "waveforms": "One sentence in every emotion, by a male and a female actor.",
    "logmels": "The same clips as the article's log-mel spectrograms, each cut 80 dB below its own peak.",
    "durations": "Length of the clips of each actor: boxes from quartile to quartile, a line at the median.",
    "loudness": "Level of the clips by actor and by emotion: what loudness alone could tell a model.",
}
_RESULTS = {
    "overview": "UAR of every model with its 95 % interval; the dashed line is the chance level.",
    "per_emotion": "Recall of each emotion by the best speaker-independent model.",
    "per_actor": "UAR of each actor by the best speaker-independent model.",
    "human_comparison": "Recall of human listeners and of our three best speaker-independent models.",
    "article_comparison": "Accuracies of the article with their 95 % intervals, and ours for every seed.",
    "learning_curves": "Loss and accuracy, epoch by epoch, for every seed and fold of the networks.",
}
_CALIBRATION = {
    "reliability": "Accuracy by confidence, bins of at least 10 clips; a marker's area tells how many.",
    "risk_coverage": "Accuracy on the clips that a model answers, if it abstains from the least confident.",
}


@dataclass(frozen=True)
class Score:
    """Scores of a group of clips, from 0 to 1."""

    uar: Share
    accuracy: Share


@dataclass(frozen=True)
class Confusion:
    """A confusion of two emotions, as a proportion of the actual emotion's clips."""

    actual: str
    predicted: str
    share: Share


@dataclass(frozen=True)
class Detail:
    """A model's entry in ``details.json``: ``n`` test clips a seed, spreads over seeds, scores of groups."""

    n: int
    seeds: list[int]
    uar_sd: Share | None
    accuracy_sd: Share | None
    per_emotion: dict[str, Share | None]
    per_gender: Some[str, Score]
    per_intensity: Some[str, Score]
    per_statement: Some[str, Score]
    per_actor: Some[int, Score]
    confusions: list[Confusion]


@dataclass(frozen=True)
class Results:
    """The metrics that the page shows.

    Attributes
    ----------
    summary, details : dict
        Headline figures, and all other scores, by protocol and model.
    comparison : dict
        The article's accuracy and ours, by model.
    humans : HumanComparison
        Human listeners and the speaker-independent models.
    calibration : dict
        Calibration by model, of those that have predictions of validation actors.
    """

    summary: dict[str, dict[str, Headline]]
    details: dict[str, dict[str, Detail]]
    comparison: dict[str, Comparison]
    humans: HumanComparison
    calibration: dict[str, Calibration]

    @property
    def best(self) -> str:
        """The speaker-independent model of the highest UAR."""
        luna5 = self.summary["luna5"]
        return max(luna5, key=lambda model: luna5[model].uar)


@dataclass(frozen=True)
class Section:
    """A section beside those on the main pipeline.

    Attributes
    ----------
    anchor : str
        The section's ``id`` on the page.
    heading : str
        Heading on the page and in its table of contents, as plain text.
    html : str
        Content below the heading, as HTML.
    """

    anchor: str
    heading: str
    html: str


def read_results(folder: Path | str) -> Results:
    """Read ``{summary,details,article_comparison,human_comparison,calibration}.json``.

    Raises
    ------
    ser.errors.InputError
        Where files are missing, are no JSON, or lack something; names all of them.
    """
    schemas = {
        "summary": Summary,
        "details": dict[str, dict[str, Detail]],
        "article_comparison": Some[str, Comparison],
        "human_comparison": HumanComparison,
        "calibration": Some[str, Calibration],
    }
    contents, problems = read_checked({f"{folder}/{name}.json": schema for name, schema in schemas.items()})
    if not problems:
        problems += _contradictions(Results(*contents), folder=Path(folder))
    if problems:
        raise list_problems(f"{folder}: run the stages evaluate and calibrate again", problems)
    return Results(*contents)


def _contradictions(results: Results, *, folder: Path) -> Iterator[str]:
    for protocol in ("luna5", "article"):
        if protocol not in results.summary:
            yield f"{folder / 'summary.json'}: lacks {protocol}"
        for model in results.summary.get(protocol, {}):
            detail = results.details.get(protocol, {}).get(model)
            if detail is None:
                yield f"{folder / 'details.json'}: lacks {protocol}.{model}"
            elif set(detail.per_emotion) != set(EMOTIONS):
                yield f"{folder / 'details.json'}: {protocol}.{model}.per_emotion must hold the 8 emotions"


def read_explore_figures(folder: Path | str) -> Figures:
    """Read what `explore` drew; errors as of `read_figures`."""
    return read_figures(folder, required=_EXPLORE, run="the stage explore")


def read_calibration_figures(folder: Path | str) -> Figures:
    """Read what `calibrate` drew; errors as of `read_figures`."""
    return read_figures(folder, required=_CALIBRATION, run="the stage calibrate")


def read_result_figures(folder: Path | str) -> Figures:
    """Read what `evaluate` drew; errors as of `read_figures`."""
    return read_figures(folder, required=_RESULTS, run="the stage evaluate")


def render(
    results: Results,
    clips: pd.DataFrame,
    examples: pd.DataFrame,
    *,
    explore: Figures,
    result_figures: Figures,
    calibration_figures: Figures,
    sections: Sequence[Section] = (),
    manifest: str,
    bootstrap_samples: int,
    bins: int,
    test_size: float,
) -> str:
    """Write the page.

    Parameters
    ----------
    results
        All metrics, from `read_results`.
    clips
        A row a clip: ``clip``, ``emotion``, ``actor``, ``gender``, ``duration_s`` in seconds,
        ``sample_rate`` in Hz, ``duplicate``.
    examples
        A row an example, with `ser.evaluation.listening_examples.COLUMNS`.
    explore, result_figures, calibration_figures
        PNG files, from `read_explore_figures`, `read_result_figures` and `read_calibration_figures`.
    sections
        Further sections, beside those of the main pipeline.
    manifest
        Path of the manifest of the recordings; any but `RAVDESS_MANIFEST` is named in a banner.
    bootstrap_samples
        Number of bootstrap samples of the intervals.
    bins
        Number of equally wide bins of confidence, for the ECE.
    test_size
        Proportion of the clips that the article's split tests on, between 0 and 1.

    Returns
    -------
    str
        HTML; equal arguments give equal text.
    """
    folder = Path(__file__).parent
    template = Template((folder / "report.html").read_text(encoding="utf-8"))
    best = results.best
    ravdess = manifest == RAVDESS_MANIFEST
    pngs = {**result_figures, **calibration_figures, **explore}

    def show(names: Iterable[str]) -> str:
        return "".join(figure(pngs[name], *_words(name, results)) for name in names if name in pngs)

    confusions = {
        protocol: show(f"confusion_{protocol}_{model}" for model in models)
        for protocol, models in results.summary.items()
    }
    return template.substitute(
        style=(folder / "report.css").read_text(encoding="utf-8"),
        corpus_name="RAVDESS" if ravdess else "synthetic recordings",
        banner="" if ravdess else banner(manifest),
        headline=_headline(results),
        tiles=_tiles(results),
        n_models=len(results.summary["luna5"]),
        chance=percent(CHANCE),
        luna5_table=_luna5_table(results),
        emotion_table=_emotion_table(results),
        gender_table=_gender_table(results),
        group_table=_group_table(results),
        extremes_table=_extremes_table(results),
        confusion_table=_confusion_table(results),
        human_table=report_behaviour.human_table(results.humans),
        human_verdict=report_behaviour.human_verdict(results.humans, model=best, ravdess=ravdess),
        calibration_table=report_behaviour.calibration_table(results.calibration),
        coverage_table=report_behaviour.coverage_table(results.calibration),
        not_calibrated=_not_calibrated(results),
        players=report_behaviour.players(examples),
        actor_table=_actor_table(results, clips),
        actor_range=_actor_range(results),
        luna5_confusions=confusions["luna5"],
        article_table=_article_table(results),
        verdict=_verdict(results, ravdess=ravdess),
        article_confusions=confusions["article"],
        folds_table=_folds_table(),
        test_share=percent(test_size, digits=0),
        bootstrap_samples=f"{bootstrap_samples:,}",
        bins=bins,
        best=escape(model_name(best)),
        contents="".join(f'<li><a href="#{it.anchor}">{escape(it.heading)}</a></li>\n' for it in sections),
        sections="".join(map(_section, sections)),
        corpus_table=_corpus_table(clips),
        explore_figures=show(_EXPLORE),
        **{f"figure_{name}": show([name]) for name in (*_RESULTS, *_CALIBRATION)},
    )


def _section(section: Section) -> str:
    return (
        f'<section aria-labelledby="{section.anchor}">\n'
        f'<h2 id="{section.anchor}">{escape(section.heading)}</h2>\n{section.html}\n</section>\n\n'
    )


def _headline(results: Results) -> str:
    score = results.summary["luna5"][results.best]
    return (
        f"The best of {len(results.summary['luna5'])} speaker-independent models by its test score, "
        f"{escape(model_name(results.best))}, recognises on average "
        f"<strong>{percent(score.uar)}&nbsp;%</strong> of the clips of each emotion (UAR; 95&nbsp;% "
        f"interval {percent(score.uar_low)} to {percent(score.uar_high)}&nbsp;%), where the chance level is "
        f"{percent(CHANCE)}&nbsp;%."
    )


def _tiles(results: Results) -> str:
    score = results.summary["luna5"][results.best]
    tiles = {"UAR": score.uar, "Accuracy": score.accuracy, "Macro-F1": score.macro_f1, "Chance": CHANCE}
    return "".join(
        f"<div><dt>{name}</dt><dd>{percent(value)}<small>&nbsp;%</small></dd></div>"
        for name, value in tiles.items()
    )


def _luna5_table(results: Results) -> str:
    rows: list[list[Cell]] = []
    for model, score in results.summary["luna5"].items():
        detail = results.details["luna5"][model]
        interval = (score.uar_low, score.uar_high)
        row: list[Cell] = [model_name(model), score.uar, interval, score.accuracy, score.macro_f1]
        rows.append([*row, len(detail.seeds), detail.uar_sd])
    return table(
        "Speaker-independent results (LUNA5), in %",
        ["Model", "UAR", "95 % interval of UAR", "Accuracy", "Macro-F1", "Seeds", "SD of UAR over seeds"],
        rows,
    )


def _emotion_table(results: Results) -> str:
    models = list(results.summary["luna5"])
    details = [results.details["luna5"][model] for model in models]
    return table(
        "Recall of each emotion (LUNA5), in %; its mean down a column is the UAR",
        ["Emotion", *(capitalized(model_name(model)) for model in models)],
        [[emotion, *(detail.per_emotion[emotion] for detail in details)] for emotion in EMOTIONS],
        bars=True,
    )


def _gender_table(results: Results) -> str:
    rows: list[list[Cell]] = [
        [model_name(model), gender, score.uar, score.accuracy]
        for model in results.summary["luna5"]
        for gender, score in results.details["luna5"][model].per_gender.items()
    ]
    return table(
        "By the actor's gender (LUNA5), in %", ["Model", "Actors", "UAR", "Accuracy"], rows, bars=True
    )


def _group_table(results: Results) -> str:
    models = list(results.summary["luna5"])
    details = [results.details["luna5"][model] for model in models]
    rows: list[list[Cell]] = []
    for group, words in (("per_intensity", "{}"), ("per_statement", "“{}”")):
        for name in getattr(details[0], group):
            scored = [getattr(detail, group)[name].uar for detail in details]
            rows.append([words.format(name.replace("_", " ").capitalize()), *scored])
    return table(
        "UAR by intensity and by statement (LUNA5), in %",
        ["Clips", *(capitalized(model_name(model)) for model in models)],
        rows,
        bars=True,
    )


def _extremes_table(results: Results) -> str:
    rows: list[list[Cell]] = []
    for model in results.summary["luna5"]:
        worst, best = _extremes(results.details["luna5"][model])
        rows.append([model_name(model), *worst, *best])
    return table(
        "The actors of whom each model recognises least and most (LUNA5), UAR in %",
        ["Model", "Worst", "UAR", "Best", "UAR"],
        rows,
    )


def _extremes(detail: Detail) -> list[tuple[str, float]]:
    chosen = (
        choose(detail.per_actor, key=lambda actor: detail.per_actor[actor].uar) for choose in (min, max)
    )
    return [(f"actor {actor}", detail.per_actor[actor].uar) for actor in chosen]


def _confusion_table(results: Results) -> str:
    confusions = results.details["luna5"][results.best].confusions
    return table(
        f"The most frequent confusions ({model_name(results.best)}, LUNA5), in % of the emotion's clips",
        ["Emotion", "Taken for", "Share"],
        [[it.actual, it.predicted, it.share] for it in confusions],
        bars=True,
    )


def _not_calibrated(results: Results) -> str:
    lacking = [model for model in results.summary["luna5"] if model not in results.calibration]
    if not lacking:
        return ""
    return f"Not here: {report_behaviour.names(lacking)}, without predictions of validation actors."


def _actor_table(results: Results, clips: pd.DataFrame) -> str:
    gender_of = clips.groupby("actor")["gender"].first()
    fold_of = {actor: number for number, fold in enumerate(LUNA5) for actor in fold.test}
    rows: list[list[Cell]] = [
        [f"Actor {actor}", str(gender_of.get(actor, "")), fold_of.get(actor), score.uar, score.accuracy]
        for actor, score in results.details["luna5"][results.best].per_actor.items()
    ]
    return table(
        f"By actor ({model_name(results.best)}, LUNA5), in %",
        ["Actor", "Gender", "Tested in fold", "UAR", "Accuracy"],
        rows,
        bars=True,
    )


def _actor_range(results: Results) -> str:
    (low, least), (high, most) = _extremes(results.details["luna5"][results.best])
    return f"from {percent(least)}&nbsp;% ({low}) to {percent(most)}&nbsp;% ({high})"


def _article_table(results: Results) -> str:
    rows: list[list[Cell]] = []
    for model, it in results.comparison.items():
        score = results.summary["article"].get(model)
        article: list[Cell] = [model_name(model), it.article, (it.article_low, it.article_high)]
        ours: list[Cell] = [it.measured, (it.measured_low, it.measured_high), it.measured_sd, it.seeds]
        rows.append([*article, *ours, _inside(it), score.uar if score else None])
    return table(
        "The article's accuracies and ours (random split), in %",
        [
            "Model",
            "Article",
            "Its 95 % interval",
            "Ours, mean",
            "Lowest to highest seed",
            "SD over seeds",
            "Seeds",
            "Inside that interval?",
            "Our UAR",
        ],
        rows,
    )


def _inside(it: Comparison) -> str:
    if it.inside:
        return "yes"
    return "no\N{NO-BREAK SPACE}(above)" if it.measured > it.article else "no\N{NO-BREAK SPACE}(below)"


def _verdict(results: Results, *, ravdess: bool) -> str:
    outside = [model for model, it in results.comparison.items() if not it.inside]
    inside = len(results.comparison) - len(outside)
    words = f"{inside} of {len(results.comparison)} of our means lie inside the article's 95 % interval."
    if not ravdess:
        words += " The article used RAVDESS, so on these recordings that means nothing."
    elif outside:
        words += f" Outside: {', '.join(map(model_name, outside))}."
    return escape(words).replace(" %", "&nbsp;%")


def _folds_table() -> str:
    rows = [
        [
            f"Fold {number}",
            _listing(fold.test),
            _listing(fold.validation),
            _listing(actor for actor in ACTORS if fold.role(actor) == "train"),
        ]
        for number, fold in enumerate(LUNA5)
    ]
    return table("The actors of the LUNA5 folds", ["Fold", "Test", "Validation", "Training"], rows)


def _listing(actors: Iterable[int]) -> str:
    return ", ".join(map(str, actors))


def _corpus_table(clips: pd.DataFrame) -> str:
    genders = clips.groupby("gender")["actor"].nunique()
    actors = f"{clips['actor'].nunique()} ({', '.join(f'{n} {gender}' for gender, n in genders.items())})"
    seconds = clips["duration_s"]
    doubled = clips.loc[clips["duplicate"], "clip"]
    facts = {
        "Clips": f"{len(clips):,}",
        "Actors": actors,
        "Emotions": ", ".join(emotion for emotion in EMOTIONS if (clips["emotion"] == emotion).any()),
        "Length in all": f"{seconds.sum() / 60:.0f} min",
        "Length of a clip": f"{seconds.min():.2f} to {seconds.max():.2f} s, median {seconds.median():.2f} s",
        "Sample rate": ", ".join(f"{rate:,} Hz" for rate in sorted(clips["sample_rate"].unique())),
        "Clips with the samples of another": ", ".join(sorted(doubled)) or "none",
    }
    return table("What was recorded", ["Fact", "Value"], list(facts.items()))


def _words(name: str, results: Results) -> tuple[str, str]:
    """Return a figure's caption and its alternative text."""
    if name.startswith("confusion_"):
        _, protocol, model = name.split("_", 2)
        split = "random split" if protocol == "article" else protocol.upper()
        title = f"{capitalized(model_name(model))}, {split}: what each emotion was taken for"
        scored = results.details[protocol][model].per_emotion.items()
        recalls = {emotion: recall for emotion, recall in scored if recall is not None}
        low, high = (choose(recalls, key=recalls.__getitem__) for choose in (min, max))
        return (
            f"{title}, in % of its test clips.",
            f"Confusion matrix. {title}. The best recalled is {high}, the least {low}.",
        )
    caption = (_EXPLORE | _RESULTS | _CALIBRATION).get(name, name.replace("_", " "))
    tabled = name in _RESULTS | _CALIBRATION and name != "learning_curves"
    return caption, f"Figure: {caption}{' A table on this page has the means.' if tabled else ''}"
