"""Measure the bundled segmentation model on reference data.

    python benchmarks/segment.py crops --data DIR [--split test] [--site S] --out crops.csv
    python benchmarks/segment.py scans --data DIR [--model lung]
    python benchmarks/segment.py speed --data DIR [--model lung] [--threads 2]
    python benchmarks/segment.py prognosis --data DIR --table crops.csv
    python benchmarks/segment.py picture --data DIR --out twelve.png

DIR holds ``nsclc_two_centre``, ``thorax_2mm`` and ``lung1_001_dicom``. Test crops are shifted: on
each axis 0 to 20 mm are cut from one side, drawn from the case's number, so that the tumour is not
in the middle; the manual mask is cut with the image.
"""

from __future__ import annotations

import argparse
import resource
import tarfile
import tempfile
import time
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from radtool.image import Image, Mask
from radtool.io import read_image, read_mask, read_series
from radtool.segmentation import assign_splits, compare_masks, recist, segment

CUT = 20  # mm
GROUPS = ("< 20 mL", "20-150 mL", "> 150 mL")


def chosen_rows(data: Path, split: str, site: str | None) -> pd.DataFrame:
    manifest = pd.read_csv(data / "nsclc_two_centre" / "manifest.csv")
    kept = (assign_splits(manifest) == split) | (split == "all")
    if site is not None:
        kept &= manifest["site"] == site
    return manifest[kept].sort_values("case_id")


def shifted(data: Path, row: pd.Series) -> tuple[Image, Mask]:
    """Crop and mask of a case with 0 to 20 mm cut from one side of each axis."""
    folder = data / "nsclc_two_centre"
    image = read_image(folder / row["image"])
    mask = read_mask(folder / row["mask"], like=image.geometry)
    rng = np.random.default_rng(zlib.crc32(row["case_id"].encode()))
    start, shape = [], []
    for size, step in zip(image.geometry.shape, image.geometry.spacing, strict=True):
        cut = int(rng.integers(0, int(CUT / step) + 1))
        start.append(cut if rng.random() < 0.5 else 0)
        shape.append(size - cut)
    box = tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))
    geometry = image.geometry.crop(tuple(start), tuple(shape))
    return Image(image.array[box], geometry, "HU"), Mask(mask.array[box], geometry, "GTV")


def group_of(volume_ml: float) -> str:
    return GROUPS[0] if volume_ml < 20 else GROUPS[1] if volume_ml <= 150 else GROUPS[2]


def crops(args: argparse.Namespace) -> None:
    rows = []
    for _, row in chosen_rows(args.data, args.split, args.site).iterrows():
        image, truth = shifted(args.data, row)
        started = time.perf_counter()
        found = segment(image, model=args.model, search="whole", device="cpu")
        seconds = time.perf_counter() - started
        rows.append(
            {
                "case_id": row["case_id"],
                "site": row["site"],
                "group": group_of(truth.volume_ml),
                "cut_by_crop": row["mask_touches_border"],
                **asdict(compare_masks(truth, found.mask)),
                "recist_manual": recist(truth).diameter,
                "recist_automatic": recist(found.mask).diameter,
                "confidence": found.confidence,
                "candidates": found.candidates,
                "flags": " ".join(found.flags),
                "seconds": seconds,
            }
        )
    table = pd.DataFrame(rows)
    if args.out:
        table.to_csv(args.out, index=False)
    summarise(table)


def summarise(table: pd.DataFrame) -> None:
    print("| group | n | DSC median (IQR) | mean | HD95 mm | surface DSC 1.18 mm | not found |")
    print("|---|---|---|---|---|---|---|")
    parts = {"all": table}
    parts |= {f"site {name}": part for name, part in table.groupby("site")}
    parts |= {name: table[table["group"] == name] for name in GROUPS}
    for name, part in parts.items():
        q1, q2, q3 = part["dsc"].quantile([0.25, 0.5, 0.75])
        print(
            f"| {name} | {len(part)} | {q2:.3f} ({q1:.3f}-{q3:.3f}) | {part['dsc'].mean():.3f}"
            f" | {part['hd95'].median():.1f} | {part['surface_dsc'].median():.3f}"
            f" | {(part['dsc'] == 0).sum()} |"
        )
    print(
        f"confidence against DSC: Spearman {table['confidence'].corr(table['dsc'], 'spearman'):.2f}"
    )
    ratio = table["volume_other_ml"].corr(table["volume_reference_ml"], "spearman")
    apl = table["added_path_length"].median() / 10
    print(f"volume, automatic against manual: Spearman {ratio:.2f}; median APL {apl:.0f} cm")
    print(f"median seconds a crop: {table['seconds'].median():.2f}")


