"""PET intensities to body-weight SUV, or the reason why not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from radtool.errors import DicomError
from radtool.io.headers import items, number, text
from radtool.io.realworld import frame_groups, real_world

__all__ = ["ENHANCED_PET", "PET_UNITS", "SuvScale", "suv_scale"]

PHILIPS_SUV = (0x7053, 0x1000)
PHILIPS_ACTIVITY = (0x7053, 0x1009)
GE_SCAN_START = (0x0009, 0x100D)
ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"
SUV_UNITS = ("{SUVbw}g/ml", "g/ml{SUVbw}")
PET_UNITS = (*SUV_UNITS, "Bq/ml")
"""Units of real-world values that SUV can be made of, the best first (CID 84 and 85)."""
# Doses below this are not Bq of a clinical scan; some exporters write MBq or mCi.
SMALLEST_DOSE_BQ = 1e6


@dataclass(frozen=True, slots=True)
class SuvScale:
    """How rescaled PET values become SUVbw.

    Parameters
    ----------
    factor : float
        SUVbw of one rescaled unit.
    method : str
        How it was found, for the provenance of the image.
    """

    factor: float
    method: str


def suv_scale(headers: Sequence[Dataset], name: str) -> SuvScale:
    """Find what makes rescaled PET values body-weight SUV (g/mL).

    Parameters
    ----------
    headers : sequence of Dataset
        Headers of all slices of the series; acquisition times differ between bed positions.
    name : str
        How messages call the series.

    Returns
    -------
    SuvScale
        For ``Units`` GML the values are SUV already; for BQML activity is divided by the dose
        decayed to the series' decay reference and multiplied by the weight; for CNTS Philips'
        private factors are used. Enhanced PET says by its real-world value map which of SUVbw and
        activity its values are.

    Raises
    ------
    DicomError
        A needed field is missing or implausible, or the values are not decay or attenuation
        corrected; the message names the field.

    References
    ----------
    Vendor-neutral SUV calculation of QIBA (2012); DICOM PS3.3, C.8.9.1.
    """
    first = headers[0]
    if text(first, "SOPClassUID") == ENHANCED_PET:
        return _enhanced(first, name)
    units = text(first, "Units").upper()
    if units == "GML":
        kind = text(first, "SUVType").upper() or "BW"
        if kind != "BW":
            raise DicomError(f"{name}: SUV type {kind}, only body weight (BW) is supported")
        return SuvScale(1.0, "stored as SUVbw (Units GML)")
    if units == "CNTS":
        return _philips(headers, name)
    if units != "BQML":
        raise DicomError(
            f"{name}: Units is {units or 'missing'!r}; SUV needs BQML, GML, or Philips' CNTS with"
            " private factors"
        )
    return SuvScale(_activity_factor(headers, name), _method(first))


def _method(first: Dataset) -> str:
    return f"BQML, decay correction {text(first, 'DecayCorrection').upper()}"


def _philips(headers: Sequence[Dataset], name: str) -> SuvScale:
    suv = _private(headers[0], PHILIPS_SUV)
    if suv:
        return SuvScale(suv, "CNTS with Philips SUV factor (7053,1000)")
    activity = _private(headers[0], PHILIPS_ACTIVITY)
    if activity:
        factor = activity * _activity_factor(headers, name)
        return SuvScale(factor, "CNTS with Philips activity factor (7053,1009)")
    raise DicomError(
        f"{name}: Units is CNTS and Philips' private factors (7053,1000) and (7053,1009) are"
        " missing (removed by de-identification?); SUV cannot be computed"
    )


def _private(dataset: Dataset, tag: tuple[int, int]) -> float | None:
    if tag not in dataset:
        return None
    value = dataset[tag].value
    if isinstance(value, bytes):
        value = value.decode("ascii", "ignore").strip("\x00 ")
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if found > 0 else None


def _enhanced(header: Dataset, name: str) -> SuvScale:
    meant = real_world(frame_groups(header, 0), PET_UNITS)
    if meant is None:
        raise DicomError(
            f"{name}: no RealWorldValueMappingSequence in {' or '.join(PET_UNITS)}; SUV of enhanced"
            " PET needs one"
        )
    if meant.unit in SUV_UNITS:
        return SuvScale(1.0, f"real-world values in {meant.unit}")
    for keyword, words in (("AttenuationCorrected", "attenuation"), ("DecayCorrected", "decay")):
        if text(header, keyword).upper() != "YES":
            found = text(header, keyword) or "missing"
            raise DicomError(f"{name}: not {words} corrected ({keyword} is {found!r})")
    drug, grams_per_dose = _dose(header, name)
    stamp = text(header, "DecayCorrectionDateTime")
    reference = _moment(stamp[:8], stamp[8:])
    if reference is None:
        raise DicomError(f"{name}: no DecayCorrectionDateTime; SUV needs the time of reference")
    left = _left(drug, reference, name)
    return SuvScale(grams_per_dose / left, "real-world values in Bq/ml, DecayCorrectionDateTime")


def _activity_factor(headers: Sequence[Dataset], name: str) -> float:
    """SUVbw of one Bq/mL."""
    first = headers[0]
    corrected = text(first, "CorrectedImage").upper()
    for mark, words in (("ATTN", "attenuation"), ("DECY", "decay")):
        if mark not in corrected:
            raise DicomError(f"{name}: not {words} corrected (CorrectedImage is {corrected!r})")
    drug, grams_per_dose = _dose(first, name)
    return grams_per_dose / _remaining(headers, drug, name)


def _dose(header: Dataset, name: str) -> tuple[Dataset, float]:
    """Return the tracer's item, and grams of patient for each Bq that was given."""
    weight = number(header, "PatientWeight")
    if weight is None or not 1 < weight < 700:
        raise DicomError(f"{name}: PatientWeight is {weight}; SUV needs it in kg")
    drug = items(header, "RadiopharmaceuticalInformationSequence")
    if not drug:
        raise DicomError(f"{name}: RadiopharmaceuticalInformationSequence is missing; no SUV")
    dose = number(drug[0], "RadionuclideTotalDose")
    if dose is None or dose < SMALLEST_DOSE_BQ:
        raise DicomError(f"{name}: RadionuclideTotalDose is {dose}; SUV needs it in Bq")
    return drug[0], weight * 1000.0 / dose


