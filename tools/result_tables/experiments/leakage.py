"""Tables of the leakage ladder: its steps, the inflation of UAR by each leak, augmenting before the split."""

from collections.abc import Mapping
from pathlib import Path

from tools.result_tables.cells import interval_of, markdown, percent, points_of, read

STEPS: Mapping[str, str] = {
    "augment_first": "augmented first, then split at random",
    "split_first": "split at random first (faults of the copies kept)",
    "real_copies": "noise and stretch really applied",
    "silence": "silence, not 0 dB, as padding",
    "own_validation": "epoch chosen on validation clips, not on the test clips",
    "speakers": "unseen test speakers (LUNA5)",
    "permuted": "the same, training labels permuted",
}
"""What changes at each step."""
LEAKS: Mapping[str, str] = {
    "random_split": "random split: test speakers are in training",
    "scaling_by_speaker": "scaling by each test speaker's own statistics",
    "chosen_on_test": "epoch or hyper-parameters chosen on the test clips",
    "scaling_on_all": "scaling on all clips, test clips too",
    "byte_identical_pair": "one pair of duplicate clips",
    "permuted_labels": "permuted labels, above chance level",
}
MODELS: Mapping[str, str] = {
    "contour_cnn": "article's CNN on frame-mean log-mel",
    "logmel_cnn": "2-D CNN on log-mel",
    "svm_rbf": "SVM on functionals",
    "encoder_lda": "LDA on speaker encoder",
}
SPLITS: Mapping[str, str] = {
    "augment_first": "augmented first, then split at random",
    "split_first": "split at random first",
    "speakers": "unseen test speakers (LUNA5)",
}
NEIGHBOUR_SPLITS: Mapping[str, str] = {
    "equal_copies": "three equal copies, made before the random split",
    "augment_first": "with a fourth copy of other speed and pitch",
    "split_first": SPLITS["split_first"],
    "speakers": SPLITS["speakers"],
}


def steps(metrics: Path) -> str:
    """Tabulate the leakage ablation: one change a step."""
    rows = []
    for place, step in enumerate(read(metrics / "ladder.json")["rungs"], start=1):
        seeds = step["per_seed"]
        rows.append(
            [
                f"{place}. {STEPS[step['recipe']]}",
                "test clips" if step["shown"] == "test" else "validation clips",
                percent(step["uar"]),
                interval_of(step),
                f"{len(seeds)}, {percent(min(seeds))} to {percent(max(seeds))}",
            ]
        )
    heading = ["step: what changes", "epoch chosen on", "UAR", "95 % interval", "seeds, least to greatest"]
    return markdown(heading, rows)


def inflation(metrics: Path) -> str:
    """Tabulate the inflation of UAR, a row a leak, a column a model."""
    results = read(metrics / "ladder.json")
    measured = {(it["leak"], it["model"]): it for it in results["leaks"]}
    pairs = {it["model"]: it for it in results["byte_identical_pair"]}
    models = [model for model in MODELS if any(model == known for _, known in measured)]

    def cell(leak: str, model: str) -> str:
        if (leak, model) in measured:
            found = measured[leak, model]
            return points_of(found["points"], found["low"], found["high"])
        # The pair is one clip: where no run went without it, its inflation is only bounded.
        if leak == "byte_identical_pair" and model in pairs:
            return f"at most {100 * pairs[model]['at_most']:+.1f}"
        return ""

    rows = [[name, *(cell(leak, model) for model in models)] for leak, name in LEAKS.items()]
    return markdown(["inflation of UAR, percentage points", *(MODELS[model] for model in models)], rows)


def long_training(metrics: Path) -> str:
    """Tabulate three ways to split, with the article's CNN trained for longer, and classical models."""
    models = read(metrics / "ladder_long.json")
    rows = []
    for found in zip(*models.values(), strict=True):
        cells = [f"{percent(it['uar'])} ({percent(it['accuracy'])})" for it in found]
        rows.append([SPLITS[found[0]["recipe"]], *cells])
    return markdown(["UAR, % (accuracy)", *(MODELS[model] for model in models)], rows)


def nearest_neighbour(metrics: Path) -> str:
    """Tabulate what a nearest neighbour reaches by each way to split."""
    heading = [
        "nearest neighbour on frame-mean log-mel",
        "UAR",
        "95 % interval",
        "accuracy",
        "with an equal in training, %",
    ]
    rows = [
        [
            NEIGHBOUR_SPLITS[name],
            percent(it["uar"]),
            interval_of(it),
            percent(it["accuracy"]),
            percent(it["equal_in_training"]),
        ]
        for name, it in read(metrics / "ladder_neighbour.json").items()
    ]
    return markdown(heading, rows)


def splits_brief(metrics: Path) -> str:
    """Tabulate three ways to split by model, UAR alone."""
    models, neighbour = read(metrics / "ladder_long.json"), read(metrics / "ladder_neighbour.json")
    rows = [
        [
            SPLITS[found[0]["recipe"]],
            *(percent(it["uar"]) for it in found),
            percent(neighbour[found[0]["recipe"]]["uar"]),
        ]
        for found in zip(*models.values(), strict=True)
    ]
    return markdown(["UAR, %", *(MODELS[model] for model in models), "nearest neighbour"], rows)
