from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.provenance import provenance
from radtool.table import read_manifest, read_table, write_table


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_tables_come_back_to_the_last_digit(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"patient_id": ["007", "8"], "original_stat_mean": [0.1 + 0.2, 1e-300]})
    write_table(table, tmp_path / name)
    pd.testing.assert_frame_equal(read_table(tmp_path / name), table, check_exact=True)


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1.5, 2.5]})
    for name in ("x.parquet", "y.parquet"):
        write_table(table, tmp_path / name)
    assert (tmp_path / "x.parquet").read_bytes() == (tmp_path / "y.parquet").read_bytes()


def test_settings_and_hashes_lie_beside_a_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1.5]})
    write_table(table, tmp_path / "x.csv")
    write_table(table, tmp_path / "y.csv", provenance({"k": 1}, [tmp_path / "x.csv"]))
    text = (tmp_path / "y.csv.provenance.json").read_text()
    assert '"settings_sha256"' in text
    assert '"x.csv"' in text


def test_manifest_paths_are_relative_to_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("case_id,patient_id,image,mask\n01,01,i.nii,\n")
    made = read_manifest(tmp_path / "m.csv")
    assert made["case_id"].tolist() == ["01"]
    assert made["image"].tolist() == [str(tmp_path.resolve() / "i.nii")]
    assert made["mask"].tolist() == [""]


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.txt", "x", InputError, "unknown table format"),
        ("a.csv", "", TableError, "not a readable table"),
        ("a.parquet", "x", TableError, "not a readable table"),
    ],
)
def test_unreadable_tables_name_the_file(
    tmp_path: Path, name: str, text: str, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message):
        read_table(tmp_path / name)


def test_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "absent.csv")


def test_of_a_folder_all_files_are_in_the_provenance(tmp_path: Path) -> None:
    series = tmp_path / "series"
    (series / "below").mkdir(parents=True)
    (series / "below" / "1.dcm").write_bytes(b"1")
    first = provenance({}, [series])["inputs"]
    (series / "below" / "1.dcm").write_bytes(b"2")
    assert provenance({}, [series])["inputs"]["series"] != first["series"]


@pytest.mark.parametrize(
    "text", ["patient_id,age\n007,61,5\n008,70,3\n", "patient_id,age\n007,61,\n"]
)
def test_rows_longer_than_the_header_do_not_move_the_columns(tmp_path: Path, text: str) -> None:
    # pandas takes the first cells for row names, and the age for the patient.
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match="more cells than its header's 2"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.csv", "semicolons.csv", "t.xlsx"])
def test_a_column_named_twice_is_not_renamed(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame([["007", 1, 2]], columns=["patient_id", "age", "age"])
    if name.endswith("xlsx"):
        table.to_excel(tmp_path / name, index=False)
    else:
        table.to_csv(tmp_path / name, index=False, sep=";" if name.startswith("semi") else ",")
    with pytest.raises(TableError, match="column named twice: age"):
        read_table(tmp_path / name)


def test_a_name_that_ends_in_a_number_is_no_repetition(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("patient_id,age,age.1\n007,1,2\n")
    assert read_table(tmp_path / "t.csv").columns.tolist() == ["patient_id", "age", "age.1"]


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.csv.gz"])
@pytest.mark.parametrize("kept", [10, 200])
def test_broken_and_cut_off_files_are_refused_in_words(
    tmp_path: Path, name: str, kept: int
) -> None:
    table = pd.DataFrame({"patient_id": [f"p{n}" for n in range(500)], "age": range(500)})
    path = tmp_path / name
    if name == "t.xlsx":
        table.to_excel(path, index=False)
    elif name == "t.parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(TableError, match="not a readable table"):
        read_table(path)


def test_a_workbook_of_something_else_is_refused_in_words(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types")
    with pytest.raises(TableError, match="not a readable table"):
        read_table(tmp_path / "t.xlsx")


def test_a_name_that_is_not_utf8_does_not_stop_a_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": [b"caf\xe9".decode("utf-8", "surrogateescape")]})
    write_table(table, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["path"].tolist() == ["caf\\udce9"]
