"""Where a voxel grid lies in the patient."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from radtool.errors import GeometryError

__all__ = ["IDENTITY", "Geometry"]

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Geometry:
    """A regular voxel grid in patient coordinates (LPS, mm).

    Parameters
    ----------
    shape : tuple of 3 int
        Number of voxels, (z, y, x).
    spacing : tuple of 3 float
        Distance between voxel centres in mm, (z, y, x).
    origin : tuple of 3 float
        Centre of voxel (0, 0, 0), patient coordinates (x, y, z), LPS, mm.
    direction : tuple of 9 float
        Row-major 3×3 rotation; its columns are the patient directions of the x, y and z index
        axes (as in ITK).

    Raises
    ------
    GeometryError
        Empty grid, spacing not positive, or direction not orthonormal within 1e-3.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = IDENTITY

    def __post_init__(self) -> None:
        for name, length, kind in (
            ("shape", 3, int),
            ("spacing", 3, float),
            ("origin", 3, float),
            ("direction", 9, float),
        ):
            values = tuple(kind(value) for value in getattr(self, name))
            if len(values) != length or not np.all(np.isfinite(values)):
                raise GeometryError(f"{name} needs {length} finite numbers, got {values}")
            object.__setattr__(self, name, values)
        if min(self.shape) < 1:
            raise GeometryError(f"shape (z, y, x) must be at least 1 everywhere, got {self.shape}")
        if min(self.spacing) <= 0:
            raise GeometryError(f"spacing (z, y, x) must be above 0 mm, got {self.spacing}")
        matrix = self.direction_matrix
        if not np.allclose(matrix.T @ matrix, np.eye(3), atol=1e-3):
            raise GeometryError(
                f"direction is not orthonormal: {self.direction}; a sheared grid (gantry tilt)"
                " must be resampled first"
            )

    def __str__(self) -> str:
        size = " × ".join(str(n) for n in self.shape)
        spacing = " × ".join(f"{mm:.4g}" for mm in self.spacing)
        return f"{size} voxels of {spacing} mm (z, y, x)"

    @property
    def direction_matrix(self) -> np.ndarray:
        """Direction as a 3×3 array; columns are the x, y, z index axes in LPS."""
        return np.array(self.direction).reshape(3, 3)

    @property
    def spacing_xyz(self) -> tuple[float, float, float]:
        """Spacing in mm, (x, y, z)."""
        return self.spacing[::-1]

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(np.prod(self.spacing))

    @property
    def affine(self) -> np.ndarray:
        """4×4 matrix from index (x, y, z) to patient coordinates (x, y, z), LPS, mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction_matrix * np.array(self.spacing_xyz)
        matrix[:3, 3] = self.origin
        return matrix

    def to_patient(self, index: np.ndarray) -> np.ndarray:
        """Patient coordinates (x, y, z) of continuous indices (z, y, x); shape (..., 3)."""
        index_xyz = np.asarray(index, dtype=float)[..., ::-1]
        return index_xyz @ self.affine[:3, :3].T + np.array(self.origin)

    def to_index(self, points: np.ndarray) -> np.ndarray:
        """Continuous indices (z, y, x) of patient coordinates (x, y, z); shape (..., 3)."""
        shifted = np.asarray(points, dtype=float) - np.array(self.origin)
        return (shifted @ np.linalg.inv(self.affine[:3, :3]).T)[..., ::-1]

    def corners(self) -> np.ndarray:
        """Patient coordinates of the eight outermost voxel centres, shape (8, 3)."""
        ends = [(0, size - 1) for size in self.shape]
        return self.to_patient(np.array(list(itertools.product(*ends))))

    def corner_distance(self, other: Geometry) -> float:
        """Largest distance in mm between corresponding corners of two grids."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def matches(self, other: Geometry, tolerance: float = 1e-3) -> bool:
        """Whether two grids are the same voxels: equal shape, corners nearer than `tolerance`.

        Parameters
        ----------
        other : Geometry
            The other grid.
        tolerance : float, default 1e-3
            Largest corner distance, as a fraction of the smallest voxel edge.
        """
        nearness = tolerance * min(self.spacing)
        return self.shape == other.shape and self.corner_distance(other) <= nearness

    def crop(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Geometry:
        """Return the grid of a box whose first voxel is `start`; both (z, y, x).

        `start` may be negative and the box may reach outside: the grid is then larger.
        """
        origin = self.to_patient(np.array(start, dtype=float))
        return Geometry(shape, self.spacing, tuple(origin.tolist()), self.direction)
