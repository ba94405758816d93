"""What a run of a network leaves, in a form that a process can take without loading TensorFlow."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RunResult:
    """Of one seed and fold.

    Attributes
    ----------
    predictions : pandas.DataFrame
        Of the test clips.
    validation : pandas.DataFrame or None
        Of the validation clips, where the protocol has them.
    curve : pandas.DataFrame
        A row an epoch.
    architecture : str
        JSON.
    """

    predictions: pd.DataFrame
    validation: pd.DataFrame | None
    curve: pd.DataFrame
    architecture: str
