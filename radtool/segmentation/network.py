"""The lung tumour network: a compact 3D residual U-Net.

How it works. The input is HU at 2 mm. Two windows of it (lung and soft tissue) go through a strided
convolution to 4 mm, where residual blocks work at a quarter of the cost in each of three levels
(4, 8 and 16 mm). The way back adds each level to the one above; the last step returns to 2 mm and
refines with a shallow full-resolution branch. Batch normalisation is used, not instance
normalisation, so that the answer at a voxel does not depend on the size of the window around it.

torch is needed to build and train the network, never to run it (see `predict`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radtool.errors import MissingPartError

if TYPE_CHECKING:
    import torch

__all__ = ["STRIDE", "build_network", "import_torch"]

STRIDE = 8  # window edges are multiples of this many voxels


def import_torch() -> Any:
    """Return the torch module, or say how to get it.

    Raises
    ------
    MissingPartError
        torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingPartError(
            "training a segmentation network needs torch: pip install 'radtool[train]'"
        ) from error
    return torch


def build_network(widths: tuple[int, int, int] = (24, 48, 80)) -> torch.nn.Module:
    """Build an untrained network.

    Parameters
    ----------
    widths : tuple of 3 int, default (24, 48, 80)
        Channels at 4, 8 and 16 mm.

    Returns
    -------
    torch.nn.Module
        Takes HU, float32 of shape (n, 1, z, y, x) with edges that are multiples of `STRIDE`;
        returns logits (n, 1, z, y, x) and coarse logits (n, 1, z/2, y/2, x/2).
    """
    nn = import_torch().nn
    fine, half, quarter = 8, widths[0], widths[1]

    def block(channels: int) -> Any:
        return _residual(nn, channels)

    parts = {
        "detail": _convolution(nn, 2, fine),
        "stem": _convolution(nn, 2, half, kernel=4, stride=2),
        "level1": block(half),
        "down1": _convolution(nn, half, quarter, kernel=2, stride=2),
        "level2": nn.Sequential(block(quarter), block(quarter)),
        "down2": _convolution(nn, quarter, widths[2], kernel=2, stride=2),
        "level3": nn.Sequential(block(widths[2]), block(widths[2])),
        "up2": nn.ConvTranspose3d(widths[2], quarter, 2, stride=2),
        "merge2": block(quarter),
        "up1": nn.ConvTranspose3d(quarter, half, 2, stride=2),
        "merge1": block(half),
        "coarse": nn.Conv3d(half, 1, 1),
        "up0": nn.ConvTranspose3d(half, fine, 2, stride=2),
        "merge0": _convolution(nn, fine, fine),
        "head": nn.Conv3d(fine, 1, 1),
    }
    network = _network_class(nn)(parts)
    for last in (parts["coarse"], parts["head"]):
        nn.init.constant_(last.bias, -3.0)  # tumour is rare: start near its prevalence
    return network


def _network_class(nn: Any) -> Any:
    torch = import_torch()

    class TumourNetwork(nn.Module):
        """HU -> tumour logits at full and at half resolution."""

        def __init__(self, parts: dict[str, Any]) -> None:
            super().__init__()
            self.parts = nn.ModuleDict(parts)

        def forward(self, hu: Any) -> tuple[Any, Any]:
            p = self.parts
            lung = (hu.clamp(-1000.0, 600.0) + 200.0) / 800.0
            soft = (hu.clamp(-150.0, 250.0) - 50.0) / 200.0
            windows = torch.cat([lung, soft], dim=1)
            one = p["level1"](p["stem"](windows))
            two = p["level2"](p["down1"](one))
            three = p["level3"](p["down2"](two))
            two = p["merge2"](two + p["up2"](three))
            one = p["merge1"](one + p["up1"](two))
            fine = p["merge0"](p["detail"](windows) + p["up0"](one))
            return p["head"](fine), p["coarse"](one)

    return TumourNetwork


def _convolution(nn: Any, inside: int, outside: int, *, kernel: int = 3, stride: int = 1) -> Any:
    padding = (kernel - stride + 1) // 2
    return nn.Sequential(
        nn.Conv3d(inside, outside, kernel, stride=stride, padding=padding, bias=False),
        nn.BatchNorm3d(outside, momentum=0.05),
        nn.ReLU(inplace=True),
    )


def _residual(nn: Any, channels: int) -> Any:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = _convolution(nn, channels, channels)
            self.second = nn.Conv3d(channels, channels, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm3d(channels, momentum=0.05)

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(x + self.norm(self.second(self.first(x))))

    return Residual()
