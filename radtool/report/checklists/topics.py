"""Topics: the facts that checklist items ask for, each proven by a run or not."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TOPICS", "Proof"]


@dataclass(frozen=True, slots=True)
class Proof:
    """Evidence for a topic.

    Parameters
    ----------
    text : str
        What was done, with its number.
    where : str
        Section of the report, or file, that shows it.
    """

    text: str
    where: str


TOPICS: dict[str, str] = {
    "acquisition": "acquisition and reconstruction parameters of the series",
    "algorithm": "kind of every model",
    "applicability": "new cases outside the training range are flagged",
    "automatic_masks": "regions segmented automatically",
    "baseline": "table of the cohorts",
    "baseline_compared": "cohorts compared by tests",
    "batch_effects": "batch effects measured before and after harmonization",
    "biological": "correlation with biology",
    "calibration": "calibration slope, observed / expected or calibration curve",
    "calibration_interval": "calibration with interval",
    "calibration_resampled": "calibration under resampling",
    "class_balance": "cases and events of every cohort",
    "coefficients": "model table",
    "combined_model": "radiomics together with other predictors",
    "cut_off": "risk groups by a cut-off fitted on training cases",
    "decision_curve": "net benefit",
    "deep_combined": "hand-crafted and deep features in one model",
    "discrimination": "discrimination measured",
    "discrimination_interval": "discrimination with interval",
    "discretisation": "how intensities were discretised",
    "drift": "performance followed over time",
    "eligibility": "who could enter the study",
    "events_per_candidate": "events per candidate predictor",
    "external_validation": "frozen models tested in another cohort",
    "external_two": "frozen models tested in two or more cohorts",
    "external_three": "frozen models tested in three or more hospitals",
    "extraction_settings": "every extraction setting",
    "failures": "cases that failed, with reasons",
    "families": "feature families",
    "feature_count": "number of features",
    "feature_reduction": "fewer features after selection",
    "filters": "image filters",
    "flow": "flow of cases with reasons for exclusion",
    "follow_up": "length of follow-up",
    "harmonization": "batch effects removed",
    "heterogeneity": "performance by hospital",
    "ibsi_compliance": "software checked against the IBSI reference values",
    "imaging_dates": "time between imaging and outcome or its start",
    "imbalance": "how class imbalance was handled",
    "importance": "importance of predictors",
    "internal_validation": "resampling with every step refitted",
    "intervals": "intervals of performance",
    "mask_conversion": "how contours became masks",
    "mask_origin": "manual or automatic regions",
    "missing_data": "how missing values were handled",
    "model_comparison": "models compared with interval or test",
    "model_file": "signature files",
    "multiple_segmentations": "stability over several segmentations",
    "multiplicity": "correction for multiple testing",
    "non_radiomics_comparator": "models without radiomics on the same cases",
    "outcome_definition": "what counts as event or positive",
    "partition": "how cases were split",
    "perturbation": "stability under perturbed images or masks",
    "phantom": "phantom measurements",
    "provenance": "versions and hashes of inputs and settings",
    "published_model": "comparison with a published signature",
    "quality_checks": "checks of images and masks",
    "redundancy": "redundant features removed",
    "report": "this report",
    "required_n": "sample size by Riley's criteria, computed by the run and not beforehand",
    "resampling": "voxel size and interpolation",
    "resegmentation": "intensity range inside the region",
    "robustness_filter": "unstable features removed",
    "sample_size": "required sample size, calculated beforehand",
    "scaling": "how features were scaled",
    "segmentation_evaluation": "automatic segmentation compared with manual",
    "segmentation_method": "who or what segmented, and how",
    "selection_path": "features left by every step",
    "simple_comparator": "simpler models on the same cases",
    "sites": "hospitals",
    "software": "software and version",
    "subgroups": "performance in subgroups",
    "test_retest": "repeated scans",
    "texture": "settings of texture matrices",
    "tuning": "hyper-parameters chosen inside training data",
    "volume_comparator": "volume alone on the same cases",
}
