"""A study as large and as awkward as real ones: three sites, a survival endpoint and a marker."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from radtool.report.results import (
    BaselineRow,
    CaseFailure,
    Coefficient,
    Cohort,
    Comparison,
    Dropped,
    EndpointResults,
    Evidence,
    Exclusion,
    Extraction,
    Finding,
    FlowBox,
    Harmonization,
    Headline,
    KaplanMeier,
    Look,
    MaskOrigin,
    Methods,
    ModelResult,
    PerformanceRow,
    Population,
    ProportionalHazardsRow,
    Question,
    RocCurve,
    SelectionStep,
    SignatureCard,
    StudyResults,
    SubgroupRow,
    TruthRow,
    ViewPoint,
)

FILE = Path(__file__).with_name("made_curves.py")
_spec = importlib.util.spec_from_file_location("made_curves", FILE)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

MODELS = (
    ("intercept", "no predictors", "intercept", ()),
    ("volume", "volume", "cox", ("volume",)),
    ("clinical", "clinical", "cox", ("clinical",)),
    ("clinical_volume", "clinical + volume", "cox", ("clinical", "volume")),
    ("radiomics", "radiomics", "elastic-net cox", ("radiomics",)),
    (
        "all",
        "clinical + volume + radiomics",
        "elastic-net cox",
        ("clinical", "volume", "radiomics"),
    ),
)
C_EXTERNAL = dict(
    zip([m[0] for m in MODELS], (0.5, 0.620, 0.638, 0.651, 0.633, 0.655), strict=True)
)


@pytest.fixture(scope="session")
def study() -> StudyResults:
    rng = np.random.default_rng(20)
    return StudyResults(
        title="Lung cancer CT radiomics, three hospitals",
        description="Do image features of the primary tumour say more about survival and EGFR"
        " status than age, stage and tumour volume do?",
        synthetic=True,
        population=population(),
        extraction=extraction(),
        findings=findings(),
        masks=tuple(
            MaskOrigin(case=f"P{i:03d}", origin="manual" if i % 4 else "automatic")
            for i in range(285)
        ),
        harmonization=harmonization(rng),
        endpoints=(survival_endpoint(rng), marker_endpoint(rng)),
        truth=(
            TruthRow(
                quantity="Batch shift of site B, mean GLCM contrast",
                truth=0.80,
                recovered=0.76,
                lower=0.70,
                upper=0.83,
                unit="SD",
                verdict="recovered",
            ),
        ),
        evidence=(
            Evidence(topic="acquisition", text="12 header fields per series", source="series.csv"),
        ),
        provenance={
            "settings": {"endpoint": {"name": "os", "unit": "months"}, "seed": 7},
            "settings_sha256": "4f" * 32,
            "versions": {"python": "3.11.9", "radtool": "0.1.0", "numpy": "2.4.6"},
            "inputs": {"outcomes.csv": "ab" * 32, "manifest.csv": "cd" * 32},
        },
    )


def population() -> Population:
    flow = (
        FlowBox(label="CT series found", n=312),
        FlowBox(
            label="Series with a usable tumour mask",
            n=297,
            excluded=(
                Exclusion(
                    reason="no contour named GTV", n=9, cases=tuple(f"P{i}" for i in range(9))
                ),
                Exclusion(reason="slices missing", n=4, cases=("P301", "P302", "P303", "P304")),
                Exclusion(reason="not CT", n=2, cases=("P305", "P306")),
            ),
        ),
        FlowBox(
            label="Cases with features",
            n=291,
            excluded=(Exclusion(reason="mask is empty after resampling", n=6, cases=("P310",)),),
        ),
        FlowBox(
            label="Patients with a known outcome",
            n=285,
            unit="patients",
            excluded=(Exclusion(reason="lost before first follow-up", n=6),),
        ),
    )
    rows = (
        BaselineRow(variable="Age, years", level="median (IQR)",
                    values=("68 (61–74)", "69 (63–76)"), p=0.212, test="Mann–Whitney"),
        BaselineRow(variable="Sex", level="female", values=("58 (31 %)", "37 (37 %)"), p=0.298,
                    test="Fisher exact"),
        BaselineRow(variable="Sex", level="male", values=("128 (69 %)", "62 (63 %)")),
        BaselineRow(variable="T stage", level="1–2", values=("101 (54 %)", "71 (72 %)"), p=0.0046,
                    test="Fisher exact"),
        BaselineRow(variable="T stage", level="3–4", values=("85 (46 %)", "28 (28 %)")),
        BaselineRow(variable="Tumour volume, mL", level="median (IQR)",
                    values=("42.1 (14.9–98.7)", "11.2 (4.2–30.5)"), p=0.00001, test="Mann–Whitney"),
        BaselineRow(variable="Missing stage", level="", values=("3 (2 %)", "0")),
    )  # fmt: skip
    return Population(flow=flow, columns=("maastricht + leiden", "stanford"), baseline=rows)


def extraction() -> Extraction:
    return Extraction(
        n_cases=291,
        n_features=1316,
        parameters="ct_ibsi.yaml",
        sha256="9c" * 32,
        settings={
            "resample": {"spacing_mm": [1.0, 1.0, 1.0], "method": "linear"},
            "resegment": {"range": [-1000, 400]},
            "discretise": {"bin_width": 25.0},
            "filters": ["original", "log_sigma_2"],
        },
        families={"morphology": 29, "statistics": 36, "glcm": 50},
        failures=tuple(
            CaseFailure(
                case=f"P{310 + i}",
                stage="extract",
                reason="mask 'GTV-1' holds 3 voxels after resampling; at least 10 are needed",
                path=f"masks/P{310 + i}.nii.gz",
            )
            for i in range(6)
        ),
    )


def findings() -> tuple[Finding, ...]:
    words = "a slice is missing between z = −112.5 and −106.5 mm"
    return tuple(
        Finding(case=f"P{i}", check="slice spacing", severity="warning", text=words)
        for i in range(301, 305)
    )


def harmonization(rng: np.random.Generator) -> Harmonization:
    shifts = {"maastricht": (0.0, 0.0), "leiden": (2.6, 1.1), "stanford": (-1.8, 2.2)}
    points = []
    for batch, shift in shifts.items():
        for x, y in rng.normal(size=(45, 2)):
            before = (float(x + shift[0]), float(y + shift[1]))
            points.append(ViewPoint(batch=batch, before=before, after=(float(x), float(y))))
    return Harmonization(
        batch="site",
        method="ComBat, parametric",
        sizes={"maastricht": 120, "leiden": 66, "stanford": 99},
        tested=1316,
        significant_before=871,
        significant_after=12,
        variance_before=0.184,
        variance_after=0.006,
        silhouette_before=0.31,
        silhouette_after=-0.01,
        points=tuple(points),
        notes=("Batch leiden has 66 cases; the survival of sites differs (log-rank p = 0.02).",),
    )


def models() -> tuple[ModelResult, ...]:
    path = (
        SelectionStep(step="Stability filter", setting="ICC ≥ 0.75", n_in=1316, n_out=702),
        SelectionStep(
            step="Correlation filter",
            setting="|Spearman| ≤ 0.85",
            n_in=702,
            n_out=88,
            dropped=tuple(
                Dropped(
                    feature=f"original_glcm_feature_{i}_fbs25",
                    reason="Spearman with original_stat_mean",
                    value=0.86 + i / 400,
                )
                for i in range(30)
            ),
        ),
        SelectionStep(step="Elastic net", setting="alpha = 0.5, nested CV", n_in=88, n_out=3),
    )
    table = (
        Coefficient(feature="age_years", block="clinical", unit="per SD", coefficient=0.214,
                    ratio=1.239, lower=1.03, upper=1.49, p=0.021),
        Coefficient(feature="log_volume", block="volume", unit="per SD", coefficient=0.31,
                    ratio=1.363, lower=1.12, upper=1.66, p=0.0019),
        Coefficient(feature="log_sigma_2_mm_3d_glcm_inverse_difference_moment_fbs25",
                    block="radiomics", unit="per SD", coefficient=-0.122, ratio=0.885, lower=0.74,
                    upper=1.06, p=0.184),
    )  # fmt: skip
    hazards = (
        ProportionalHazardsRow(feature="age_years", chi2=0.42, p=0.517),
        ProportionalHazardsRow(feature="log_volume", chi2=5.02, p=0.025),
        ProportionalHazardsRow(feature="GLOBAL", chi2=5.9, p=0.117, df=3),
    )
    offered = {"volume": 1, "clinical": 3, "clinical_volume": 4, "radiomics": 1316, "all": 1320}
    return tuple(
        ModelResult(
            name=name,
            label=label,
            kind=kind,
            blocks=blocks,
            effect="hazard ratio" if blocks else "",
            path=path if name == "all" else (),
            coefficients=table if name == "all" else (table[1:2] if name == "volume" else ()),
            proportional_hazards=hazards if name == "all" else (),
            n=186,
            events=131,
            candidates=offered.get(name, 0),
            events_per_candidate=131 / offered[name] if name in offered else None,
            required_n=875 if name == "all" else None,
            settings={"alpha": 0.5, "penalty": 0.037} if name == "all" else {},
        )
        for name, label, kind, blocks in MODELS
    )


def performance(measure: str, external: str, n: int, events: int) -> tuple[PerformanceRow, ...]:
    rows = []
    for name, value in C_EXTERNAL.items():
        for cohort, design, shift, size, count in (
            ("development", "apparent", 0.05, 186, 131),
            ("development", "nested CV", -0.01, 186, 131),
            (external, "external", 0.0, n, events),
        ):
            half = 0.045 if name != "intercept" else 0.0
            middle = value + shift if name != "intercept" else 0.5
            rows.append(
                PerformanceRow(
                    model=name, cohort=cohort, design=design, measure=measure, value=middle,
                    lower=middle - half, upper=middle + half, n=size, events=count,
                )
            )  # fmt: skip
    for name in ("clinical_volume", "all"):
        for other, value, low, high in (
            ("calibration_slope", 0.91, 0.62, 1.2),
            ("oe_ratio", 1.08, 0.88, 1.33),
            ("ici", 0.031, 0.012, 0.07),
            ("brier", 0.218, 0.19, 0.245),
            ("ipa", 0.07, -0.01, 0.15),
        ):
            rows.append(
                PerformanceRow(
                    model=name, cohort=external, design="external", measure=other, value=value,
                    lower=low, upper=high, n=n, events=events,
                    horizon=24.0 if other in ("ici", "brier", "ipa", "oe_ratio") else None,
                )
            )  # fmt: skip
    return tuple(rows)


def survival_endpoint(rng: np.random.Generator) -> EndpointResults:
    gain = Comparison(
        model_a="all", model_b="clinical_volume", cohort="stanford", measure="harrell_c",
        difference=0.004, lower=-0.030, upper=0.040, p=0.82, design="external",
        test="infinitesimal jackknife",
    )  # fmt: skip
    return EndpointResults(
        question=Question(
            name="os", kind="survival", label="overall survival", unit="months",
            positive="death of any cause",
            cohorts=(
                Cohort(name="maastricht + leiden", n=186, events=131,
                       sites=("maastricht", "leiden"), follow_up=44.0),
                Cohort(name="stanford", n=99, events=41, role="external", sites=("stanford",),
                       follow_up=38.5),
            ),
        ),
        headline=Headline(
            comparison=gain, sentences=("Log volume alone reaches C 0.620 in the same patients.",)
        ),
        models=models(),
        performance=performance("harrell_c", "stanford", 99, 41),
        comparisons=(
            gain,
            Comparison(model_a="all", model_b="clinical_volume", cohort="development",
                       measure="lrt_chi2", difference=2.31, p=0.51, design="apparent",
                       test="likelihood ratio, 3 df"),
            Comparison(model_a="radiomics", model_b="volume", cohort="stanford",
                       measure="harrell_c", difference=0.013, lower=-0.02, upper=0.05, p=0.44,
                       design="external", test="infinitesimal jackknife"),
        ),
        kaplan_meier=tuple(
            KaplanMeier(model="all", cohort=cohort, groups=made.survival_groups(rng, n),
                        grid=made.GRID, log_rank_p=p, log_rank_chi2=9.1,
                        cut="median of the training risk score, applied unchanged")
            for cohort, n, p in (("development", 93, 0.00002), ("stanford", 50, 0.013))
        ),
        calibration=tuple(
            made.calibration(name, "stanford", 24.0) for name in ("clinical_volume", "all")
        ),
        decision=(made.decision("stanford", 24.0),),
        subgroups=tuple(
            SubgroupRow(model="all", cohort="stanford", variable=variable, level=level,
                        measure="harrell_c", value=value, lower=value - 0.08, upper=value + 0.08,
                        n=n, events=n // 2, p_interaction=p)
            for variable, level, value, n, p in (
                ("Sex", "female", 0.66, 37, 0.71), ("Sex", "male", 0.64, 62, None),
                ("T stage", "1–2", 0.62, 71, 0.34), ("T stage", "3–4", 0.68, 28, None),
            )
        ),
        truth=(
            TruthRow(quantity="Log hazard ratio of log volume, per SD", truth=0.35, recovered=0.31,
                     lower=0.11, upper=0.51, verdict="recovered"),
            TruthRow(quantity="Log hazard ratio of texture, per SD", truth=0.40, recovered=-0.12,
                     lower=-0.30, upper=0.06, verdict="not recovered"),
        ),
        signatures=(
            SignatureCard(name="os all", model="all", file="os.signature.json", sha256="7e" * 32,
                          features=("age_years", "log_volume"), parameters_sha256="9c" * 32,
                          cutoffs={"median": 0.118}, n=186, events=131,
                          intended_use="Research on survival after radiotherapy of lung cancer",
                          not_for="Decisions on the care of a patient", licence="Apache-2.0"),
        ),
        looks=(Look(signature="os all", cohort="stanford", sha256="7e" * 32),),
        methods=Methods(
            steps=("ComBat by site", "z-score", "stability filter", "correlation filter",
                   "elastic net"),
            folds=5, repeats=10, seed=7, grouped_by="patient", interval="infinitesimal jackknife",
            external="the signature was frozen before stanford was read",
            missing="median of the training cases",
        ),
    )  # fmt: skip


def marker_endpoint(rng: np.random.Generator) -> EndpointResults:
    rate = np.linspace(0, 1, 40)
    gain = Comparison(
        model_a="all", model_b="clinical_volume", cohort="stanford", measure="auc",
        difference=0.081, lower=0.012, upper=0.15, p=0.021, design="external", test="DeLong",
    )  # fmt: skip
    return EndpointResults(
        question=Question(
            name="egfr", kind="marker", label="EGFR mutation", positive="any activating mutation",
            cohorts=(
                Cohort(name="maastricht + leiden", n=170, events=34),
                Cohort(name="stanford", n=92, events=21, role="external"),
            ),
        ),
        headline=Headline(comparison=gain),
        models=tuple(
            ModelResult(name=name, label=label, kind="logistic" if blocks else "intercept",
                        blocks=blocks, n=170, events=34)
            for name, label, _, blocks in MODELS
        ),
        performance=performance("auc", "stanford", 92, 21),
        comparisons=(gain,),
        roc=tuple(
            RocCurve(model=name, cohort="stanford", false_positive_rate=tuple(rate),
                     true_positive_rate=tuple(rate**power), auc=1 / (1 + power),
                     lower=1 / (1 + power) - 0.08, upper=1 / (1 + power) + 0.08)
            for name, power in (("volume", 0.62), ("clinical_volume", 0.5), ("all", 0.37))
        ),
        calibration=(made.calibration("all", "stanford", None),),
        decision=(made.decision("stanford", None),),
    )  # fmt: skip
