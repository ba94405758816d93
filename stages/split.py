"""Split: give every clip its role in every fold of every protocol.

Reads   data/clips.parquet
Writes  data/splits/{article,luna5,emobox6,loso,audeering}.parquet: fold, clip, role

Only `article` splits clips at random, so that every actor is in training and test; the others split actors.
"""

from ser.data.protocols import SPEAKER_INDEPENDENT, split_at_random, split_by_actor
from ser.files import read_table, write_parquet
from ser.params import load_params
from stages import command


def main() -> None:
    """Write one table a protocol and print its sizes."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "emotion", "gender", "actor"))

    article = params.split.article
    splits = {
        "article": split_at_random(clips, test_size=article.test_size, random_state=article.random_state)
    }
    for protocol, folds in SPEAKER_INDEPENDENT.items():
        splits[protocol] = split_by_actor(clips, folds)

    for protocol, split in splits.items():
        write_parquet(f"data/splits/{protocol}.parquet", split)
        sizes = split["role"].value_counts().to_dict()
        print(f"{protocol:10} {split['fold'].nunique():2} folds, clips over all folds: {sizes}")


if __name__ == "__main__":
    command.run(main)
