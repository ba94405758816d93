"""How every figure looks: one colour an emotion, one set of settings, PNGs with the same bytes on every run.

Draw inside ``with project_style():`` on a `matplotlib.figure.Figure` (not on pyplot, which keeps global state
and may open windows), then `save`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from matplotlib import style
from matplotlib.figure import Figure

from ser.data.ravdess import EMOTIONS
from ser.files import replacing

_OKABE_ITO = ("#6b6b6b", "#56b4e9", "#e69f00", "#0072b2", "#d55e00", "#cc79a7", "#009e73", "#3b0a45")

EMOTION_COLOURS: Mapping[str, str] = MappingProxyType(dict(zip(EMOTIONS, _OKABE_ITO, strict=True)))
"""The colour-blind-safe set of Okabe and Ito (2008), with grey for its black and dark purple for its yellow,
which is hardly visible on white."""

GENDER_COLOURS: Mapping[str, str] = MappingProxyType({"male": "#0072b2", "female": "#d55e00"})

SERIES_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#6b6b6b", "#e69f00", "#56b4e9", "#3b0a45")
"""The same set for lines of any other kind, in the order to use them."""

LEVEL_COLOUR_MAP = "magma"
"""For levels in dB; its lightness rises evenly, so it also reads in grey."""

SHARE_COLOUR_MAP = "Blues"
"""For proportions from 0 to 1, such as a confusion matrix."""

_SETTINGS = MappingProxyType(
    {
        "figure.dpi": 144,
        "savefig.dpi": 144,
        "figure.facecolor": "white",
        "figure.labelsize": 9,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.edgecolor": "#555555",
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.4,
    }
)


def project_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib uses the project's settings over its own defaults."""
    # "default" first: a matplotlibrc on somebody's machine must not change the bytes.
    return style.context(["default", dict(_SETTINGS)])


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG, without the version stamp that differs between matplotlib releases."""
    with replacing(path) as temporary, project_style():
        figure.savefig(temporary, format="png", metadata={"Software": None})
