"""Put the folds of a protocol together by twos: what either tests is tested, everything else trains.

Reads   data/splits/PROTOCOL.parquet
Writes  data/splits/PROTOCOL_pairs.parquet: fold (the pair's number), clip, role
"""

from ser.files import read_table, write_parquet
from ser.fold_pairs import pairs_of, split_by_pairs
from ser.params import NetworkSeeds
from stages import command


def main() -> None:
    """Split, write and print."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(NetworkSeeds.model_fields), help="whose folds")
    protocol: str = parser.parse_args().protocol
    split = read_table(f"data/splits/{protocol}.parquet", ("fold", "clip", "role"))
    write_parquet(f"data/splits/{protocol}_pairs.parquet", split_by_pairs(split))
    print(f"{protocol}: {len(pairs_of(split))} pairs of folds")


if __name__ == "__main__":
    command.run(main)
