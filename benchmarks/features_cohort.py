"""Seconds for a cohort of crops on one core.

    python benchmarks/features_cohort.py MANIFEST.csv [PARAMETERS]

Prints cases, features, failures, wall and processor seconds, and the peak memory of the process.
"""

from __future__ import annotations

import resource
import sys
import time

from radtool.features import extract_cohort
from radtool.table import feature_columns


def main(manifest: str, parameters: str = "ct_ibsi") -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    result = extract_cohort(manifest, parameters, jobs=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    columns = feature_columns(result.table)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(result.table)} cases, {len(columns)} features, {len(result.failures)} failures:"
        f" {wall:.1f} s ({cpu:.1f} s of processor, {cpu / len(result.table):.2f} s a case),"
        f" peak {memory:.0f} MiB"
    )
    for failure in result.failures:
        print(f"  {failure.case_id}: {failure.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
