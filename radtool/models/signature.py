"""What survival and marker signatures share: blocks in, one fitted object out."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import clone

from radtool.errors import InputError
from radtool.models.block import Block, FittedBlock, matching_columns, require_columns
from radtool.models.cases import (
    check_index,
    check_patients,
    hashed_ids,
    joined_designs,
    refuse_outcome,
    training_ranges,
)
from radtool.models.columns import PrepareColumns
from radtool.models.predictor import Predictor
from radtool.table import FeatureStep, feature_columns
from radtool.table.contracts import as_key

__all__ = ["Signature"]

Combine = Literal["joint", "index", "average"]


class Signature:
    """Blocks of predictors, steps and a model, fitted and frozen as one object.

    Parameters
    ----------
    blocks : mapping of str to Block
        Named groups of predictors: "radiomics", "clinical", ….
    steps : sequence of FeatureStep, default ()
        Done to all image features (columns named as features, `radtool.table.feature_columns`)
        before the blocks choose theirs: harmonization. Clinical columns pass untouched.
    model : Predictor or str, optional
        What learns from the blocks' columns: a name in `models`, or a predictor with settings of
        its own; default the first of `models`.
    combine : {"joint", "index", "average"}
        One model on all blocks' columns; one model per block and a model on their predictions;
        or one per block and the average of their predictions.
    search : mapping, optional
        Grid of settings to choose from by inner cross-validation: ``{"max_depth": [2, 3]}`` for the
        model, ``{"radiomics.UnivariateCoxFilter.top": [5, 10]}`` for a block's step.
    seed : int, default 0
        Seed of the inner folds.
    """

    kind: ClassVar[str] = ""
    is_survival: ClassVar[bool] = True
    models: ClassVar[Mapping[str, type[Predictor]]] = {}

    shared_: FittedBlock | None
    blocks_: dict[str, FittedBlock]
    models_: dict[str, Predictor]
    inputs_: list[str]
    ranges_: dict[str, tuple[float, float]]
    trained_on_: dict[str, Any]
    cutoffs_: dict[str, Any]
    path_: list[dict[str, Any]]
    baseline_: pd.DataFrame | None = None
    extraction_: Mapping[str, Any] | None = None
    provenance_: Mapping[str, Any] | None = None
    content_sha256_: str | None = None
    recalibration_: Mapping[str, Any] | None = None
    name_: str = ""

    def __init__(
        self,
        blocks: Mapping[str, Block],
        *,
        steps: Sequence[FeatureStep] = (),
        model: Predictor | str | None = None,
        combine: Combine = "joint",
        search: Mapping[str, Sequence[Any]] | None = None,
        seed: int = 0,
    ) -> None:
        if not blocks:
            raise InputError("a signature needs at least one block of predictors")
        if combine not in ("joint", "index", "average"):
            raise InputError(f"combine must be 'joint', 'index' or 'average', got {combine!r}")
        self.blocks = dict(blocks)
        self.steps = tuple(steps)
        self.model = self._model(model)
        self.combine: Combine = combine
        self.search = {key: list(values) for key, values in (search or {}).items()}
        self.seed = seed

    def __repr__(self) -> str:
        blocks = " + ".join(f"{name} ({block})" for name, block in self.blocks.items())
        steps = "".join(f"{type(step).__name__} > " for step in self.steps)
        state = "not fitted"
        if hasattr(self, "trained_on_"):
            used, patients = len(self._used()), self.trained_on_["patients"]
            state = f"fitted on {patients} patients, {used} input(s) used"
        model = type(self.model).__name__
        return f"{type(self).__name__}: {steps}{blocks}; {model}, {self.combine}; {state}"

    @classmethod
    def _model(cls, model: Predictor | str | None) -> Predictor:
        if model is None:
            model = next(iter(cls.models))
        if isinstance(model, str):
            if model not in cls.models:
                raise InputError(f"model must be one of {sorted(cls.models)}, got {model!r}")
            model = cls.models[model]()
        if model.survival != cls.is_survival:
            kind = "not a" if cls.is_survival else "a"
            raise InputError(f"{type(model).__name__} is {kind} survival model")
        return model

    def unfitted(self, **changes: Any) -> Self:
        """Return a new signature with the same settings, or with some changed."""
        settings: dict[str, Any] = {
            "steps": [clone(step) for step in self.steps],
            "model": clone(self.model),
            "combine": self.combine,
            "search": self.search,
            "seed": self.seed,
        }
        blocks = {name: copy.deepcopy(block) for name, block in self.blocks.items()}
        return type(self)(changes.pop("blocks", blocks), **{**settings, **changes})

    def fit(
        self,
        X: pd.DataFrame,
        y: pd.DataFrame | pd.Series,
        patients: pd.Series | None = None,
    ) -> Self:
        """Fit everything on training cases.

        Parameters
        ----------
        X : DataFrame
            Predictors, one row a case; unique index.
        y : DataFrame or Series
            Outcome with the same index.
        patients : Series, optional
            Patient of each case, same index; default each case is its own patient.

        Raises
        ------
        InputError
            Indices differ, the outcome breaks its contract or is among the predictors, a block
            matches no column, or the model cannot be fitted; the message says why.
        """
        check_index(X)
        outcome = self._check(X, y)
        people = check_patients(X, patients)
        for name, block in self.blocks.items():
            refuse_outcome(X, outcome, matching_columns(block.columns, list(X.columns), name))
        if self.search:
            from radtool.models.search import best_settings

            chosen = best_settings(self, X, outcome, people)
            self.searched_ = chosen.table
            return self._take(chosen.signature.fit(X, outcome, people))
        self._fit(X, outcome, people)
        return self

    def _take(self, fitted: Signature) -> Self:
        """Adopt the learned state of another signature."""
        for name, value in vars(fitted).items():
            if name.endswith("_"):
                setattr(self, name, value)
        self.model, self.blocks = fitted.model, fitted.blocks
        return self

    def _fit(self, X: pd.DataFrame, y: Any, patients: pd.Series) -> None:
        self.path_, self.shared_ = [], None
        current = X
        if self.steps:
            features = feature_columns(X)
            if not features:
                raise InputError(
                    "steps= work on image features, and no column of X is named as one"
                    " (<image>_<family>_<feature>); put the steps into a block"
                )
            block = Block(features, self.steps)
            self.shared_, done = FittedBlock.fit(block, X, y, "all", prepare=False)
            self.path_ += self.shared_.path
            current = pd.concat([X.drop(columns=features), done], axis=1)
        self.blocks_ = {}
        designs: dict[str, pd.DataFrame] = {}
        for name, block in self.blocks.items():
            fitted, design = FittedBlock.fit(block, current, y, name)
            if design.shape[1] == 0:
                last = fitted.path[-1]["step"]
                said = f"no column is left after {last}; loosen its steps"
                if last == "PrepareColumns":
                    said = f"no case has a value of {fitted.inputs[:5]}; leave the block out"
                raise InputError(f"block {name!r}: {said}")
            self.blocks_[name], designs[name] = fitted, design
            self.path_ += fitted.path
        self._fit_models(designs, y, patients)
        self._name_unused()
        self.inputs_ = self._needed(X)
        self.ranges_ = training_ranges(X, self.inputs_, self._used())
        self.trained_on_ = {
            "n": len(X),
            "patients": int(patients.nunique()),
            "ids_sha256": hashed_ids(patients),
        }
        self._finish(self._predict(designs), y, patients)

    def _fit_models(self, designs: dict[str, pd.DataFrame], y: Any, patients: pd.Series) -> None:
        groups = patients.to_numpy()
        if self.combine == "joint":
            self.models_ = {"joint": clone(self.model).fit(joined_designs(designs), y, groups)}
            return
        self.models_ = {
            name: clone(self.model).fit(design, y, groups) for name, design in designs.items()
        }
        if self.combine == "index":
            parts = self._parts(designs)
            self.models_["index"] = self._combiner().fit(parts, y, groups)

    def _name_unused(self) -> None:
        """Put into the path the columns that a regression could not use."""
        for key, model in self.models_.items():
            gone = model.unused()
            if gone:
                reason = "constant, or a linear combination of columns before it"
                row = {"block": key, "step": type(model).__name__, "n_in": len(model.columns_)}
                row["n_out"] = len(model.columns_) - len(gone)
                row["dropped"] = [{"column": c, "reason": reason, "value": None} for c in gone]
                self.path_.append(row)

    def _combiner(self) -> Predictor:
        raise NotImplementedError

    def _parts(self, designs: dict[str, pd.DataFrame]) -> pd.DataFrame:
        """Each block's own prediction, one column a block."""
        values = {name: self._link(self.models_[name].predict(d)) for name, d in designs.items()}
        return pd.DataFrame(values, index=next(iter(designs.values())).index)

    def _link(self, values: np.ndarray) -> np.ndarray:
        return values

    def _predict(self, designs: dict[str, pd.DataFrame]) -> np.ndarray:
        if self.combine == "joint":
            return self.models_["joint"].predict(joined_designs(designs))
        if self.combine == "index":
            return self.models_["index"].predict(self._parts(designs))
        own = [self.models_[name].predict(design) for name, design in designs.items()]
        return np.mean(own, axis=0)

    def _designs(self, X: pd.DataFrame) -> dict[str, pd.DataFrame]:
        self._check_fitted()
        check_index(X)
        require_columns(self.inputs_, X)
        current = X
        if self.shared_ is not None:
            done = self.shared_.transform(X)
            current = pd.concat([X.drop(columns=self.shared_.inputs), done], axis=1)
        return {name: fitted.transform(current) for name, fitted in self.blocks_.items()}

    def _score(self, X: pd.DataFrame) -> pd.Series:
        return pd.Series(self._rescaled(self._predict(self._designs(X))), index=X.index)

    def _rescaled(self, score: np.ndarray) -> np.ndarray:
        """Return the score as `radtool.models.recalibrate` set it."""
        return score if self.recalibration_ is None else self.recalibration_["slope"] * score

    def design(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what the model sees of each case: prepared, harmonized, selected columns."""
        return joined_designs(self._designs(X))

    def block_predictions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each block's own model predicts, one column a block.

        Raises
        ------
        InputError
            The blocks have one model together.
        """
        designs = self._designs(X)
        if self.combine == "joint":
            raise InputError("the blocks have one model together; combine='average' gives each one")
        own = {name: self.models_[name].predict(design) for name, design in designs.items()}
        return pd.DataFrame(own, index=X.index)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the share of each feature in each prediction, on the linear-predictor scale.

        Coefficient times distance from the training mean for linear models, Shapley values by
        XGBoost's own algorithm for its trees; with a model per block, of each block's own model.
        """
        designs = self._designs(X)
        if self.combine == "joint":
            return self.models_["joint"].contributions(joined_designs(designs))
        parts = [self.models_[name].contributions(design) for name, design in designs.items()]
        return pd.concat(parts, axis=1)

    @property
    def coefficients_(self) -> pd.DataFrame:
        """What the model gives each feature, first column the block.

        Cox: ``feature, coefficient, se, hazard_ratio, lower, upper, p``; logistic with
        ``odds_ratio``; elastic net without errors; trees ``feature, gain``.
        """
        self._check_fitted()
        origin = {c: name for name, fitted in self.blocks_.items() for c in fitted.outputs}
        tables = []
        for key, model in self.models_.items():
            table = model.coefficients()
            block = [origin.get(f, "index") if key == "joint" else key for f in table["feature"]]
            table.insert(0, "block", block)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    @property
    def selection_path_(self) -> list[dict[str, Any]]:
        """What each step did: ``block, step, n_in, n_out, dropped`` (column and reason)."""
        self._check_fitted()
        return self.path_

    def predict_risk(self, X: pd.DataFrame) -> pd.Series:
        """Return the score of each case; higher = sooner event, or more likely True."""
        return self._score(X).rename("risk")

    def flags(self, X: pd.DataFrame) -> pd.DataFrame:
        """Find values outside what the signature was trained on.

        Returns
        -------
        DataFrame
            ``case, column, value, lower, upper``, one row a number outside the training range;
            for a category not seen in training the bounds are empty. No row: nothing to report.
        """
        self._check_fitted()
        require_columns(self.inputs_, X)
        rows: list[dict[str, Any]] = []
        for column, (lower, upper) in self.ranges_.items():
            values = pd.to_numeric(X[column], errors="coerce")
            outside = values[(values < lower) | (values > upper)]
            rows += [
                {"case": case, "column": column, "value": value, "lower": lower, "upper": upper}
                for case, value in outside.items()
            ]
        for fitted in self.blocks_.values():
            first = fitted.steps[0]
            if isinstance(first, PrepareColumns):
                rows += first.unseen(X).to_dict("records")
        return pd.DataFrame(rows, columns=["case", "column", "value", "lower", "upper"])

    def overlap(self, patients: pd.Series) -> list[str]:
        """Patients that the signature was trained on, found by their hashed identifiers."""
        seen = set(self.trained_on_["ids_sha256"])
        return sorted({p for p in map(as_key, patients) if hashed_ids([p])[0] in seen})

    def _used(self) -> list[str]:
        """Design columns that a model uses."""
        table = self.coefficients_
        # Blocks may have chosen models of different kinds: weights of some, gains of others.
        weights = table[[name for name in ("coefficient", "gain") if name in table]]
        return list(dict.fromkeys(table["feature"][weights.fillna(0).ne(0).any(axis=1)]))

    def _needed(self, X: pd.DataFrame) -> list[str]:
        """Columns of the raw table that the blocks and the steps before them read."""
        fitted = [*self.blocks_.values(), *([self.shared_] if self.shared_ else [])]
        read = {c for one in fitted for c in [*one.inputs, *one.carried]}
        return [str(c) for c in X.columns if c in read]

    def _check_fitted(self) -> None:
        if not hasattr(self, "models_"):
            raise InputError(f"this {type(self).__name__} is not fitted; call fit(X, y) first")

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        extraction: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> str:
        """Write the signature file; return its content hash (see `save_signature`)."""
        from radtool.models.signature_file import save_signature

        return save_signature(self, path, extraction=extraction, provenance=provenance, name=name)

    def _check(self, X: pd.DataFrame, y: Any) -> Any:
        """Outcome to be learned from, checked."""
        raise NotImplementedError

    def _check_new(self, X: pd.DataFrame, y: Any) -> Any:
        """Outcome to be validated on, checked; one event is enough there."""
        return self._check(X, y)

    def _finish(self, score: np.ndarray, y: Any, patients: pd.Series) -> None:
        raise NotImplementedError
