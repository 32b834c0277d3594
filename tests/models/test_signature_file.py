import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, SignatureError
from radtool.files import hash_of
from radtool.models import (
    Block,
    CoxSignature,
    Log,
    MarkerSignature,
    check_extraction,
    load_signature,
    published_signature,
)

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = {"discretise": {"bin_width": 25.0}, "filters": ["log", "wavelet"]}


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "os.signature.json"
    fitted.save(path, extraction=PARAMETERS, name="os")
    return path


def resealed(path, **changes):
    """Change a signature the way a newer radtool would: with a matching content hash."""
    document = json.loads(path.read_text()) | changes
    del document["content_sha256"]
    document["content_sha256"] = hash_of(document)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def test_it_comes_back_to_the_last_digit(fitted, saved, other):
    again = load_signature(saved)
    X, _ = other
    pd.testing.assert_series_equal(again.predict_risk(X), fitted.predict_risk(X), check_exact=True)
    pd.testing.assert_frame_equal(
        again.predict_survival(X, [0.5, 1]), fitted.predict_survival(X, [0.5, 1]), check_exact=True
    )
    pd.testing.assert_frame_equal(again.coefficients_, fitted.coefficients_, check_exact=True)
    pd.testing.assert_frame_equal(again.flags(X), fitted.flags(X), check_exact=True)
    assert again.cutoffs_ == fitted.cutoffs_
    assert again.selection_path_ == json.loads(json.dumps(fitted.selection_path_))
    assert again.name_ == "os"


@pytest.mark.parametrize(
    "make",
    [
        lambda: CoxSignature({"r": Block(["original_stat_f0?"])}, model="elastic_net"),
        lambda: CoxSignature({"r": Block(["original_stat_f0?"])}, model="xgboost"),
        lambda: CoxSignature(
            {"r": Block(["original_stat_f0?"]), "v": Block(["original_morph_volume"], [Log()])},
            combine="index",
        ),
        lambda: MarkerSignature({"r": Block(["original_stat_f0[0-3]"])}),
        lambda: MarkerSignature({"r": Block(["original_stat_f0[0-3]"])}, model="random_forest"),
        lambda: MarkerSignature(
            {"r": Block(["original_stat_f0[0-3]"]), "c": Block(["age"])},
            model="logistic",
            combine="average",
        ),
    ],
)
def test_every_kind_of_signature_travels(make, cohort, marker, other, tmp_path):
    signature = make()
    signature.fit(cohort[0], marker if signature.kind == "marker" else cohort[1])
    first = signature.save(tmp_path / "a.json")
    again = load_signature(tmp_path / "a.json")
    expected = signature.predict_risk(other[0])
    pd.testing.assert_series_equal(again.predict_risk(other[0]), expected, check_exact=True)
    assert again.save(tmp_path / "b.json") == first
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    schema = json.loads((ROOT / "docs" / "signature.schema.json").read_text())
    jsonschema.validate(json.loads((tmp_path / "a.json").read_text()), schema)


def test_a_published_score_travels(other, tmp_path):
    signature = published_signature({"original_morph_volume": 0.3}, log=["original_morph_volume"])
    signature.save(tmp_path / "p.json")
    again = load_signature(tmp_path / "p.json")
    pd.testing.assert_series_equal(
        again.predict_risk(other[0]), signature.predict_risk(other[0]), check_exact=True
    )


def test_the_published_schema_holds(saved):
    schema = json.loads((ROOT / "docs" / "signature.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(saved.read_text())
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "kind": "horoscope"}, schema)


def test_no_patient_can_be_read_from_it(saved, cohort):
    text = saved.read_text()
    assert not any(name in text for name in cohort[0].index)
    assert len(json.loads(text)["training"]["ids_sha256"]) == 120


