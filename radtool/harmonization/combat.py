"""ComBat: remove what the batch adds to location and scale of each feature."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, validate_data

from radtool.errors import ParameterError, RadtoolWarning, TableError, did_you_mean, quoted
from radtool.harmonization._estimates import Pooling
from radtool.harmonization._inputs import (
    batch_labels,
    code_covariates,
    covariate_levels,
    refuse_collinear,
    refuse_outcome,
    refuse_outcome_names,
)
from radtool.harmonization._variable import (
    SmallBatch,
    Table,
    Variable,
    add_level,
    adjust,
    estimate,
    pool_levels,
)
from radtool.harmonization.anova import count_differing, one_way
from radtool.table import FeatureStep

__all__ = ["ComBat"]


class ComBat(FeatureStep):
    """Harmonize features between batches by empirical Bayes (Johnson 2007; Fortin 2018).

    Fitted on training cases, applied to new ones with frozen estimates; equal to R's sva.

    Parameters
    ----------
    batch : str, sequence of str or None, default "site"
        Column(s) with the batch; dropped from the output. Several are corrected one after the
        other, in the order given (`evidence_` shows what each did). None passes everything
        through, for a study with one scanner that keeps its pipeline.
    covariates : sequence of str, default ()
        Columns whose effect is kept: numbers are continuous; text, booleans and categories are
        categorical. They must be known for every future patient, and never be the outcome.
    empirical_bayes : {"parametric", "nonparametric", "none"}, default "parametric"
        How the batch estimates are shrunk towards what all features of the batch share.
    mean_only : bool, default False
        Correct the location only, not the scale.
    reference : str, optional
        The batch that stays as it is and to which the others are moved; with several batch
        columns a mapping column -> level.
    unseen : {"refuse", "leave", "pooled", "estimate"}, default "refuse"
        A batch at `transform` that `fit` never saw: an error; left as it is (with a reference
        batch: taken to be like it); moved by the average of the known batches; or estimated from
        the rows given (unsupervised: the result then depends on which rows are transformed
        together). Anything but "refuse" warns. `with_batches` adds a batch from a phantom or
        controls instead.
    small_batch : {"warn", "mean_only", "refuse"}, default "warn"
        Batches below 20 cases warn, for their scale is poorly known. Below 10: warn too, correct
        the location only, or refuse. One case is refused unless only the location is corrected.
    unknown_covariates : {"refuse", "mean"}, default "refuse"
        A covariate that is missing, or has a new level, at `transform`: an error; or the training
        mean of its codes (what neuroCombatFromTraining always does).
    keep_covariates : bool, default False
        Keep the covariate columns in the output (unharmonized); else they are dropped.

    Attributes
    ----------
    estimates_ : list of dict
        One per batch column: ``batch, levels, sizes, features, grand_mean, var_pooled, beta,
        gamma_hat, delta_hat, gamma_star, delta_star`` and the priors; gamma in within-batch SDs,
        delta a variance ratio, both (n_levels, n_features).
    report_ : DataFrame
        Features that could not be harmonized and pass through unchanged, and why.
    evidence_ : DataFrame
        Per stage and batch column: features that differ (ANOVA, FDR 5 %) and the median share of
        variance that the batch explains.

    Notes
    -----
    A missing value stays missing and touches no other feature: each is fitted where it is known. A
    feature that is constant in a batch, or has fewer than two values in one (one, for a location
    only), passes through unchanged. Text columns other than batch and covariates are carried along.
    Rows are taken in order, so an index may repeat (bootstrap draws); y must have the same index.

    References
    ----------
    Johnson, Li, Rabinovic, Adjusting batch effects in microarray expression data using empirical
    Bayes methods, Biostatistics 2007. Fortin et al., Harmonization of cortical thickness
    measurements across scanners and sites, NeuroImage 2018.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    >>> X["site"] = ["A", "B"] * 30
    >>> X.loc[X["site"] == "B", ["a", "b", "c"]] += 3
    >>> out = ComBat(batch="site").fit_transform(X)
    >>> list(out.columns), bool(abs(out["a"][::2].mean() - out["a"][1::2].mean()) < 0.5)
    (['a', 'b', 'c'], True)
    """

    state: ClassVar[tuple[str, ...]] = (
        "feature_names_in_",
        "n_features_in_",
        "columns_out_",
        "features_",
        "covariate_levels_",
        "covariate_means_",
        "estimates_",
        "decisions_",
        "evidence_rows_",
    )

    def __init__(  # noqa: PLR0913 - a scikit-learn estimator states every setting here
        self,
        batch: str | Sequence[str] | None = "site",
        *,
        covariates: Sequence[str] = (),
        empirical_bayes: Pooling = "parametric",
        mean_only: bool = False,
        reference: str | Mapping[str, str] | None = None,
        unseen: Literal["refuse", "leave", "pooled", "estimate"] = "refuse",
        small_batch: SmallBatch = "warn",
        unknown_covariates: Literal["refuse", "mean"] = "refuse",
        keep_covariates: bool = False,
    ) -> None:
        self.batch = batch
        self.covariates = covariates
        self.empirical_bayes = empirical_bayes
        self.mean_only = mean_only
        self.reference = reference
        self.unseen = unseen
        self.small_batch = small_batch
        self.unknown_covariates = unknown_covariates
        self.keep_covariates = keep_covariates

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Estimate location and scale of every batch.

        Parameters
        ----------
        X : DataFrame
            Features, batch and covariate columns.
        y : DataFrame or Series, optional
            The outcome; read only to refuse covariates that are the outcome in disguise.

        Raises
        ------
        ParameterError
            A setting is unknown, a covariate is an outcome or is collinear with the batch.
        TableError
            A column or label is missing, there is one batch only, a batch is too small, or a
            feature is infinite.
        """
        self._check_settings()
        table = self._read(X, reset=True)
        batches, covariates = self._batches(), list(self.covariates)
        refuse_outcome_names(covariates, batches)
        self.covariate_levels_ = covariate_levels(table, covariates)
        self.covariate_means_ = code_covariates(table, self.covariate_levels_).mean(axis=0)
        _check_index(table, y)
        refuse_outcome(table, covariates, y)
        special = {*batches, *covariates}
        numeric = table.select_dtypes(include=["number", "bool"]).columns
        self.features_ = [str(name) for name in numeric if name not in special]
        dropped = set(batches) if self.keep_covariates else special
        self.columns_out_ = [str(name) for name in table.columns if name not in dropped]
        self.estimates_: list[dict[str, Any]] = []
        self.decisions_: list[list[Any]] = []
        self.evidence_rows_: list[list[Any]] = []
        values = _values(table, self.features_)
        self._witness(table, values, "before")
        for batch in batches:
            read = self._table(table, values, batch)
            refuse_collinear(batch, read.labels, table, self.covariate_levels_)
            estimates, decisions = estimate(read, self._variable(batch))
            self.estimates_.append(estimates)
            self.decisions_ += decisions
            values = self._apply(table, values, estimates)
            self._witness(table, values, f"after {batch}")
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Harmonize with the frozen estimates; the batch column is dropped, the index is kept.

        Raises
        ------
        TableError
            Columns differ from `fit`, a label is missing, or (``unseen="refuse"``) a batch is new.
        """
        check_is_fitted(self, "estimates_")
        table = self._read(X, reset=False)
        if not self.estimates_:
            return X if isinstance(X, pd.DataFrame) else table.to_numpy()
        values = _values(table, self.features_)
        for estimates in self.estimates_:
            values = self._apply(table, values, estimates)
        harmonized = pd.DataFrame(values, index=table.index, columns=self.features_)
        done = set(self.features_)
        rest = [name for name in self.columns_out_ if name not in done]
        if not rest:
            return harmonized
        return pd.concat([harmonized, table[rest]], axis=1)[self.columns_out_]

    def with_batches(self, X: pd.DataFrame) -> Self:
        """Return a copy that also knows the new batches of some rows: a phantom, controls, a pilot.

        Grand mean, variance and covariate effects stay frozen; only location and scale of the new
        levels are estimated, so old batches are transformed exactly as before.

        Parameters
        ----------
        X : DataFrame
            Rows of the new batch(es), same columns as at `fit`.
        """
        check_is_fitted(self, "estimates_")
        table = self._read(X, reset=False)
        extended = copy.deepcopy(self)
        values = _values(table, self.features_)
        for position, estimates in enumerate(self.estimates_):
            read = self._table(table, values, estimates["batch"])
            variable = self._variable(estimates["batch"])
            for level in sorted(set(read.labels) - set(estimates["levels"])):
                estimates = add_level(read, level, estimates, variable)
            extended.estimates_[position] = estimates
            values = adjust(read, estimates)
        return extended

    def affine(self) -> pd.DataFrame:
        """Return shift and scale of each batch in feature units: harmonized = (x - shift) / scale.

        Only for one batch column without covariates: there the correction is one for all cases.

        Returns
        -------
        DataFrame
            Columns ``batch, feature, shift, scale``.
        """
        check_is_fitted(self, "estimates_")
        if len(self.estimates_) != 1 or self.covariate_levels_:
            raise ParameterError("ComBat.affine: only for one batch column without covariates")
        found = self.estimates_[0]
        rows = []
        for position, level in enumerate(found["levels"]):
            scale = np.sqrt(found["delta_star"][position])
            moved = np.sqrt(found["var_pooled"]) * found["gamma_star"][position]
            shift = found["grand_mean"] * (1 - scale) + moved
            part = {"batch": level, "feature": found["features"], "shift": shift, "scale": scale}
            rows.append(pd.DataFrame(part))
        return pd.concat(rows, ignore_index=True)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the output columns, in order."""
        check_is_fitted(self, "estimates_")
        return np.array(self.columns_out_, dtype=object)

    @property
    def evidence_(self) -> pd.DataFrame:
        """What each stage did to the batch effect, one row a stage and batch column."""
        return pd.DataFrame(
            self.evidence_rows_,
            columns=["stage", "batch", "features", "differ_fdr05", "median_variance_explained"],
        )

    def _batches(self) -> list[str]:
        if self.batch is None:
            return []
        return [self.batch] if isinstance(self.batch, str) else list(self.batch)

    def _check_settings(self) -> None:
        allowed = {
            "empirical_bayes": ("parametric", "nonparametric", "none"),
            "unseen": ("refuse", "leave", "pooled", "estimate"),
            "small_batch": ("warn", "mean_only", "refuse"),
            "unknown_covariates": ("refuse", "mean"),
        }
        for name, options in allowed.items():
            if getattr(self, name) not in options:
                chosen = getattr(self, name)
                raise ParameterError(
                    f"ComBat: {name} cannot be {chosen!r}{did_you_mean(str(chosen), options)}"
                )
        both = sorted(set(self._batches()) & set(self.covariates))
        if both:
            raise ParameterError(f"ComBat: {quoted(both)} is both batch and covariate")

    def _read(self, X: Any, *, reset: bool) -> pd.DataFrame:
        if self.batch is None:
            array = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan")
            names = X.columns if isinstance(X, pd.DataFrame) else range(array.shape[1])
            return pd.DataFrame(array, columns=[str(name) for name in names])
        if not isinstance(X, pd.DataFrame):
            raise TableError(
                f"ComBat reads the batch column {self.batch!r} by name and needs a DataFrame,"
                f" got {type(X).__name__}"
            )
        if reset:
            for name in (*self._batches(), *self.covariates):
                if name not in X.columns:
                    raise TableError(
                        f"ComBat: no column {name!r}{did_you_mean(name, map(str, X.columns))}"
                    )
        try:
            validate_data(self, X, reset=reset, skip_check_array=True)
        except ValueError as error:
            raise TableError(f"ComBat: {error}") from error
        if X.empty:
            raise TableError(f"ComBat: no cases or no columns (shape {X.shape})")
        return X

    def _variable(self, batch: str) -> Variable:
        reference = self.reference
        if isinstance(reference, Mapping):
            reference = reference.get(batch)
        elif reference is not None and len(self._batches()) > 1:
            raise ParameterError(
                "ComBat: with several batch columns, reference is a mapping column -> level"
            )
        return Variable(
            batch=batch,
            pooling=self.empirical_bayes,
            mean_only=self.mean_only,
            small_batch=self.small_batch,
            reference=None if reference is None else str(reference),
        )

    def _table(self, X: pd.DataFrame, values: np.ndarray, batch: str) -> Table:
        fallback = self.covariate_means_ if self.unknown_covariates == "mean" else None
        return Table(
            values=values,
            names=self.features_,
            labels=batch_labels(X, batch),
            covariates=code_covariates(X, self.covariate_levels_, fallback),
        )

    def _apply(self, X: pd.DataFrame, values: np.ndarray, estimates: dict[str, Any]) -> np.ndarray:
        table = self._table(X, values, estimates["batch"])
        new = sorted(set(table.labels) - set(estimates["levels"]))
        if new:
            estimates = self._meet(new, X, table, estimates)
        return adjust(table, estimates)

    def _meet(
        self, new: list[str], X: pd.DataFrame, table: Table, estimates: dict[str, Any]
    ) -> dict[str, Any]:
        """Treat batches that were not there at fit by the stated policy."""
        cases = X.index[np.isin(table.labels, new)]
        where = f"{estimates['batch']} {quoted(new)} was not there at fit (case(s) {quoted(cases)})"
        if self.unseen == "refuse":
            raise TableError(
                f"ComBat: {where}; known: {quoted(estimates['levels'])}. Choose a policy (unseen=),"
                " or add the batch from a phantom or controls (with_batches)"
            )
        warnings.warn(f"ComBat: {where}; policy {self.unseen!r}", RadtoolWarning, stacklevel=4)
        for level in new:
            if self.unseen == "estimate":
                variable = self._variable(estimates["batch"])
                estimates = add_level(table, level, estimates, variable)
            elif self.unseen == "pooled":
                estimates = pool_levels(level, estimates)
        return estimates

    def _witness(self, table: pd.DataFrame, values: np.ndarray, stage: str) -> None:
        """Record how far each batch column still explains the features."""
        for batch in self._batches():
            labels = batch_labels(table, batch).astype(str)
            _, p, eta2 = one_way(values, np.unique(labels, return_inverse=True)[1])
            tested = int(np.isfinite(p).sum())
            median = float(np.nanmedian(eta2)) if tested else None
            self.evidence_rows_.append([stage, batch, tested, count_differing(p), median])


def _check_index(table: pd.DataFrame, y: Any) -> None:
    if isinstance(y, pd.DataFrame | pd.Series) and not y.index.equals(table.index):
        raise TableError("ComBat: X and y have different cases or another order (index)")


def _values(table: pd.DataFrame, features: list[str]) -> np.ndarray:
    values = table[features].to_numpy(dtype=float)
    infinite = np.isinf(values)
    if infinite.any():
        names = [features[i] for i in np.flatnonzero(infinite.any(axis=0))]
        cases = table.index[infinite.any(axis=1)]
        raise TableError(f"ComBat: infinite values in {quoted(names)}, case(s) {quoted(cases)}")
    return values
