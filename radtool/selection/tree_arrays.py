"""Decision trees as plain arrays: what goes into JSON instead of a pickle."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["descend", "tree_arrays"]


def tree_arrays(tree: Any) -> dict[str, np.ndarray]:
    """Return the nodes of a fitted scikit-learn tree as arrays.

    Parameters
    ----------
    tree : sklearn.tree._tree.Tree
        ``estimator.tree_`` of a regressor or of a classifier of two classes.

    Returns
    -------
    dict of ndarray
        ``left, right, feature`` (int; left -1: a leaf), ``threshold`` and ``value`` (float): mean
        of the leaf, or its share of the second class.
    """
    value = tree.value[:, 0, :]
    own = value[:, 0] if value.shape[1] == 1 else value[:, 1] / value.sum(axis=1)
    return {
        "left": tree.children_left.astype(np.int64),
        "right": tree.children_right.astype(np.int64),
        "feature": tree.feature.astype(np.int64),
        "threshold": tree.threshold.astype(float),
        "value": own.astype(float),
    }


def descend(tree: dict[str, np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return the leaf value of each case.

    Parameters
    ----------
    tree : dict of ndarray
        From `tree_arrays`.
    values : ndarray of float32, shape (n_cases, n_features)
        scikit-learn compares single precision; so must this.
    """
    node = np.zeros(len(values), dtype=np.int64)
    rows = np.arange(len(values))
    while True:
        inner = tree["left"][node] >= 0
        if not inner.any():
            return tree["value"][node]
        go_left = values[rows, np.maximum(tree["feature"][node], 0)] <= tree["threshold"][node]
        following = np.where(go_left, tree["left"][node], tree["right"][node])
        node = np.where(inner, following, node)
