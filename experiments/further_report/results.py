"""What the pipelines beside the root's have found, read and checked for their report.

References
----------
metrics/ladder.json: `experiments.ladder.scores`; metrics/robustness.json: `experiments.robustness.scores`;
metrics/enrolled.json and
metrics/protocols: experiments/speaker_adaptation/adapt.py and experiments/protocols/evaluate.py.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from experiments.ladder.figures import LEAK_NAMES, LEAKY_MODELS
from experiments.ladder.recipes import RUNGS
from experiments.ladder.scores import Pair, Rung, Worth
from experiments.robustness.condition_names import condition_words
from experiments.robustness.scores import MODELS, PAIRS
from ser.errors import list_problems
from ser.report.inputs import Figures, Headline, Share, Some, Summary, read_checked, read_figures

Difference = Annotated[float, Field(ge=-1, le=1)]
"""Of two shares."""

PROTOCOLS = {"emobox6": "protocols", "loso": "loso", "article": "protocols"}
"""By name, with the folder of the pipeline in experiments/ that tests the final models under it."""

FIGURES = {
    "ladder": ("ladder", "leaks"),
    "enrolled": ("uar_by_clips",),
    "robustness": ("noise", "conditions", "augmentation"),
}
"""By their folder in figures/."""


@dataclass(frozen=True)
class Ladder:
    """The content of ``ladder.json``."""

    rungs: list[Rung]
    leaks: list[Worth]
    byte_identical_pair: list[Pair]

    @property
    def models(self) -> list[str]:
        """Those for which a leak was weighed, in the order of the figure."""
        return [model for model in LEAKY_MODELS if any(it.model == model for it in self.leaks)]


@dataclass(frozen=True)
class EnrolledScore(Headline):
    """The scores for one number of enrolled clips: ``n`` are tested a draw, ``lda_uar`` lacks the network."""

    n: int
    uar_sd: Share | None
    uar_per_seed: Some[int, Share]
    lda_uar: Share


@dataclass(frozen=True)
class Uar:
    """A UAR with its 95 % interval."""

    uar: Share
    uar_low: Share
    uar_high: Share


@dataclass(frozen=True)
class Gain:
    """By how much the UAR rises, with its 95 % interval."""

    gain: Difference
    low: Difference
    high: Difference


@dataclass(frozen=True)
class Robustness:
    """The content of ``robustness.json``, by condition and model, and by kind of model and condition."""

    uar: Some[str, dict[str, Uar]]
    gain_by_augmentation: dict[str, dict[str, Gain]]


@dataclass(frozen=True)
class ProtocolScore(Headline):
    """A model's scores under a protocol: ``n`` test clips a seed, spread over seeds."""

    n: int
    seeds: list[int]
    uar_sd: Share | None


@dataclass(frozen=True)
class FurtherResults:
    """All of it.

    Attributes
    ----------
    ladder : Ladder
    enrolled : dict
        By the number of clips, ascending.
    robustness : Robustness
    protocols : dict
        By protocol and model.
    summary : dict
        The main pipeline's, to compare with.
    """

    ladder: Ladder
    enrolled: dict[int, EnrolledScore]
    robustness: Robustness
    protocols: dict[str, dict[str, ProtocolScore]]
    summary: Summary


def read_further_results(folder: Path | str) -> FurtherResults:
    """Read ``{ladder,enrolled,robustness,summary}.json`` and ``protocols/{emobox6,loso,article}.json``.

    Raises
    ------
    ser.errors.InputError
        Where files are missing, are no JSON, or lack something; names all of them, and what writes them.
    """
    schemas = {
        f"{folder}/ladder.json": ("experiments/ladder/dvc.yaml", Ladder),
        f"{folder}/enrolled.json": ("experiments/speaker_adaptation/dvc.yaml", Some[int, EnrolledScore]),
        f"{folder}/robustness.json": ("experiments/robustness/dvc.yaml", Robustness),
        f"{folder}/summary.json": ("evaluate", Summary),
    }
    for name, pipeline in PROTOCOLS.items():
        schema = Some[str, ProtocolScore]
        schemas[f"{folder}/protocols/{name}.json"] = (f"experiments/{pipeline}/dvc.yaml", schema)
    contents, problems = read_checked({path: schema for path, (_, schema) in schemas.items()})
    if not problems:
        ladder, enrolled, robustness, summary, *protocols = contents
        results = FurtherResults(
            ladder, enrolled, robustness, dict(zip(PROTOCOLS, protocols, strict=True)), summary
        )
        problems += _contradictions(results, folder=f"{folder}")
    if problems:
        makers = sorted({maker for path, (maker, _) in schemas.items() if _names(path, problems)})
        raise list_problems(f"{folder}: run {' and '.join(f'dvc repro {it}' for it in makers)}", problems)
    return results


def _names(path: str, problems: list[str]) -> bool:
    return any(problem.startswith(f"{path}: ") for problem in problems)


def _contradictions(results: FurtherResults, *, folder: str) -> Iterator[str]:
    ladder, robustness = results.ladder, results.robustness
    yield from _unlike(
        [rung.recipe for rung in ladder.rungs], list(RUNGS), f"{folder}/ladder.json: rungs.recipe"
    )
    for leak in ladder.leaks:
        if leak.leak not in LEAK_NAMES or leak.model not in LEAKY_MODELS:
            yield f"{folder}/ladder.json: leaks: {leak.leak} of {leak.model} is unknown"
    for rung in ladder.rungs:
        if not rung.per_seed:
            yield f"{folder}/ladder.json: rungs.{rung.recipe}.per_seed is empty"

    path = f"{folder}/robustness.json"
    if "clean" not in robustness.uar:
        yield f"{path}: uar lacks clean"
    for condition, models in robustness.uar.items():
        try:
            condition_words(condition)
        except (KeyError, ValueError):
            yield f"{path}: uar.{condition} is an unknown condition"
        yield from _unlike(models, MODELS, f"{path}: uar.{condition}")
    yield from _unlike(robustness.gain_by_augmentation, PAIRS, f"{path}: gain_by_augmentation")
    for kind, gains in robustness.gain_by_augmentation.items():
        yield from _unlike(gains, robustness.uar, f"{path}: gain_by_augmentation.{kind}")
    if "luna5" not in results.summary:
        yield f"{folder}/summary.json: lacks luna5"


def _unlike(found: Collection[str], wanted: Collection[str], place: str) -> Iterator[str]:
    if sorted(found) != sorted(wanted):
        yield f"{place} must be {', '.join(wanted)}"


def read_further_figures(folder: Path | str) -> Figures:
    """Read what those pipelines drew, by name.

    Raises
    ------
    ser.errors.InputError
        As of `ser.report.inputs.read_figures`.
    """
    figures: dict[str, bytes] = {}
    for name, required in FIGURES.items():
        pipeline = "enrolment" if name == "enrolled" else name
        found = read_figures(
            f"{folder}/{name}", required=required, run=f"dvc repro experiments/{pipeline}/dvc.yaml"
        )
        figures |= {figure: found[figure] for figure in required}
    return figures