def lung1(data: Path, folder: str) -> tuple[Image, Mask]:
    for archive in sorted((data / "lung1_001_dicom").glob("*.tar.xz")):
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    rtstruct = min(files, key=lambda path: len([p for p in files if p.parent == path.parent]))
    series = next(p.parent for p in files if p.parent != rtstruct.parent)
    image = read_series(series)
    return image, read_mask(rtstruct, roi="GTV-1", like=image.geometry)


def scans(args: argparse.Namespace) -> None:
    print("| scan | kept, mL | hit | DSC | HD95 mm | places above threshold | false | flags | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    thorax = args.data / "thorax_2mm"
    image = read_image(thorax / "r01-001.nii.gz")
    gtv = read_mask(thorax / "r01-001_gtv.nii.gz", like=image.geometry)
    one_scan("r01-001", image, gtv, args.model)
    with tempfile.TemporaryDirectory() as folder:
        one_scan("LUNG1-001", *lung1(args.data, folder), args.model)
    names = args.only or sorted(
        path.name.removesuffix(".nii.gz")
        for path in thorax.glob("*.nii.gz")
        if not path.name.startswith("r01")
    )
    for name in names:
        one_scan(name, read_image(thorax / f"{name}.nii.gz"), None, args.model)


def one_scan(name: str, image: Image, truth: Mask | None, model: str) -> None:
    started = time.perf_counter()
    found = segment(image, model=model, device="cpu")
    seconds = time.perf_counter() - started
    hit, dsc, hd95, false = "-", "-", "-", found.candidates
    if truth is not None:
        compared = compare_masks(truth, found.mask)
        hit, dsc, hd95 = str(compared.dsc > 0), f"{compared.dsc:.3f}", f"{compared.hd95:.1f}"
        labels, _ = ndimage.label(found.probability.array > 0.5, np.ones((3, 3, 3)))
        reached = set(np.unique(labels[truth.array]).tolist()) - {0}
        false = max(found.candidates - len(reached), 0)
        hit += f" (found at all: {bool(reached)})"
    print(
        f"| {name} | {found.mask.volume_ml:.1f} | {hit} | {dsc} | {hd95} | {found.candidates}"
        f" | {false} | {' '.join(found.flags) or '-'} | {seconds:.1f} |",
        flush=True,
    )


def speed(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image, _ = lung1(args.data, folder)
    for attempt in ("first", "second"):
        started, busy = time.perf_counter(), time.process_time()
        found = segment(image, model=args.model, device="cpu")
        wall, cpu = time.perf_counter() - started, time.process_time() - busy
        print(f"{attempt} call, shape {image.array.shape}: {wall:.1f} s, {cpu:.1f} s of CPU")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"peak memory of the process {peak:.2f} GiB; {found.mask.volume_ml:.1f} mL found")


def prognosis(args: argparse.Namespace) -> None:
    from lifelines.statistics import logrank_test
    from lifelines.utils import concordance_index

    outcomes = pd.read_csv(args.data / "nsclc_two_centre" / "outcomes.csv")
    table = pd.read_csv(args.table).merge(outcomes, left_on="case_id", right_on="patient_id")
    print(f"{len(table)} patients, {int(table['event'].sum())} deaths; cut at the median volume")
    for name in ("reference", "other"):
        volume = table[f"volume_{name}_ml"]
        high = volume > volume.median()
        c = concordance_index(table["duration_days"], -volume, table["event"])
        test = logrank_test(
            *(table["duration_days"][part] for part in (high, ~high)),
            *(table["event"][part] for part in (high, ~high)),
        )
        shown = {"reference": "manual", "other": "automatic"}[name]
        print(f"{shown} volume: C {c:.3f}, log-rank p {test.p_value:.3f}")


def picture(args: argparse.Namespace) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = chosen_rows(args.data, "test", None)
    rows = rows.iloc[np.linspace(0, len(rows) - 1, 12).round().astype(int)]
    figure, axes = plt.subplots(3, 4, figsize=(12, 9.4))
    for ax, (_, row) in zip(axes.flat, rows.iterrows(), strict=True):
        image, truth = shifted(args.data, row)
        found = segment(image, model=args.model, search="whole", device="cpu")
        z = int(np.argmax(truth.array.sum(axis=(1, 2))))
        ax.imshow(image.array[z], cmap="gray", vmin=-1000, vmax=400)
        for mask, colour in ((truth, "tab:cyan"), (found.mask, "tab:red")):
            if mask.array[z].any():
                ax.contour(mask.array[z], [0.5], colors=colour, linewidths=1)
        dsc = compare_masks(truth, found.mask).dsc
        ax.set_title(f"{row['case_id']}, {truth.volume_ml:.0f} mL, DSC {dsc:.2f}", fontsize=9)
        ax.axis("off")
    figure.tight_layout()
    figure.savefig(args.out, dpi=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["crops", "scans", "speed", "prognosis", "picture"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="lung")
    parser.add_argument("--split", default="test", help="train, validation, test or all")
    parser.add_argument("--site")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    globals()[args.what](args)


if __name__ == "__main__":
    main()
