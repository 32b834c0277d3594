"""One interface for every source of masks: a segmenter takes an Image and returns a Mask.

The bundled network, a PET threshold, a function of the user's own and programs that are installed
beside radtool (TotalSegmentator, nnU-Net, a MONAI bundle) all become a `Segmenter`;
`apply_segmenter` runs any of them and checks what comes back.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from radtool.errors import GeometryError, InputError, MissingPartError, ParameterError
from radtool.image import Image, Mask, check_same_grid
from radtool.io import read_image, write_image

__all__ = [
    "Segmenter",
    "apply_segmenter",
    "monai_bundle",
    "network_segmenter",
    "nnunet",
    "pet_threshold",
    "program",
    "totalsegmentator",
]

Segmenter = Callable[[Image], Mask]


def apply_segmenter(image: Image, segmenter: Segmenter, *, roi: str, origin: str) -> Mask:
    """Run a segmenter and check its answer.

    Parameters
    ----------
    image : Image
    segmenter : callable
        Image -> Mask on the grid of the image.
    roi : str
        Name for the mask.
    origin : str
        Where the mask came from, for the provenance.

    Returns
    -------
    Mask

    Raises
    ------
    InputError
        The answer is not a Mask.
    GeometryError
        The mask is not on the image grid.
    """
    mask = segmenter(image)
    if not isinstance(mask, Mask):
        raise InputError(f"segmenter {origin!r} returned {type(mask).__name__}, not a Mask")
    check_same_grid(image, mask)
    return Mask(mask.array, mask.geometry, roi, origin)


def network_segmenter(**settings: object) -> Segmenter:
    """Return the bundled network as a segmenter; settings as in `segment`."""
    from radtool.segmentation.predict import segment

    return lambda image: segment(image, **settings).mask  # type: ignore[arg-type]


def pet_threshold(
    *, fraction: float | None = None, suv: float | None = None, inside: Mask | None = None
) -> Segmenter:
    """Return a segmenter that keeps the hottest connected region of a PET.

    Parameters
    ----------
    fraction : float, optional
        Fraction of the maximum, such as 0.41 (41 % of SUVmax).
    suv : float, optional
        Fixed threshold, such as 2.5 or 4.0. Give `fraction` or `suv`, not both.
    inside : Mask, optional
        Where to look: keeps brain, heart and bladder out. The whole image if not given.

    Returns
    -------
    callable
        Image in SUV -> Mask of the 26-connected region at or above the threshold that holds the
        maximum. Empty when nothing reaches a fixed threshold.

    Raises
    ------
    ParameterError
        Both thresholds or none are given, or one is out of range.
    InputError
        The image has another unit than SUV (raised when the segmenter runs).

    Examples
    --------
    >>> from radtool.image import Geometry
    >>> pet = np.zeros((3, 3, 5)); pet[1, 1] = [9, 0, 3, 5, 1]
    >>> hot = pet_threshold(fraction=0.41)(Image(pet, Geometry(pet.shape), "SUVbw"))
    >>> hot.array[1, 1].tolist()
    [True, False, False, False, False]
    """
    if (fraction is None) == (suv is None):
        raise ParameterError("give fraction (0.41) or suv (2.5), one of them")
    if fraction is not None and not 0 < fraction <= 1:
        raise ParameterError(f"fraction must be above 0 and at most 1, got {fraction}")
    if suv is not None and suv <= 0:
        raise ParameterError(f"suv must be above 0, got {suv}")

    def threshold(image: Image) -> Mask:
        if not image.unit.startswith("SUV"):
            raise InputError(f"a PET in SUV is needed, this image is in {image.unit!r}")
        allowed = np.ones(image.array.shape, dtype=bool)
        if inside is not None:
            check_same_grid(image, inside)
            allowed = inside.array
        values = np.where(allowed, image.array, -np.inf)
        peak = np.unravel_index(int(np.argmax(values)), values.shape)
        level = suv if suv is not None else float(fraction or 0) * float(values[peak])
        labels, _ = ndimage.label(values >= level, np.ones((3, 3, 3)))
        found = (labels == labels[peak]) & (labels[peak] > 0)
        shown = f"{100 * fraction:g} % of maximum" if fraction is not None else f"SUV {suv:g}"
        return Mask(found, image.geometry, "tumour", f"PET threshold {shown}")

    return threshold


def program(
    command: Sequence[str],
    *,
    output: str,
    image_name: str = "image.nii.gz",
    label: int | None = None,
    hint: str = "",
) -> Segmenter:
    """Return a segmenter that runs an installed program on NIfTI files, without a shell.

    Parameters
    ----------
    command : sequence of str
        Program and arguments; ``{image}`` is replaced by the path of the written image,
        ``{image_folder}`` by its folder and ``{out}`` by an empty folder for results.
    output : str
        Path of the mask below ``{out}`` that the program writes.
    image_name : str
        File name of the written image, for programs that want a certain one.
    label : int, optional
        Label of the wanted structure in a label image; anything above 0 if not given.
    hint : str
        How to install the program, for the message when it is missing.

    Returns
    -------
    callable
        Image -> Mask. Raises `MissingPartError` when the program is not installed, `InputError`
        when it fails or writes no mask, `GeometryError` when its mask is on another grid.
    """

    def run(image: Image) -> Mask:
        found = shutil.which(command[0])
        if found is None:
            raise MissingPartError(f"{command[0]} is not installed{'; ' + hint if hint else ''}")
        with tempfile.TemporaryDirectory() as name:
            source, out = Path(name) / "in", Path(name) / "out"
            source.mkdir()
            out.mkdir()
            write_image(image, source / image_name)
            paths = {"image": str(source / image_name), "image_folder": str(source)}
            filled = [found, *(_filled(part, paths | {"out": str(out)}) for part in command[1:])]
            done = subprocess.run(filled, capture_output=True, text=True, check=False)
            if done.returncode:
                last = "\n".join(done.stderr.strip().splitlines()[-3:])
                raise InputError(f"{command[0]} ended with code {done.returncode}: {last}")
            return _written(out / output, command[0], label, image)

    return run


def _filled(part: str, paths: Mapping[str, str]) -> str:
    for name, path in paths.items():
        part = part.replace("{" + name + "}", path)
    return part


def _written(path: Path, name: str, label: int | None, image: Image) -> Mask:
    if not path.is_file():
        raise InputError(f"{name} ended well but wrote no {path.name}")
    labels = read_image(path)
    if not labels.geometry.matches(image.geometry, tolerance=0.05):
        raise GeometryError(
            f"{name} wrote a mask on another grid: shape {labels.geometry.shape} (z, y, x), the"
            f" image {image.geometry.shape}"
        )
    inside = labels.array > 0.5 if label is None else np.rint(labels.array) == label
    return Mask(inside, image.geometry, "roi", name)


def totalsegmentator(structure: str, *, task: str = "total") -> Segmenter:
    """Return TotalSegmentator as a segmenter for one structure of a task.

    Parameters
    ----------
    structure : str
        TotalSegmentator's name of the structure, such as "lung_upper_lobe_left" or, with
        ``task="lung_nodules"``, "lung_nodules".
    task : str, default "total"
        TotalSegmentator's task.
    """
    return program(
        ["TotalSegmentator", "-i", "{image}", "-o", "{out}", "--task", task],
        output=f"{structure}.nii.gz",
        hint="pip install TotalSegmentator, in an environment of its own if versions clash",
    )


def nnunet(folder: str, *, label: int = 1, folds: Sequence[str] = ("all",)) -> Segmenter:
    """Return a trained nnU-Net v2 model folder as a segmenter of one label.

    Parameters
    ----------
    folder : str
        Model folder with ``plans.json``, ``dataset.json`` and ``fold_*``.
    label : int, default 1
        Label of the wanted structure.
    folds : sequence of str, default ("all",)
        Which ``fold_*`` to average.
    """
    return program(
        [
            *("nnUNetv2_predict_from_modelfolder", "-i", "{image_folder}", "-o", "{out}"),
            *("-m", folder, "-f", *folds),
        ],
        output="case.nii.gz",
        image_name="case_0000.nii.gz",
        label=label,
        hint="pip install nnunetv2, in an environment of its own if versions clash",
    )


def monai_bundle(folder: str, *, output: str, label: int | None = 1) -> Segmenter:
    """Return a MONAI bundle as a segmenter.

    Parameters
    ----------
    folder : str
        Bundle with ``configs/inference.json``.
    output : str
        Mask file below the output folder, as the bundle names it for an input ``image.nii.gz``
        (often ``image/image_seg.nii.gz``).
    label : int, optional
        Label of the wanted structure.

    Raises
    ------
    MissingPartError
        MONAI is not installed in this environment.
    """
    hint = "pip install 'monai[fire]'"
    if importlib.util.find_spec("monai") is None:
        raise MissingPartError(f"a MONAI bundle needs MONAI: {hint}")
    return program(
        [
            *(sys.executable, "-m", "monai.bundle", "run"),
            *("--bundle_root", folder, "--config_file", f"{folder}/configs/inference.json"),
            *("--dataset_dir", "{image_folder}", "--output_dir", "{out}"),
            *("--datalist", "['{image}']"),
        ],
        output=output,
        label=label,
        hint=hint,
    )