def _remaining(headers: Sequence[Dataset], drug: Dataset, name: str) -> float:
    """Fraction of the dose that is left at the time to which the pixels are decay corrected."""
    kind = text(headers[0], "DecayCorrection").upper()
    if kind == "ADMIN":
        return 1.0
    if kind != "START":
        raise DicomError(f"{name}: DecayCorrection is {kind or 'missing'!r}, not START or ADMIN")
    return _left(drug, _scan_start(headers, _half_life(drug, name), name), name)


def _half_life(drug: Dataset, name: str) -> float:
    half_life = number(drug, "RadionuclideHalfLife")
    if half_life is None or half_life <= 0:
        raise DicomError(f"{name}: RadionuclideHalfLife is {half_life}; SUV needs it in seconds")
    return half_life


def _left(drug: Dataset, reference: datetime, name: str) -> float:
    """Fraction of the dose that is left at a time of reference."""
    half_life = _half_life(drug, name)
    injected = _injection(drug, reference, name)
    waited = (reference - injected).total_seconds()
    if not 0 <= waited <= 12 * half_life:
        raise DicomError(
            f"{name}: tracer given {waited / 60:.0f} min before the scan ({injected} to"
            f" {reference}); check RadiopharmaceuticalStartTime"
        )
    return float(2.0 ** (-waited / half_life))


def _scan_start(headers: Sequence[Dataset], half_life: float, name: str) -> datetime:
    """Time to which the series is decay corrected: its start, unless it was made later.

    SeriesTime is the start on Siemens and Philips unless the series was rebuilt after the scan;
    GE keeps the start in a private element. Without it the start is counted back from the frame
    reference time of the earliest bed; last resort: the earliest acquisition.
    """
    series = _moment(text(headers[0], "SeriesDate"), text(headers[0], "SeriesTime"))
    acquired = [
        moment
        for header in headers
        if (moment := _moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime")))
    ]
    earliest = min(acquired, default=None)
    if series and (earliest is None or series <= earliest):
        return series
    if GE_SCAN_START in headers[0]:
        value = headers[0][GE_SCAN_START].value
        words = value.decode("ascii", "ignore") if isinstance(value, bytes) else str(value)
        private = _moment(words[:8], words[8:].strip("\x00 "))
        if private:
            return private
    counted = [start for header in headers if (start := _counted_back(header, half_life))]
    if counted:
        return min(counted)
    if earliest is None:
        raise DicomError(f"{name}: no SeriesTime and no AcquisitionTime; SUV needs the scan time")
    return earliest


def _counted_back(header: Dataset, half_life: float) -> datetime | None:
    """Start of the scan, from when a frame was taken and its reference time (both of the frame).

    The reference time of a frame is when the tracer's activity was its mean over the frame (QIBA):
    log(x / (1 - exp(-x))) / rate after the frame's start, with x = rate * duration.
    """
    taken = _moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime"))
    since, lasting = number(header, "FrameReferenceTime"), number(header, "ActualFrameDuration")
    if taken is None or since is None or lasting is None or lasting <= 0 or since <= 0:
        return None
    decay = math.log(2) / half_life
    share = decay * lasting / 1000
    mean = math.log(share / -math.expm1(-share)) / decay
    return taken - timedelta(seconds=since / 1000 - mean)


def _injection(drug: Dataset, start: datetime, name: str) -> datetime:
    stamp = text(drug, "RadiopharmaceuticalStartDateTime")
    moment = _moment(stamp[:8], stamp[8:])
    if moment:
        return moment
    moment = _moment(start.strftime("%Y%m%d"), text(drug, "RadiopharmaceuticalStartTime"))
    if not moment:
        raise DicomError(f"{name}: no RadiopharmaceuticalStartTime; SUV needs the injection time")
    return moment if moment <= start else moment - timedelta(days=1)


def _moment(date: str, time: str) -> datetime | None:
    """Read DICOM date and time (HHMMSS.FFFFFF, parts from the right may be absent)."""
    digits = time.split("&")[0].split("+")[0].split("-")[0].replace(":", "").strip()
    whole, _, fraction = digits.partition(".")
    if len(date.strip()) != 8 or not whole.isdigit() or len(whole) not in (2, 4, 6):
        return None
    try:
        moment = datetime.strptime(date.strip() + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return moment + timedelta(seconds=float(f"0.{fraction}") if fraction.isdigit() else 0.0)
