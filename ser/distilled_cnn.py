"""The 2-D CNN taught by a large encoder's opinions, and the same network without a teacher.

Both are trained on every clip that is not tested, to the last epoch, and listen to a tested clip at several
speeds: the mean log-probability of these decides.
"""

# It must be imported before Keras, because it sets up TensorFlow.
from ser import deterministic_tensorflow  # isort: split

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from scipy.special import softmax

from ser import logmel_augmentation as augmentation
from ser import logmel_cnn, training
from ser.datasets import Array, Part, Scaler, prediction_table, take
from ser.errors import InputError
from ser.params import LogMelCnn
from ser.ravdess import EMOTIONS
from ser.scores import PROBABILITIES

WATCHED_CLIPS = 64
"""How many training clips the learning curve follows; nothing is chosen by it."""


@dataclass(frozen=True)
class Lesson:
    """What a network learns in one fold.

    Attributes
    ----------
    part : Part
        All copies of the training clips, copy by copy, in dB.
    copies : int
        How many.
    labels : numpy.ndarray [shape=(n, 8), dtype=float32]
        A probability for each emotion, of each of the clips.
    scaler : Scaler
        Of the training clips in all copies.
    """

    part: Part
    copies: int
    labels: Array
    scaler: Scaler

    @classmethod
    def of(
        cls,
        clips: pd.DataFrame,
        split: pd.DataFrame,
        copies: list[Array],
        *,
        fold: int,
        opinions: pd.DataFrame | None = None,
        teacher_share: float = 0.0,
    ) -> "Lesson":
        """Gather what is learned in one fold; validation actors train, because nothing is chosen by them.

        Parameters
        ----------
        clips, split
            The tables of clips and of one protocol's folds.
        copies
            Log-mels of all clips, [shape=(clips, frames, bands)]: as recorded, then at other speeds.
        fold
            Which one.
        opinions
            The teacher's, a row a training clip of this fold; None without a teacher.
        teacher_share
            Weight of these opinions beside the labels.

        Raises
        ------
        InputError
            Where the teacher was not asked about the clips that train, and about no other.
        """
        together = split.replace({"role": {"validation": "train"}})
        part = take(clips, together, copies, fold=fold, role="train")
        n = len(part.y) // len(copies)
        labels = np.eye(len(EMOTIONS), dtype=np.float32)[part.y[:n]]
        if opinions is not None:
            if set(opinions["clip"]) != set(part.clips[:n]) or len(opinions) != n:
                raise InputError(f"data/distilled/opinions.parquet: fold {fold} is of other clips; run teach")
            said = opinions.set_index("clip").reindex(part.clips[:n])[list(PROBABILITIES)].to_numpy()
            labels = ((1 - teacher_share) * labels + teacher_share * said).astype(np.float32)
        return cls(part, len(copies), labels, Scaler.fit(part.x, axes=(0, 1)))

    def epochs(self, settings: LogMelCnn) -> training.Epoch:
        """Show one copy of each clip in an epoch, changed anew."""
        floor_db = float(self.part.x.min())

        def draw(generator: np.random.Generator) -> tuple[Array, Array]:
            x = augmentation.choose_copies(self.part.x, copies=self.copies, generator=generator)
            order = generator.permutation(len(self.labels))
            x = augmentation.distort(x[order], floor_db=floor_db, settings=settings, generator=generator)
            x = augmentation.crop(x, settings=settings, generator=generator)
            x = augmentation.mask(self.scaler.transform(x), settings=settings, generator=generator)
            return augmentation.mix(
                x, self.labels[order], batch_size=settings.batch_size, settings=settings, generator=generator
            )

        return draw


def fit(
    lesson: Lesson, settings: LogMelCnn, *, seed: int, name: str, checkpoint: Path, bar_position: int = 0
) -> keras.Model:
    """Build and train a network.

    Parameters
    ----------
    lesson
        All that it learns.
    settings
        The section ``distilled.network``.
    seed
        Of the weights and of all that is drawn.
    name, checkpoint, bar_position
        As in `ser.training.Run`.
    """
    deterministic_tensorflow.start(seed)
    steps = -(-len(lesson.labels) // settings.batch_size)
    model = logmel_cnn.logmel_cnn(n_mels=lesson.part.x.shape[2], settings=settings, steps_per_epoch=steps)
    n = min(WATCHED_CLIPS, len(lesson.labels))
    training.train(
        model,
        training.Run(
            name=name,
            seed=seed,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            draw_epoch=lesson.epochs(settings),
            watched=(lesson.scaler.transform(lesson.part.x[:n]), lesson.labels[:n]),
            checkpoint=checkpoint,
            identity=_identity(lesson, settings, seed),
            bar_position=bar_position,
        ),
    )
    return model


def listen(model: keras.Model, lesson: Lesson, heard: list[Part]) -> Array:
    """Recognise clips that are heard at several speeds: probabilities [shape=(n, 8)].

    Parameters
    ----------
    heard
        The same clips at each speed.
    """
    logs = [
        np.log(np.maximum(training.predict(model, lesson.scaler.transform(part.x)), 1e-9)) for part in heard
    ]
    said: Array = softmax(np.mean(logs, axis=0, dtype=np.float64), axis=1)
    return said


def train_and_predict(
    lesson: Lesson,
    heard: list[Part],
    settings: LogMelCnn,
    *,
    protocol: str,
    model: str,
    seed: int,
    fold: int,
    checkpoints: Path,
    bar_position: int,
) -> pd.DataFrame:
    """Train a network for one fold, and predict the fold's tested clips.

    Parameters
    ----------
    lesson, heard, settings, seed
        As in `fit` and `listen`.
    protocol, model, fold
        What the predictions are of.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.

    Returns
    -------
    pandas.DataFrame
        As of `ser.datasets.prediction_table`.
    """
    run = f"{model}_seed{seed}_fold{fold}"
    trained = fit(
        lesson,
        settings,
        seed=seed,
        name=f"{protocol} {run}",
        checkpoint=checkpoints / f"{run}.npz",
        bar_position=bar_position,
    )
    about = {"protocol": protocol, "model": model, "seed": seed, "fold": fold}
    return prediction_table(heard[0], listen(trained, lesson, heard), **about)  # type: ignore[arg-type]


def _identity(lesson: Lesson, settings: LogMelCnn, seed: int) -> str:
    modules = (deterministic_tensorflow, training, logmel_cnn, augmentation)
    return training.identity_of(
        *(lesson.part.x, lesson.labels, lesson.scaler.mean, lesson.scaler.deviation),
        *(settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(module.__file__ or "") for module in modules),
        Path(__file__),
    )
