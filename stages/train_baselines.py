"""Train and apply classical models: those of one protocol, or the one on a pretrained encoder.

article      the article's stratified dummy and its decision tree on the contour, one run a seed
luna5        shrinkage LDA, logistic regression and an RBF SVM on functionals, tuned by inner folds of
             training actors
transfer     shrinkage LDA on the states of a pretrained speaker encoder, under luna5; shrinkage and the
             encoder's layer are chosen by inner folds of training actors
huggingface  the same on the states of a local Hugging Face model (pipelines/huggingface)

Reads   data/clips.parquet, data/splits/{article,luna5}.parquet,
        data/features/clean/{contour,functionals,encoder,huggingface}.npy
Writes  data/predictions/baselines_NAME.parquet, and metrics/search/baselines_NAME.csv: every point of every
        grid with its inner UAR, and which was chosen (for the article, the settings it used)

Each model has its scaler in it, fitted on its own training rows. These models need no validation actors, so
the speaker-independent ones train on all actors that are not tested.
"""

import pandas as pd

from ser.baselines import ARTICLE_SETTINGS, SEARCHED_MODELS, Grids, article_model, search
from ser.datasets import Array, Part, prediction_table, read_features, read_split, take
from ser.files import write_csv, write_parquet
from ser.parallel import run_all
from ser.params import ArticleBaselines, Workers, load_params
from stages import command

FEATURES = {
    "luna5": ("functionals", ["clean"]),
    "transfer": ("encoder", ["clean", "resampled"]),
    "huggingface": ("huggingface", ["clean"]),
}
"""What the models that are tuned read, and the copies of a training clip."""


def run_article(
    clips: pd.DataFrame, split: pd.DataFrame, contour: Array, settings: ArticleBaselines
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit and apply the article's baselines for every seed; return predictions and settings."""
    train = take(clips, split, [contour], fold=0, role="train")
    test = take(clips, split, [contour], fold=0, role="test")
    tables = []
    for name in ARTICLE_SETTINGS:
        for seed in settings.seeds:
            model = article_model(name, seed=seed).fit(train.x, train.y)
            tables.append(
                prediction_table(
                    test, model.predict_proba(test.x), protocol="article", model=name, seed=seed, fold=0
                )
            )
    used = pd.DataFrame(
        {"model": list(ARTICLE_SETTINGS), "fold": 0, "parameters": list(ARTICLE_SETTINGS.values())}
    )
    return pd.concat(tables, ignore_index=True), used.assign(inner_uar=None, chosen=True)


def run_fold(
    name: str, fold: int, training: Part, test: Part, copies: int, settings: Grids
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return its predictions and its trials."""
    result = search(name, training=training, test=test, copies=copies, grids=settings)
    predictions = prediction_table(
        test, result.probabilities, protocol="luna5", model=name, seed=0, fold=fold
    )
    trials = result.trials
    trials.insert(0, "model", name)
    trials.insert(1, "fold", fold)
    return predictions, trials


def run_luna5(
    clips: pd.DataFrame,
    split: pd.DataFrame,
    copies: list[Array],
    settings: Grids,
    models: tuple[str, ...],
    workers: Workers,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply every model on every fold."""
    training_split = split.replace({"role": {"validation": "train"}})
    calls = []
    for name in models:
        for fold in sorted(split["fold"].unique()):
            training = take(clips, training_split, copies, fold=fold, role="train")
            test = take(clips, split, copies[:1], fold=fold, role="test")
            calls.append((name, int(fold), training, test, len(copies), settings))
    predictions, trials = zip(
        *run_all(run_fold, calls, workers=workers, what="baselines", unit="model"), strict=True
    )
    return pd.concat(predictions, ignore_index=True), pd.concat(trials, ignore_index=True)


def main() -> None:
    """Train one group of models."""
    parser = command.parser(__doc__)
    parser.add_argument("models", choices=["article", *FEATURES], help="which models to train")
    name: str = parser.parse_args().models
    params = load_params()

    if name == "article":
        clips, split = read_split("article")
        (contour,) = read_features("contour", ["clean"])
        predictions, trials = run_article(clips, split, contour, params.train_baselines.article)
    else:
        clips, split = read_split("luna5")
        settings: Grids = getattr(params.train_baselines, name)
        features, variants = FEATURES[name]
        copies = read_features(features, variants)
        predictions, trials = run_luna5(clips, split, copies, settings, SEARCHED_MODELS[name], params.workers)
    write_csv(f"metrics/search/baselines_{name}.csv", trials)
    write_parquet(f"data/predictions/baselines_{name}.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
