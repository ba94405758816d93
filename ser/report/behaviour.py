"""The report's sections on human baseline, calibration and listening examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from ser.data.ravdess import Clip, clip_path, parse_clip
from ser.evaluation.human_listeners import MERGED
from ser.evaluation.model_names import capitalized, model_name
from ser.report.html_parts import Cell, Plain, percent, table

Share = Annotated[float, Field(ge=0, le=1)]

_SAID = {"kids": "Kids are talking by the door", "dogs": "Dogs are sitting by the door"}


@dataclass(frozen=True)
class Heard:
    """Scores of human listeners from 0 to 1, neutral and calm as one."""

    accuracy: Share
    uar: Share
    per_emotion: dict[str, Share]


@dataclass(frozen=True)
class Compared(Heard):
    """Scores of a model, computed in the same way."""

    accuracy_low: Share
    accuracy_high: Share
    accuracy_summed: Share


@dataclass(frozen=True)
class HumanComparison:
    """The content of ``human_comparison.json``."""

    human: Heard
    models: dict[str, Compared]


@dataclass(frozen=True)
class Temperature:
    """Temperatures of a model's runs."""

    mean: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Quality:
    """As in `ser.evaluation.calibration.Quality`."""

    ece: Share
    nll: float
    brier: float
    aurc: Share


@dataclass(frozen=True)
class Calibration:
    """A model's entry in ``calibration.json``."""

    temperature: Temperature
    before: Quality
    after: Quality
    accuracy_at_coverage: dict[str, Share]


def human_table(compared: HumanComparison) -> str:
    """Tabulate recalls, accuracy and UAR of people and of every model."""
    human, models = compared.human, compared.models
    rows: list[list[Cell]] = [
        [emotion, human.per_emotion[emotion], *(it.per_emotion[emotion] for it in models.values())]
        for emotion in MERGED
    ]
    intervals = [(it.accuracy_low, it.accuracy_high) for it in models.values()]
    rows += [
        ["UAR of these seven", human.uar, *(it.uar for it in models.values())],
        ["Accuracy on all clips", human.accuracy, *(it.accuracy for it in models.values())],
        ["its 95 % interval", None, *intervals],
        ["Accuracy, added up first", None, *(it.accuracy_summed for it in models.values())],
    ]
    names = (capitalized(model_name(model)) for model in models)
    return table(
        "Human listeners and models (LUNA5), neutral and calm as one: recall, in %",
        ["Emotion", "Human listeners", *names],
        rows,
    )


def human_verdict(compared: HumanComparison, *, model: str, ravdess: bool) -> str:
    """Compare a model with human listeners in words."""
    human, it = compared.human, compared.models[model]
    better = [name for name in MERGED if it.per_emotion[name] > human.per_emotion[name]]
    low, high = it.accuracy_low, it.accuracy_high
    place = "below" if human.accuracy < low else "above" if human.accuracy > high else "inside"
    words = (
        f"Of all clips {escape(model_name(model))} recognises {percent(it.accuracy)}&nbsp;% "
        f"(95&nbsp;% interval {percent(low)} to {percent(high)}&nbsp;%), human listeners "
        f"{percent(human.accuracy)}&nbsp;%, which lies {place} that interval. "
        f"Its recall is above theirs for {len(better)} of the {len(MERGED)} emotions"
    )
    words += f" ({escape(', '.join(better))})." if 0 < len(better) < len(MERGED) else "."
    return (
        words
        if ravdess
        else words + " The listeners rated RAVDESS, so on these recordings that means nothing."
    )


def calibration_table(calibrated: Mapping[str, Calibration]) -> str:
    """Tabulate temperatures, and the quality of probabilities before and after."""
    kinds = ("ECE", "NLL", "AURC")
    columns = [f"{name} {when}" for name in kinds for when in ("before", "after")]
    rows: list[list[Cell]] = []
    for model, it in calibrated.items():
        temperatures = (it.temperature.mean, it.temperature.least, it.temperature.greatest)
        row: list[Cell] = [model_name(model), *map(Plain, temperatures), it.before.ece, it.after.ece]
        row += [Plain(it.before.nll), Plain(it.after.nll), it.before.aurc, it.after.aurc]
        rows.append(row)
    return table(
        "Confidence before and after temperature scaling (LUNA5); ECE and AURC in %",
        ["Model", "Mean temperature", "Least", "Greatest", *columns],
        rows,
    )


def coverage_table(calibrated: Mapping[str, Calibration]) -> str:
    """Tabulate the accuracy on the most confident clips of each model."""
    coverages = list(next(iter(calibrated.values())).accuracy_at_coverage)
    rows: list[list[Cell]] = [
        [model_name(model), *it.accuracy_at_coverage.values()] for model, it in calibrated.items()
    ]
    return table(
        "Accuracy on the most confident clips, by their share (LUNA5), in %",
        ["Model", *(f"{100 * float(share):.0f} %" for share in coverages)],
        rows,
    )


def players(examples: pd.DataFrame) -> str:
    """Write a card for each emotion with a player for each of its examples.

    Parameters
    ----------
    examples
        A row an example, with the columns `ser.evaluation.listening_examples.COLUMNS`. The recordings are
        addressed where `fetch` puts them, relative to the page.
    """
    return "\n".join(
        f'<section class="card">\n<h3>{escape(capitalized(str(emotion)))}</h3>\n'
        f"{''.join(map(_player, chosen.to_dict('records')))}</section>"
        for emotion, chosen in examples.groupby("emotion", sort=False)
    )


def _player(example: Mapping[Any, Any]) -> str:
    clip = parse_clip(str(example["clip"]))
    verdict = "Recognised" if example["right"] else f"Taken for {example['predicted']}"
    source = clip_path("../raw", clip.clip).as_posix()
    return (
        f'<figure class="player"><figcaption><strong>{escape(verdict)}</strong>, confidence '
        f"{percent(float(example['confidence']))}&nbsp;%. {_described(clip)}</figcaption>\n"
        f'<audio controls preload="none" src="{escape(source)}" '
        f'aria-label="{escape(f"{clip.emotion}, actor {clip.actor}: {verdict}")}"></audio></figure>\n'
    )


def _described(clip: Clip) -> str:
    words = f"Actor {clip.actor}, {clip.gender}, {clip.intensity} intensity: “{_SAID[clip.statement]}”"
    return escape(words)


def names(models: Iterable[str]) -> str:
    """List models in a sentence."""
    return escape(", ".join(map(model_name, models)))
