from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.errors import InputError, ParameterError, TableError
from radtool.evaluation import calibration_slope, fit_cox, harrell_c, slope_test
from radtool.models import Block, CoxSignature, load_signature
from radtool.pipelines import GbmCohort, GbmPrognosis, GbmSettings, gbm_prognosis
from radtool.pipelines.gbm_measures import entered
from radtool.pipelines.gbm_models import planned_blocks
from radtool.pipelines.gbm_tables import BLOCKS, assemble
from radtool.pipelines.synthetic import (
    CLINICAL_EFFECTS,
    SEMANTIC_EFFECTS,
    SyntheticCohort,
    glioblastoma_cohort,
)

VOLUME = "t1gd_original_shape_MeshVolume"
SETTINGS = GbmSettings(volume=VOLUME, repeats=1, folds=2)


def cohort_of(made: SyntheticCohort, name: str) -> GbmCohort:
    return GbmCohort(
        name=name, clinical=made.clinical, semantic=made.semantic, radiomics=made.radiomics
    )


@pytest.fixture(scope="module")
def made() -> tuple[SyntheticCohort, SyntheticCohort]:
    inner = glioblastoma_cohort(300, seed=2, features=100, complete=True)
    outer = glioblastoma_cohort(160, seed=3, features=100, cohort="external")
    return inner, outer


@pytest.fixture(scope="module")
def found(made: tuple) -> GbmPrognosis:
    inner, outer = made
    return gbm_prognosis(cohort_of(inner, "A"), cohort_of(outer, "B"), SETTINGS, synthetic=True)


def test_the_true_families_are_found(found: GbmPrognosis, made: tuple) -> None:
    used = set(entered(found.models["M2"])["radiomics"])
    families = made[0].families.values()
    assert sum(bool(used & set(family)) for family in families) >= 4


def test_the_full_model_is_within_the_interval_of_the_oracle_outside(
    found: GbmPrognosis, made: tuple
) -> None:
    # The oracle knows which predictors are true and is fitted on the same patients.
    inner = assemble(cohort_of(made[0], "A"), SETTINGS).part(BLOCKS)
    other = glioblastoma_cohort(46, seed=11, features=100, cohort="x", complete=True)
    outer = assemble(cohort_of(other, "x"), SETTINGS).part(BLOCKS)
    clinical = [name for name, effect in CLINICAL_EFFECTS.items() if effect]
    truth = Block([*made[0].families, *SEMANTIC_EFFECTS, *clinical])
    oracle = CoxSignature({"truth": truth}).fit(inner.X, inner.y)
    best = harrell_c(outer.y, oracle.predict_risk(outer.X))
    own = harrell_c(outer.y, found.models["M7"].predict_risk(outer.X)).value
    assert best.lower is not None
    assert best.upper is not None
    assert best.lower <= own <= best.upper


def test_the_combination_beats_what_it_is_made_of(found: GbmPrognosis) -> None:
    table = found.tables["same patients, external"].set_index("model")
    assert table.loc["M7", "value"] > table.loc[["M1", "M2", "M3", "volume"], "value"].max()
    assert table["n"].nunique() == 1
    assert table.loc["clinical_volume", "difference"] == 0


def test_permuted_survival_gives_chance(made: tuple) -> None:
    inner, outer = made
    rng = np.random.default_rng(5)
    outcome = ["os_months", "os_event"]
    shuffled = inner.clinical.copy()
    shuffled[outcome] = shuffled[outcome].to_numpy()[rng.permutation(len(shuffled))]
    none = gbm_prognosis(
        cohort_of(dataclasses.replace(inner, clinical=shuffled), "A"),
        cohort_of(outer, "B"),
        dataclasses.replace(SETTINGS, folds=2),
    )
    for table in ("same patients, nested CV", "same patients, external"):
        value = none.tables[table].set_index("model")["value"]
        assert abs(value["M7"] - 0.5) < 0.1


def test_a_reloaded_signature_selects_and_predicts_the_same(
    found: GbmPrognosis, made: tuple, tmp_path: Path
) -> None:
    outer = assemble(cohort_of(made[1], "B"), SETTINGS).part(BLOCKS)
    found.models["M7"].save(f"{tmp_path}/m.signature.json")
    again = load_signature(f"{tmp_path}/m.signature.json")
    assert entered(again) == entered(found.models["M7"])
    pd.testing.assert_series_equal(
        again.predict_risk(outer.X), found.models["M7"].predict_risk(outer.X), check_exact=True
    )


