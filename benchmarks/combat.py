"""ComBat against neuroCombat in one run: seconds and how far the numbers are apart.

Run: ``python benchmarks/combat.py [--features 10000] [--cases 1000] [--sites 5]``
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time

import numpy as np
import pandas as pd
from neuroCombat import neuroCombat

from radtool.harmonization import ComBat


def cohort(features: int, cases: int, sites: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    site = rng.integers(0, sites, cases)
    shift, scale = rng.normal(0, 1, (sites, features)), rng.uniform(0.6, 1.6, (sites, features))
    values = rng.normal(size=(cases, features)) * scale[site] + shift[site]
    frame = pd.DataFrame(values, columns=[f"f{i:05d}" for i in range(features)])
    return pd.concat(
        [frame, pd.DataFrame({"site": site.astype(str), "age": rng.normal(60, 9, cases)})], axis=1
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=10_000)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--sites", type=int, default=5)
    chosen = parser.parse_args()
    table = cohort(chosen.features, chosen.cases, chosen.sites)
    names = [c for c in table if c.startswith("f")]

    start = time.perf_counter()
    ours = ComBat("site", covariates=["age"]).fit_transform(table)
    own_seconds = time.perf_counter() - start

    values = table[names].to_numpy().T
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = neuroCombat(values, table[["site", "age"]], "site", continuous_cols=["age"])[
            "data"
        ].T
    their_seconds = time.perf_counter() - start

    start = time.perf_counter()
    ComBat("site", covariates=["age"]).fit(table)
    fit_seconds = time.perf_counter() - start
    print(f"{chosen.features} features x {chosen.cases} cases, {chosen.sites} sites, 1 covariate")
    print(f"radtool fit + transform {own_seconds:8.2f} s   (fit alone {fit_seconds:.2f} s)")
    print(f"neuroCombat             {their_seconds:8.2f} s")
    print(f"largest difference      {np.abs(ours.to_numpy() - theirs).max():8.1e}")


if __name__ == "__main__":
    main()
