"""A 2-D CNN on log-mel, and what it is trained on in an epoch."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import Network, one_hot  # isort: split

import keras
import numpy as np
from keras import layers

from ser.data.fold import Array, Part
from ser.data.ravdess import EMOTIONS
from ser.data.scaling import Scaler
from ser.models import spec_augment as augmentation
from ser.models.network_inputs import INPUTS
from ser.models.training import Epoch
from ser.params import LogMelCnn


def logmel_cnn(*, n_mels: int, settings: LogMelCnn, steps_per_epoch: int) -> keras.Model:
    """Build the 2-D CNN, compiled.

    A stem that strides early (two frames, four bands), squeeze-and-excitation, one residual block, then
    attentive statistics pooling over time: weighted mean and standard deviation of each channel. A log-mel
    may have any number of frames: the network is trained on excerpts, and applied to complete clips.

    Parameters
    ----------
    n_mels
        Number of mel bands of the input.
    settings
        The section ``train_cnn.logmel`` of params.yaml.
    steps_per_epoch
        Batches an epoch, for the schedule of the learning rate: a linear warm-up, then a cosine to 0.

    Returns
    -------
    keras.Model
        From standardised log-mels [shape=(n, t, n_mels)] to probabilities [shape=(n, 8)].

    References
    ----------
    Hu J et al. (2018). Squeeze-and-Excitation Networks. CVPR.
    Okabe K et al. (2018). Attentive Statistics Pooling for Deep Speaker Embedding. Interspeech.
    """
    # Shapes of one clip, (frames, bands, channels), for a log-mel of 160 frames and 64 bands.
    spectrogram = layers.Input((None, n_mels))  # (160, 64)
    x = layers.Reshape((-1, n_mels, 1))(spectrogram)  # (160, 64, 1)
    x = _convolution(x, 32, kernel=(5, 7), strides=(2, 4))  # (80, 16, 32)
    x = _convolution(x, 64, strides=2)  # (40, 8, 64)
    x = _squeeze_excitation(x)
    x = layers.add([x, _convolution(x, 64)])
    x = _convolution(x, 96, strides=(1, 2))  # (40, 4, 96)
    x = _squeeze_excitation(x)
    x = layers.Reshape((-1, x.shape[2] * x.shape[3]))(x)  # (40, 384)
    x = layers.Dense(128, use_bias=False)(x)  # (40, 128)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(settings.dropout)(_attentive_statistics(x))  # (256,)
    model = keras.Model(spectrogram, layers.Dense(len(EMOTIONS), activation="softmax")(x))  # (8,)

    total = settings.epochs * steps_per_epoch
    warmup = min(settings.warmup_epochs * steps_per_epoch, total - 1)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total - warmup, warmup_target=settings.learning_rate, warmup_steps=warmup
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )
    return model


def _convolution(
    x: keras.KerasTensor,
    filters: int,
    *,
    kernel: int | tuple[int, int] = 3,
    strides: int | tuple[int, int] = 1,
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization(momentum=0.9)(x))


def _squeeze_excitation(x: keras.KerasTensor) -> keras.KerasTensor:
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D()(x)  # (t, bands, channels) to (channels,)
    weights = layers.Dense(channels // 8, activation="relu")(weights)  # (channels // 8,)
    weights = layers.Dense(channels, activation="sigmoid")(weights)  # (channels,)
    return layers.multiply([x, layers.Reshape((1, 1, channels))(weights)])


def _attentive_statistics(x: keras.KerasTensor) -> keras.KerasTensor:
    scores = layers.Dense(1)(layers.Dense(64, activation="tanh")(x))  # (t, channels) to (t, 1)
    weights = layers.Softmax(axis=1)(scores)  # (t, 1), which sums to 1 over time
    mean = layers.Dot(axes=1)([weights, x])  # (1, channels)
    power = layers.Dot(axes=1)([weights, layers.multiply([x, x])])  # (1, channels)
    variance = layers.subtract([power, layers.multiply([mean, mean])])
    deviation = _SafeRoot()(variance)
    return layers.Flatten()(layers.concatenate([mean, deviation]))  # (2 * channels,)


@keras.saving.register_keras_serializable(package="ser")
class _SafeRoot(layers.Layer):  # type: ignore[misc]
    """Square root whose gradient stays finite at 0."""

    # Keras writes it into a network's architecture, which must not change when this file moves.
    __module__ = "ser.logmel_cnn"

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.ops.sqrt(keras.ops.maximum(x, 1e-6))


def _build(shape: tuple[int, ...], settings: LogMelCnn, steps_per_epoch: int) -> keras.Model:
    return logmel_cnn(n_mels=shape[1], settings=settings, steps_per_epoch=steps_per_epoch)


def _epochs(part: Part, scaler: Scaler, copies: int, settings: LogMelCnn) -> Epoch:
    """Give one copy of each clip in an epoch, augmented anew."""
    n = len(part.x) // copies
    labels = one_hot(part)[:n]  # (n, 8)
    floor_db = float(part.x.min())

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        # (copies * n, frames, bands) to (n, frames, bands)
        x = augmentation.choose_copies(part.x, copies=copies, generator=generator)
        order = generator.permutation(n)
        x = augmentation.distort(x[order], floor_db=floor_db, settings=settings, generator=generator)
        x = augmentation.crop(x, settings=settings, generator=generator)  # (n, crop_frames, bands)
        x = augmentation.mask(scaler.transform(x), settings=settings, generator=generator)
        return augmentation.mix(
            x, labels[order], batch_size=settings.batch_size, settings=settings, generator=generator
        )

    return draw


NETWORKS = {
    "logmel": Network(
        "logmel_cnn",
        "validation",
        axes=INPUTS["logmel"].axes,
        build=_build,
        epochs=_epochs,
        code=(__file__, augmentation.__file__),
    )
}
"""By its section of ``train_cnn``."""
