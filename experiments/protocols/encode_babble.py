"""Compute the encoder's layers of training copies with babble for the folds of EMOBOX6 and LOSO.

Reads   data/clips.parquet, data/raw, and the encoder in the package
Writes  data/protocols/babble.npy (halves, copies, clips, 3, 1024): mean and deviation over time of each
        layer's 512 states, of the copies with babble in encode_layers.copies of params.yaml; first with
        voices of one half of the actors, then with those of the other
        data/protocols/babble_draws.parquet: what was drawn for each half, copy and clip, to be replayed

Ranges and seed are those of encode_layers; only the actors whose voices are allowed differ. Nothing is
learned here.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.protocols.babble import HALVES, places_of_babble
from ser.audio.corruptions.mixture import Mixture
from ser.errors import InputError
from ser.features.whisper_encoder import read_encoder
from ser.files import read_table, write_array, write_parquet
from ser.parallel import run_all
from ser.params import CorruptionRanges, load_params
from stages import command
from stages.layers.copies import layers_of_copies


def draw_babble(clips: pd.DataFrame, copies: Mapping[str, CorruptionRanges], *, seed: int) -> pd.DataFrame:
    """Draw both versions of each copy with babble.

    Parameters
    ----------
    clips
        With the columns ``clip`` and ``actor``.
    copies
        Ranges of each copy, by its name; those without babble are left out.
    seed
        Seed of all draws, 0 or above.

    Returns
    -------
    pandas.DataFrame
        A row a half, copy and clip, in this order: ``half`` (a place in `HALVES`), ``copy``, ``clip``,
        ``corruptions`` (JSON). An actor is never heard behind a clip of the same actor.

    Raises
    ------
    InputError
        Where babble has more talkers than actors may be heard.
    """
    by_actor = {int(str(actor)): list(rows) for actor, rows in clips.groupby("actor")["clip"]}
    names = [[*copies][place] for place in places_of_babble(copies)]
    rows = []
    for place, half in enumerate(HALVES):
        for copy in names:
            for clip, own in zip(clips["clip"], clips["actor"], strict=True):
                voices = {it: by_actor[it] for it in sorted(by_actor) if it in half and it != own}
                try:
                    drawn = Mixture.draw(
                        copies[copy], clip, copy, f"half {place}", seed=seed, candidates=voices
                    )
                except ValueError as error:
                    raise InputError(f"params.yaml: encode_layers.copies.{copy}: {error}") from error
                rows.append((place, copy, clip, drawn.to_json()))
    return pd.DataFrame(rows, columns=["half", "copy", "clip", "corruptions"])


def main() -> None:
    """Draw and encode both versions of each clip, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    read_encoder()  # before the work, if it is missing
    clips = read_table("data/clips.parquet", ("clip", "path", "actor"))
    draws = draw_babble(clips, params.encode_layers.copies, seed=params.encode_layers.seed)
    if draws.empty:
        raise InputError(
            "params.yaml: encode_layers.copies: none has babble, so that there is nothing to encode"
        )

    paths = dict(zip(clips["clip"], clips["path"], strict=True))
    calls = []
    for clip, texts in draws.groupby("clip", sort=False)["corruptions"]:
        heard = {voice: paths[voice] for text in texts for voice in Mixture.from_json(text).voices}
        calls.append((paths[str(clip)], list(texts), heard))
    rows = run_all(layers_of_copies, calls, workers=params.workers, what="encode babble")
    layers = np.stack(rows, axis=1)  # (halves * copies, clips, 3, 1024)
    write_array("data/protocols/babble.npy", layers.reshape(len(HALVES), -1, *layers.shape[1:]))
    write_parquet(Path("data/protocols/babble_draws.parquet"), draws)


if __name__ == "__main__":
    command.run(main)
