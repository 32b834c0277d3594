"""Crawl synthetic DICOM headers and compare with a plain pydicom loop.

    python benchmarks/crawl.py [--files 20000] [--jobs 2] [--folder DIR]

Prints files per second of `pydicom.dcmread` over all files in one process (headers parsed, with no
value looked at, and with the values that the crawl keeps), of a first crawl and of a second one
(nothing changed), how many times less CPU time the crawl takes than the loops, and how memory
grows while headers are read. On a machine that does other work as well, compare the CPU times.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SLICES = 100
PIXELS = 64


def write_headers(folder: Path, files: int) -> None:
    """Write CT slices of 100-slice series with headers as long as a scanner's."""
    rng = np.random.default_rng(0)
    for number in range(files):
        series, k = divmod(number, SLICES)
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = (
            "1.2.840.10008.5.1.4.1.1.2"
        )
        dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{series}.{k}"
        dataset.SOPInstanceUID = f"1.2.3.{series}.{k}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"1.2.4.{series}", f"1.2.5.{series}"
        dataset.FrameOfReferenceUID = f"1.2.6.{series}"
        dataset.PatientID, dataset.PatientName = f"P{series:05d}", f"Name^{series}"
        dataset.Modality, dataset.StudyDate = "CT", "20200102"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Manufacturer, dataset.ManufacturerModelName = "ACME", "Scan 64"
        dataset.ConvolutionKernel, dataset.KVP, dataset.Exposure = "B30f", "120", "200"
        dataset.SliceThickness, dataset.PixelSpacing = "3", ["0.9765625", "0.9765625"]
        dataset.ImagePositionPatient = ["-250", "-250", str(3 * k)]
        dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        dataset.Rows = dataset.Columns = PIXELS
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
        block = dataset.private_block(0x0029, "ACME HEADER", create=True)
        for element in range(40):
            block.add_new(element, "LO", f"private value {element} of slice {k}")
        block.add_new(0xF0, "OB", rng.bytes(8192))
        dataset.PixelData = bytes(2 * PIXELS * PIXELS)
        path = folder / f"{series:04d}" / f"IM{k:04d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)


VALUES = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "StudyInstanceUID",
    "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns", "PixelSpacing",
    "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient", "StudyDate", "ImageType",
    "Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "KVP", "Exposure",
)  # fmt: skip


def plain_loop(folder: Path, values: tuple[str, ...]) -> int:
    count = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            for keyword in values:
                dataset.get(keyword)
            count += 1
    return count


CRAWL = """
import json, resource, sys, time
from radtool.curation.crawl import crawl
seen = []
def note(done, total, what):
    seen.append((done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
start, cpu = time.perf_counter(), time.process_time()
found = crawl(sys.argv[1], sys.argv[2], jobs=int(sys.argv[3]), progress=note)
took = time.perf_counter() - start
print(json.dumps({"seconds": took, "cpu": time.process_time() - cpu,
                  "records": len(found.records), "reused": found.reused,
                  "reading": seen[-1][1] - seen[0][1] if seen else 0.0,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def crawled(folder: Path, work: Path, jobs: int) -> dict:
    import json

    done = subprocess.run(
        [sys.executable, "-c", CRAWL, str(folder), str(work), str(jobs)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def report(label: str, result: dict, plain: dict) -> None:
    files = result["records"]
    line = f"{label:<24} {files / result['seconds']:8.0f} files/s  {result['seconds']:6.1f} s"
    if "jobs 1" in label:
        spent = 1000 * result["cpu"] / files
        line += f"  {spent:.2f} ms CPU per file"
        if not result["reused"]:
            ratios = (f"{1000 * cpu / files / spent:.1f}x {name}" for name, cpu in plain.items())
            line += f" ({', '.join(ratios)})"
    print(
        f"{line}  peak {result['peak']:.0f} MB, grown by {result['reading']:.0f} MB while reading"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "dicom"
        if not folder.exists():
            write_headers(folder, options.files)
        plain = {}
        for label, values in (("no value", ()), ("20 values", VALUES)):
            start, cpu = time.perf_counter(), time.process_time()
            count = plain_loop(folder, values)
            took, cpu = time.perf_counter() - start, time.process_time() - cpu
            plain[f"pydicom loop, {label}"] = cpu
            print(
                f"{f'pydicom loop, {label}':<24} {count / took:8.0f} files/s  {took:6.1f} s"
                f"  {1000 * cpu / count:.2f} ms CPU per file"
            )
        seconds = {}
        for jobs in sorted({1, options.jobs}):
            work = Path(scratch) / f"work{jobs}"
            for name in ("first crawl", "second crawl"):
                result = crawled(folder, work, jobs)
                report(f"{name}, jobs {jobs}", result, plain)
                seconds.setdefault(name, []).append(result["seconds"])
        first = seconds["first crawl"]
        if len(first) > 1:
            print(f"{options.jobs} jobs against 1: {first[0] / first[1]:.2f}x faster")


if __name__ == "__main__":
    main()
