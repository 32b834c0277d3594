"""Write surface_distance.json with the published package.

Run with surface-distance 0.1 (PyPI), numpy 2.4.6 and scipy 1.17.1:
    python tests/segmentation/reference/make_surface_distance.py
"""

from __future__ import annotations

import json
from pathlib import Path


def main() -> None:
    import surface_distance as sd
    from phantoms import pairs

    found = {}
    for name, (a, b, spacing) in pairs().items():
        distances = sd.compute_surface_distances(a, b, spacing)
        found[name] = {
            "dsc": float(sd.compute_dice_coefficient(a, b)),
            "hd": float(sd.compute_robust_hausdorff(distances, 100)),
            "hd95": float(sd.compute_robust_hausdorff(distances, 95)),
            "msd": sum(map(float, sd.compute_average_surface_distance(distances))) / 2,
            "surface_dsc": {
                str(tau): float(sd.compute_surface_dice_at_tolerance(distances, tau))
                for tau in (0.0, 1.18, 2.5)
            },
        }
    path = Path(__file__).resolve().parent / "surface_distance.json"
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
