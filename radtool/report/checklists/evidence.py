"""Results -> proofs: only what the numbers themselves show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from radtool.errors import InputError, did_you_mean
from radtool.report.checklists.endpoint_evidence import endpoint_proofs
from radtool.report.checklists.topics import TOPICS, Proof
from radtool.report.results import Extraction, StudyResults
from radtool.report.wording import heading, integer

__all__ = ["collect"]

Found = Iterator[tuple[str, Proof]]

# Words in the names of extraction settings, and the topic that such a setting proves.
_SETTING_WORDS = {
    "resampling": ("resampl", "spacing", "interpol"),
    "discretisation": ("discreti", "bin_width", "bin_number", "binwidth", "bincount"),
    "resegmentation": ("resegment",),
    "filters": ("filter", "imagetype", "image_type"),
    "texture": ("aggregation", "distance", "coarseness", "symmetric"),
}


def collect(results: StudyResults) -> dict[str, list[Proof]]:
    """Return every topic that the results prove, with its proofs.

    Parameters
    ----------
    results : StudyResults
        A run; its own `evidence` is taken over under the topic it names.

    Returns
    -------
    dict
        Topic -> proofs, without a topic that nothing proves.

    Raises
    ------
    InputError
        `evidence` names a topic that does not exist.
    """
    found: dict[str, list[Proof]] = {}
    for item in results.evidence:
        if item.topic not in TOPICS:
            raise InputError(
                f"evidence has no topic {item.topic!r}{did_you_mean(item.topic, TOPICS)}"
            )
        if item.text.strip():
            where = item.source or "study file"
            found.setdefault(item.topic, []).append(Proof(item.text, where))
    for topic, proof in _study(results):
        found.setdefault(topic, []).append(proof)
    for endpoint in results.endpoints:
        name = heading(endpoint.question) if len(results.endpoints) > 1 else ""
        for topic, proof in endpoint_proofs(endpoint):
            where = f"{name}: {proof.where}" if name else proof.where
            found.setdefault(topic, []).append(Proof(proof.text, where))
    return found


def _study(results: StudyResults) -> Found:
    yield from _people(results)
    yield from _images(results)
    if results.extraction is not None:
        yield from _extraction(results.extraction)
    yield from _batches(results)
    yield from _software(results.provenance)


def _people(results: StudyResults) -> Found:
    populations = [results.population, *(e.population for e in results.endpoints)]
    boxes = [box for population in populations if population for box in population.flow]
    reasons = dict.fromkeys(reason.reason for box in boxes for reason in box.excluded)
    if reasons:
        text = f"{len(reasons)} reasons for leaving, each with its number"
        yield "flow", Proof(text, "Flow of cases")
    rows = [row for population in populations if population for row in population.baseline]
    if rows:
        variables = dict.fromkeys(row.variable for row in rows)
        yield "baseline", Proof(f"{len(variables)} variables", "Cohort")
        tests = dict.fromkeys(row.test for row in rows if row.p is not None)
        if tests:
            named = ", ".join(test for test in tests if test) or "p-values"
            yield "baseline_compared", Proof(named, "Cohort")
    cohorts = [c for e in results.endpoints for c in e.question.cohorts]
    sites = sorted({site for cohort in cohorts for site in cohort.sites})
    if len(sites) > 1:
        yield "sites", Proof(f"{len(sites)} hospitals: {', '.join(sites)}", "Flow of cases")


def _images(results: StudyResults) -> Found:
    if results.findings:
        counts = Counter(finding.severity for finding in results.findings)
        text = f"{len(results.findings)} findings, {counts['error']} of them errors"
        yield "quality_checks", Proof(text, "Data curation")
    if results.masks:
        origins = Counter(mask.origin for mask in results.masks)
        text = ", ".join(f"{integer(n)} {origin}" for origin, n in origins.most_common())
        yield "mask_origin", Proof(text, "Segmentation")
        if origins["automatic"]:
            text = f"{integer(origins['automatic'])} of {integer(len(results.masks))} cases"
            yield "automatic_masks", Proof(text, "Segmentation")


def _extraction(extraction: Extraction) -> Found:
    here = "Feature extraction"
    yield "feature_count", Proof(f"{integer(extraction.n_features)} features", here)
    if extraction.families:
        yield "families", Proof(", ".join(extraction.families), here)
    if extraction.failures:
        yield "failures", Proof(f"{len(extraction.failures)} named failures", here)
    leaves = list(_leaves(extraction.settings))
    if leaves:
        text = f"{len(leaves)} settings, {extraction.parameters or 'parameter file'}"
        yield "extraction_settings", Proof(text, here)
    for topic, parts in _SETTING_WORDS.items():
        hits = [
            f"{name} = {value}"
            for name, value in leaves
            if any(part in name.lower() for part in parts)
        ]
        if hits:
            yield topic, Proof("; ".join(hits[:6]), here)


def _leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings that say something; empty ones prove nothing."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(settings, list | tuple):
        if settings and not any(isinstance(item, Mapping) for item in settings):
            yield prefix, ", ".join(str(item) for item in settings)
        for item in settings:
            if isinstance(item, Mapping):
                yield from _leaves(item, prefix)
    elif settings is not None and settings is not False and settings != "":
        yield prefix, str(settings)


def _batches(results: StudyResults) -> Found:
    found = results.harmonization
    if found is None:
        return
    pairs = (
        (found.variance_before, found.variance_after),
        (found.significant_before, found.significant_after),
        (found.silhouette_before, found.silhouette_after),
    )
    if any(before is not None and after is not None for before, after in pairs):
        text = f"{found.batch}, {len(found.sizes) or 'several'} batches"
        yield "batch_effects", Proof(text, "Batch effects")
    if found.method and found.method.lower() != "none":
        yield "harmonization", Proof(f"{found.method} by {found.batch}", "Batch effects")


def _software(provenance: Mapping[str, Any]) -> Found:
    versions = provenance.get("versions")
    if isinstance(versions, Mapping) and versions.get("radtool"):
        yield "software", Proof(f"radtool {versions['radtool']}", "Provenance")
        inputs = provenance.get("inputs")
        if isinstance(inputs, Mapping) and inputs and provenance.get("settings_sha256"):
            text = f"{len(versions)} versions, {len(inputs)} input hashes, settings hash"
            yield "provenance", Proof(text, "Provenance")
