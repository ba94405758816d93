"""SECURITY.md: the tests that it cites are there, and what no other test holds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import soundfile
from voices import spoken

PROJECT = Path(__file__).parents[2]

LISTEN = """
import sys

def watch(event, arguments):
    if event == "os.system" or event.split(".")[0] in ("socket", "urllib", "http", "subprocess"):
        # sys.exit would be caught on the way.
        print(event, arguments, file=sys.stderr)
        import os
        os._exit(3)

sys.addaudithook(watch)
from ser import Recognizer
print(Recognizer.load(sys.argv[1]).predict(sys.argv[2]).emotion)
"""


def test_the_cited_tests_are_there() -> None:
    policy = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    cited = re.findall(r"`([\w/]+\.py)::(\w+)`", policy)
    assert len(cited) == policy.count("::") > 20
    for file, name in cited:
        tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (file, name)


def test_recordings_are_recognised_without_a_connection(tmp_path: Path, bundle_folder: Path) -> None:
    soundfile.write(tmp_path / "talk.wav", spoken(2), 16_000)
    command = [sys.executable, "-c", LISTEN, str(bundle_folder), str(tmp_path / "talk.wav")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
