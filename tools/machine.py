"""Print, as JSON, what float results depend on: the kind of CPU, Python, and the packages that compute.

Run it on the machine that made the committed metrics: ``python -m tools.machine > metrics/machine.json``.
Where another machine prints the same, its results must be equal; elsewhere they agree within a tolerance.
"""

import json
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages import command

PACKAGES = (
    "audiomentations",
    "keras",
    "librosa",
    "numpy",
    "onnxruntime",
    "scikit-learn",
    "scipy",
    "soundfile",
    "soxr",
    "tensorflow",
)
# Instruction sets by which NumPy, OpenBLAS, Eigen and oneDNN choose their kernels.
INSTRUCTION_SETS = re.compile("sse4_2|avx.*|fma|amx.*|asimd|sve.*|bf16")


def describe() -> dict[str, Any]:
    """Describe this machine; TensorFlow is not imported.

    Returns
    -------
    dict
        ``cpu``, ``python`` (major.minor), ``packages`` (name to version) and ``blas``.
    """
    return {
        "cpu": _cpu(Path("/proc/cpuinfo")),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "packages": {name: version(name) for name in PACKAGES},
        "blas": _blas(),
    }


def differences(one: Any, other: Any, *, path: str = "") -> list[str]:
    """List the dotted keys whose values differ between two descriptions."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else [path]
    keys = sorted(one.keys() | other.keys())
    return [
        found
        for key in keys
        for found in differences(one.get(key), other.get(key), path=f"{path}.{key}".lstrip("."))
    ]


def _cpu(cpuinfo: Path) -> dict[str, Any]:
    """Read the first CPU of a Linux ``cpuinfo``; elsewhere only what Python knows."""
    cpu: dict[str, Any] = {"architecture": platform.machine()}
    if not cpuinfo.exists():
        return cpu | {"processor": platform.processor()}
    lines = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    known = {key: fields[key] for key in ("vendor_id", "cpu family", "model", "model name") if key in fields}
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    return cpu | known | {"instruction_sets": sorted(filter(INSTRUCTION_SETS.fullmatch, flags))}


def _blas() -> list[str]:
    # Imported for their BLAS libraries, which threadpoolctl finds only once they are loaded.
    import numpy as np  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return sorted(
        f"{library['internal_api']} {library['version']} {library.get('architecture')}" for library in found
    )


def main() -> None:
    """Print the description."""
    command.parser(__doc__).parse_args()
    print(json.dumps(describe(), indent=2))


if __name__ == "__main__":
    command.run(main)