def test_the_external_cohort_moves_neither_cut_nor_model(found: GbmPrognosis, made: tuple) -> None:
    inner, outer = made
    changed = outer.clinical.assign(os_months=outer.clinical["os_months"] * 3.0)
    fewer = dataclasses.replace(outer, clinical=changed[20:])
    other = gbm_prognosis(cohort_of(inner, "A"), cohort_of(fewer, "B"), SETTINGS)
    for name, signature in found.models.items():
        assert other.models[name].cutoffs_ == signature.cutoffs_
        pd.testing.assert_frame_equal(
            other.models[name].coefficients_, signature.coefficients_, check_exact=True
        )


def test_the_cut_is_the_75th_percentile_of_the_training_index(
    found: GbmPrognosis, made: tuple
) -> None:
    inner = assemble(cohort_of(made[0], "A"), SETTINGS).part(BLOCKS)
    index = found.models["M7"].predict_risk(inner.X)
    assert found.models["M7"].cutoffs_["p75"] == pytest.approx(np.quantile(index, 0.75))
    curve = next(k for k in found.results.endpoints[0].kaplan_meier if k.design == "external")
    outer = assemble(cohort_of(made[1], "B"), SETTINGS).part(BLOCKS)
    high = found.models["M7"].predict_risk(outer.X) > np.quantile(index, 0.75)
    assert {g.label: g.n for g in curve.groups} == {"low": (~high).sum(), "high": high.sum()}
    assert curve.groups[0].predicted


def test_slope_and_misspecification_are_likelihood_ratios(found: GbmPrognosis, made: tuple) -> None:
    # By the definition: twice the gain in log likelihood over the index with slope 1.
    outer = assemble(cohort_of(made[1], "B"), SETTINGS).part(["clinical"])
    model = found.models["M3"]
    risk = model.predict_risk(outer.X)
    row = found.tables["validation"].set_index("model").loc["M3"]
    free = fit_cox(risk.to_frame(), outer.y)
    fixed = fit_cox(risk.to_frame(), outer.y, offset=risk.to_numpy()).log_likelihood_null
    assert row["slope"] == pytest.approx(free.coefficients[0])
    assert row["slope_p"] == pytest.approx(stats.chi2.sf(2 * (free.log_likelihood - fixed), 1))
    whole = fit_cox(model.design(outer.X), outer.y)
    gain = 2 * (whole.log_likelihood - fixed)
    assert row["misspecification_chisq"] == pytest.approx(gain, abs=1e-6)
    assert row["misspecification_df"] == len(SETTINGS.clinical)


def test_each_model_rests_on_those_who_have_its_predictors() -> None:
    lacking = glioblastoma_cohort(142, seed=1, features=60)
    tables = assemble(cohort_of(lacking, "A"), SETTINGS)
    wild = lacking.clinical.loc[lacking.clinical["idh"] == "wildtype", "patient_id"]
    assert len(tables.study.X) == len(wild)
    assert len(tables.study.left_out) == 142 - len(wild)
    scanned = set(lacking.radiomics["t2"]["patient_id"]) & set(wild)
    read = set(lacking.semantic["patient_id"]) & set(wild)
    assert len(tables.part(["radiomics"]).X) == len(scanned)
    assert len(tables.part(["semantic", "radiomics"]).X) == len(scanned & read)


def test_the_slope_is_one_where_the_model_holds_and_half_where_effects_are_halved(
    found: GbmPrognosis,
) -> None:
    # Survival drawn from Model 7 itself in new patients: slope within 0.9-1.1 in nine of ten runs;
    # from half its index: slope near 0.5, and the test rejects in at least four of five.
    new = glioblastoma_cohort(1500, seed=9, features=100, cohort="x", complete=True)
    part = assemble(cohort_of(new, "x"), SETTINGS).part(BLOCKS)
    index = found.models["M7"].predict_risk(part.X)
    rng = np.random.default_rng(0)
    slopes, halves, rejected = [], [], []
    for _ in range(60):
        for effect, kept in ((1.0, slopes), (0.5, halves)):
            time = rng.exponential(np.exp(-effect * index))
            limit = np.quantile(time, 0.9)
            y = pd.DataFrame(
                {"event": time <= limit, "duration": np.minimum(time, limit)}, index=part.X.index
            )
            kept.append(calibration_slope(y, index).value)
            if effect == 0.5:
                rejected.append(slope_test(y[:200], index[:200])["p"].iloc[0] < 0.05)
    assert np.mean(np.abs(np.array(slopes) - 1) <= 0.1) >= 0.9
    assert np.mean(halves) == pytest.approx(0.5, abs=0.02)
    assert np.mean(rejected) >= 0.8


