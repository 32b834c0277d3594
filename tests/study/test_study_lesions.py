"""A study whose masks hold several lesions: measured apart, one row a patient, one signature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, ParameterError, SignatureError
from radtool.features import extract, load_params
from radtool.image import Mask
from radtool.io import read_image, read_mask, write_mask
from radtool.study import predict_cases, run_study, validate_signature
from radtool.study.config import read_study
from radtool.study.extraction import extract_to
from radtool.table import Endpoint, read_table

VOLUME = "original_morph_volume"
CHOICE = "{parameters: params.yaml, labels: components, lesions: volume_weighted_mean}"


@pytest.fixture
def lesion_folder(study_folder: Path) -> Path:
    """The small study with a second, smaller lesion in two cases of three."""
    for number in range(30):
        path = study_folder / f"c{number:02d}_gtv.nii.gz"
        mask = read_mask(path)
        array = mask.array.copy()
        if number % 3:
            array[5 + number % 2 :, 8, 8:] = True
        write_mask(Mask(array, mask.geometry, "GTV"), path)
    study = (study_folder / "study.yaml").read_text()
    (study_folder / "study.yaml").write_text(study.replace("{parameters: params.yaml}", CHOICE))
    return study_folder


def by_hand(folder: Path, number: int) -> pd.Series:
    """Features of both lesions weighted by their volumes; the second is the far corner."""
    image = read_image(folder / f"c{number:02d}.nii.gz")
    whole = read_mask(folder / f"c{number:02d}_gtv.nii.gz")
    corner = np.zeros_like(whole.array)
    corner[5:, 8, 8:] = True
    params = load_params(str(folder / "params.yaml"))
    parts = [whole.array & ~corner, *([whole.array & corner] if number % 3 else [])]
    rows = pd.DataFrame([extract(image, whole.with_array(part), params) for part in parts])
    share = rows[VOLUME] / rows[VOLUME].sum()
    return rows.mul(share, axis=0).sum(skipna=False)


def test_one_row_a_patient_from_masks_to_the_frozen_signature(lesion_folder: Path) -> None:
    out = lesion_folder / "out"
    done = run_study(lesion_folder / "study.yaml", out)
    assert done.failures == []
    table = read_table(out / "features.parquet")
    assert table["patient_id"].is_unique
    assert table["lesions"].tolist() == [2 if number % 3 else 1 for number in range(30)]
    assert table["case_id"].tolist() == [f"c{number:02d}_baseline" for number in range(30)]
    assert set(table["modality"]) == {"CT"}
    for number in (0, 1, 29):
        expected = by_hand(lesion_folder, number)
        found = table.loc[number, expected.index].astype(float)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert [c.n for c in done.results.endpoints[0].question.cohorts] == [18, 12]
    assert "volume_weighted_mean" in (out / "report.html").read_text(encoding="utf-8")

    pair = (lesion_folder / "c20.nii.gz", lesion_folder / "c20_gtv.nii.gz")
    signature, clinical = out / "os.signature.json", lesion_folder / "outcomes.csv"
    alone = predict_cases(signature, out / "one.csv", pair=pair, clinical=clinical)
    features = out / "features.parquet"
    every = predict_cases(signature, out / "all.csv", features=features, clinical=clinical)
    expected = every.set_index("case_id").loc["c20_baseline", "risk"]
    assert alone["risk"].tolist() == pytest.approx([expected], rel=1e-12)
    with pytest.raises(InputError, match="puts lesions together"):
        predict_cases(signature, out / "p.csv", pair=pair, clinical=clinical, perturbed=True)

    # The same patients without the choice are other features: refused, and the choice named.
    other = lesion_folder / "plain" / "features.csv"
    extract_to(lesion_folder / "manifest.csv", str(lesion_folder / "params.yaml"), other)
    endpoint = Endpoint(name="os", duration="days", event="dead")
    with pytest.raises(SignatureError, match="lesions"):
        validate_signature(signature, other, clinical, out / "v", endpoint=endpoint)


def test_a_lesion_too_small_is_a_named_failure_and_the_others_count(lesion_folder: Path) -> None:
    path = lesion_folder / "c01_gtv.nii.gz"
    mask = read_mask(path)
    array = mask.array.copy()
    array[0, 0, 0] = True
    write_mask(Mask(array, mask.geometry, "GTV"), path)
    done = run_study(lesion_folder / "study.yaml", lesion_folder / "out")
    assert [failure.case_id for failure in done.failures] == ["c01_3"]
    table = read_table(lesion_folder / "out" / "features.parquet").set_index("patient_id")
    assert table.loc["c01", "lesions"] == 2


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("{labels: components}", "outcomes are known a patient, not a lesion; say in `lesions`"),
        ("{labels: parts}", "'parts' is not allowed"),
        ("{labels: all, lesions: biggest}", "'biggest' is not allowed"),
        ("{lesion: largest}", "did you mean 'lesions'"),
    ],
)
def test_wrong_choices_are_refused_before_anything_runs(
    study_folder: Path, choice: str, words: str
) -> None:
    study = (study_folder / "study.yaml").read_text()
    path = study_folder / "study.yaml"
    path.write_text(study.replace("{parameters: params.yaml}", choice))
    with pytest.raises(ParameterError, match=words):
        read_study(path)


def test_without_endpoints_a_row_a_lesion_is_a_result(study_folder: Path) -> None:
    text = "title: t\ndata: {manifest: manifest.csv}\nextraction: {labels: components}\n"
    (study_folder / "rows.yaml").write_text(text)
    assert read_study(study_folder / "rows.yaml").extraction.is_by_lesion


def test_connected_parts_of_two_modalities_are_not_matched_by_size(study_folder: Path) -> None:
    params = {"CT": "ct_ibsi", "PT": "pet_ibsi"}
    with pytest.raises(ParameterError, match="need not be the same lesion"):
        extract_to(
            study_folder / "manifest.csv", params, study_folder / "f.csv", labels="components"
        )
