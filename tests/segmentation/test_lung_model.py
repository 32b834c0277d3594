"""The bundled weights themselves: what they find, and that they stay silent elsewhere."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image
from radtool.segmentation import Segmentation, compare_masks, runtime, segment


@pytest.fixture(scope="module")
def nodule() -> tuple[Image, Mask]:
    """A ball of 11 mm radius, 40 HU with a soft edge, in lung with noise; 92 mm field of view."""
    size = 92
    grid = np.indices((size,) * 3)
    apart = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, (50, 40, 48), strict=True)))
    hu = -850 + 890 / (1 + np.exp(apart - 11))
    wall = grid[2] < 8
    hu = np.where(wall, 50, hu) + np.random.default_rng(0).normal(0, 20, hu.shape)
    geometry = Geometry(hu.shape)
    return Image(np.rint(hu), geometry, "HU"), Mask(apart <= 11, geometry, "nodule")


def test_a_nodule_in_a_crop_is_found(nodule):
    image, truth = nodule
    found = segment(image, search="whole", device="cpu")
    compared = compare_masks(truth, found.mask)
    # Clinicians draw a little outside the edge, and so does what learned from them: two voxels.
    assert compared.hd <= 4.0
    assert compared.dsc > 0.75
    assert "no_tumour" not in found.flags
    assert found.confidence > 0.5
    assert found.model.startswith("lung ")


def test_no_connection_is_opened_and_nothing_is_downloaded(nodule, monkeypatch):
    def refuse(*_args, **_settings):
        raise AssertionError("segmentation must not use the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    runtime._open.cache_clear()
    assert not segment(nodule[0], search="whole", device="cpu").mask.is_empty


@pytest.mark.parametrize("content", [55.0, -870.0, -1000.0])
def test_liver_lung_and_air_alone_hold_no_tumour(content):
    hu = content + np.random.default_rng(0).normal(0, 20, (60, 60, 60))
    hu[:, :4] = -1000
    hu[:, -4:] = 40
    found = segment(
        Image(np.rint(hu), Geometry(hu.shape, (1.5,) * 3), "HU"), search="whole", device="cpu"
    )
    assert found.mask.is_empty or {"unsure", "touches_border"} & set(found.flags)


def test_torch_and_onnxruntime_give_the_same_mask(nodule, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="pip install 'radtool[train]'")
    pytest.importorskip("onnxscript", reason="writing ONNX needs onnxscript")
    from radtool.segmentation import export_onnx, predict
    from radtool.segmentation.export import load_weights
    from radtool.segmentation.network import build_network
    from radtool.segmentation.runtime import Network

    torch.manual_seed(3)
    network = build_network((8, 8, 8)).eval()
    # An untrained network that leans on intensity: bright voxels become likely.
    with torch.no_grad():
        network.parts["head"].bias.fill_(0.0)
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    arrays = {name: np.float32(np.float16(value)) for name, value in arrays.items()}
    np.savez(tmp_path / "best.npz", **arrays)
    path = export_onnx(tmp_path / "best.npz", tmp_path / "m.onnx", {"threshold": 0.5})
    exact = load_weights(tmp_path / "best.npz")

    class Torch:
        def run(self, _names, feed):
            with torch.no_grad():
                return [torch.sigmoid(exact(torch.from_numpy(feed["hu"]))[0]).numpy()]

    image = part(nodule[0], *[slice(16, 80)] * 3)
    onnx = segment(image, model=path, search="whole", device="cpu")
    stand_in = Network("torch", "0" * 64, "cpu", Torch(), 0.5)
    monkeypatch.setattr(predict, "load_network", lambda _model, *, device: stand_in)
    own = segment(image, search="whole")
    np.testing.assert_allclose(onnx.probability.array, own.probability.array, atol=1e-3)
    either = (onnx.mask.array | own.mask.array).sum()
    assert either > 0
    assert (onnx.mask.array ^ own.mask.array).sum() <= 0.005 * either


@pytest.fixture(scope="module")
def scan(shared) -> Image:
    image = read_image(shared / "data" / "thorax_2mm" / "lidc-0293.nii.gz")
    return Image(image.array, image.geometry, "HU")


@pytest.fixture(scope="module")
def segmented_scan(scan) -> Segmentation:
    return segment(scan, device="cpu")


def part(image: Image, *box: slice) -> Image:
    start = tuple(s.indices(n)[0] for s, n in zip(box, image.geometry.shape, strict=True))
    array = image.array[box]
    return Image(array, image.geometry.crop(start, array.shape), image.unit)


def test_a_scan_without_tumour_stays_empty_and_half_of_it_is_flagged(scan, segmented_scan):
    assert segmented_scan.flags == ("no_tumour",)
    everything = slice(None)
    half = segment(part(scan, slice(0, 80), everything, everything), device="cpu")
    assert {"no_tumour", "lungs_cut_off"} <= set(half.flags)


def test_a_liver_gives_no_confident_mask(scan):
    with pytest.raises(InputError, match="no lung found"):
        segment(part(scan, slice(0, 31), slice(None), slice(None)), device="cpu")
    liver = part(scan, slice(0, 40), slice(60, 106), slice(30, 76))
    found = segment(liver, search="whole", device="cpu")
    assert found.mask.is_empty or "unsure" in found.flags


def test_storage_order_does_not_matter_but_wrong_directions_are_refused(scan, segmented_scan):
    geometry = scan.geometry
    corner = geometry.to_patient(np.array([n - 1 for n in geometry.shape]))
    turned = Geometry(
        geometry.shape,
        geometry.spacing,
        tuple(corner.tolist()),
        tuple(-np.array(geometry.direction)),
    )
    if np.linalg.det(np.reshape(turned.direction, (3, 3))) > 0:
        pytest.fail("the test turns all three axes")
    stored = Image(np.ascontiguousarray(scan.array[::-1, ::-1, ::-1]), turned, "HU")
    assert segment(stored, device="cpu").flags == segmented_scan.flags
    for axis, words in ((1, "front and back"), (0, "head and feet")):
        wrong = scan.with_array(np.ascontiguousarray(np.flip(scan.array, axis)))
        with pytest.raises(InputError, match=words):
            segment(wrong, device="cpu")


def test_a_tilted_gantry_is_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="writes the sheared file")
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[1, 2] = 0.5
    array = np.full((50, 50, 50), -800, dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "tilted.nii.gz")
    with pytest.raises(GeometryError, match="right angles"):
        read_image(tmp_path / "tilted.nii.gz")
