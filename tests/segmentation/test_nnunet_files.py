"""The raw data layout of nnU-Net v2, and its answers taken back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.files import read_json
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, write_image, write_mask
from radtool.segmentation.nnunet_files import adopt_nnunet, export_nnunet

GEOMETRY = Geometry((4, 5, 6), (3.0, 1.5, 1.0), (10.0, -20.0, 30.0))


@pytest.fixture
def manifest(tmp_path):
    rows = []
    for number, split in enumerate(["train", "train", "validation", "test"]):
        array = np.full(GEOMETRY.shape, -800.0 + number)
        write_image(Image(array, GEOMETRY), tmp_path / f"c{number}.nii.gz")
        write_mask(Mask(array > array.min() - 1, GEOMETRY), tmp_path / f"m{number}.nii.gz")
        rows.append(
            {
                "case_id": f"c{number}",
                "patient_id": f"c{number}",
                "modality": "CT",
                "roi": "GTV",
                "image": f"c{number}.nii.gz",
                "mask": "" if number == 1 else f"m{number}.nii.gz",
                "split": split,
            }
        )
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_layout_is_that_of_nnunet(manifest, tmp_path):
    folder = export_nnunet(manifest, tmp_path / "raw", number=7, name="Lung")
    assert folder.name == "Dataset007_Lung"
    assert names(folder / "imagesTr") == [f"c{k}_0000.nii.gz" for k in range(3)]
    assert names(folder / "labelsTr") == [f"c{k}.nii.gz" for k in range(3)]
    assert names(folder / "imagesTs") == ["c3_0000.nii.gz"]
    assert names(folder / "labelsTs") == ["c3.nii.gz"]
    assert read_json(folder / "dataset.json") == {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "GTV": 1},
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    assert read_json(folder / "splits_final.json") == [{"train": ["c0", "c1"], "val": ["c2"]}]


def test_images_and_labels_keep_their_grid_and_values(manifest, tmp_path):
    folder = export_nnunet(manifest, tmp_path / "raw", number=7, name="Lung")
    image = read_image(folder / "imagesTr" / "c2_0000.nii.gz")
    assert image.geometry.matches(GEOMETRY)
    assert (image.array == -798).all()
    assert (read_image(folder / "labelsTr" / "c0.nii.gz").array == 1).all()
    assert (read_image(folder / "labelsTr" / "c1.nii.gz").array == 0).all()


def test_predictions_become_masks_of_the_manifest(manifest, tmp_path):
    folder = export_nnunet(manifest, tmp_path / "raw", number=7, name="Lung")
    for part in ("labelsTs",):
        for path in (folder / part).iterdir():
            path.rename(folder / "labelsTr" / path.name)
    table = adopt_nnunet(manifest, folder / "labelsTr")
    assert table["mask"].map(lambda path: path.rsplit("/", 1)[-1]).tolist() == [
        f"c{k}.nii.gz" for k in range(4)
    ]
    assert set(table["mask_origin"]) == {"nnU-Net"}
    (folder / "labelsTr" / "c2.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no c2\.nii\.gz; 1 case"):
        adopt_nnunet(manifest, folder / "labelsTr")


@pytest.mark.parametrize(("number", "name"), [(0, "Lung"), (1000, "Lung"), (1, "my lung")])
def test_numbers_and_names_that_nnunet_does_not_take_are_refused(manifest, tmp_path, number, name):
    with pytest.raises(InputError, match="nnU-Net takes"):
        export_nnunet(manifest, tmp_path, number=number, name=name)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("modality", ["CT", "CT", "PT", "CT"], "one modality"),
        ("roi", ["a", "a", "b", "a"], "one roi"),
        ("split", ["train", "train", "train", "holdout"], "holdout"),
        ("split", ["test"] * 4, "no case of the train split"),
    ],
)
def test_manifests_that_are_no_dataset_are_refused(manifest, tmp_path, column, values, words):
    pd.read_csv(manifest, keep_default_na=False).assign(**{column: values}).to_csv(
        manifest, index=False
    )
    with pytest.raises(TableError, match=words):
        export_nnunet(manifest, tmp_path / "raw", number=1, name="x")


@pytest.mark.parametrize("case", ["../c1", "a/b", "C0", "Größe"])
def test_cases_that_no_file_can_be_called_after_are_refused(manifest, tmp_path, case):
    table = pd.read_csv(manifest)
    table.loc[1, "case_id"] = case
    table.to_csv(manifest, index=False)
    with pytest.raises(TableError, match="no file can be called after"):
        export_nnunet(manifest, tmp_path / "raw", number=7, name="Lung")
    with pytest.raises(TableError, match="no file can be called after"):
        adopt_nnunet(manifest, tmp_path)
