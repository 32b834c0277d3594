"""Training, resuming and exporting; skipped where torch is not installed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, MissingPartError, ParameterError
from radtool.files import read_json
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.segmentation import network
from radtool.segmentation.training import TrainSettings, _loss, _Run, train
from radtool.settings import parse_settings

TINY = {"batch": 2, "window": 16, "widths": (4, 4, 4), "check_every": 2, "mine_every": 2}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="training needs torch: pip install 'radtool[train]'")


@pytest.fixture
def manifest(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for name, split in zip("abcde", ["train", "train", "train", "validation", "test"], strict=True):
        array = rng.normal(-800, 20, (24, 24, 24)).astype(np.float32)
        array[8:16, 8:16, 8:16] = 40
        geometry = Geometry(array.shape, (2, 2, 2))
        write_image(Image(array, geometry), tmp_path / f"{name}.nii.gz")
        if name != "c":
            write_mask(Mask(array > 0, geometry), tmp_path / f"{name}_mask.nii.gz")
        rows.append(
            {
                "case_id": name,
                "patient_id": name,
                "image": f"{name}.nii.gz",
                "mask": "" if name == "c" else f"{name}_mask.nii.gz",
                "split": split,
            }
        )
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


def read(path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def test_training_lowers_the_loss_and_finds_the_cube(torch, manifest, tmp_path):
    settings = TrainSettings(
        steps=60, batch=4, window=16, widths=(8, 8, 8), check_every=20, learning_rate=1e-2
    )
    train(manifest, tmp_path / "run", settings)
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["step"].tolist() == [20, 40, 60]
    assert history["train_loss"].iloc[-1] < 0.75 * history["train_loss"].iloc[0]
    assert history["mean_dsc"].iloc[-1] > 0.5


def test_a_resumed_run_ends_with_the_same_weights(torch, manifest, tmp_path, monkeypatch):
    # A run killed after its second check goes on as if it had never stopped.
    full = TrainSettings(steps=6, **TINY)
    train(manifest, tmp_path / "one", full)
    check, done = _Run.check, []

    def killed(run, cases, loss):
        check(run, cases, loss)
        done.append(run.step)
        if len(done) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(_Run, "check", killed)
    with pytest.raises(KeyboardInterrupt):
        train(manifest, tmp_path / "two", full)
    monkeypatch.setattr(_Run, "check", check)
    assert done == [2, 4]
    train(manifest, tmp_path / "two", full)
    one, two = read(tmp_path / "one" / "state.npz"), read(tmp_path / "two" / "state.npz")
    assert set(one) == set(two)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_test_cases_are_never_read(torch, manifest, tmp_path):
    (tmp_path / "e.nii.gz").unlink()
    train(manifest, tmp_path / "run", TrainSettings(steps=2, **TINY))
    written = read_json(tmp_path / "run" / "training.json")
    assert written["cases"] == {"train": ["a", "b", "c"], "validation": ["d"]}
    settings = parse_settings(TrainSettings, written["settings"], "training.json")
    assert settings == TrainSettings(steps=2, **TINY)


def test_voxels_that_nobody_judged_do_not_change_the_loss(torch):
    # Whatever the network says there: neither loss nor gradient moves.
    rng = np.random.default_rng(0)
    shape = (2, 1, 8, 8, 8)
    truth = torch.from_numpy((rng.random(shape) < 0.2).astype(np.float32))
    known = torch.ones(shape)
    known[:, :, 2:5] = 0
    logits = torch.from_numpy(rng.normal(size=shape).astype(np.float32)).requires_grad_()
    loss = _loss(torch, logits, truth, known, 0.5)
    loss.backward()
    assert (logits.grad[known == 0] == 0).all()
    assert (logits.grad[known == 1] != 0).all()
    other = torch.where(known == 1, logits.detach(), torch.full(shape, 9.0))
    torch.testing.assert_close(_loss(torch, other, truth, known, 0.5), loss.detach())


def test_state_of_another_network_is_refused(torch, manifest, tmp_path):
    train(manifest, tmp_path / "run", TrainSettings(steps=2, **TINY))
    with pytest.raises(InputError, match=r"state has widths \(4, 4, 4\)"):
        train(manifest, tmp_path / "run", TrainSettings(steps=4, **TINY | {"widths": (8, 4, 4)}))


def test_no_mask_in_a_split_is_refused(torch, manifest, tmp_path):
    frame = pd.read_csv(manifest).assign(split="train")
    frame.to_csv(tmp_path / "all_train.csv", index=False)
    with pytest.raises(InputError, match="no case with a mask in the validation split"):
        train(tmp_path / "all_train.csv", tmp_path / "run", TrainSettings(steps=1))


def test_a_gpu_that_is_not_there_is_said(torch, manifest, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="torch sees no GPU"):
        train(manifest, tmp_path / "run", TrainSettings(steps=1, device="cuda"))


def test_the_answer_at_a_voxel_does_not_depend_on_the_window(torch):
    net = network.build_network((4, 4, 4)).eval()
    hu = torch.randn(1, 1, 96, 64, 64, generator=torch.Generator().manual_seed(0)) * 300
    with torch.no_grad():
        whole, part = net(hu)[0], net(hu[:, :, 8:88])[0]
    # Zero padding reaches in from the border; the middle must be equal.
    torch.testing.assert_close(whole[:, :, 44:52, 28:36, 28:36], part[:, :, 36:44, 28:36, 28:36])


def test_onnx_equals_torch_and_segments(torch, manifest, tmp_path, thorax):
    pytest.importorskip("onnxscript", reason="writing ONNX needs onnxscript")
    from radtool.segmentation import segment
    from radtool.segmentation.export import export_onnx, load_weights
    from radtool.segmentation.runtime import load_network

    best = train(manifest, tmp_path / "run", TrainSettings(steps=4, **TINY | {"widths": (4, 4, 8)}))
    path = export_onnx(best, tmp_path / "tiny.onnx", {"name": "tiny", "licence": "none"})
    hu = np.random.default_rng(0).normal(-400, 400, (24, 32, 16)).astype(np.float32)
    found = load_network(path).probability(hu)
    with torch.no_grad():
        logits = load_weights(best)(torch.from_numpy(hu[None, None]))[0]
    # Weights are stored in half precision (2^-11 relative).
    np.testing.assert_allclose(found, torch.sigmoid(logits)[0, 0].numpy(), atol=2e-3)
    assert segment(thorax().image, model=path).mask.geometry == thorax().image.geometry
    assert read_json(tmp_path / "tiny.json")["licence"] == "none"


def test_weights_of_something_else_are_refused(torch, tmp_path):
    from radtool.segmentation.export import load_weights

    np.savez(tmp_path / "other.npz", bias=np.zeros(3))
    with pytest.raises(InputError, match="not weights of the tumour network"):
        load_weights(tmp_path / "other.npz")


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingPartError, match=r"pip install 'radtool\[train\]'"):
        network.build_network()


@pytest.mark.parametrize(
    "settings", [{"window": 20}, {"window": 8}, {"precision": "float16"}, {"steps": 0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ParameterError):
        TrainSettings(**settings)
