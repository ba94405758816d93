"""Which features and training copies each network reads, and under which protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkInput:
    """What a network reads.

    Attributes
    ----------
    features : str
        The file's name: ``contour`` [shape=(259,)] or ``logmel`` [shape=(160, 64)].
    protocol : str
        The protocol under whose folds it is trained.
    copies : tuple of str
        The variants of a training clip, the clean recording first; see `stages.inputs.read_features`.
    axes : tuple of int
        Over what the scaler's mean and deviation are taken.
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
