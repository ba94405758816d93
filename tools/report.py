"""Write the report with what the experiments found: the page of the stage `report`, and a section for each.

Reads   what that stage reads, metrics/ and figures/
Writes  data/report/with_experiments.html

A section whose metrics are not there is left out. This is no stage, because DVC would run all of an
experiment, hours of it, before a stage of the main pipeline that reads a result of it: a metrics file, once
it is declared as a dependency or as parameters, is an edge to the stage that writes it. Metrics are in git,
so that the page can be written at any time, and always says what they say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ser.evaluation.model_names import capitalized
from ser.files import replacing
from ser.report import html_parts
from ser.report.html_parts import Cell, Written
from ser.report.inputs import read_figures
from ser.report.page import Section
from stages import command
from stages.report import render
from tools.result_tables import TABLES

PAGE = Path("data/report/with_experiments.html")


@dataclass(frozen=True)
class Experiment:
    """An experiment's section of the report.

    Attributes
    ----------
    heading : str
        Heading on the page and in its table of contents.
    metrics : tuple of str
        Files below metrics/ without which there is no section.
    about : str
        Method of the experiment, and how to read its results; without their figures, which would get old.
    tables : dict of str to str
        Captions of the tables, by their names in `tools.result_tables.TABLES`.
    figures : dict of str to str
        Captions of the figures, by their paths below figures/ without ending.
    page : str
        Name of the page in docs/results with the full results.
    """

    heading: str
    metrics: tuple[str, ...]
    about: str
    tables: Mapping[str, str]
    figures: Mapping[str, str]
    page: str


EXPERIMENTS: Mapping[str, Experiment] = {
    "leakage": Experiment(
        heading="Leakage ladder",
        metrics=("ladder.json", "ladder_long.json"),
        about=(
            "A score is inflated if test speakers, or copies of test clips, are in training, or if the "
            "epoch is chosen on the test clips. The ladder takes such leaks away one after the other: each "
            "step differs from the one above it in one thing. The last step permutes the training labels "
            "and must be at chance level. The other tables compare each model with a leak and without it; "
            "the same actors are drawn for both, so that an interval above 0 is inflation."
        ),
        tables={
            "long_training": "Augmenting before the split: UAR by the way to split, in %",
            "ladder_steps": "The ladder: the article's CNN, trained briefly, one change a step, in %",
            "inflation": "Inflation of UAR by each leak, with 95 % intervals",
        },
        figures={
            "ladder/ladder": "UAR at each step with its 95 % interval; small points are seeds.",
            "ladder/leaks": "Inflation of the UAR of each model by each leak, with its 95 % interval.",
        },
        page="leakage",
    ),
    "protocols": Experiment(
        heading="Other protocols",
        metrics=("protocols/article.json", "protocols/emobox6.json", "protocols/loso.json"),
        about=(
            "Scores on RAVDESS are published under many protocols, and only those under the same one are "
            "comparable. So the same models, with the same settings, were trained and tested under others "
            "too. EmoBox (Ma et al., 2024) trains small classifiers on large frozen encoders, and publishes"
            " no interval."
        ),
        tables={"protocols": "UAR by protocol, with 95 % intervals"},
        figures={},
        page="protocols",
    ),
    "robustness": Experiment(
        heading="Robustness to corruptions",
        metrics=("robustness.json",),
        about=(
            "RAVDESS was recorded in a studio. Here the test clips of LUNA5 are corrupted by simulation. The "
            "LDAs on Whisper's layers were trained on corrupted copies, the other models were not. A loss is "
            "what the same LDAs score less where no training copy has that kind of corruption."
        ),
        tables={
            "robustness_compared": "UAR by condition (LUNA5) of two models, in %, and their difference",
            "robustness_left_out": "UAR where a kind of corruption is left out of training, in %",
            "robustness_gains": "Gain of UAR by augmentation in training, with 95 % intervals",
        },
        figures={
            "robustness/noise": "UAR in white noise and in babble, by the signal-to-noise ratio.",
            "robustness/conditions": "UAR in the other conditions, with 95 % intervals.",
            "robustness/left_out": "Loss of UAR where a kind of corruption is left out of training.",
            "robustness/augmentation": "Gain of UAR by augmentation in training, by condition.",
        },
        page="robustness",
    ),
    "adaptation": Experiment(
        heading="Speaker adaptation",
        metrics=("enrolled.json",),
        about=(
            "The model gets some unlabelled clips of each test speaker first, and estimates from them how "
            "far the voice lies from the mean voice. These enrolment clips are drawn anew for every seed "
            "and are not scored. They hold all emotions alike, which favours adaptation. Clips of test "
            "speakers are used, so that these scores are not comparable with those above."
        ),
        tables={"speaker_adaptation": "UAR by the number of enrolment clips (folds of LUNA5), in %"},
        figures={"enrolled/uar_by_clips": "UAR by the number of enrolment clips, with its 95 % interval."},
        page="speaker_adaptation",
    ),
}
"""By the anchor of the section."""


def sections(metrics: Path, figures: Path) -> list[Section]:
    """Write the section of each experiment whose metrics are there.

    Parameters
    ----------
    metrics, figures
        Folders of the metrics and of the figures.

    Raises
    ------
    InputError
        Where metrics cannot be read, or a figure beside them is missing.
    """
    return [
        Section(anchor, experiment.heading, _content(experiment, metrics, figures))
        for anchor, experiment in EXPERIMENTS.items()
        if all((metrics / name).exists() for name in experiment.metrics)
    ]


def _content(experiment: Experiment, metrics: Path, figures: Path) -> str:
    parts = [f"<p>{experiment.about}</p>\n"]
    parts += [html_table(TABLES[name](metrics), caption) for name, caption in experiment.tables.items()]
    for path, caption in experiment.figures.items():
        folder, name = path.split("/")
        pngs = read_figures(figures / folder, required=[name], run=f"the experiment of {folder}")
        parts.append(html_parts.figure(pngs[name], caption, f"Figure: {caption} A table here has the means."))
    parts.append(f"<p>More on it, and its limits: <code>docs/results/{experiment.page}.md</code>.</p>")
    return "\n".join(parts)


def html_table(markdown: str, caption: str) -> str:
    """Write a table of `tools.result_tables` as HTML, without the keys of models in its first column."""
    heading, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in markdown.splitlines())
    cells = [[re.sub(r" \(`\w+`\)", "", first), *map(_cell, rest)] for first, *rest in rows]
    return html_parts.table(caption, [capitalized(name) for name in heading], cells)


def _cell(text: str) -> Cell:
    return Written(text) if re.match(r"$|[-+\d]|at most", text) else text


def main() -> None:
    """Write the page, and say where it is."""
    command.parser(__doc__).parse_args()
    page = render(sections(Path("metrics"), Path("figures")))
    with replacing(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(PAGE.resolve())


if __name__ == "__main__":
    command.run(main)
