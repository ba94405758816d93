"""The article's two 1-D CNNs on frame-mean log-mel, and what they are trained on in an epoch."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import Network, one_hot  # isort: split

import keras
import numpy as np
from keras import layers

from ser.data.fold import Array, Part
from ser.data.ravdess import EMOTIONS
from ser.data.scaling import Scaler
from ser.models.network_inputs import INPUTS
from ser.models.training import Epoch
from ser.params import ArticleCnn


def article_cnn(*, n_frames: int, settings: ArticleCnn) -> keras.Model:
    """Build either CNN of the article, compiled.

    Parameters
    ----------
    n_frames
        Length of the frame-mean log-mel, in frames.
    settings
        The section ``train_cnn.article`` or ``train_cnn.article_augmented``. The first has a sigmoid over the
        eight classes, a fault that is kept; its outputs are rescaled to sum to 1 where they are read.

    Returns
    -------
    keras.Model
        From [shape=(n, n_frames, 1)] to class scores [shape=(n, 8)], from 0 to 1.
    """
    kernel = settings.kernel_size
    penalty = keras.regularizers.L2(0.01)
    model = keras.Sequential(
        [
            # Shapes of one clip in the first CNN: 259 frames, kernels of 10.
            layers.Input((n_frames, 1)),  # (259, 1)
            layers.Conv1D(64, kernel, activation="relu"),  # (250, 64)
            layers.Conv1D(
                128, kernel, activation="relu", kernel_regularizer=penalty, bias_regularizer=penalty
            ),  # (241, 128)
            layers.MaxPooling1D(8),  # (30, 128)
            layers.Dropout(settings.dropout),
            layers.Conv1D(128, kernel, activation="relu"),  # (21, 128)
            layers.MaxPooling1D(8),  # (2, 128)
            layers.Dropout(settings.dropout),
            layers.Flatten(),  # (256,)
            layers.Dense(256, activation="relu"),
            layers.Dropout(settings.dropout),
            layers.Dense(len(EMOTIONS), activation=settings.output),  # (8,)
        ]
    )
    # The decay of Keras' former optimizers: the rate at step t is learning_rate / (1 + decay * t).
    rate = keras.optimizers.schedules.InverseTimeDecay(
        settings.learning_rate, decay_steps=1, decay_rate=settings.decay
    )
    model.compile(
        optimizer=keras.optimizers.Adam(rate), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def _build(shape: tuple[int, ...], settings: ArticleCnn, _steps_per_epoch: int) -> keras.Model:
    return article_cnn(n_frames=shape[0], settings=settings)


def _epochs(part: Part, scaler: Scaler, _copies: int, _settings: ArticleCnn) -> Epoch:
    """Give all copies of all clips in each epoch."""
    scaled, labels = scaler.transform(part.x), one_hot(part)  # (copies * n, frames), (copies * n, 8)

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        order = generator.permutation(len(scaled))
        return scaled[order], labels[order]

    return draw


NETWORKS = {
    name: Network(model, "test", axes=INPUTS[name].axes, build=_build, epochs=_epochs, code=(__file__,))
    for name, model in (("article", "cnn"), ("article_augmented", "cnn_augmented"))
}
"""By their section of ``train_cnn``. As in the article, their learning curves monitor the test set."""
