"""Embeddings of a 3D residual network (random weights, 512 values) for a cohort, from files.

    python benchmarks/deep_features.py MANIFEST [--cases N]

Prints seconds a case with and without the network (processor time of one process), how far ONNX
Runtime is from torch, and whether a second run gives the same bytes. Needs torch, onnx, onnxscript.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from radtool.features import DeepInput, embed, extract_cohort, load_params
from radtool.files import sha256
from radtool.io import read_image, read_mask
from radtool.table import read_manifest

INPUT = {"size": [48, 48, 48], "spacing_mm": [1.0, 1.0, 1.0], "window": [-1000, 400]}


class Residual(torch.nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.one = torch.nn.Conv3d(inside, outside, 3, stride=2, padding=1)
        self.two = torch.nn.Conv3d(outside, outside, 3, padding=1)
        self.around = torch.nn.Conv3d(inside, outside, 1, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the size of every axis."""
        return torch.relu(self.two(torch.relu(self.one(x))) + self.around(x))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    widths = (1, 32, 64, 128, 256, 512)
    blocks = [Residual(a, b) for a, b in itertools.pairwise(widths)]
    return torch.nn.Sequential(*blocks, torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten()).eval()


def export(module: torch.nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (torch.zeros(1, 1, 48, 48, 48),), dynamo=True, verbose=False
        )
        program.save(path, external_data=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--cases", type=int, default=20)
    arguments = parser.parse_args()
    manifest = read_manifest(arguments.manifest)[: arguments.cases]
    module = network()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "residual.onnx"
        export(module, file)
        model = {"name": "residual", "model": str(file), "sha256": sha256(file), "input": INPUT}
        plain = {"families": ["stat"]}
        runs = {"without": load_params(plain), "with": load_params({**plain, "deep": [model]})}
        for name, params in runs.items():
            extract_cohort(manifest[:1], params)
            start = time.process_time()
            table = extract_cohort(manifest, params).table
            seconds = (time.process_time() - start) / len(manifest)
            print(f"{name:8} {seconds:.3f} s a case, {len(table.columns)} columns")
        again = extract_cohort(manifest, runs["with"]).table
        print(f"second run the same bytes: {table.equals(again)}")
        worst = 0.0
        for case, row in zip(
            manifest[:5].to_dict("records"), table.to_dict("records"), strict=False
        ):
            image = read_image(case["image"])
            mask = read_mask(case["mask"], like=image.geometry)
            other = embed(image, mask, module, DeepInput(**INPUT), name="residual")
            ours = np.array([row[name] for name in other.index])
            worst = max(worst, float(np.abs(ours - other).max() / np.abs(other).max()))
        print(f"ONNX Runtime against torch: {worst:.1e} of the largest value")
        weights = sum(values.numel() for values in module.parameters())
        print(f"{weights / 1e6:.1f} million weights, file {file.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
