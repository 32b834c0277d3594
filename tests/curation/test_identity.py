"""Pseudonyms are consistent, and nothing leads back without the key."""

import datetime
import stat
import sys

import numpy as np
import pandas as pd
import pytest

from radtool.curation import curate
from radtool.curation.identity import Pseudonyms
from radtool.errors import InputError

SECRETS = ("Jane", "DOE", "M4711", "St. Elsewhere", "20200102", "19500505")


def test_same_key_same_pseudonyms(tmp_path):
    first = Pseudonyms.at(tmp_path / "key.csv")
    names = [first.patient("A"), first.patient("B")]
    first.save(tmp_path / "key.csv")
    again = Pseudonyms.at(tmp_path / "key.csv")
    assert [again.patient("A"), again.patient("B")] == names
    assert names[0] != names[1]
    assert Pseudonyms.at(tmp_path / "other.csv").patient("A") != names[0]


def test_intervals_between_dates_stay(tmp_path):
    who = Pseudonyms.at(tmp_path / "key.csv")
    days = [
        datetime.datetime.strptime(who.date("A", date), "%Y%m%d")
        for date in ("20200102", "20200305")
    ]
    assert (days[1] - days[0]).days == 63
    assert days[0] < datetime.datetime(2020, 1, 2)
    assert who.date("A", "") == ""


def test_the_key_is_for_its_owner_only(tmp_path):
    who = Pseudonyms.at(tmp_path / "key.csv")
    who.patient("A")
    who.save(tmp_path / "key.csv")
    assert stat.S_IMODE((tmp_path / "key.csv").stat().st_mode) == 0o600


def test_a_strange_key_file_is_not_overwritten(tmp_path):
    (tmp_path / "key.csv").write_text("patients,mine\n")
    with pytest.raises(InputError, match="not a key file"):
        Pseudonyms.at(tmp_path / "key.csv")


def test_no_output_names_the_patient(tmp_path, phantoms):
    def change(dataset, _):
        dataset.PatientName, dataset.PatientID = "DOE^Jane", "M4711"
        dataset.PatientBirthDate = "19500505"
        dataset.InstitutionName = "St. Elsewhere"
        dataset.SeriesDescription = "Jane's thorax"
        return dataset

    array = np.full((6, 30, 30), 1000)
    source = tmp_path / "in/DOE_Jane"
    phantoms.series(source, array, change=change)
    circles = [phantoms.circle((15, 15, z), 6) for z in (3, 6, 9)]
    phantoms.rtstruct(source / "rs", {"GTV": circles, "empty": []}, change=lambda d: change(d, 0))
    phantoms.series(
        source / "gap", array, name="gap", change=lambda d, k: None if k == 3 else change(d, k)
    )
    phantoms.rtstruct(
        source / "rs2",
        {"GTV": circles},
        name="lost",
        patient="M4711",
        change=lambda d: change(d, 0),
    )
    broken = phantoms.series(source / "broken", array, name="broken", change=change)
    broken[0].write_bytes(broken[0].read_bytes()[:-100])
    result = curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    assert len(result.manifest) == 1
    for path in sorted((tmp_path / "out").rglob("*")):
        if path.is_file():
            words = path.name.encode() + path.read_bytes()
            for secret in (*SECRETS, str(tmp_path)):
                assert secret.encode() not in words, f"{secret} in {path}"
    for failure in result.failures:
        assert not any(secret in repr(failure) for secret in (*SECRETS, str(tmp_path)))
    private = tmp_path / "out.private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    key = pd.read_csv(private / "key.csv", skiprows=1, dtype=str)
    assert key["patient_id"].tolist() == ["M4711"]
    assert key["pseudonym"].tolist() == result.manifest["patient_id"].tolist()


def test_a_second_run_gives_the_same_pseudonyms_and_reuses(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", np.full((4, 30, 30), 1000))
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": [phantoms.circle((15, 15, 3), 6)]})
    first = curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    again = curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    assert again.reused == 1
    pd.testing.assert_frame_equal(first.manifest, again.manifest)


def test_the_key_is_there_before_anything_carries_a_pseudonym(tmp_path, phantoms, monkeypatch):
    phantoms.series(tmp_path / "in", np.full((4, 30, 30), 1000), patient="M4711")

    def stopped(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["radtool.curation.curate"], "_run", stopped)
        with pytest.raises(KeyboardInterrupt):
            curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    promised = pd.read_csv(tmp_path / "out.private/key.csv", skiprows=1, dtype=str)
    result = curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    assert promised["patient_id"].tolist() == ["M4711"]
    assert set(result.manifest["patient_id"]) <= set(promised["pseudonym"])
    assert {failure.case_id[:11] for failure in result.failures} <= set(promised["pseudonym"])


def test_the_key_names_a_patient_of_whom_there_is_only_a_structure_set(tmp_path, phantoms):
    phantoms.series(tmp_path / "in/a", np.full((4, 30, 30), 1000), patient="M4711")
    circles = {"GTV": [phantoms.circle((15, 15, 3), 6)]}
    phantoms.rtstruct(tmp_path / "in/rs", circles, name="lost", patient="0815")
    curate(tmp_path / "in", tmp_path / "out", pseudonyms=True)
    key = pd.read_csv(tmp_path / "out.private/key.csv", skiprows=1, dtype=str)
    assert key["patient_id"].tolist() == ["0815", "M4711"]
