"""SUV: by hand for each vendor's way, and a reason for each refusal."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from radtool.errors import DicomError
from radtool.io import read_series, suv_scale

HALF_LIFE = 6586.2


def pet(**changes) -> Dataset:
    dataset = Dataset()
    dataset.Units = "BQML"
    dataset.CorrectedImage = ["NORM", "ATTN", "SCAT", "DECY"]
    dataset.DecayCorrection = "START"
    dataset.PatientWeight = "70"
    dataset.SeriesDate = dataset.AcquisitionDate = "20200102"
    dataset.SeriesTime = "110000"
    dataset.AcquisitionTime = "110000.5"
    drug = Dataset()
    drug.RadionuclideTotalDose = "350000000"
    drug.RadionuclideHalfLife = str(HALF_LIFE)
    drug.RadiopharmaceuticalStartTime = "100000"
    dataset.RadiopharmaceuticalInformationSequence = [drug]
    for keyword, value in changes.items():
        holder = drug if keyword.startswith("Radi") else dataset
        if value is None:
            delattr(holder, keyword)
        else:
            setattr(holder, keyword, value)
    return dataset


def factor(**changes) -> float:
    return suv_scale([pet(**changes)], "PET").factor


def decayed(seconds: float) -> float:
    # weight in g / (dose in Bq * 2^(-t / half-life))
    return 70_000 / (350e6 * 2 ** (-seconds / HALF_LIFE))


def test_decay_from_injection_to_series_start():
    assert factor() == pytest.approx(decayed(3600), rel=1e-12)


def test_decay_to_administration_needs_no_times():
    assert factor(DecayCorrection="ADMIN", SeriesTime=None, AcquisitionTime=None) == pytest.approx(
        70_000 / 350e6
    )


def test_stored_suv_is_taken_as_it_is():
    assert factor(Units="GML", PatientWeight=None) == 1.0


def test_series_rebuilt_later_falls_back_to_the_earliest_acquisition():
    later, early = pet(SeriesTime="180000"), pet(SeriesTime="180000", AcquisitionTime="105000")
    assert suv_scale([later, early], "PET").factor == pytest.approx(decayed(3000))


def test_ge_keeps_the_start_in_a_private_element():
    dataset = pet(SeriesTime="180000", Manufacturer="GE MEDICAL SYSTEMS")
    block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20200102103000.00")
    # Elements of a private block lie at 1000 hex and above: (0009,100D).
    assert suv_scale([dataset], "PET").factor == pytest.approx(decayed(1800))


def test_injection_before_midnight():
    assert factor(
        RadiopharmaceuticalStartTime="233000", SeriesTime="003000", AcquisitionTime="003000"
    ) == pytest.approx(decayed(3600))


def test_injection_date_and_time_win():
    assert factor(RadiopharmaceuticalStartDateTime="20200102103000.0") == pytest.approx(
        decayed(1800)
    )


def test_philips_factors():
    dataset = pet(Units="CNTS")
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.0005")
    assert suv_scale([dataset], "PET").factor == 0.0005
    dataset = pet(Units="CNTS")
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0")
    block.add_new(0x09, "DS", "2.5")
    assert suv_scale([dataset], "PET").factor == pytest.approx(2.5 * decayed(3600))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Units": "CNTS"}, r"\(7053,1000\) and \(7053,1009\) are missing"),
        ({"Units": "PROPCPS"}, "Units is 'PROPCPS'"),
        ({"Units": None}, "Units is 'missing'"),
        ({"Units": "GML", "SUVType": "LBM"}, "SUV type LBM"),
        ({"CorrectedImage": ["DECY"]}, "not attenuation corrected"),
        ({"CorrectedImage": ["ATTN"]}, "not decay corrected"),
        ({"PatientWeight": None}, "PatientWeight is None"),
        ({"PatientWeight": "0"}, "PatientWeight is 0.0"),
        ({"RadionuclideTotalDose": "350"}, "RadionuclideTotalDose is 350.0; SUV needs it in Bq"),
        ({"RadionuclideHalfLife": None}, "RadionuclideHalfLife"),
        ({"RadiopharmaceuticalStartTime": None}, "no RadiopharmaceuticalStartTime"),
        ({"DecayCorrection": "NONE"}, "DecayCorrection is 'NONE'"),
        ({"SeriesTime": None, "AcquisitionTime": None}, "no SeriesTime and no AcquisitionTime"),
        ({"RadiopharmaceuticalInformationSequence": []}, "InformationSequence is missing"),
    ],
)
def test_missing_fields_are_named(changes, words):
    with pytest.raises(DicomError, match=f"PET 7: .*{words}"):
        suv_scale([_changed(changes)], "PET 7")


def _changed(changes) -> Dataset:
    if "RadiopharmaceuticalInformationSequence" in changes:
        dataset = pet()
        dataset.RadiopharmaceuticalInformationSequence = []
        return dataset
    return pet(**changes)


def test_a_tracer_given_after_a_day_is_refused():
    with pytest.raises(DicomError, match="check RadiopharmaceuticalStartTime"):
        factor(RadiopharmaceuticalStartDateTime="20191230100000")


def test_a_series_is_scaled_slice_by_slice(tmp_path, phantoms):
    stored = np.full((2, 4, 4), 1000)

    def change(dataset, k):
        for element in pet():
            dataset.add(element)
        dataset.RescaleSlope, dataset.RescaleIntercept = str(k + 1), "0"
        return dataset

    phantoms.series(tmp_path, stored, kind="PT", change=change)
    image = read_series(tmp_path)
    assert image.unit == "SUVbw"
    expected = 1000 * decayed(3600) * np.array([1, 2])
    np.testing.assert_allclose(image.array[:, 0, 0], expected, rtol=1e-6)


def test_pet_without_rescale_is_refused(tmp_path, phantoms):
    def change(dataset, _):
        for element in pet():
            dataset.add(element)
        return dataset

    phantoms.series(tmp_path, np.ones((2, 4, 4)), kind="PT", change=change)
    with pytest.raises(DicomError, match="RescaleSlope is missing"):
        read_series(tmp_path)
