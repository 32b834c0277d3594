"""Grad-CAM and integrated gradients against arithmetic by hand and their axioms."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.segmentation.explain import grad_cam, integrated_gradients, overlay


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip(
        "torch", reason="explanations need torch: pip install 'radtool[train]'"
    )


@pytest.fixture
def classifier(torch):
    """One 1x1x1 convolution to two maps, +x and -x, and their means as two class scores."""
    convolution = torch.nn.Conv3d(1, 2, 1, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1, 1))
    network = torch.nn.Sequential(convolution, torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten())
    return network.eval()


def test_grad_cam_is_bright_where_the_class_is(classifier):
    # Class 0 is the mean of x: its weight for map 0 (+x) is 1/64, for map 1 it is 0; so the map is
    # max(x, 0) over its maximum. Class 1 sees -x: bright where x is below 0.
    volume = np.zeros((1, 4, 4, 4), dtype=np.float32)
    volume[0, 1, 1, 1], volume[0, 2, 2, 2], volume[0, 3, 3, 3] = 4.0, 2.0, -3.0
    for number, expected in enumerate((volume[0] / 4, -volume[0] / 3)):
        found = grad_cam(
            classifier, classifier[0], volume, lambda out, number=number: out[0, number]
        )
        np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-6)


def test_grad_cam_of_a_coarse_layer_has_the_size_of_the_input(torch):
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 2, stride=2), torch.nn.Flatten()).eval()
    found = grad_cam(network, network[0], np.ones((1, 8, 12), np.float32), lambda out: out.sum())
    assert found.shape == (8, 12)
    assert found.max() in (0.0, 1.0)


def test_grad_cam_leaves_the_network_as_it_was(classifier):
    before = classifier[0].weight.detach().clone()
    grad_cam(classifier, classifier[0], np.ones((1, 4, 4, 4), np.float32), lambda out: out[0, 0])
    assert (classifier[0].weight == before).all()
    assert not classifier[0]._forward_hooks


def test_attributions_add_up_to_the_score_difference(torch):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv3d(1, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(32, 2)
    ).eval()
    volume = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype(np.float32)
    found = integrated_gradients(network, volume, lambda out: out[0, 1], baseline=-0.5, steps=200)
    with torch.no_grad():
        ends = network(torch.from_numpy(np.stack([volume, np.full_like(volume, -0.5)])))[:, 1]
    np.testing.assert_allclose(found.sum(), float(ends[0] - ends[1]), rtol=1e-3)


def test_attributions_of_a_linear_score_are_weight_times_value(classifier):
    volume = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype(np.float32)
    found = integrated_gradients(classifier, volume, lambda out: out[0, 0], steps=1)
    np.testing.assert_allclose(found, volume / 64, rtol=1e-5)


def test_no_steps_are_refused(classifier):
    with pytest.raises(ParameterError, match="steps"):
        integrated_gradients(classifier, np.ones((1, 4, 4, 4)), lambda out: out[0, 0], steps=0)


def test_the_tumour_network_can_be_explained(torch):
    from radtool.segmentation.network import build_network

    network = build_network((4, 4, 4)).eval()
    hu = np.random.default_rng(0).normal(-400, 300, (1, 16, 16, 16)).astype(np.float32)
    layer = network.parts["merge1"]
    assert grad_cam(network, layer, hu, lambda out: out[0].sum()).shape == (16, 16, 16)


def test_overlay_is_red_where_positive_blue_where_negative_and_grey_elsewhere():
    section = np.array([[-1000.0, -300.0, 400.0, 900.0]])
    shown = overlay(section, np.array([[2.0, 0.0, -1.0, 0.0]]), opacity=0.8)
    # Share of colour: 0.8 * 2/2 and 0.8 * 1/2; grey: 0, 0.5, 1 and clipped to 1.
    expected = [[[0.8, 0, 0], [0.5] * 3, [0.6, 0.6, 1.0], [1.0] * 3]]
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert overlay(section, np.zeros((1, 4))).max() == 1.0


@pytest.mark.parametrize(
    ("attribution", "settings"),
    [
        (np.zeros((2, 4)), {}),
        (np.zeros((1, 4)), {"window": (1, 1)}),
        (np.zeros((1, 4)), {"opacity": 2}),
    ],
)
def test_overlays_that_cannot_be_shown_are_refused(attribution, settings):
    with pytest.raises(ParameterError):
        overlay(np.zeros((1, 4)), attribution, **settings)
