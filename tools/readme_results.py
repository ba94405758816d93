"""Write the committed results into README.md, docs/ and the experiments' READMEs, between ``results`` marks.

A block between ``<!-- results: NAME -->`` and ``<!-- end -->``, or the same as comments of YAML, is replaced
by the table of that name; blocks that another tool writes stay as they are. Run it after `dvc repro`; a test
fails where a page gives other figures than metrics/ does.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.further_report.protocols import EMOBOX_UAR, PROTOCOL_TITLES
from experiments.ladder.figures import LEAK_NAMES, LEAKY_MODELS, RUNG_NAMES
from experiments.ladder.long_training import NAMES as LONG_NAMES
from ser.errors import InputError
from ser.evaluation.article_results import TEST_CLIPS
from ser.evaluation.model_names import model_name
from ser.export.summary import MODEL
from stages import command
from tools.check_current import ask_dvc
from tools.marked_blocks import block_names, fill_blocks

_INDEXED = (
    ("uar", "recall", "Unweighted average recall (UAR)"),
    ("accuracy", "accuracy", "Accuracy"),
    ("macro_f1", "f1", "Macro-F1"),
)
"""Of a score: its key, its type on Hugging Face, and its title."""
_GROUPS = (
    ("female actors", "per_gender", "female"),
    ("male actors", "per_gender", "male"),
    ("normal intensity, neutral left out", "per_intensity", "normal_without_neutral"),
    ("strong intensity", "per_intensity", "strong"),
    ('"Kids are talking by the door"', "per_statement", "kids"),
    ('"Dogs are sitting by the door"', "per_statement", "dogs"),
)
PROTOCOLS = {"luna5": "LUNA5", "emobox6": "EMOBOX6"}
WHISPER_MODELS = {"whisper_lda": "Whisper's layers alone", "encoders_lda": "both encoders"}
ALIGNED_PROTOCOLS = {**PROTOCOLS, "loso": "each actor left out in turn"}
ALL_PROTOCOLS = {**ALIGNED_PROTOCOLS, "article": "article's random split"}
ALIGNED_MODELS = {
    "plain_lda": "LDA on functionals",
    "pitch_lda": "LDA on functionals and pitch",
    "aligned_lda": "the same, in step with the sentence",
    "logmel_cnn": "network",
    "aligned_fused": "network and LDA in step",
    "aligned_ensemble": "three networks and LDA in step",
}
TAUGHT_MODELS = {
    "aligned_lda": "LDA in step, untaught",
    "taught_lda": "LDA in step, taught",
    "logmel_cnn": "network, untaught",
    "taught_cnn": "network, taught",
    "untaught_fused": "network and LDA, untaught",
    "taught_fused": "network and LDA, taught",
    "taught_ensemble": "three networks and LDA, taught",
}
TAUGHT_ADDS = {"lda": "the LDA in step", "network": "the network", "mean": "the two together"}
ALIGNED_ADDS = {"pitch": "Pitch", "in_step": "Hearing in step", "network": "The network"}
NEIGHBOUR_RUNGS = {
    "equal_copies": "three equal copies, made before the random split",
    "augment_first": "with a fourth copy of other speed and pitch",
    "split_first": "split at random first",
    "speakers": "test speakers are new (LUNA5)",
}
_PAGES = ("README.md", "docs/**/*.md", "experiments/*/README.md")


def percent(share: float) -> str:
    """Write a share as a percentage with one decimal."""
    return f"{100 * share:.1f}"


def interval_of(scores: dict[str, Any]) -> str:
    """Write the interval of a UAR in percent."""
    return f"{percent(scores['uar_low'])} to {percent(scores['uar_high'])}"


def points_of(difference: float, low: float, high: float) -> str:
    """Write a difference of two shares, and its interval, in points."""
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def ranked(actors: dict[str, dict[str, Any]]) -> list[str]:
    """Order actors by UAR, the worst first."""
    return sorted(actors, key=lambda actor: actors[actor]["uar"])


def luna5_table(metrics: Path) -> str:
    """Tabulate the speaker-independent models, the best first."""
    lines = ["| model | UAR | 95 % interval | seeds | accuracy | macro-F1 |", "|---|---|---|---|---|---|"]
    details = _read(metrics / "details.json")["luna5"]
    for model, scores in _read(metrics / "summary.json")["luna5"].items():
        interval = interval_of(scores)
        spread, n_seeds = details[model]["uar_sd"], len(details[model]["seeds"])
        seeds = str(n_seeds) if spread is None else f"{n_seeds} (± {percent(spread)})"
        accuracy, f1 = percent(scores["accuracy"]), percent(scores["macro_f1"])
        figures = [percent(scores["uar"]), interval, seeds, accuracy, f1]
        lines.append(f"| {model_name(model)} (`{model}`) | {' | '.join(figures)} |")
    return "\n".join(lines)


def article_table(metrics: Path) -> str:
    """Tabulate the article's accuracies beside the measured ones."""
    lines = [
        f"| model | article (n = {TEST_CLIPS}) | its 95 % interval | measured, mean over seeds "
        "| least to greatest | seeds | inside? |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, row in _read(metrics / "article_comparison.json").items():
        article = f"{percent(row['article_low'])} to {percent(row['article_high'])}"
        seeds = f"{percent(row['measured_low'])} to {percent(row['measured_high'])}"
        lines.append(
            f"| {model_name(model)} | {100 * row['article']:.2f} | {article} | {percent(row['measured'])} "
            f"| {seeds} | {row['seeds']} | {'yes' if row['inside'] else 'no'} |"
        )
    return "\n".join(lines)


def emotion_table(metrics: Path) -> str:
    """Tabulate the recall of each emotion for the speaker-independent models."""
    details = _read(metrics / "details.json")["luna5"]
    order = list(_read(metrics / "summary.json")["luna5"])
    emotions = list(details[order[0]]["per_emotion"])
    lines = [f"| recall, % | {' | '.join(emotions)} |", f"|---|{'---|' * len(emotions)}"]
    for model in order:
        recalls = [percent(details[model]["per_emotion"][emotion]) for emotion in emotions]
        lines.append(f"| `{model}` | {' | '.join(recalls)} |")
    return "\n".join(lines)


def gender_table(metrics: Path) -> str:
    """Tabulate UAR by the actors' gender, and of the worst and best actor, by speaker-independent model."""
    details = _read(metrics / "details.json")["luna5"]
    lines = ["| UAR, % | female actors | male actors | worst actor | best actor |", "|---|---|---|---|---|"]
    for model in _read(metrics / "summary.json")["luna5"]:
        gender = details[model]["per_gender"]
        actors = details[model]["per_actor"]
        by_uar = ranked(actors)
        ends = [f"{percent(actors[actor]['uar'])} ({actor})" for actor in (by_uar[0], by_uar[-1])]
        figures = [percent(gender["female"]["uar"]), percent(gender["male"]["uar"]), *ends]
        lines.append(f"| `{model}` | {' | '.join(figures)} |")
    return "\n".join(lines)


def enrolled_table(metrics: Path) -> str:
    """Tabulate the scores of enrolled speakers by the number of their clips."""
    lines = [
        "| clips heard | UAR | 95 % interval | accuracy | spread over draws | UAR without the network |",
        "|---|---|---|---|---|---|",
    ]
    for n_clips, scores in _read(metrics / "enrolled.json").items():
        interval = interval_of(scores)
        spread = "" if scores["uar_sd"] is None else percent(scores["uar_sd"])
        figures = [
            percent(scores["uar"]),
            interval,
            percent(scores["accuracy"]),
            spread,
            percent(scores["lda_uar"]),
        ]
        lines.append(f"| {n_clips} | {' | '.join(figures)} |")
    return "\n".join(lines)


def whisper_table(metrics: Path) -> str:
    """Tabulate the LDAs on Whisper's encoder: of new speakers, then by the clips heard first."""
    found = _read(metrics / "whisper.json")
    whom = dict.fromkeys(ALIGNED_PROTOCOLS, "new speakers") | {"article": "every actor on both sides"}
    rows = [
        (f"{whom[protocol]}, {whose}: {name}", found[protocol][model])
        for protocol, whose in ALL_PROTOCOLS.items()
        for model, name in WHISPER_MODELS.items()
    ]
    rows += [(f"{n_clips} clips heard first: both encoders", it) for n_clips, it in found["enrolled"].items()]
    lines = ["| | UAR | 95 % interval | accuracy | macro-F1 |", "|---|---|---|---|---|"]
    for name, it in rows:
        accuracy, f1 = percent(it["accuracy"]), percent(it["macro_f1"])
        lines.append(f"| {name} | {percent(it['uar'])} | {interval_of(it)} | {accuracy} | {f1} |")
    return "\n".join(lines)


def whisper_leaks_list(metrics: Path) -> str:
    """Tell what the checks of the model with Whisper's encoder found."""
    found = _read(metrics / "whisper_leaks.json")
    plain = _read(metrics / "whisper.json")["luna5"][found["model"]]["uar"]
    known, canary = (percent(found[name]) for name in ("canary_of_known_actors_uar", "canary_uar"))
    lines = [
        f"- Columns that give actor and emotion away: {known} under the article's split, {canary} rather "
        f"than {percent(plain)} under LUNA5."
    ]
    for n_clips, it in found["by_clips"].items():
        whom = f"Speakers heard in {n_clips} clips" if int(n_clips) else "New speakers"
        shuffled = ", ".join(percent(value) for value in it["permuted_uar_by_seed"].values())
        lines.append(
            f"- {whom}: with the emotions of the training clips shuffled {shuffled}; without the tested "
            f"clips the first fold's probabilities differ by at most {it['unseen_largest_difference']:.0e}."
        )
    return "\n".join(lines)


def aligned_table(metrics: Path) -> str:
    """Tabulate the models in step by protocol, and below them what each thing that they read adds."""
    found = _read(metrics / "aligned.json")
    lines = [*_rows_by_protocol(found, ALIGNED_MODELS, ALIGNED_PROTOCOLS), ""]
    for what, name in ALIGNED_ADDS.items():
        lines.append(f"- {name} adds, in points: {_adds_by_protocol(found, what)}.")
    shares = [percent(found["sentences_found"][protocol]) for protocol in ALIGNED_PROTOCOLS]
    lines.append(
        f"- The sentence was found of {shares[0]}, {shares[1]} and {shares[2]} % of the tested clips."
    )
    return "\n".join(lines)


def taught_table(metrics: Path) -> str:
    """Tabulate taught and untaught models by protocol, and below them what the teaching adds."""
    found = _read(metrics / "taught.json")
    lines = [*_rows_by_protocol(found, TAUGHT_MODELS, ALL_PROTOCOLS), ""]
    for what, name in TAUGHT_ADDS.items():
        lines.append(f"- The teaching adds to {name}, in points: {_adds_by_protocol(found, what)}.")
    return "\n".join(lines)


def _rows_by_protocol(found: dict[str, Any], models: dict[str, str], protocols: dict[str, str]) -> list[str]:
    first, *others = protocols.values()
    lines = [
        f"| UAR | {first} | {first}, 95 % interval | {' | '.join(others)} |",
        f"|---|---|{'---|' * len(protocols)}",
    ]
    for model, name in models.items():
        # Not every model was run under every protocol.
        of = [found[protocol].get(model) for protocol in protocols]
        cells = [_with_spread(it) if it else "" for it in of]
        cells.insert(1, interval_of(of[0]))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _adds_by_protocol(found: dict[str, Any], what: str) -> str:
    adds = {whose: found["adds"][protocol].get(what) for protocol, whose in ALIGNED_PROTOCOLS.items()}
    return ", ".join(
        f"{whose} {points_of(it['uar'], it['low'], it['high'])}" for whose, it in adds.items() if it
    )


def _with_spread(it: dict[str, Any]) -> str:
    spread = it["uar_sd"]
    return percent(it["uar"]) + (f" (± {percent(spread)})" if spread is not None else "")


def aligned_leaks_list(metrics: Path) -> str:
    """Tell what the checks of the models that hear in step found."""
    found = _read(metrics / "aligned_leaks.json")
    network = _read(metrics / "aligned_cnn_leaks.json")
    plain = _read(metrics / "aligned.json")["luna5"][found["model"]]["uar"]
    known, canary = (percent(found[name]) for name in ("canary_of_known_actors_uar", "canary_uar"))
    shuffled = ", ".join(percent(value) for value in found["permuted_uar_by_seed"].values())
    same = [_same(it["unseen_largest_difference"]) for it in (found, network)]
    return "\n".join(
        [
            f"- With the emotions of the training clips shuffled: {shuffled}; the network, on one fold, "
            f"{percent(network['permuted_uar'])}.",
            f"- Columns that give actor and emotion away: {known} where each actor is on both sides, "
            f"{canary} rather than {percent(plain)} under LUNA5.",
            f"- Without the tested clips each fold's probabilities are {same[0]}; those of the network "
            f"on one fold are {same[1]}.",
        ]
    )


def taught_leaks_list(metrics: Path) -> str:
    """Tell what the checks of teacher and taught models found."""
    found = _read(metrics / "taught_leaks.json")
    plain = percent(_read(metrics / "taught.json")["luna5"][found["model"]]["uar"])
    shuffled = ", ".join(percent(value) for value in found["permuted_uar_by_seed"].values())
    known, canary = (percent(found[name]) for name in ("canary_of_known_actors_uar", "canary_uar"))
    same = [_same(found[f"{whose}unseen_largest_difference"]) for whose in ("teacher_", "", "network_")]
    return "\n".join(
        [
            "- With the emotions of the training clips shuffled before the teacher hears them: the LDA "
            f"{shuffled}; the network, on one fold, {percent(found['network_permuted_uar'])}.",
            f"- Columns of the LDA that give actor and emotion away: {known} where each actor is on both "
            f"sides, {canary} rather than {plain} under LUNA5.",
            f"- Without the tested clips the teacher's opinions are {same[0]}; the LDA's probabilities "
            f"are {same[1]}; those of the network on one fold are {same[2]}.",
        ]
    )


def _same(difference: float) -> str:
    return f"other ones, by at most {difference:.0e}" if difference else "the same, to the bit"


def ladder_table(metrics: Path) -> str:
    """Tabulate the rungs of the ladder, and below them what each leak is worth to each model."""
    results = _read(metrics / "ladder.json")
    lines = [
        "| rung: what changes | epoch chosen by | UAR | 95 % interval | seeds, least to greatest |",
        "|---|---|---|---|---|",
    ]
    for place, rung in enumerate(results["rungs"], start=1):
        chosen_by = "test clips" if rung["shown"] == "test" else "validation clips"
        seeds = (
            f"{len(rung['per_seed'])}, {percent(min(rung['per_seed']))} to {percent(max(rung['per_seed']))}"
        )
        interval = interval_of(rung)
        name = _one_line(RUNG_NAMES[rung["recipe"]])
        lines.append(f"| {place}. {name} | {chosen_by} | {percent(rung['uar'])} | {interval} | {seeds} |")
    return "\n".join([*lines, "", *_leak_lines(results)])


def ladder_long_table(metrics: Path) -> str:
    """Tabulate three rungs, trained on for longer, and what classical models have on the same."""
    models = _read(metrics / "ladder_long.json")
    lines = [
        f"| UAR, % (accuracy) | {' | '.join(LEAKY_MODELS[model][0] for model in models)} |",
        f"|---|{'---|' * len(models)}",
    ]
    for rungs in zip(*models.values(), strict=True):
        cells = [f"{percent(rung['uar'])} ({percent(rung['accuracy'])})" for rung in rungs]
        lines.append(f"| {_one_line(LONG_NAMES[rungs[0]['recipe']])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ladder_neighbour_table(metrics: Path) -> str:
    """Tabulate what a nearest neighbour reaches by each division."""
    lines = [
        "| nearest neighbour on the contour | UAR | 95 % interval | accuracy | equal in training, % |",
        "|---|---|---|---|---|",
    ]
    for name, it in _read(metrics / "ladder_neighbour.json").items():
        ends = percent(it["accuracy"]), percent(it["equal_in_training"])
        figures = [percent(it["uar"]), interval_of(it), *ends]
        lines.append(f"| {NEIGHBOUR_RUNGS[name]} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _leak_lines(results: dict[str, Any]) -> list[str]:
    """Tabulate points of UAR, a row a leak, a column a model."""
    worths = {(it["leak"], it["model"]): it for it in results["leaks"]}
    pairs = {it["model"]: it for it in results["byte_identical_pair"]}
    models = [model for model in LEAKY_MODELS if any(model == known for _, known in worths)]

    def cell(leak: str, model: str) -> str:
        if (leak, model) in worths:
            worth = worths[leak, model]
            return points_of(worth["points"], worth["low"], worth["high"])
        # The pair is one clip: where no run went without it, what it could be worth is bounded.
        if leak == "byte_identical_pair" and model in pairs:
            return f"at most {100 * pairs[model]['at_most']:+.1f}"
        return ""

    lines = [
        f"| leak, points of UAR | {' | '.join(LEAKY_MODELS[model][0] for model in models)} |",
        f"|---|{'---|' * len(models)}",
    ]
    for leak, name in LEAK_NAMES.items():
        lines.append(f"| {_one_line(name)} | {' | '.join(cell(leak, model) for model in models)} |")
    return lines


def _one_line(label: str) -> str:
    return label.replace("\n", " ")


def protocols_table(metrics: Path) -> str:
    """Tabulate the UAR of the final models under each further protocol that was run."""
    measured = {
        name: _read(metrics / "protocols" / f"{name}.json")
        for name in PROTOCOL_TITLES
        if (metrics / "protocols" / f"{name}.json").exists()
    }
    if not measured:
        raise InputError(f"{metrics / 'protocols'}: no results; experiments/protocols writes them")
    lines = [
        f"| UAR, % (95 % interval) | {' | '.join(PROTOCOL_TITLES[name] for name in measured)} |",
        f"|---|{'---|' * len(measured)}",
    ]
    for model in next(iter(measured.values())):
        cells = [_uar_cell(results[model]) for results in measured.values()]
        lines.append(f"| {model_name(model)} (`{model}`) | {' | '.join(cells)} |")
    for encoder, figure in EMOBOX_UAR.items() if "emobox6" in measured else ():
        cells = [percent(figure) if name == "emobox6" else "" for name in measured]
        lines.append(f"| {encoder}, frozen, as published by EmoBox | {' | '.join(cells)} |")
    return "\n".join(lines)


def _uar_cell(scores: dict[str, Any]) -> str:
    interval = interval_of(scores)
    spread, n_seeds = scores["uar_sd"], len(scores["seeds"])
    seeds = "" if spread is None else f" ± {percent(spread)}, {n_seeds} seeds"
    return f"{percent(scores['uar'])}{seeds} ({interval})"


def robustness_table(metrics: Path) -> str:
    """Quote the tables of degraded recordings."""
    path = metrics / "robustness.md"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); experiments/robustness writes it") from error


def model_index(metrics: Path) -> str:
    """Write the exported recipe's scores as Hugging Face reads them, in YAML."""
    scores = _read(metrics / "luna5" / f"{MODEL}.json")
    lines = [
        "model-index:",
        "  - name: ravdess-ser",
        "    results:",
        "      - task:",
        "          type: audio-classification",
        "          name: Speech emotion recognition",
        "        dataset:",
        "          type: ravdess",
        "          name: RAVDESS speech, LUNA5 (five folds by actor; the recipe, not the exported weights)",
        "        metrics:",
    ]
    for name, kind, title in _INDEXED:
        lines += [
            f"          - type: {kind}",
            f"            name: {title}",
            f"            value: {scores[name]}",
        ]
    return "\n".join(lines)


def exported_table(metrics: Path) -> str:
    """Tabulate the scores of the exported model's recipe."""
    scores = _read(metrics / "luna5" / f"{MODEL}.json")
    interval = interval_of(scores)
    figures = [percent(scores["uar"]), interval, percent(scores["accuracy"]), percent(scores["macro_f1"])]
    return "\n".join(
        [
            "| UAR, % | 95 % interval | accuracy | macro-F1 |",
            "|---|---|---|---|",
            f"| {' | '.join(figures)} |",
        ]
    )


def groups_table(metrics: Path) -> str:
    """Tabulate the exported model's recipe by group of clips."""
    details = _read(metrics / "details.json")["luna5"][MODEL]
    actors = details["per_actor"]
    by_uar = ranked(actors)
    groups = [(title, details[kind][name]) for title, kind, name in _GROUPS]
    groups += [(f"worst actor ({by_uar[0]})", actors[by_uar[0]])]
    groups += [(f"best actor ({by_uar[-1]})", actors[by_uar[-1]])]
    lines = ["| clips of | UAR, % | accuracy |", "|---|---|---|"]
    for title, scores in groups:
        lines.append(f"| {title} | {percent(scores['uar'])} | {percent(scores['accuracy'])} |")
    return "\n".join(lines)


def calibration_table(metrics: Path) -> str:
    """Tabulate what a temperature is worth to the exported recipe, by whom it is learned of."""
    by_fold = _read(metrics / "calibration.json")[MODEL]
    pooled = _read(metrics / "final_calibration.json")
    rows = [
        ("none", None, pooled["before"]),
        ("each fold's validation actors", by_fold["temperature"], by_fold["after"]),
        ("all the other folds", pooled["temperature_of_other_folds"], pooled["after"]),
    ]
    lines = [
        "| temperature learned of | temperature | ECE, % | NLL | Brier | AURC |",
        "|---|---|---|---|---|---|",
    ]
    for name, found, quality in rows:
        ends = "" if found is None else f"{found['least']:.2f} to {found['greatest']:.2f}"
        others = " | ".join(f"{quality[key]:.3f}" for key in ("nll", "brier", "aurc"))
        lines.append(f"| {name} | {ends} | {100 * quality['ece']:.2f} | {others} |")
    return "\n".join(lines)


def not_sure_table(metrics: Path) -> str:
    """Tabulate how often the exported recipe is sure and not, and how often it is right in either case."""
    found = _read(metrics / "final_calibration.json")["not_sure"]
    rows = [
        (
            f"{100 * found['below']:g} % or more: it answers",
            1 - found["share"],
            found["accuracy_of_the_rest"],
        ),
        ('less: "not sure", were it to answer', found["share"], found["accuracy_if_answered"]),
    ]
    lines = ["| confidence | share of clips, % | right, % |", "|---|---|---|"]
    return "\n".join(
        [*lines, *(f"| {name} | {percent(share)} | {percent(right)} |" for name, share, right in rows)]
    )


def shown_by_dvc(metrics: Path) -> str:
    """Quote what ``dvc metrics show`` prints in the project of these metrics."""
    done = ask_dvc(metrics.resolve().parent, "metrics", "show")
    if done.returncode:
        raise InputError(f"dvc metrics show failed: {done.stderr.strip()}")
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(["```", "$ dvc metrics show", *lines, "```"])


TABLES: dict[str, Callable[[Path], str]] = {
    "luna5": luna5_table,
    "article": article_table,
    "emotions": emotion_table,
    "genders": gender_table,
    "enrolled": enrolled_table,
    "whisper": whisper_table,
    "whisper_leaks": whisper_leaks_list,
    "aligned": aligned_table,
    "aligned_leaks": aligned_leaks_list,
    "taught": taught_table,
    "taught_leaks": taught_leaks_list,
    "ladder": ladder_table,
    "ladder_long": ladder_long_table,
    "ladder_neighbour": ladder_neighbour_table,
    "protocols": protocols_table,
    "robustness": robustness_table,
    "shown": shown_by_dvc,
    "model_index": model_index,
    "exported": exported_table,
    "exported_groups": groups_table,
    "exported_calibration": calibration_table,
    "exported_not_sure": not_sure_table,
}


def pages_with_results(project: Path) -> list[str]:
    """List the pages of a project that hold a block of this tool, as paths relative to its root."""
    found = sorted({path for pattern in _PAGES for path in project.glob(pattern)})
    return [
        str(path.relative_to(project))
        for path in found
        if TABLES.keys() & set(block_names(path.read_text(encoding="utf-8")))
    ]


def fill(page: str, metrics: Path) -> str:
    """Replace each block of a page that has a table here."""
    return fill_blocks(page, lambda name: TABLES[name](metrics) if name in TABLES else None)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); dvc repro writes it") from error
    return content


def main() -> None:
    """Bring all pages up to date."""
    command.parser(__doc__).parse_args()
    for name in pages_with_results(Path.cwd()):
        page = Path(name)
        before = page.read_text(encoding="utf-8")
        after = fill(before, Path("metrics"))
        page.write_text(after, encoding="utf-8")
        print(f"{name}: {'unchanged' if after == before else 'brought up to date'}")


if __name__ == "__main__":
    command.run(main)
