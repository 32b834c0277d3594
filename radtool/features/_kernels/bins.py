"""Put values into bins given by their edges."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["bin_numbers"]


@kernel
def bin_numbers(values, edges, width):
    """Return, for each value, how many edges are not above it.

    The bin is guessed from the mean width and corrected by the edges themselves, so that the
    result is that of a search for each value.

    Parameters
    ----------
    values : ndarray, shape (n,)
        None below the first edge.
    edges : ndarray of float64, shape (m,)
        Rising and nearly equidistant.
    width : float
        Mean distance between edges.

    Returns
    -------
    ndarray of int32, shape (n,)
    """
    numbers = np.empty(values.size, dtype=np.int32)
    last = edges.size
    first = edges[0]
    for v in range(values.size):
        value = values[v]
        guess = int((value - first) / width) + 1
        guess = min(max(guess, 1), last)
        while guess < last and edges[guess] <= value:
            guess += 1
        while guess > 1 and edges[guess - 1] > value:
            guess -= 1
        numbers[v] = guess
    return numbers
