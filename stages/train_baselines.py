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

from ser.files import write_csv, write_parquet
from ser.models.classical import ARTICLE_SETTINGS, FEATURES, ArticleBaseline, Grids, Search, models_of
from ser.models.recipe import CrossValidation, cross_validate
from ser.params import ArticleBaselines, Workers, load_params
from stages import command
from stages.inputs import read_folds


def run_article(settings: ArticleBaselines, workers: Workers) -> CrossValidation:
    """Fit and apply the article's baselines for every seed."""
    folds = read_folds("article", "contour", ("clean",))
    recipes = [(ArticleBaseline(name), folds) for name in ARTICLE_SETTINGS]
    return cross_validate(
        recipes, protocol="article", seeds=settings.seeds, workers=workers, what="baselines", unit="model"
    )


def run_luna5(group: str, grids: Grids, workers: Workers) -> CrossValidation:
    """Tune, fit and apply every model of a group on every fold."""
    recipes = [
        (Search(name, grids), read_folds("luna5", FEATURES[group], model.copies))
        for name, model in models_of(group).items()
    ]
    return cross_validate(recipes, protocol="luna5", workers=workers, what="baselines", unit="model")


def main() -> None:
    """Train one group of models."""
    parser = command.parser(__doc__)
    parser.add_argument("models", choices=["article", *FEATURES], help="which models to train")
    name: str = parser.parse_args().models
    params = load_params()

    if name == "article":
        results = run_article(params.train_baselines.article, params.workers)
    else:
        grids: Grids = getattr(params.train_baselines, name)
        results = run_luna5(name, grids, params.workers)
        write_parquet(f"data/predictions/baselines_{name}_validation.parquet", results.validation)
    # What the article's models were set to does not depend on the seed.
    trials = results.log.drop(columns="seed").drop_duplicates()
    write_csv(f"metrics/search/baselines_{name}.csv", trials)
    write_parquet(f"data/predictions/baselines_{name}.parquet", results.predictions)


if __name__ == "__main__":
    command.run(main)
