"""The training loop: the same bits twice, whatever interrupts it."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from ser.models.training import Array, Run, identity_of, predict, train

N, WIDTH, EPOCHS = 50, 6, 6


def data(seed: int, n: int = N) -> tuple[Array, Array]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 8, n)
    # Enough of a trace to learn from at first, too little not to learn by heart in the end.
    centres = np.random.default_rng(0).normal(0, 0.7, (8, WIDTH))
    x = centres[labels] + draw.normal(0, 1.3, size=(n, WIDTH))
    return x.astype(np.float32), np.eye(8, dtype=np.float32)[labels]


def small_network(*, learning_rate: float = 0.02, dropout: float = 0.5) -> keras.Model:
    """All that has a state: dropout's generator, moving averages, moments and a schedule of the rate."""
    deterministic_tensorflow.start(1)
    model = keras.Sequential(
        [
            keras.layers.Input((WIDTH,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(8, activation="softmax"),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, EPOCHS * 4)
    model.compile(keras.optimizers.AdamW(rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


def draw_epoch(generator: np.random.Generator) -> tuple[Array, Array]:
    x, y = data(0)
    order = generator.permutation(N)
    return x[order] + generator.normal(0, 0.1, x.shape).astype(np.float32), y[order]


def run_in(folder: Path, *, identity: str = "this") -> Run:
    return Run(
        name="test",
        seed=7,
        epochs=EPOCHS,
        batch_size=16,
        draw_epoch=draw_epoch,
        monitored=data(1, 30),
        checkpoint=folder / "checkpoint.npz",
        identity=identity,
    )


@dataclass(frozen=True)
class Outcome:
    """What must not differ by a bit."""

    weights: bytes
    curve: list[dict[str, float]]


@cache
def one_network() -> tuple[keras.Model, list[Array]]:
    """Give a network and its first state: set back, it is as good as new, and need not be compiled again."""
    model = small_network()
    model.optimizer.build(model.trainable_variables)
    return model, [np.asarray(variable) for variable in model.variables + model.optimizer.variables]


def trained(run: Run, *, anew: bool = False) -> Outcome:
    model, first_state = one_network()
    for variable, value in zip(model.variables + model.optimizer.variables, first_state, strict=True):
        variable.assign(value)
    if anew:
        model = small_network()
    curve = train(model, run)
    return Outcome(b"".join(array.tobytes() for array in model.get_weights()), curve)


def stopping(
    at_epoch: int, how: Callable[[], object]
) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    """Draw epochs until something ends the run while an epoch is being drawn."""
    drawn = 0

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        nonlocal drawn
        drawn += 1
        if drawn == at_epoch:
            how()
        return draw_epoch(generator)

    return draw


def interrupt() -> None:
    raise KeyboardInterrupt


def be_killed(folder: str) -> None:
    """Train in a process of its own until the third epoch, which it does not survive."""
    run = run_in(Path(folder))
    trained(replace(run, draw_epoch=stopping(3, lambda: os.kill(os.getpid(), signal.SIGKILL))))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return trained(run_in(tmp_path_factory.mktemp("unbroken")))


def test_the_same_run_twice_is_the_same_to_the_bit(tmp_path: Path, unbroken: Outcome) -> None:
    assert trained(run_in(tmp_path), anew=True) == unbroken


def test_another_seed_is_another_run(tmp_path: Path, unbroken: Outcome) -> None:
    assert trained(replace(run_in(tmp_path), seed=8)).curve != unbroken.curve


@pytest.mark.parametrize("epoch", [1, 4])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path, unbroken: Outcome, epoch: int) -> None:
    run = run_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trained(replace(run, draw_epoch=stopping(epoch, interrupt)))
    left = len(unbroken.curve) - (epoch - 1)
    # It does not begin anew: one epoch more than are left would interrupt it again.
    resumed = trained(replace(run, draw_epoch=stopping(left + 1, interrupt)))
    assert resumed == unbroken


def test_a_killed_process_is_gone_on_with_by_another(tmp_path: Path, unbroken: Outcome) -> None:
    code = f"import test_training; test_training.be_killed({str(tmp_path)!r})"
    search = os.pathsep.join([str(Path(__file__).parent), *map(str, Path(__file__).parents[1:3])])
    killed = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": search}, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    left = len(unbroken.curve) - 2
    resumed = replace(run_in(tmp_path), draw_epoch=stopping(left + 1, interrupt))
    assert trained(resumed) == unbroken


def test_a_finished_run_is_not_trained_further(tmp_path: Path, unbroken: Outcome) -> None:
    run = run_in(tmp_path)
    trained(run)
    assert trained(replace(run, draw_epoch=stopping(1, interrupt))) == unbroken


def test_a_checkpoint_of_another_identity_is_ignored(tmp_path: Path, unbroken: Outcome) -> None:
    trained(replace(run_in(tmp_path, identity="another"), seed=8))
    assert trained(run_in(tmp_path)) == unbroken


def flip_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return (
        content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 8]) + content[middle + 8 :]
    )


def with_byte(content: bytes, place: int, value: int) -> bytes:
    return content[:place] + bytes([value]) + content[place + 1 :]


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "no archive": lambda _: b"no checkpoint",
    "flipped bits": flip_in_the_middle,
    "unknown compression": lambda content: with_byte(content, content.rfind(b"PK\x01\x02") + 10, 99),
    "zeros at the end": lambda content: content[:-200] + bytes(200),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_checkpoint_costs_time_but_nothing_else(
    tmp_path: Path, unbroken: Outcome, damage: Callable[[bytes], bytes]
) -> None:
    run = run_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trained(replace(run, draw_epoch=stopping(4, interrupt)))
    run.checkpoint.write_bytes(damage(run.checkpoint.read_bytes()))
    assert trained(run) == unbroken


def test_the_curve_tells_each_epochs_own_figures(tmp_path: Path) -> None:
    # A network that does not learn has the same loss in every batch, and so in an epoch as a whole.
    model = small_network(dropout=0.0)
    model.layers[1].trainable = False
    model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", metrics=["accuracy"])
    run = replace(run_in(tmp_path), epochs=3, draw_epoch=lambda _: data(0))
    curve = train(model, run)
    assert [row["epoch"] for row in curve] == [1, 2, 3]
    for side, (x, y) in (("", data(0)), ("val_", run.monitored)):
        probabilities = predict(model, x)
        right = probabilities.argmax(axis=1) == y.argmax(axis=1)
        loss = -np.log(probabilities[y == 1]).mean()
        for row in curve:
            assert row[f"{side}loss"] == pytest.approx(loss, rel=1e-4)
            assert row[f"{side}accuracy"] == pytest.approx(right.mean())
    x, y = run.monitored
    right = predict(model, x).argmax(axis=1) == y.argmax(axis=1)
    recalls = [right[y[:, emotion] == 1].mean() for emotion in range(8) if y[:, emotion].any()]
    assert len(recalls) == 8
    assert curve[0]["val_uar"] == pytest.approx(np.mean(recalls))


def test_prediction_in_batches_is_prediction_at_once() -> None:
    model = small_network()
    x, _ = data(2, 600)
    batches = predict(model, x, batch_size=256)
    assert batches.shape == (600, 8)
    np.testing.assert_allclose(batches, predict(model, x, batch_size=600), rtol=1e-5)


def test_an_identity_follows_all_that_it_is_made_of(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    array = np.arange(4.0)
    before = identity_of(array, "settings", 1, code)
    assert identity_of(array.copy(), "settings", 1, code) == before
    assert identity_of(array + 1, "settings", 1, code) != before
    assert identity_of(array, "others", 1, code) != before
    assert identity_of(array, "settings", 2, code) != before
    code.write_text("a = 2")
    assert identity_of(array, "settings", 1, code) != before


def test_the_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unbroken: Outcome
) -> None:
    run = run_in(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trained(replace(run, draw_epoch=stopping(3, interrupt)))
    before = run.checkpoint.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", fail)
        with pytest.raises(OSError, match="No space left"):
            trained(run)
    assert run.checkpoint.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [run.checkpoint.name]
    assert trained(run) == unbroken
