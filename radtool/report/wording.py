"""Words and numbers: the one place that decides how a measure is called and rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from radtool.report.results import Comparison, ModelResult, PerformanceRow, Question

__all__ = [
    "MEASURES",
    "NOT_NEW",
    "Measure",
    "coefficient",
    "counted",
    "estimate",
    "heading",
    "headline_sentence",
    "integer",
    "interval",
    "measure_of",
    "model_label",
    "number",
    "p_value",
    "percent",
    "signed",
    "significant",
]

MISSING = "–"
# Designs whose numbers are not about new patients: the training cases, and dealt-out outcomes.
NOT_NEW = ("apparent", "permuted outcome")


@dataclass(frozen=True, slots=True)
class Measure:
    """How a performance measure is worded.

    Parameters
    ----------
    label, symbol : str
        Long and short name.
    group : {"discrimination", "calibration", "overall", "classification"}
        Table it belongs to.
    digits : int
        Decimals.
    better : {"higher", "lower", "one", "zero"}
        Where the best value lies.
    chance : float, optional
        Value of a model that knows nothing.
    """

    label: str
    symbol: str
    group: Literal["discrimination", "calibration", "overall", "classification"]
    digits: int = 3
    better: Literal["higher", "lower", "one", "zero"] = "higher"
    chance: float | None = None


MEASURES: dict[str, Measure] = {
    "harrell_c": Measure("Harrell’s C", "C", "discrimination", chance=0.5),
    "uno_c": Measure("Uno’s C", "Uno C", "discrimination", chance=0.5),
    "auc": Measure("AUC", "AUC", "discrimination", chance=0.5),
    "auc_t": Measure("time-dependent AUC", "AUC(t)", "discrimination", chance=0.5),
    "pr_auc": Measure("area under the precision–recall curve", "PR-AUC", "discrimination"),
    "royston_d": Measure("Royston’s D", "D", "discrimination", 2, chance=0.0),
    "r2_d": Measure("Royston’s R²", "R²", "discrimination", 2, chance=0.0),
    "brier": Measure("Brier score", "Brier", "overall", better="lower"),
    "ipa": Measure("index of prediction accuracy", "IPA", "overall", chance=0.0),
    "oe_ratio": Measure("observed / expected", "O/E", "calibration", 2, "one"),
    "calibration_slope": Measure("calibration slope", "slope", "calibration", 2, "one"),
    "calibration_in_the_large": Measure(
        "calibration in the large", "CITL", "calibration", 2, "zero"
    ),
    "calibration_intercept": Measure(
        "calibration intercept", "intercept", "calibration", 2, "zero"
    ),
    "ici": Measure("integrated calibration index", "ICI", "calibration", 3, "lower"),
    "e50": Measure("median calibration error", "E50", "calibration", 3, "lower"),
    "e90": Measure("90th percentile of calibration error", "E90", "calibration", 3, "lower"),
    "emax": Measure("largest calibration error", "Emax", "calibration", 3, "lower"),
    "sensitivity": Measure("sensitivity", "sens.", "classification", 2),
    "specificity": Measure("specificity", "spec.", "classification", 2),
    "balanced_accuracy": Measure("balanced accuracy", "bal. acc.", "classification", 2),
    "precision": Measure("precision", "prec.", "classification", 2),
    "ppv": Measure("positive predictive value", "PPV", "classification", 2),
    "npv": Measure("negative predictive value", "NPV", "classification", 2),
    "f1": Measure("F1 score", "F1", "classification", 2),
    "hazard_ratio": Measure("hazard ratio", "HR", "discrimination", 2, chance=1.0),
    "odds_ratio": Measure("odds ratio", "OR", "discrimination", 2, chance=1.0),
    "lrt_chi2": Measure("likelihood-ratio χ²", "χ²", "discrimination", 2),
}


def measure_of(name: str) -> Measure:
    """Return how a measure is worded; an unknown one is called by its own name."""
    return MEASURES.get(name) or Measure(name, name, "overall")


def number(value: float | None, digits: int = 3) -> str:
    """Round for reading, with a true minus sign; an en dash for what is not known.

    Examples
    --------
    >>> number(-0.03149, 2), number(None), number(float("inf"))
    ('−0.03', '–', '∞')
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e5:
        return f"{value:.1e}".replace("-", "−")
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def coefficient(value: float | None) -> str:
    """Round to three decimals, or to two digits where three decimals would hide it.

    Examples
    --------
    >>> coefficient(0.2137), coefficient(-0.000012)
    ('0.214', '−1.2e−05')
    """
    if value is not None and 0 < abs(value) < 0.0005:
        return f"{value:.1e}".replace("-", "−")
    return number(value)


