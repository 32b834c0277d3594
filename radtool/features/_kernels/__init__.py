"""Counting loops in numba: integer counts of grey levels, nothing of ours imported.

All of them see a padded, flat volume: `flat` holds the grey levels (0 outside the region and in the
padding), `voxels` the flat indices of the region's voxels in rising order, `steps` the flat
distance to each neighbour. So no loop asks for borders.
"""

from radtool.features._kernels.neighbours import count_neighbours
from radtool.features._kernels.pairs import count_pairs
from radtool.features._kernels.runs import count_runs
from radtool.features._kernels.spheres import sphere_sums
from radtool.features._kernels.zones import find_zones

__all__ = ["count_neighbours", "count_pairs", "count_runs", "find_zones", "sphere_sums"]
