"""Make reference.json: what pyradiomics 3.0.1 says about a small synthetic volume.

Run with Python 3.11 in an environment of its own:
    pip install numpy==2.4.6 setuptools wheel
    pip install PyWavelets==1.9.0 simpleitk==2.5.7 scikit-image==0.26.0
    pip install --no-build-isolation pyradiomics==3.0.1
    python make_reference.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SPACING = (2.5, 0.9, 1.1)
ORIGIN = (-12.0, 30.5, 7.25)
TEXTURE = {"firstorder": None, "glcm": None, "gldm": None, "glrlm": None, "glszm": None}
CASES = {
    "default": {"setting": {}},
    "weighted": {
        "setting": {
            "binWidth": 11,
            "distances": [1, 2],
            "weightingNorm": "euclidean",
            "symmetricalGLCM": False,
            "gldm_a": 1,
            "voxelArrayShift": 700,
        }
    },
    "flat": {
        "setting": {
            "binCount": 16,
            "force2D": True,
            "resegmentRange": [-1.5, 2],
            "resegmentMode": "sigma",
        },
        "featureClass": {**TEXTURE, "ngtdm": None, "shape": ["Compactness1", "MeshVolume"]},
    },
    "images": {
        "setting": {"resampledPixelSpacing": [1.5, 1.5, 2], "padDistance": 4},
        "imageType": {
            "Original": {},
            "LoG": {"sigma": [1.5, 2]},
            "Wavelet": {"level": 2},
            "Square": {},
            "SquareRoot": {},
            "Logarithm": {},
            "Exponential": {},
            "Gradient": {"binWidth": 5},
            "LBP2D": {"binWidth": 1},
        },
        "featureClass": {"firstorder": None, "ngtdm": None},
    },
    "normalized": {
        "setting": {
            "normalize": True,
            "normalizeScale": 100,
            "removeOutliers": 2.5,
            "preCrop": True,
            "padDistance": 2,
            "interpolator": None,
        },
        "imageType": {"Wavelet": {"wavelet": "db2", "binWidth": 10}},
        "featureClass": {"glcm": None, "glszm": ["ZoneEntropy", "LargeAreaEmphasis"]},
    },
    "slice": {"setting": {"force2D": True}, "featureClass": {"shape2D": None}},
}


def volume() -> tuple[np.ndarray, np.ndarray]:
    """Integer intensities and a lobed region, both (z, y, x)."""
    z, y, x = np.indices((11, 18, 17))
    rng = np.random.default_rng(20)
    smooth = 90 * np.sin(z / 2.0) + 60 * np.cos(y / 3.0) * np.sin(x / 2.5)
    array = np.round(smooth + rng.normal(0, 25, z.shape)).astype(np.int16)
    first = ((z - 5) / 4.2) ** 2 + ((y - 8) / 5.5) ** 2 + ((x - 7) / 4.3) ** 2 < 1
    second = ((z - 4) / 3.0) ** 2 + ((y - 12) / 3.2) ** 2 + ((x - 11) / 3.1) ** 2 < 1
    return array, first | second


def one_slice(inside: np.ndarray) -> np.ndarray:
    """The region in slice 5 only."""
    return inside & (np.arange(len(inside)) == 5)[:, None, None]


def main() -> None:
    """Write reference.json beside this file."""
    import SimpleITK as sitk
    from radiomics import featureextractor

    array, inside = volume()
    found = {}
    for name, parameters in CASES.items():
        region = one_slice(inside) if name == "slice" else inside
        pair = [sitk.GetImageFromArray(array), sitk.GetImageFromArray(region.astype(np.uint8))]
        for item in pair:
            item.SetSpacing(SPACING[::-1])
            item.SetOrigin(ORIGIN)
        row = featureextractor.RadiomicsFeatureExtractor(parameters).execute(*pair)
        found[name] = {k: float(v) for k, v in row.items() if not k.startswith("diagnostics")}
    target = Path(__file__).with_name("reference.json")
    target.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