def test_one_changed_byte_is_noticed(saved, tmp_path):
    data = saved.read_bytes()
    places = np.random.default_rng(0).integers(0, len(data), 60)
    for place in [*places.tolist(), len(data) - 1, data.index(b" ")]:
        changed = bytearray(data)
        changed[place] = ord("7") if changed[place] != ord("7") else ord("8")
        path = tmp_path / "changed.json"
        path.write_bytes(bytes(changed))
        with pytest.raises(SignatureError):
            load_signature(path)
    for other in (data + b" ", data[:-1], data.replace(b"\n", b"\r\n")):
        path.write_bytes(other)
        with pytest.raises(SignatureError):
            load_signature(path)


def test_equal_input_gives_equal_bytes_in_another_process(tmp_path):
    code = (
        "import numpy as np, pandas as pd\n"
        "from radtool.models import Block, CoxSignature\n"
        "from radtool.selection import Standardize, CorrelationFilter\n"
        "r = np.random.default_rng(0)\n"
        "X = pd.DataFrame(r.normal(size=(60, 6))).add_prefix('f').assign(sex=list('mf') * 30)\n"
        "y = pd.DataFrame({'event': r.random(60) < 0.8, 'duration': r.exponential(size=60)})\n"
        "b = {'r': Block(['f?'], [Standardize(), CorrelationFilter(0.9)]), 'c': Block(['sex'])}\n"
        "import sys\n"
        "CoxSignature(b).fit(X, y).save(sys.argv[1])\n"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / f"{seed}.json")],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            check=True,
            cwd=ROOT,
        )
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_a_newer_minor_version_is_read_and_a_newer_major_refused(saved, fitted, other):
    resealed(saved, schema_version="1.7", something_new={"a": 1})
    again = load_signature(saved)
    pd.testing.assert_series_equal(again.predict_risk(other[0]), fitted.predict_risk(other[0]))
    resealed(saved, schema_version="2.0")
    with pytest.raises(SignatureError, match=r"schema version 2\.0"):
        load_signature(saved)


def test_a_step_of_a_newer_radtool_is_named(saved):
    document = json.loads(saved.read_text())
    document["blocks"]["radiomics"]["steps"][1]["step"] = "QuantumScaler"
    resealed(saved, blocks=document["blocks"])
    with pytest.raises(SignatureError, match=r"signature\.json: unknown step 'QuantumScaler'"):
        load_signature(saved)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_signature(tmp_path / "none.json")
    path = tmp_path / "x.json"
    path.write_text('{"a": 1}')
    with pytest.raises(SignatureError, match="not a radtool signature"):
        load_signature(path)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(SignatureError, match="not JSON"):
        load_signature(path)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "radtool signature", "a": NaN}',
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": ' + "9" * 6000 + "}",
    ],
)
def test_what_is_no_json_of_ours_is_refused_in_words(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SignatureError, match="not an intact signature"):
        load_signature(tmp_path / "x.json")


def test_an_infinite_number_is_refused_whatever_the_hash_says(saved, tmp_path):
    document = json.loads(saved.read_text())
    document["training"]["seed"] = float("inf")
    del document["content_sha256"]
    document["content_sha256"] = hash_of(document)
    text = json.dumps(document, indent=1, ensure_ascii=False).replace("Infinity", "1e999")
    (tmp_path / "x.json").write_text(text + "\n")
    with pytest.raises(SignatureError, match="changed after it was written"):
        load_signature(tmp_path / "x.json")


def test_a_folder_is_no_signature(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_signature(tmp_path)


def test_an_incomplete_file_is_refused(saved):
    document = json.loads(saved.read_text())
    del document["models"]
    document.pop("content_sha256")
    document["content_sha256"] = hash_of(document)
    saved.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    with pytest.raises(SignatureError, match="incomplete signature"):
        load_signature(saved)


def test_features_made_with_other_parameters_are_refused(saved):
    signature = load_signature(saved)
    check_extraction(signature, PARAMETERS)
    check_extraction(signature, hash_of(PARAMETERS))
    other = {**PARAMETERS, "discretise": {"bin_width": 10.0}}
    with pytest.raises(
        SignatureError, match=r"discretise\.bin_width: signature 25\.0, features 10"
    ):
        check_extraction(signature, other)
    with pytest.raises(SignatureError, match="other parameters"):
        check_extraction(signature, hash_of(other))
