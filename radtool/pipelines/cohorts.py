"""Who teaches and who tests."""

from __future__ import annotations

from dataclasses import dataclass

from radtool.errors import InputError, ParameterError
from radtool.table import Failure, Study

__all__ = ["Cohorts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts:
    """Which rows of a study teach and which test.

    Parameters
    ----------
    column : str
        Column of X that tells cohorts apart; when it is missing and no cohort is named, everyone
        is development.
    development, external : tuple of str
        Its values; development empty: every value that is not external.
    is_sealed : bool, default False
        The external cohort is set aside and not looked at.
    """

    column: str = "site"
    development: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    is_sealed: bool = False

    def __post_init__(self) -> None:
        both = sorted(set(self.development) & set(self.external))
        if both:
            raise ParameterError(f"[cohorts] {both} cannot be development and external")

    def split(self, study: Study) -> tuple[Study, Study | None, list[Failure]]:
        """Return the development study, the external one if any, and the cases in neither.

        A case whose cohort is not known is in neither, once a cohort is named.

        Raises
        ------
        InputError
            The column is missing, a named cohort has no case, or a patient is in both.
        """
        if self.column not in study.X.columns:
            if not self.development and not self.external:
                return study, None, []
            raise InputError(f"no column {self.column!r} to tell cohorts apart")
        own = study.X[self.column]
        value = own.astype(str).mask(own.isna(), "")
        for name in (*self.development, *self.external):
            if not (value == name).any():
                raise InputError(
                    f"no case of {self.column} {name!r}; there are {sorted(value.unique())}"
                )
        outside = value.isin(self.external)
        rest = ~outside & (value != "") if self.external else ~outside
        inside = value.isin(self.development) if self.development else rest
        both = set(study.patients[inside]) & set(study.patients[outside])
        if both:
            raise InputError(
                f"patient(s) {sorted(both)[:5]} are in the development and the external cohort"
            )
        neither = [
            Failure(
                str(case),
                "cohort",
                f"{self.column} {value[case]!r} is in neither cohort"
                if value[case]
                else f"{self.column} is not known",
            )
            for case in study.X.index[~(inside | outside)]
        ]
        outer = study.take(outside) if outside.any() and not self.is_sealed else None
        return study.take(inside), outer, neither

    def name(self, study: Study) -> str:
        """Name a part by the values in it."""
        if self.column not in study.X.columns:
            return "development"
        return " + ".join(sorted(study.X[self.column].astype(str).unique()))
