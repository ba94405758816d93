"""A classical model fitted again with the hyper-parameters that its search chose for a fold."""

from collections.abc import Mapping

from sklearn.pipeline import Pipeline

from ser.data.datasets import Part
from ser.errors import InputError
from ser.files import read_table
from ser.models.classical import Grids, searched_model


def read_chosen(group: str, name: str) -> dict[int, dict[str, float]]:
    """Read which point of the grid inner folds chose.

    Parameters
    ----------
    group
        ``luna5`` or ``transfer``: whose ``metrics/search/baselines_GROUP.csv``.
    name
        The model.

    Returns
    -------
    dict
        By fold, values by the hyper-parameters' names.

    Raises
    ------
    InputError
        Where the table is missing, lacks the model, or is malformed.
    """
    path = f"metrics/search/baselines_{group}.csv"
    trials = read_table(path, ("model", "fold", "parameters", "chosen"))
    chosen = trials[(trials["model"] == name) & trials["chosen"].astype(bool)]
    try:
        points = {
            int(fold): {key: float(value) for key, value in (pair.split("=") for pair in point.split())}
            for fold, point in zip(chosen["fold"], chosen["parameters"], strict=True)
        }
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage train_baselines") from error
    if not points:
        raise InputError(f"{path}: has no {name}; run the stage train_baselines")
    return points


def refit(name: str, *, point: Mapping[str, float], training: Part, grids: Grids) -> Pipeline:
    """Fit a model as `ser.models.classical.search` fitted its best one.

    Parameters
    ----------
    name
        One of `ser.models.classical.SEARCHED_MODELS`, but for ``svm_rbf``, whose probabilities are
        calibrated.
    point
        Its hyper-parameters, of `read_chosen`.
    training
        All actors that are not tested.
    grids
        The model's section of ``train_baselines``.
    """
    # The features may hold fewer layers than were searched: no more than the chosen one is needed.
    layers = getattr(grids, "layer", None) or [int(point.get("layer", 1))]
    model, grid = searched_model(name, grids=grids, n_layers=max(layers))
    # The table holds numbers alone; a layer's must be whole again.
    values = {key: type(choices[0])(point[key.split("__")[1]]) for key, choices in grid.items()}
    return model.set_params(**values).fit(training.x, training.y)
