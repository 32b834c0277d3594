"""What may tell the volumes of one series apart: echo, b-value, time, acquisition, kernel, …."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from radtool.io.headers import Elements, functional, number, numbers, private_number, text

__all__ = ["MARK_TAGS", "marks_of"]

# (private creator's start, tag) of the b-value of each vendor.
B_VALUES = (
    ("SIEMENS MR HEADER", (0x0019, 0x100C)),
    ("GEMS_PARM_01", (0x0043, 0x1039)),
    ("PHILIPS IMAGING DD 001", (0x2001, 0x1003)),
)
GE_OFFSET = 1_000_000_000
"""GE adds this to b-values to say how directions were chosen."""

# mark -> (functional group of enhanced files, keyword)
_PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "image_type": (
        ("MRImageFrameTypeSequence", "FrameType"),
        ("CTImageFrameTypeSequence", "FrameType"),
        ("PETFrameTypeSequence", "FrameType"),
        ("", "ImageType"),
    ),
    "echo_time": (("MREchoSequence", "EffectiveEchoTime"), ("", "EchoTime")),
    "echo_number": (("", "EchoNumbers"),),
    "inversion_time": (("", "InversionTime"),),
    "flip_angle": (("MRTimingAndRelatedParametersSequence", "FlipAngle"), ("", "FlipAngle")),
    "b_value": (("MRDiffusionSequence", "DiffusionBValue"), ("", "DiffusionBValue")),
    "gradient": (("", "DiffusionGradientOrientation"),),
    "temporal_position": (
        ("FrameContentSequence", "TemporalPositionIndex"),
        ("", "TemporalPositionIdentifier"),
    ),
    "trigger_time": (
        ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
        ("", "TriggerTime"),
    ),
    "frame_time": (("", "FrameReferenceTime"),),
    "kvp": (("", "KVP"),),
    "kernel": (("CTReconstructionSequence", "ConvolutionKernel"), ("", "ConvolutionKernel")),
    "acquisition_number": (
        ("FrameContentSequence", "FrameAcquisitionNumber"),
        ("", "AcquisitionNumber"),
    ),
    "acquisition_time": (
        ("FrameContentSequence", "FrameAcquisitionDateTime"),
        ("", "AcquisitionDateTime"),
        ("", "AcquisitionTime"),
    ),
}
MARK_TAGS: tuple[str | tuple[int, int], ...] = (
    *sorted({keyword for places in _PLACES.values() for group, keyword in places if not group}),
    *(tag for _, tag in B_VALUES),
    *((group, 0x0010) for _, (group, _) in B_VALUES),
)
"""Keywords and tags at the top of a header that `marks_of` looks at."""


def marks_of(dataset: Elements, groups: Sequence[Elements]) -> tuple[tuple[str, str], ...]:
    """Return what is known of one image plane that may tell it from another at its place.

    Parameters
    ----------
    dataset : Dataset
        Header of the file.
    groups : sequence of Dataset
        Functional groups of the frame (its own, then the shared ones); the header itself for a
        single-frame file.

    Returns
    -------
    tuple of (name, value)
        Only what is there, in a fixed order.
    """
    found = []
    for name, places in _PLACES.items():
        value = _SPECIAL[name](dataset, groups) if name in _SPECIAL else ""
        value = value or next(filter(None, (_at(dataset, groups, *one) for one in places)), "")
        if value:
            found.append((name, value))
    return tuple(found)


def _at(dataset: Elements, groups: Sequence[Elements], sequence: str, keyword: str) -> str:
    if not sequence:
        return text(dataset, keyword)
    if groups[0] is dataset:
        return ""
    item = functional(groups, sequence)
    return "" if item is None else text(item, keyword)


def _b_value(dataset: Elements, groups: Sequence[Elements]) -> str:
    item = None if groups[0] is dataset else functional(groups, "MRDiffusionSequence")
    value = number(dataset if item is None else item, "DiffusionBValue")
    if value is None:
        known = (private_number(dataset, creator, tag) for creator, tag in B_VALUES)
        value = next((one for one in known if one is not None), None)
    if value is None:
        return ""
    return f"{value % GE_OFFSET if value >= GE_OFFSET else value:g}"


def _gradient(dataset: Elements, groups: Sequence[Elements]) -> str:
    item: Elements | None = dataset
    if groups[0] is not dataset:
        outer = functional(groups, "MRDiffusionSequence")
        item = None if outer is None else functional([outer], "DiffusionGradientDirectionSequence")
    direction = None if item is None else numbers(item, "DiffusionGradientOrientation")
    if direction is None:
        return ""
    return "\\".join(f"{value + 0.0:.3f}" for value in np.round(direction, 3))


_SPECIAL: dict[str, Callable[[Elements, Sequence[Elements]], str]] = {
    "b_value": _b_value,
    "gradient": _gradient,
}
