"""The split by patient and site, and cases on the working grid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.segmentation.dataset import LOCKED, assign_splits, load_cases


def table(n_a=50, n_b=30) -> pd.DataFrame:
    ids = [f"a{k:02d}" for k in range(n_a)] + [f"b{k:02d}" for k in range(n_b)]
    return pd.DataFrame({"case_id": ids, "patient_id": ids, "site": ["x"] * n_a + ["y"] * n_b})


def test_each_site_gives_a_fifth_to_test_and_a_tenth_to_validation():
    counts = pd.crosstab(table()["site"], assign_splits(table()))
    assert counts.loc["x"].to_dict() == {"test": 10, "train": 35, "validation": 5}
    assert counts.loc["y"].to_dict() == {"test": 6, "train": 21, "validation": 3}


def test_locked_patients_are_in_the_test_split_and_count():
    split = assign_splits(table(), locked=("a00", "a01", "b29", "somebody else"))
    people = table().set_index(split)["patient_id"]
    assert {"a00", "a01", "b29"} <= set(people["test"])
    assert len(people["test"]) == 16


def test_split_does_not_depend_on_row_order():
    shuffled = table().sample(frac=1, random_state=0)
    one = assign_splits(table())
    two = assign_splits(shuffled).sort_index()
    assert one.tolist() == two.tolist()


def test_cases_of_one_patient_stay_together():
    frame = pd.concat([table(), table().assign(case_id=lambda t: t.case_id + "_follow_up")])
    frame = frame.reset_index(drop=True)
    per_patient = frame.assign(split=assign_splits(frame)).groupby("patient_id")["split"].nunique()
    assert (per_patient == 1).all()


def test_a_patient_of_two_sites_is_refused():
    frame = table()
    frame.loc[60, "patient_id"] = "a00"
    with pytest.raises(TableError, match="a00"):
        assign_splits(frame)


def test_the_split_of_the_two_centre_data_is_locked(shared):
    # Counted once when the split was made; it must never move.
    manifest = pd.read_csv(shared / "data" / "nsclc_two_centre" / "manifest.csv")
    split = assign_splits(manifest)
    counts = pd.crosstab(manifest["site"], split)
    assert counts.loc["maastricht"].to_dict() == {"test": 37, "train": 130, "validation": 19}
    assert counts.loc["stanford"].to_dict() == {"test": 20, "train": 69, "validation": 10}
    held = set(manifest.loc[split == "test", "patient_id"])
    assert {"nsclc-159", "nsclc-229", "nsclc-297"} <= held & set(LOCKED)


def write_case(folder, name, *, with_mask):
    array = np.full((8, 8, 8), -800, dtype=np.int16)
    array[2:6, 2:6, 2:6] = 40
    geometry = Geometry(array.shape)
    write_image(Image(array, geometry), folder / f"{name}.nii.gz")
    if with_mask:
        write_mask(Mask(array > 0, geometry), folder / f"{name}_mask.nii.gz")
    return {
        "case_id": name,
        "patient_id": name,
        "site": "x",
        "image": f"{name}.nii.gz",
        "mask": f"{name}_mask.nii.gz" if with_mask else "",
    }


def test_cases_are_read_at_two_millimetres_and_test_cases_only_when_asked(tmp_path):
    rows = [write_case(tmp_path, name, with_mask=name != "c") for name in "abcd"]
    frame = pd.DataFrame(rows).assign(split=["train", "test", "train", "validation"])
    frame.to_csv(tmp_path / "manifest.csv", index=False)
    cases = load_cases(tmp_path / "manifest.csv")
    assert [(case.case_id, case.split) for case in cases] == [
        ("a", "train"),
        ("c", "train"),
        ("d", "validation"),
    ]
    assert cases[0].hu.shape == (4, 4, 4)
    assert cases[0].mask.sum() == 8
    assert cases[0].hu[cases[0].mask].tolist() == [40] * 8
    assert cases[1].mask is None
    assert [case.case_id for case in load_cases(tmp_path / "manifest.csv", splits=["test"])] == [
        "b"
    ]


def test_voxels_that_nobody_judged_are_read_from_their_own_mask(tmp_path):
    rows = [write_case(tmp_path, "a", with_mask=True), write_case(tmp_path, "b", with_mask=False)]
    rows[1]["unknown"] = rows[0]["mask"]
    pd.DataFrame(rows).assign(split="train").to_csv(tmp_path / "m.csv", index=False)
    one, two = load_cases(tmp_path / "m.csv")
    assert one.unknown is None
    np.testing.assert_array_equal(two.unknown, one.mask)
    assert two.mask is None
    assert two.search is None  # 8 mm of air are no lung


def test_an_unknown_split_is_refused(tmp_path):
    row = write_case(tmp_path, "a", with_mask=True)
    pd.DataFrame([row | {"split": "holdout"}]).to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(TableError, match="holdout"):
        load_cases(tmp_path / "m.csv")
