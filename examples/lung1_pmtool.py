"""Two tables for lung1_pmtool.yaml, from the feature table of precision-medicine-toolbox.

Run: python examples/lung1_pmtool.py FOLDER

FOLDER holds extracted_features_full.xlsx and the clinical table of NSCLC-Radiomics (CC BY-NC 3.0);
features.csv and outcomes.csv are written to ``lung1_pmtool`` beside this script. Patients with
several masks keep the first one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from radtool.table import feature_columns, read_table, write_table


def main() -> None:
    """Write the two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    out = Path(__file__).parent / "lung1_pmtool"
    out.mkdir(exist_ok=True)
    table = read_table(folder / "extracted_features_full.xlsx", rename={"Patient": "case_id"})
    table["patient_id"] = table["case_id"].str.extract(r"(LUNG1-\d+)", expand=False)
    table = table.drop_duplicates("patient_id")
    write_table(table[["case_id", "patient_id", *feature_columns(table)]], out / "features.csv")
    clinical = read_table(folder / "NSCLC Radiomics Lung1.clinical-version3-Oct 2019.csv")
    write_table(clinical, out / "outcomes.csv")


if __name__ == "__main__":
    main()
