"""The features and training copies that are each network's input, and its protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkInput:
    """A network's input.

    Attributes
    ----------
    features : str
        Name of the features' file: ``contour``, frame-mean log-mel [shape=(259,)], or ``logmel``
        [shape=(160, 64)]; both are in dB.
    protocol : str
        The protocol under whose folds it is trained.
    copies : tuple of str
        The variants of a training clip, the clean recording first; see `stages.inputs.read_features`.
    axes : tuple of int
        Axes of the features [shape=(clips, ...)] over which the scaler takes mean and standard deviation.
    """

    features: str
    protocol: str
    copies: tuple[str, ...]
    axes: tuple[int, ...]


INPUTS = {
    "article": NetworkInput("contour", "article", ("clean",), axes=(0,)),
    # The article's loops compute the noise and stretch copies' spectrograms of the clean signal: only speed
    # and pitch, which overwrites its input, acts. So three of the four copies are the original.
    "article_augmented": NetworkInput(
        "contour", "article", ("clean", "clean", "clean", "speed_pitch"), axes=(0,)
    ),
    "logmel": NetworkInput("logmel", "luna5", ("clean", "resampled"), axes=(0, 1)),
}
"""By the network's section of ``train_cnn``."""
