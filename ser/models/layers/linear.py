"""What a fitted ensemble of LDAs is in the end: for each layer a linear map to logits, and a weight.

NumPy alone is imported: the recognizer applies it.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ser.errors import InputError

Matrix = npt.NDArray[np.float64]

_FIRST = "_fold0.npz"


@dataclass(frozen=True)
class LinearLayers:
    """Linear classifiers, one a layer; the weighted sum of their logits is that of the ensemble.

    Attributes
    ----------
    coefficients : numpy.ndarray [shape=(layers, columns, 8), dtype=float64]
        Weight of each column of a layer's functionals for each emotion, in the order of `EMOTIONS`.
    biases : numpy.ndarray [shape=(layers, 8), dtype=float64]
        Added to each layer's logits.
    weights : numpy.ndarray [shape=(layers,), dtype=float64]
        Weight of each layer's logits in the sum, not negative.
    """

    coefficients: Matrix
    biases: Matrix
    weights: Matrix

    def layer_logits(self, x: npt.NDArray[np.floating]) -> Matrix:
        """Compute what each layer says of clips [shape=(n, layers, columns)]: logits, (n, layers, 8)."""
        by_layer = [
            x[:, layer] @ coefficients + bias
            for layer, (coefficients, bias) in enumerate(zip(self.coefficients, self.biases, strict=True))
        ]
        return np.stack(by_layer, axis=1)  # (layers, n, 8) to (n, layers, 8)

    def logits(self, x: npt.NDArray[np.floating]) -> Matrix:
        """Compute the weighted sum over layers of clips [shape=(n, layers, columns)]: (n, 8)."""
        return np.asarray(np.einsum("l,nle->ne", self.weights, self.layer_logits(x)))

    def probabilities(self, x: npt.NDArray[np.floating]) -> Matrix:
        """Compute the probabilities of the emotions of clips [shape=(n, layers, columns)]: (n, 8)."""
        return softmax(self.logits(x))


def softmax(logits: Matrix) -> Matrix:
    """Turn logits [shape=(..., 8)] into probabilities, which sum to 1 over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def write_linear(folder: Path, linear: LinearLayers, *, model: str, fold: int) -> None:
    """Write what was fitted to one fold.

    Parameters
    ----------
    folder
        Folder of all models and folds, which exists.
    linear
        What was fitted to the fold.
    model, fold
        Name of the model in predictions, and number of the fold, 0-based.
    """
    # Imported here: it loads pandas, which the recognizer does without.
    from ser.files import write_arrays

    write_arrays(
        _path(folder, model, fold),
        coefficients=linear.coefficients,
        biases=linear.biases,
        weights=linear.weights,
    )


def read_linear(folder: Path, *, model: str, fold: int) -> LinearLayers:
    """Read what `write_linear` wrote.

    Parameters
    ----------
    folder
        Folder of all models and folds.
    model, fold
        Name of the model in predictions, and number of the fold, 0-based.

    Raises
    ------
    InputError
        Where the file is missing or damaged.
    """
    path = _path(folder, model, fold)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return LinearLayers(arrays["coefficients"], arrays["biases"], arrays["weights"])
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage train_layers") from error


def models_in(folder: Path) -> list[str]:
    """List the models of which a folder holds the first fold, in alphabetical order."""
    return sorted(path.name.removesuffix(_FIRST) for path in folder.glob(f"*{_FIRST}"))


def _path(folder: Path, model: str, fold: int) -> Path:
    return folder / f"{model}_fold{fold}.npz"
