"""Seconds for a cohort of crops.

    python benchmarks/features_cohort.py MANIFEST.csv [PARAMETERS [JOBS]]

Prints cases, features, failures, wall seconds, and with one job processor seconds and the peak
memory of the process.
"""

from __future__ import annotations

import resource
import sys
import time

from radtool.features import extract_cohort
from radtool.table import feature_columns


def main(manifest: str, parameters: str = "ct_ibsi", jobs: str = "1") -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    result = extract_cohort(manifest, parameters, jobs=int(jobs))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    columns = feature_columns(result.table)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = f"{wall:.1f} s with {jobs} job(s)"
    if jobs == "1":
        share = cpu / len(result.table)
        cost += f" ({cpu:.1f} s of processor, {share:.2f} s a case), peak {memory:.0f} MiB"
    print(
        f"{len(result.table)} cases, {len(columns)} features,"
        f" {len(result.failures)} failures: {cost}"
    )
    for failure in result.failures:
        print(f"  {failure.case_id}: {failure.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