def test_volume_is_looked_at_and_follows_what_was_mixed_in(found: GbmPrognosis) -> None:
    table = found.tables["volume"]
    features = table[~table["feature"].str.startswith("Model")].dropna(subset=["p_holm"])
    # One family in six carries nine tenths of the size, and no true one does.
    assert 0.02 < (features["rho"].abs() > 0.5).mean() < 0.3
    assert not (table.loc[table["selected"], "rho"].abs() > 0.85).any()


def test_point_biserial_equals_scipy(found: GbmPrognosis, made: tuple) -> None:
    table = found.tables["associations"]
    row = table[(table["method"] == "point-biserial")].iloc[0]
    inner = assemble(cohort_of(made[0], "A"), SETTINGS).part(BLOCKS)
    design = found.models["M7"].design(inner.X)
    a, b = design[row["a"]], design[row["b"]]
    if a.nunique() > 2:
        a, b = b, a
    expected = stats.pointbiserialr(a, b)
    assert row["r"] == pytest.approx(expected.statistic)
    assert row["p"] == pytest.approx(expected.pvalue)


def test_the_report_is_whole_and_repeats(found: GbmPrognosis, made: tuple, tmp_path: Path) -> None:
    html = found.to_html()
    for words in (
        "External validation in B after Royston and Altman",
        "All models on the same",
        "Confounding by tumour volume",
        "Patients behind each model",
        "Synthetic data",
        "Radiomics Quality Score",
    ):
        assert words in html
    again = gbm_prognosis(
        cohort_of(made[0], "A"), cohort_of(made[1], "B"), SETTINGS, synthetic=True, out=tmp_path
    )
    assert len(again.results.endpoints[0].looks) == 1
    assert (tmp_path / "evaluation_log.jsonl").read_text().count("\n") == 1
    assert (tmp_path / "report.html").read_text() == again.to_html()
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_exact=True)
    assert again.models["M7"].cutoffs_ == found.models["M7"].cutoffs_


def test_saved_files(found: GbmPrognosis, tmp_path: Path) -> None:
    found.save(f"{tmp_path}/out")
    validation = pd.read_csv(f"{tmp_path}/out/validation.csv").set_index("model")
    assert validation.loc["M7", "n"] == found.tables["validation"]["n"].iloc[6]
    assert load_signature(f"{tmp_path}/out/M1.signature.json").blocks_.keys() == {"semantic"}


def test_bad_input_is_named(made: tuple) -> None:
    inner, outer = (cohort_of(one, name) for one, name in zip(made, "AB", strict=True))
    with pytest.raises(ParameterError, match="no key 'redundence'"):
        gbm_prognosis(inner, outer, {"redundence": 0.9})
    with pytest.raises(InputError, match="in the development and the external"):
        gbm_prognosis(inner, dataclasses.replace(inner, name="B"), SETTINGS)
    with pytest.raises(TableError, match="no column 'mgmt'"):
        assemble(dataclasses.replace(inner, clinical=inner.clinical.drop(columns="mgmt")), SETTINGS)
    twice = pd.concat([inner.semantic, inner.semantic[:1]])
    with pytest.raises(TableError, match="more than one row for patient"):
        assemble(dataclasses.replace(inner, semantic=twice), SETTINGS)
    leaking = inner.semantic.assign(os_months=1.0)
    with pytest.raises(TableError, match="'os_months' is in the outcome and the semantic"):
        assemble(dataclasses.replace(inner, semantic=leaking), SETTINGS)
    with pytest.raises(ParameterError, match="cannot predict"):
        GbmSettings(clinical=("os_event",))
    with pytest.raises(TableError, match="no radiomics column"):
        assemble(inner, dataclasses.replace(SETTINGS, volume="t1gd_volume"))


def test_the_number_of_candidates_follows_the_events(made: tuple) -> None:
    tables = assemble(cohort_of(made[0], "A"), SETTINGS)
    block = planned_blocks(tables, SETTINGS)["radiomics"]
    events = int(tables.study.y["event"].sum())
    assert [type(step).__name__ for step in block.steps] == [
        "Standardize", "CorrelationFilter", "UnivariateCoxFilter", "BackwardElimination"
    ]  # fmt: skip
    assert block.steps[2].get_params()["top"] == events // 5
    assert block.steps[1].get_params()["threshold"] == 0.85
    assert block.steps[3].get_params()["alpha"] == 0.2
