"""radtool demo: the embedded synthetic cohort through the whole study."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say
from radtool.errors import RadtoolError

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the cohort and all results.")],
    patients: Annotated[int, typer.Option(min=30, help="How many synthetic patients.")] = 120,
    seed: Annotated[int, typer.Option(help="Same seed, same cohort.")] = 0,
    jobs: Annotated[int, typer.Option(help="Cases at a time; -1: all cores.")] = -1,
) -> None:
    """Write three synthetic hospitals as DICOM and run the whole study on them.

    The report states what was built into the data beside what was recovered. A few cases are faulty
    on purpose; they are named, and the others are done.
    """
    from radtool.demo import write_cohort
    from radtool.study import run_study

    with progress_bar() as progress:
        cohort = write_cohort(
            out,
            patients=patients,
            seed=seed,
            jobs=jobs,
            progress=lambda done, total: progress(done, total, "write the cohort"),
        )
        study = out / "study.yaml"
        study.write_bytes(_study_file().encode("utf-8"))
        done = run_study(study, out, jobs=jobs, progress=progress)
    for line in done.lines():
        say(line)
    say(f"{len(cohort.faulty)} cases are faulty on purpose:")
    unexpected = [failure for failure in done.failures if not _is_planned(failure, cohort.faulty)]
    for failure in done.failures:
        say(f"  {failure.case_id}  [{failure.stage}] {failure.reason}")
    finish(unexpected)


def _is_planned(failure: object, faulty: dict[str, str]) -> bool:
    case = str(getattr(failure, "case_id", ""))
    return any(case.startswith(patient) for patient in faulty)


def _study_file() -> str:
    """Text of the demo's study file: from the checkout, else from the installed package."""
    checkout = Path(__file__).resolve().parents[2] / "examples" / "demo.yaml"
    if checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    packaged = resources.files("radtool") / "demo" / "study.yaml"
    if not packaged.is_file():
        raise RadtoolError("the demo's study file is missing from this installation; reinstall")
    return packaged.read_text(encoding="utf-8")
