"""Make one augmented copy of every clip: noise, a time stretch, or speed and pitch together.

Reads   data/clips.parquet, data/raw
Writes  data/augmented/VARIANT: Actor_XX/CLIP.flac, and draws.parquet with what was drawn for each clip

As in the article, the copy is made of the window that the article reads, not of the whole recording. A copy
depends on the seed, the clip and the variant alone, and can be replayed from its draw.
"""

from pathlib import Path

import pandas as pd

from ser.audio import clip_io as audio
from ser.audio.augmentation import Settings, draw, make_transform
from ser.data.ravdess import SAMPLE_RATE, clip_path
from ser.files import read_table, replacing, write_parquet
from ser.parallel import run_all
from ser.params import Window, load_params
from stages import command


def augment_clip(source: str, folder: Path, clip: str, window: Window, settings: Settings) -> str:
    """Write one clip's copy into `folder`; return what was drawn, as JSON."""
    samples = audio.load(
        source, sample_rate=SAMPLE_RATE, offset_s=window.offset_s, duration_s=window.duration_s
    )
    copy, drawn = draw(
        make_transform(settings), samples, sample_rate=SAMPLE_RATE, seed=settings.seed, clip=clip
    )
    audio.write_pcm16(clip_path(folder, clip, suffix=".flac"), copy, sample_rate=SAMPLE_RATE)
    return drawn


def main() -> None:
    """Augment every clip and keep the draws."""
    parser = command.parser(__doc__)
    parser.add_argument("variant", choices=["noise", "stretch", "speed_pitch"], help="which copy to make")
    variant: str = parser.parse_args().variant
    params = load_params()
    settings: Settings = getattr(params.augment, variant)
    clips = read_table("data/clips.parquet", ("clip", "path", "actor"))

    with replacing(f"data/augmented/{variant}") as folder:
        for actor in clips["actor"].unique():
            (folder / f"Actor_{actor:02d}").mkdir(parents=True)
        calls = [
            (path, folder, clip, params.article_window, settings)
            for clip, path in zip(clips["clip"], clips["path"], strict=True)
        ]
        drawn = run_all(augment_clip, calls, workers=params.workers, what=f"augment {variant}")
        draws = pd.DataFrame({"clip": clips["clip"], "seed": settings.seed, "parameters": drawn})
        write_parquet(folder / "draws.parquet", draws)


if __name__ == "__main__":
    command.run(main)
