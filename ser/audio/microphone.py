"""Sound from the microphone as blocks, through sounddevice, which is an optional package."""

import contextlib
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ser.audio.stream import Sound, Waveform
from ser.errors import InputError

_PATIENCE_S = 10.0
_MOST_WAITING_S = 5.0


def sounddevice() -> Any:
    """Import sounddevice.

    Raises
    ------
    InputError
        Where it is not installed, or does not find the library PortAudio.
    """
    try:
        import sounddevice as module
    except ModuleNotFoundError as error:
        raise InputError('ser listen needs sounddevice: pip install "ravdess-ser[listen]"') from error
    except OSError as error:
        raise InputError(
            f"sounddevice does not find PortAudio ({error}); install it, on Debian and Ubuntu with: "
            "apt install libportaudio2"
        ) from error
    return module


@contextmanager
def open_microphone(device: str | None, *, import_module: Callable[[], Any] = sounddevice) -> Iterator[Sound]:
    """Open an input device at its own sample rate; `Sound.blocks` goes on until the device is gone.

    Where whoever reads the blocks lags by more than some seconds, the oldest sound is dropped: an answer
    about speech of long ago is of no use, and the memory that waits must not grow.

    Parameters
    ----------
    device
        Number of the device, or a part of its name; None for the system's default.
    import_module
        Returns the module sounddevice, or a stand-in for it.

    Raises
    ------
    InputError
        Where there is no such device, or it cannot be opened; from the blocks, where it is gone.
    """
    module = import_module()
    wanted = int(device) if device is not None and device.isdigit() else device
    heard: queue.SimpleQueue[Waveform] = queue.SimpleQueue()
    rate = 0

    def take(samples: Waveform, *_: Any) -> None:
        # Called by the device's own thread, which must not wait; the array is used again afterwards.
        while heard.qsize() * len(samples) > _MOST_WAITING_S * rate:
            with contextlib.suppress(queue.Empty):
                heard.get_nowait()
        heard.put(np.asarray(samples, dtype=np.float32).mean(axis=1))  # (n, channels) to (n,)

    try:
        found = module.query_devices(wanted, "input")
        rate = round(found["default_samplerate"])
        stream = module.InputStream(
            device=wanted, samplerate=rate, channels=1, dtype="float32", callback=take
        )
    except (module.PortAudioError, ValueError) as error:
        raise InputError(
            f"no microphone to listen to ({error}); ser listen --devices lists what there is"
        ) from error
    with stream:
        yield Sound(str(found["name"]), rate, _blocks(heard, str(found["name"])))


def _blocks(heard: "queue.SimpleQueue[Waveform]", name: str) -> Iterator[Waveform]:
    while True:
        try:
            yield heard.get(timeout=_PATIENCE_S)
        except queue.Empty as error:
            raise InputError(f"{name}: gives no sound any more; connect it again") from error
