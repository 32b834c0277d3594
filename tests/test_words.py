"""What a notebook shows of the objects that users hold in their hands."""

import numpy as np
import pandas as pd

import radtool as rt
from radtool.curation import CurationResult
from radtool.evaluation import Estimate
from radtool.features import CohortResult
from radtool.image import Geometry
from radtool.table import Failure


def small_study():
    X = pd.DataFrame(
        {"original_stat_mean": [3.0, 1, 4, 1, 5, 9, 2, 6], "age": 60.0 + np.arange(8) % 3}
    )
    X.index = pd.Index([f"p{i}" for i in range(8)], name="case_id")
    y = pd.DataFrame(
        {"event": [True, False] * 4, "duration": [8.0, 7, 3, 5, 4, 6, 2, 1]}, index=X.index
    )
    endpoint = rt.Endpoint(name="os", duration="days", event="dead")
    return rt.Study(X, y, pd.Series(X.index, X.index), endpoint, ["original_stat_mean"])


def test_an_image_and_a_mask_say_what_they_are():
    geometry = Geometry((2, 3, 4), (3.0, 0.9765625, 0.9765625))
    image = rt.Image(np.arange(24.0).reshape(2, 3, 4) - 10, geometry, "HU")
    assert repr(image) == (
        "Image of 2 × 3 × 4 voxels of 3 × 0.9766 × 0.9766 mm (z, y, x): -10 to 13 HU, float64"
    )
    mask = rt.Mask(image.array > 11, Geometry((2, 3, 4), (10.0, 10.0, 10.0)), "GTV", "RTSTRUCT")
    assert repr(mask) == (
        "Mask 'GTV': 2 mL, 2 voxel(s) in 1 slice(s) of"
        " 2 × 3 × 4 voxels of 10 × 10 × 10 mm (z, y, x), from RTSTRUCT"
    )


def test_an_estimate_shows_its_interval_and_cases():
    assert repr(Estimate(0.65432, 0.5, 0.8, 40)) == "0.654 (0.500 to 0.800), n = 40"
    assert repr(Estimate(0.65432, n=40)) == "0.654, n = 40"


def test_a_cohort_names_its_failures(tmp_path):
    table = pd.DataFrame({"case_id": ["p1"], "original_stat_mean": [1.0]})
    failures = [Failure(f"p{i}", "extraction", "mask is empty") for i in range(2, 7)]
    assert repr(CohortResult(table, failures)).splitlines() == [
        "1 case(s) × 1 features; 5 failure(s)",
        "  p2 [extraction] mask is empty",
        "  p3 [extraction] mask is empty",
        "  p4 [extraction] mask is empty",
        "  … and 2 more in .failures",
    ]
    quality = pd.DataFrame({"severity": ["info", "warning"]})
    manifest = pd.DataFrame({"patient_id": ["a", "a"]})
    words = repr(CurationResult(tmp_path, manifest, manifest, quality, failures[:1]))
    assert words.startswith("2 case(s) of 1 patient(s) from 2 series; 1 finding(s), 1 failure(s)")
    assert words.endswith("  p2 [extraction] mask is empty")


def test_a_filter_does_not_print_its_whole_table():
    table = pd.DataFrame({"icc": 0.9}, index=[f"original_stat_f{i}" for i in range(200)])
    assert repr(rt.StabilityFilter(table, 0.8)) == (
        "StabilityFilter(<200 features>, minimum=0.8, column='icc', unknown='refuse')"
    )
    assert repr(rt.StabilityFilter()).startswith("StabilityFilter(None, minimum=0.75")


def test_a_study_a_signature_and_its_results_read_like_a_sentence():
    study = small_study()
    assert repr(study) == (
        "Study of 'os': 8 case(s) of 8 patient(s), 4 event(s);"
        " 1 features and 1 other column(s); 0 left out"
    )
    signature = rt.CoxSignature({"radiomics": rt.Block(["original_*"], [rt.Standardize()])})
    assert repr(signature) == (
        "CoxSignature: radiomics (original_* > Standardize); Cox, joint; not fitted"
    )
    signature.fit(study.X, study.y, study.patients)
    assert repr(signature).endswith("fitted on 8 patients, 1 input(s) used")
    others = {name: f"q{name}" for name in study.X.index}
    X, y = study.X.rename(others), study.y.rename(others)
    validation = rt.validate(signature, X, y)
    lines = repr(validation).splitlines()
    assert lines[0] == "Validation on 8 case(s), look 1 at this cohort"
    assert f"  harrell_c: {validation['harrell_c']}" in lines
