"""The three hospitals of the embedded cohort and what their scanners do to an image."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SITES", "Site", "site_sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A hospital with its scanner and its reconstruction.

    Parameters
    ----------
    name : str
        "A", "B" or "C".
    role : str
        "development" or "external".
    share : float
        Share of the cohort that was scanned here.
    manufacturer, model, kernel : str
        What the DICOM header says; all invented.
    slices : int
        Number of slices.
    slice_spacing, pixel_spacing : float
        In mm.
    blur : float
        Standard deviation of the in-plane point spread, mm.
    noise : float
        Standard deviation of the noise, HU.
    noise_scale : float
        Standard deviation in mm of the Gaussian that correlates the noise in plane; 0 is white.
    bias : float
        Added to every intensity, HU.
    signed : bool
        Pixels are stored as signed integers without an intercept.
    roi_name : str
        What this hospital calls the gross tumour volume.
    """

    name: str
    role: str
    share: float
    manufacturer: str
    model: str
    kernel: str
    slices: int
    slice_spacing: float
    pixel_spacing: float
    blur: float
    noise: float
    noise_scale: float
    bias: float
    signed: bool
    roi_name: str

    @property
    def institution(self) -> str:
        """What DICOM headers and the outcome table call the site."""
        return f"Hospital {self.name}"


SITES = (
    Site(
        name="A",
        role="development",
        share=0.4,
        manufacturer="AURIGA",
        model="Auriga 64",
        kernel="B30f",
        slices=36,
        slice_spacing=3.0,
        pixel_spacing=2.4,
        blur=1.3,
        noise=12.0,
        noise_scale=2.0,
        bias=0.0,
        signed=False,
        roi_name="GTV-1",
    ),
    Site(
        name="B",
        role="development",
        share=0.3,
        manufacturer="BOREALIS MEDICAL",
        model="Speed 16",
        kernel="LUNG",
        slices=44,
        slice_spacing=2.5,
        pixel_spacing=2.3,
        blur=0.8,
        noise=24.0,
        noise_scale=0.0,
        bias=7.0,
        signed=True,
        roi_name="gtv1",
    ),
    Site(
        name="C",
        role="external",
        share=0.3,
        manufacturer="Corvus",
        model="Big Bore",
        kernel="C",
        slices=27,
        slice_spacing=4.0,
        pixel_spacing=2.5,
        blur=1.9,
        noise=8.0,
        noise_scale=3.0,
        bias=-9.0,
        signed=False,
        roi_name="GTV_prim",
    ),
)


def site_sizes(patients: int) -> dict[str, int]:
    """Return how many patients each site has; the numbers add up to `patients`.

    Examples
    --------
    >>> site_sizes(120)
    {'A': 48, 'B': 36, 'C': 36}
    """
    sizes = {site.name: round(site.share * patients) for site in SITES}
    sizes["A"] += patients - sum(sizes.values())
    return sizes
