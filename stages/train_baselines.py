"""Train and apply classical models: those of one protocol, or the one on a pretrained encoder.

article   the article's stratified dummy and its decision tree on the contour, one run a seed
luna5     shrinkage LDA, logistic regression and an RBF SVM on functionals, tuned by inner folds of training
          actors
transfer  shrinkage LDA on the states of a pretrained speaker encoder, under luna5; shrinkage and the
          encoder's layer are chosen by inner folds of training actors

Reads   data/clips.parquet, data/splits/{article,luna5}.parquet,
        data/features/clean/{contour,functionals,encoder}.npy
Writes  data/predictions/baselines_NAME.parquet
        data/predictions/baselines_NAME_validation.parquet  (luna5, transfer) the validation actors' clips
        metrics/search/baselines_NAME.csv  every point of every grid with its inner UAR, and which was chosen
                                           (for the article, the settings it used)

Each model has its scaler in it, fitted on its own training rows. These models need no validation actors, so
the speaker-independent ones train on all actors that are not tested. Only to learn how far its probabilities
can be trusted, a second model with the same hyper-parameters is fitted without the validation actors and
predicts their clips. (These actors had a part in the choice of the hyper-parameters, but in nothing else.)
"""

from typing import NamedTuple

import pandas as pd

from ser.baselines import ARTICLE_SETTINGS, SEARCHED_MODELS, Grids, article_model, fit, search
from ser.datasets import Array, Part, prediction_table, read_features, read_split, take
from ser.files import write_csv, write_parquet
from ser.parallel import run_all
from ser.params import ArticleBaselines, Workers, load_params
from stages import command

ROLES = ("train", "validation", "test")


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


class Fold(NamedTuple):
    """One fold of luna5; ``training`` is ``train`` and ``validation`` together."""

    number: int
    training: Part
    train: Part
    validation: Part
    test: Part


def read_folds(clips: pd.DataFrame, split: pd.DataFrame, features: Array) -> list[Fold]:
    """Cut the features into the sides of every fold."""
    together = split.replace({"role": {"validation": "train"}})

    def side(roles: pd.DataFrame, fold: int, role: str) -> Part:
        return take(clips, roles, [features], fold=fold, role=role)

    return [
        Fold(fold, side(together, fold, "train"), *(side(split, fold, role) for role in ROLES))
        for fold in sorted(split["fold"].unique().tolist())
    ]


def run_fold(name: str, fold: Fold, settings: Grids) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return test and validation predictions, and its trials."""
    result = search(name, training=fold.training, test=fold.test, grids=settings)
    without_validation = fit(result.model, training=fold.train, grids=settings)
    tables = [
        prediction_table(part, probabilities, protocol="luna5", model=name, seed=0, fold=fold.number)
        for part, probabilities in (
            (fold.test, result.probabilities),
            (fold.validation, without_validation.predict_proba(fold.validation.x)),
        )
    ]
    trials = result.trials
    trials.insert(0, "model", name)
    trials.insert(1, "fold", fold.number)
    return tables[0], tables[1], trials


def run_luna5(
    folds: list[Fold], settings: Grids, models: tuple[str, ...], workers: Workers
) -> tuple[pd.DataFrame, ...]:
    """Tune, fit and apply every model on every fold; return the three tables of `run_fold`, joined."""
    calls = [(name, fold, settings) for name in models for fold in folds]
    results = run_all(run_fold, calls, workers=workers, what="baselines", unit="model")
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))


def main() -> None:
    """Train one group of models."""
    parser = command.parser(__doc__)
    parser.add_argument("models", choices=["article", "luna5", "transfer"], help="which models to train")
    name: str = parser.parse_args().models
    params = load_params()

    if name == "article":
        clips, split = read_split("article")
        (contour,) = read_features("contour", ["clean"])
        predictions, trials = run_article(clips, split, contour, params.train_baselines.article)
    else:
        clips, split = read_split("luna5")
        settings: Grids = getattr(params.train_baselines, name)
        (features,) = read_features("functionals" if name == "luna5" else "encoder", ["clean"])
        folds = read_folds(clips, split, features)
        predictions, validation, trials = run_luna5(folds, settings, SEARCHED_MODELS[name], params.workers)
        write_parquet(f"data/predictions/baselines_{name}_validation.parquet", validation)
    write_csv(f"metrics/search/baselines_{name}.csv", trials)
    write_parquet(f"data/predictions/baselines_{name}.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
