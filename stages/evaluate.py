"""Score every model on its test clips, and draw the results.

Reads   data/predictions/*.parquet, data/splits/{article,luna5}.parquet, data/clips.parquet,
        data/curves/*.csv
Writes  data/evaluation/predictions.parquet  every test prediction, with its probabilities
        metrics/PROTOCOL/MODEL.json          a model's headline: a row of `dvc metrics show`
        metrics/{summary,details,article_comparison,human_comparison}.json, metrics/luna5_folds.csv
        metrics/examples.csv                 clips worth hearing, of the best model
        metrics/plots/*.csv                  for DVC: article_comparison; learning_curve_NETWORK, means over
                                             seeds and folds; confusion_PROTOCOL_MODEL with a row a test
                                             clip, of the first seed
        figures/results/*.png

First the predictions are held to the split: each model and seed must test each test clip once. A model's
score is the mean over its seeds; the 95 % interval of its UAR is a percentile bootstrap over actors.
"""

from dataclasses import asdict
from typing import Any, cast

import pandas as pd
from matplotlib.figure import Figure

from ser.data.predictions import SPLIT, check_predictions, read_predictions
from ser.evaluation import human_listeners, metrics, scores
from ser.evaluation import listening_examples as examples
from ser.evaluation.article_results import Comparison, compare
from ser.evaluation.model_names import model_name
from ser.figures import results as result_figures
from ser.figures.style import save
from ser.files import read_table, replacing, write_csv, write_json, write_parquet
from ser.params import load_params
from stages import command

PROTOCOLS = ("luna5", "article")
TRAINED = (
    "baselines_luna5",
    "baselines_transfer",
    "cnn_logmel",
    "fused",
    "layers",
    "baselines_article",
    "cnn_article",
    "cnn_article_augmented",
)
LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
NETWORKS = ("cnn_article", "cnn_article_augmented", "cnn_logmel")


def has_confusion(protocol: str, model: str) -> bool:
    """Whether a confusion matrix is shown: of all models but the article's two baselines."""
    return protocol != "article" or model.startswith("cnn")


def draw(
    tallies: scores.Tallies,
    summary: scores.Summary,
    comparisons: dict[str, Comparison],
    humans: dict[str, Any],
    curves: pd.DataFrame,
) -> dict[str, Figure]:
    """Draw all figures, by their names."""
    accuracies = {model: metrics.accuracy(tally.pooled) for model, tally in tallies["article"].items()}
    best, best_tally = next(iter(tallies["luna5"].items()))
    return {
        "overview": result_figures.overview(summary),
        "learning_curves": result_figures.learning_curves(curves),
        "article_comparison": result_figures.article_comparison(comparisons, accuracies),
        "human_comparison": result_figures.human_comparison(humans, models=list(tallies["luna5"])[:3]),
        "per_actor": result_figures.per_actor(best_tally, model=best, protocol="luna5"),
        "per_emotion": result_figures.per_emotion(best_tally, model=best, protocol="luna5"),
        **{
            f"confusion_{protocol}_{model}": result_figures.confusion(tally, model=model, protocol=protocol)
            for protocol, models in tallies.items()
            for model, tally in models.items()
            if has_confusion(protocol, model)
        },
    }


def plot_tables(
    predictions: pd.DataFrame,
    clips: pd.DataFrame,
    comparisons: dict[str, Comparison],
    curves: dict[str, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Gather what DVC draws, by the tables' names."""
    sources = [(model, it, source) for model, it in comparisons.items() for source in ("article", "measured")]
    rows = [(f"{model_name(model)}, {source}", getattr(it, source)) for model, it, source in sources]
    tables = {"article_comparison": pd.DataFrame(rows, columns=["model", "accuracy"])}
    for key, tested in predictions.groupby(["protocol", "model"]):
        protocol, model = cast(tuple[str, str], key)
        if has_confusion(protocol, model):
            tables[f"confusion_{protocol}_{model}"] = scores.actual_and_predicted(tested, clips)
    shown = ["loss", "accuracy", "val_loss", "val_accuracy"]
    for name, curve in curves.items():
        # DVC draws one line a column: the mean over seeds and folds that reached the epoch.
        tables[f"learning_curve_{name}"] = curve.groupby("epoch", as_index=False)[shown].mean()
    return tables


def main() -> None:
    """Check, score and draw, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()

    clips = read_table("data/clips.parquet", LABELS)
    splits = {name: read_table(f"data/splits/{name}.parquet", SPLIT) for name in PROTOCOLS}
    curves = {name: read_table(f"data/curves/{name}.csv", result_figures.CURVES) for name in NETWORKS}
    predictions = read_predictions([f"data/predictions/{name}.parquet" for name in TRAINED])
    check_predictions(predictions, splits)

    tallies = scores.tally_all(predictions, clips)
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    luna5 = predictions[predictions["protocol"] == "luna5"]
    best = next(iter(tallies["luna5"]))
    humans = human_listeners.compare(tallies["luna5"], luna5, clips, samples=samples, seed=seed)
    comparisons = compare({model: metrics.accuracy(it.pooled) for model, it in tallies["article"].items()})
    tables = plot_tables(predictions, clips, comparisons, curves)
    figures = draw(tallies, summary, comparisons, humans, pd.concat(curves.values()))

    with replacing("figures/results") as folder:
        for name, figure in figures.items():
            save(figure, folder / f"{name}.png")
    for name, table in tables.items():
        write_csv(f"metrics/plots/{name}.csv", table)
    write_parquet("data/evaluation/predictions.parquet", predictions)
    write_json("metrics/summary.json", summary)
    write_json("metrics/details.json", scores.describe(tallies, predictions, clips))
    write_json("metrics/human_comparison.json", humans)
    write_csv("metrics/examples.csv", examples.choose(luna5[luna5["model"] == best], clips))
    write_json("metrics/article_comparison.json", {model: asdict(it) for model, it in comparisons.items()})
    write_csv("metrics/luna5_folds.csv", scores.score_folds(predictions, clips))
    for protocol, models in summary.items():
        for model, headline in models.items():
            write_json(f"metrics/{protocol}/{model}.json", headline)
    print(scores.format_summary(summary))


if __name__ == "__main__":
    command.run(main)