def significant(value: float | None) -> str:
    """Round to three significant digits, whole numbers from 1000 on; for values of any scale.

    Examples
    --------
    >>> significant(0.0123456), significant(468.428), significant(16451.8), significant(3.7e10)
    ('0.0123', '468', '16452', '3.7e+10')
    """
    if value is None or math.isnan(value) or abs(value) >= 1e5:
        return number(value)
    if abs(value) >= 1000:
        return number(value, 0)
    return f"{value:.3g}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Round a difference and show its sign.

    Examples
    --------
    >>> signed(0.004), signed(-0.03, 2), signed(0.0, 1)
    ('+0.004', '−0.03', '0.0')
    """
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def integer(value: float | None) -> str:
    """Write a count, with thin spaces between thousands."""
    return MISSING if value is None else f"{int(value):,}".replace(",", "\u202f")


def counted(n: int | None, noun: str) -> str:
    """Write a count of things that are named in the plural: "1 event", "2 events"."""
    return f"{integer(n)} {noun.removesuffix('s') if n == 1 else noun}"


def percent(part: float | None, whole: float | None, digits: int = 0) -> str:
    """Write a part of a whole as a percentage; nothing when the whole is nothing."""
    if part is None or not whole:
        return MISSING
    return f"{100 * part / whole:.{digits}f} %"


def p_value(p: float | None) -> str:
    """Write a p-value as journals do: three decimals, two from 0.1 on, never zero.

    Examples
    --------
    >>> p_value(0.00001), p_value(0.0234), p_value(0.5), p_value(0.999)
    ('<0.001', '0.023', '0.50', '>0.99')
    """
    if p is None or math.isnan(p):
        return MISSING
    if p < 0.001:
        return "<0.001"
    if p > 0.99:
        return ">0.99"
    return f"{p:.3f}" if p < 0.0995 else f"{p:.2f}"


def estimate(value: float | None, lower: float | None, upper: float | None, digits: int = 3) -> str:
    """Write an estimate with its limits: ``0.652 (0.610 to 0.694)``, breakable at the bracket."""
    text = number(value, digits)
    if value is None or (lower is None and upper is None):
        return text
    return f"{text} ({interval(lower, upper, digits)})"


def interval(lower: float | None, upper: float | None, digits: int = 3) -> str:
    """Write two limits that stay on one line."""
    return f"{number(lower, digits)}\u00a0to\u00a0{number(upper, digits)}"


def model_label(models: tuple[ModelResult, ...], name: str) -> str:
    """Return the words for a model; its name when it has none."""
    return next((model.label for model in models if model.name == name and model.label), name)


def heading(question: Question) -> str:
    """Return the endpoint's words, with a capital first letter."""
    text = question.label or question.name
    return text[:1].upper() + text[1:]


def headline_sentence(comparison: Comparison, models: tuple[ModelResult, ...] = ()) -> str:
    """Say in one sentence whether model a adds anything over model b.

    The sentence claims a gain or loss only when the 95 % interval leaves zero out.

    Parameters
    ----------
    comparison : Comparison
        Difference of a minus b, on the same cases.
    models : tuple of ModelResult
        For labels, and for what a has beyond b.

    Returns
    -------
    str
        Ends with the difference and its interval.
    """
    measure = measure_of(comparison.measure)
    base = model_label(models, comparison.model_b)
    subject = _what_was_added(comparison, models)
    limits = (comparison.lower, comparison.upper)
    numbers = f"Δ{measure.symbol}\u00a0{signed(comparison.difference, measure.digits)}"
    if comparison.difference is None or None in limits:
        return f"{subject} over {base}: {numbers}, without an interval; nothing can be concluded."
    lower, upper = limits if measure.better != "lower" else (-limits[1], -limits[0])  # type: ignore[operator]
    numbers += f" ({interval(*limits, measure.digits)})."
    if lower is not None and lower > 0:
        return f"{subject} improved on {base}: {numbers}"
    if upper is not None and upper < 0:
        return f"{subject} did worse than {base}: {numbers}"
    return f"{subject} added nothing that could be shown over {base}: {numbers}"


def _what_was_added(comparison: Comparison, models: tuple[ModelResult, ...]) -> str:
    blocks = {model.name: model.blocks for model in models}
    mine, theirs = blocks.get(comparison.model_a, ()), blocks.get(comparison.model_b, ())
    added = [block for block in mine if block not in theirs]
    if added and set(theirs) <= set(mine):
        text = " and ".join(added)
    else:
        text = model_label(models, comparison.model_a)
    return text[:1].upper() + text[1:]


def design_words(row: PerformanceRow) -> str:
    """Return design and note of a row as one text."""
    return f"{row.design}, {row.note}" if row.note else row.design
