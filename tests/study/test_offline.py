"""Nothing of a study leaves the machine, and nothing is fetched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys

def listening(event, details):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"):
        print(event, details, file=sys.stderr)
        sys.exit(9)

sys.addaudithook(listening)
if sys.argv[1] == "control":
    import urllib.request
    urllib.request.urlopen("http://example.org")
from radtool.study import predict_cases, run_study, validate_signature
folder = sys.argv[2]
run_study(f"{folder}/study.yaml", f"{folder}/out")
signature, features = f"{folder}/out/os.signature.json", f"{folder}/out/features.parquet"
predict_cases(
    signature, f"{folder}/scores.csv", features=features, clinical=f"{folder}/outcomes.csv"
)
print("done")
"""


def run(what: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, what, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_study_from_images_to_scores_opens_no_connection(study_folder: Path) -> None:
    done = run("study", study_folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


def test_a_connection_would_be_noticed(study_folder: Path) -> None:
    done = run("control", study_folder)
    assert done.returncode == 9
    assert "socket." in done.stderr
