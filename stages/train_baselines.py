"""Train and apply classical models: those of one protocol, or the one on a pretrained encoder.

article   the article's stratified dummy and its decision tree on frame-mean log-mel, one run a seed
luna5     shrinkage LDA, logistic regression and an RBF SVM on functionals, selected on inner folds
          of training actors
transfer  shrinkage LDA on the hidden states of a pretrained speaker encoder, under luna5; shrinkage and the
          encoder's layer are selected on inner folds of training actors

Reads   data/clips.parquet, data/splits/{article,luna5}.parquet,
        data/features/{clean,resampled}/FEATURES.npy
Writes  data/predictions/baselines_NAME.parquet
        data/predictions/baselines_NAME_validation.parquet  (but for the article) the validation actors' clips
        metrics/search/baselines_NAME.csv  every point of every grid with its inner UAR, and the selected one
                                           (for the article, the settings it used)

The models called augmented are trained on copies of the training clips at other speeds as well; whatever is
validated or tested is the recording itself.

Each model has its scaler in it, fitted on its own training rows. These models need no validation actors, so
the speaker-independent ones are trained on all actors that are not tested. Only to measure its calibration, a
second model with the same hyper-parameters is fitted without the validation actors and
predicts their clips. (These actors had a part in the selection of the hyper-parameters, but in nothing else.)
"""

from typing import Any

import pandas as pd

from ser.data.datasets import Array, prediction_table, read_features, read_split, take
from ser.files import write_csv, write_parquet
from ser.models.classical import ARTICLE_SETTINGS, SEARCHED_MODELS, Grids, article_model, fit, search
from ser.parallel import run_all
from ser.params import ArticleBaselines, Workers, load_params
from stages import command

FEATURES = {"luna5": "functionals", "transfer": "encoder"}
"""What the models that are tuned read."""


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
    group: str, name: str, fold: int, settings: Grids
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return test and validation predictions, and its trials."""
    clips, split = read_split("luna5")
    variants = read_features(FEATURES[group], list(SEARCHED_MODELS[group][name]))
    copies = len(variants)
    together = split.replace({"role": {"validation": "train"}})
    training = take(clips, together, variants, fold=fold, role="train")
    test = take(clips, split, variants[:1], fold=fold, role="test")
    result = search(name, training=training, test=test, grids=settings, copies=copies)

    train = take(clips, split, variants, fold=fold, role="train")
    validation = take(clips, split, variants[:1], fold=fold, role="validation")
    trusted = fit(result.model, training=train, grids=settings, copies=copies).predict_proba(validation.x)
    about: dict[str, Any] = {"protocol": "luna5", "model": name, "seed": 0, "fold": fold}
    return (
        prediction_table(test, result.probabilities, **about),
        prediction_table(validation, trusted, **about),
        result.trials.assign(model=name, fold=fold)[["model", "fold", *result.trials.columns]],
    )


def run_luna5(group: str, settings: Grids, workers: Workers) -> tuple[pd.DataFrame, ...]:
    """Tune, fit and apply every model on every fold; return the three tables of `run_fold`, joined."""
    _, split = read_split("luna5")
    folds = sorted(split["fold"].unique().tolist())
    calls = [(group, name, fold, settings) for name in SEARCHED_MODELS[group] for fold in folds]
    results = run_all(run_fold, calls, workers=workers, what="baselines", unit="model")
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))


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
        settings: Grids = getattr(params.train_baselines, name)
        predictions, validation, trials = run_luna5(name, settings, params.workers)
        write_parquet(f"data/predictions/baselines_{name}_validation.parquet", validation)
    write_csv(f"metrics/search/baselines_{name}.csv", trials)
    write_parquet(f"data/predictions/baselines_{name}.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
