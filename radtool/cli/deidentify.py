"""radtool deidentify: DICOM copies that name nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from radtool.cli.console import finish, progress_bar, say

__all__ = ["deidentify"]


def deidentify(
    folder: Annotated[
        Path, typer.Argument(help="Folder, zip or tar with DICOM files.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the copies.")],
    key: Annotated[
        Path,
        typer.Option("--key", help="Key file, outside of --out; an earlier one is used again."),
    ],
) -> None:
    """Copy CT, MR, PET, RTSTRUCT and SEG files without identities (PS3.15 Basic Profile)."""
    from radtool.curation import deidentify as deidentify_folder

    with progress_bar() as progress:
        result = deidentify_folder(folder, out, key=key, progress=progress)
    files = result.files
    say(f"{out}: {len(files)} file(s) of {files['patient_id'].nunique()} patient(s)")
    say(f"{key}: the only way back to the patients; keep it apart")
    risky = int((files["risk"] != "").sum())
    if risky:
        say(f"{out / 'files.csv'}: {risky} file(s) may show text in their pixels; look at them")
    finish(result.failures)
