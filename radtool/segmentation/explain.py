"""Where a torch network looks: Grad-CAM, integrated gradients, and an overlay of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from radtool.errors import ParameterError
from radtool.segmentation.network import import_torch

if TYPE_CHECKING:
    import torch

__all__ = ["grad_cam", "integrated_gradients", "overlay"]


def grad_cam(
    network: torch.nn.Module,
    layer: torch.nn.Module,
    inputs: np.ndarray,
    score: Callable[[Any], Any],
) -> np.ndarray:
    """Map which places of a layer raise a score (Grad-CAM).

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; its weights are not changed.
    layer : torch.nn.Module
        A convolutional layer of the network, mostly the last.
    inputs : ndarray of shape (channels, ...) with 2 or 3 spatial axes
        One case.
    score : callable
        Output of the network -> one number (a torch scalar): ``lambda out: out[0, 1]`` for class 1
        of a classifier, ``lambda out: out[0].sum()`` for the logits of `build_network`.

    Returns
    -------
    ndarray of float32
        Spatial shape of `inputs`, 0 to 1; all 0 when nothing raises the score.

    References
    ----------
    R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based
    localization, ICCV 2017, 618-626.
    """
    torch = import_torch()
    kept: list[Any] = []

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        output.retain_grad()
        kept.append(output)

    hook = layer.register_forward_hook(keep)
    try:
        batch = torch.from_numpy(np.array(inputs[None], dtype=np.float32)).requires_grad_()
        score(network(batch)).backward()
    finally:
        hook.remove()
        network.zero_grad()
    activation, gradient = kept[-1].detach(), kept[-1].grad
    weights = gradient.mean(dim=tuple(range(2, gradient.ndim)), keepdim=True)
    raised = torch.relu((weights * activation).sum(dim=1, keepdim=True))
    mode = "trilinear" if raised.ndim == 5 else "bilinear"
    sized = torch.nn.functional.interpolate(
        raised, size=inputs.shape[1:], mode=mode, align_corners=False
    )[0, 0]
    peak = float(sized.max())
    return (sized / peak if peak > 0 else sized).numpy().astype(np.float32)


def integrated_gradients(
    network: torch.nn.Module,
    inputs: np.ndarray,
    score: Callable[[Any], Any],
    *,
    baseline: float = 0.0,
    steps: int = 32,
) -> np.ndarray:
    """Share a score out among the input values (integrated gradients).

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    inputs : ndarray of shape (channels, ...)
        One case.
    score : callable
        Output of the network -> one number, as for `grad_cam`.
    baseline : float, default 0
        Value of an input that says nothing; -1000 for a CT in HU.
    steps : int, default 32
        Points of the path from the baseline to the input (midpoint rule).

    Returns
    -------
    ndarray of float32, shape of `inputs`
        Positive where a value raises the score. The sum is the score of the input minus the score
        of the baseline, up to the error of the midpoint rule.

    Raises
    ------
    ParameterError
        Fewer than one step.

    References
    ----------
    M. Sundararajan, A. Taly and Q. Yan, Axiomatic attribution for deep networks, ICML 2017,
    3319-3328.
    """
    if steps < 1:
        raise ParameterError(f"steps must be 1 or more, got {steps}")
    torch = import_torch()
    end = torch.from_numpy(np.array(inputs[None], dtype=np.float32))
    start = torch.full_like(end, baseline)
    total = torch.zeros_like(end)
    for step in range(steps):
        point = (start + (step + 0.5) / steps * (end - start)).requires_grad_()
        (gradient,) = torch.autograd.grad(score(network(point)), point)
        total += gradient
    return ((end - start) * total / steps)[0].numpy().astype(np.float32)


def overlay(
    section: np.ndarray,
    attribution: np.ndarray,
    *,
    window: tuple[float, float] = (-1000.0, 400.0),
    opacity: float = 0.6,
) -> np.ndarray:
    """Lay an attribution in colour over a grey slice.

    Parameters
    ----------
    section : ndarray of shape (y, x)
        Intensities of one slice.
    attribution : ndarray of shape (y, x)
        Of the same slice, from `grad_cam` or `integrated_gradients`: red where positive, blue
        where negative, stronger with its size relative to the largest.
    window : tuple of float, default (-1000, 400)
        Intensities shown as black and as white.
    opacity : float, default 0.6
        Share of colour where the attribution is largest, 0 to 1.

    Returns
    -------
    ndarray of float32, shape (y, x, 3)
        Red, green, blue, 0 to 1, ready for any image writer.

    Raises
    ------
    ParameterError
        Shapes that differ, an empty window, or an opacity outside 0 to 1.

    Examples
    --------
    >>> overlay(np.array([[-1000.0, 400.0]]), np.array([[1.0, 0.0]]), opacity=0.5).tolist()
    [[[0.5, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    if section.ndim != 2 or section.shape != attribution.shape:
        raise ParameterError(
            f"slice and attribution must both be (y, x), got {section.shape}, {attribution.shape}"
        )
    low, high = window
    if not (low < high and 0 <= opacity <= 1):
        raise ParameterError(f"window {window} or opacity {opacity} cannot be shown")
    grey = np.clip((section - low) / (high - low), 0, 1)[..., None]
    peak = float(np.abs(attribution).max(initial=0.0))
    share = (opacity * np.abs(attribution) / (peak or 1.0))[..., None]
    colour = np.where(attribution[..., None] >= 0, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    return ((1 - share) * grey + share * colour).astype(np.float32)
