"""Area and volume of pyradiomics' mesh without building it.

pyradiomics cuts each cell of eight voxel centres by one of 256 sets of triangles, with corners
in the middles between neighbours. So area and volume need only how often each set occurs and the
sum of the places where it does.

The sets do not always fit together at faces whose diagonal corners are inside, so the mesh can
have holes and its volume then depends on the origin. It is pyradiomics' number, holes included:
the origin is the first voxel of the bounding box padded by one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

__all__ = ["surface_and_volume"]

# Edges of the unit cell as pairs of corners; corner 4z + 2y + x.
_EDGES = (
    (0, 4), (1, 5), (2, 6), (3, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 1), (2, 3), (4, 5), (6, 7)
)  # fmt: skip

# For each set of corners inside (bit 4z + 2y + x), its triangles: three edges each, hexadecimal.
# Found by asking pyradiomics 3.0.1 (radiomics.cShape.calculate_coefficients) for the area and the
# signed volume of every 2 x 2 x 2 mask, at three voxel sizes and moved a voxel along each axis,
# and trying all ways to join, triangulate and turn the crossed edges until all agree.
_TRIANGLES = """
- 480 185 410451 294 280298 185294 210251295 593 480593 183893 310430493 234354 380358230
182842123 210231 0a6 4868a6 0a6185 1a5a65645 0a6294 29698a9a6 0a6185294 1a5a65625295 0a6593
5934868a6 0a6183893 1a3a64a43493 0a6234354 2363565868a6 0a6182842123 1a2a62123 7a1 4807a1 7857a8
4a047a457 7a1294 2802987a1 2947857a8 2a057a25a295 7a1593 4807a1593 793a897a9 4a047a437493
7a1234354 3803582307a1 2343747a4a84 3a037a230 016176 781748764 086856576 456576 016176294
781298728762 086856576294 296956576 016176593 781748764593 086893836376 793749764 016176234354
781358238628768 086842823837876 236376 6b2 680b48b246b8 1856b2 b10b51b45b246b0 6946b9 680b986b8
18414616b1b9195 6106516956b9 6926596356b3 6806586356b3492 1868969261636b3 3106306b3492 5b356b546
6806586356b3 1838468636b3 3106306b3 0a2ab2 4b28ab48b 08505251a5ab5b2 1a5ab2a25245 0a4ab9a94
a98ab9 0841a5ab9a95 1a5ab9a95 0a5ab5b35052592 4925b38ab58b 2a02ba381398 1a3ab3492 0a4ab3a34354
5b38ab58b 0841a3ab3 1a3ab3 2a126a7217b2 6a07817487247b2 7b2572852a826a2 6a04b247b457
6a1461941b917b1 6a0781b987b8 4969b65878a7 6a07957b9 5a156a5265927b3 6a05814927b3 692a896a97b3
6a04927b3 5a156a5467b3 6a05817b3 7b36846a8 6a07b3 0121727b2 7817487247b2 0828578727b2 4b247b457
0141747b4b94 781b987b8 0847957b9 7957b9 0121525927b3 5814927b3 0828927b3 4927b3 0141547b3 5817b3
0847b3 7b3 3b7 4803b7 1853b7 4104513b7 2943b7 2802983b7 1852943b7 2102512953b7 5979b7 4805979b7
18789b8b7 4104714b749b 2b4b74754 2807582782b7 1878474272b7 2102712b7 0a63b7 3b74868a6 0a61853b7
1a5a656453b7 0a62943b7 29698a9a63b7 0a61852943b7 1a5a656252953b7 0a65979b7 6946b97857a8
0a618789b8b7 1a616414919b1b7 0a62b4b74754 2b727525828a2a6 0a61878474272b7 1a2a621272b7 3a13ba
4803a13ba 3b5ba8b85 4a03ba43a453 3a13ba294 0a2ab2183893 2943b5ba8b85 5a05ba53b250295 5a19ba59a
4805a19ba59a 89a9ba 4a09ba49a 5a12ba52a542 580250a15ba52b5 2b4ba8b84 2a02ba 0130363b6
3816483683b6 0868565363b6 3b5b65645 0130363b6294 6816986293613b6 0868565363b6294 2969565363b6
0161565969b6 481641b619b1591 08689b8b6 4969b6 01b15b54b42b0b6 5812b6 08684b42b8b6 2b6 632673
680248328738678 187853832826867 610671432453 397947467 680398638673 187847467395 610671395
692659675 680658675492 187892827267 610671492 654675 680658675 187847467 610671 0a3a73032
4324734a748a 0838530321a7 1a7432453 0a4a74734394 39798a9a7 0841a7395 1a7395 0a2a75a52592
4925878a7 0828921a7 1a7492 0a4a74754 5878a7 0841a7 1a7 2a126a321 6a0281248321 6326536856a8
6a0432453 3a146a34a394 6a0381398 3956846a8 6a0395 5a156a526592 6a0581492 692a896a9 6a0492
5a156a546 6a0581 6846a8 6a0 012132 281248321 083853032 432453 013034394 381398 084395 395
012152592 581492 082892 492 014154 581 084 -
""".split()  # noqa: SIM905 - a list of 256 would fill the file


def surface_and_volume(
    inside: np.ndarray, spacing: tuple[float, float, float]
) -> tuple[float, float]:
    """Area in mm² and volume in mm³ of the mesh around a region.

    Parameters
    ----------
    inside : ndarray of bool, shape (z, y, x)
        False along every side.
    spacing : tuple of 3 float
        In mm, (z, y, x).
    """
    codes = np.zeros([size - 1 for size in inside.shape], dtype=np.uint8)
    nz, ny, nx = codes.shape
    for corner in range(8):
        z, y, x = corner >> 2, corner >> 1 & 1, corner & 1
        codes |= inside[z : z + nz, y : y + ny, x : x + nx].view(np.uint8) << corner
    flat = codes.ravel()
    counts = np.bincount(flat, minlength=256).astype(np.float64)
    places = [_summed(codes, axis) * spacing[axis] for axis in range(3)]
    areas, volumes, normals = _cells(spacing)
    volume = counts @ volumes + sum(places[axis] @ normals[:, axis] for axis in range(3)) / 3
    return float(counts @ areas), float(volume)


def _summed(codes: np.ndarray, axis: int) -> np.ndarray:
    """Sum of the index along an axis over the cells of each set."""
    planes = np.moveaxis(codes, axis, 0)
    return np.arange(len(planes)) @ np.array(
        [np.bincount(plane.ravel(), minlength=256) for plane in planes]
    )


@lru_cache(maxsize=32)
def _cells(spacing: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of the 256 sets: area, signed volume towards its cell's origin, vector area."""
    corners = np.array([(i >> 2, i >> 1 & 1, i & 1) for i in range(8)], dtype=np.float64)
    middles = np.array([(corners[a] + corners[b]) / 2 for a, b in _EDGES]) * np.array(spacing)
    areas, volumes, normals = np.zeros(256), np.zeros(256), np.zeros((256, 3))
    for index, word in enumerate(_TRIANGLES):
        if word == "-":
            continue
        edges = np.array([int(digit, 16) for digit in word]).reshape(-1, 3)
        triangles = middles[edges]
        across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]) / 2
        areas[index] = np.linalg.norm(across, axis=1).sum()
        normals[index] = across.sum(0)
        volumes[index] = (across * triangles[:, 0]).sum() / 3
    return areas, volumes, normals
