"""Tables of the main pipeline: LUNA5 by model, emotion and gender, and the article's protocol."""

from pathlib import Path

from ser.errors import InputError
from ser.evaluation.article_results import TEST_CLIPS
from tools.check_current import ask_dvc
from tools.result_tables.cells import Scores, interval_of, markdown, percent, read
from tools.result_tables.models import short_name, table_name


def by_model(metrics: Path) -> str:
    """Tabulate the speaker-independent models, the best first."""
    details = read(metrics / "details.json")["luna5"]
    rows = []
    for model, scores in read(metrics / "summary.json")["luna5"].items():
        spread, n_seeds = details[model]["uar_sd"], len(details[model]["seeds"])
        seeds = str(n_seeds) if spread is None else f"{n_seeds} (± {percent(spread)})"
        accuracy, f1 = percent(scores["accuracy"]), percent(scores["macro_f1"])
        rows.append([table_name(model), percent(scores["uar"]), interval_of(scores), seeds, accuracy, f1])
    return markdown(["model", "UAR", "95 % interval", "seeds", "accuracy", "macro-F1"], rows)


def by_emotion(metrics: Path) -> str:
    """Tabulate the recall of each emotion for the speaker-independent models."""
    details = read(metrics / "details.json")["luna5"]
    order = list(read(metrics / "summary.json")["luna5"])
    emotions = list(details[order[0]]["per_emotion"])
    rows = [
        [f"`{model}`", *(percent(details[model]["per_emotion"][emotion]) for emotion in emotions)]
        for model in order
    ]
    return markdown(["recall, %", *emotions], rows)


def by_gender(metrics: Path) -> str:
    """Tabulate UAR by the actors' gender, and of the worst and best actor, by speaker-independent model."""
    details = read(metrics / "details.json")["luna5"]
    rows = []
    for model in read(metrics / "summary.json")["luna5"]:
        gender, actors = details[model]["per_gender"], details[model]["per_actor"]
        by_uar = ranked(actors)
        ends = [f"{percent(actors[actor]['uar'])} ({actor})" for actor in (by_uar[0], by_uar[-1])]
        genders = [percent(gender[which]["uar"]) for which in ("female", "male")]
        rows.append([f"`{model}`", *genders, *ends])
    return markdown(["UAR, %", "female actors", "male actors", "worst actor", "best actor"], rows)


def ranked(actors: dict[str, Scores]) -> list[str]:
    """Order actors by UAR, the worst first."""
    return sorted(actors, key=lambda actor: actors[actor]["uar"])


def article(metrics: Path) -> str:
    """Tabulate the article's accuracies beside the measured ones."""
    heading = [
        "model",
        f"article (n = {TEST_CLIPS})",
        "its 95 % interval",
        "measured, mean over seeds",
        "least to greatest",
        "seeds",
        "inside?",
    ]
    rows = []
    for model, row in read(metrics / "article_comparison.json").items():
        its = f"{percent(row['article_low'])} to {percent(row['article_high'])}"
        ours = f"{percent(row['measured_low'])} to {percent(row['measured_high'])}"
        published, inside = f"{100 * row['article']:.2f}", "yes" if row["inside"] else "no"
        measured = percent(row["measured"])
        rows.append([short_name(model), published, its, measured, ours, str(row["seeds"]), inside])
    return markdown(heading, rows)


def shown_by_dvc(metrics: Path) -> str:
    """Quote what ``dvc metrics show`` prints in the project of these metrics."""
    done = ask_dvc(metrics.resolve().parent, "metrics", "show")
    if done.returncode:
        raise InputError(f"dvc metrics show failed: {done.stderr.strip()}")
    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    return "\n".join(["```", "$ dvc metrics show", *lines, "```"])
