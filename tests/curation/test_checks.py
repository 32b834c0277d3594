"""Rules of quality checks."""

import pytest

from radtool.curation import load_checks
from radtool.curation.checks import DEFAULT_FILES, Rule, shipped_folder
from radtool.errors import InputError, ParameterError


def severity(value, **rule) -> str:
    return Rule(column="slices", **rule).check(value).severity


def test_limits_are_inclusive():
    assert severity(3, minimum=3, maximum=5) == "info"
    assert severity(5, minimum=3, maximum=5) == "info"
    assert severity(2.99, minimum=3) == "warning"
    assert severity(6, maximum=5, action="exclude") == "error"


def test_a_missing_value_passes_unless_required():
    assert severity(None, minimum=3) == "info"
    assert severity("", allowed=("a",)) == "info"
    assert severity(None, required=True) == "warning"
    assert Rule(column="kvp", required=True).check(None).detail == "not in the header"


def test_patterns_allow_and_refuse():
    assert severity("LUNG+", allowed=("b30*", "lung*")) == "info"
    assert severity("STANDARD", allowed=("b30*",)) == "warning"
    assert severity("DERIVED\\PRIMARY\\LOCALIZER", refused=("*localizer*",)) == "warning"


def test_details_say_what_is_expected():
    assert Rule(column="slices", minimum=3).check(1).detail == "1, at least 3 is expected"
    finding = Rule(column="touches_border", refused=("yes",)).check("yes")
    assert finding.detail == "the mask reaches the border of the image"


def test_text_where_a_number_belongs_is_a_finding():
    assert severity("many", minimum=3) == "warning"


@pytest.mark.parametrize("name", sorted(DEFAULT_FILES.values()))
def test_shipped_checks_are_valid_and_each_says_what_to_do_without_a_mask(name):
    checks = load_checks(shipped_folder() / name)
    assert checks.series
    assert {rule.column: rule.action for rule in checks.mask}["present"] == "exclude"
    assert load_checks(name.removesuffix(".yaml")) == checks


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"serie": {}}, r"no section 'serie'; did you mean 'series'\?"),
        ({"series": {"slice": {"min": 1}}}, r"no column 'slice'; did you mean 'slices'\?"),
        ({"series": {"slices": {"minimum": 1}}}, r"no key 'minimum'; did you mean 'min'\?"),
        ({"series": {"slices": {"min": "three"}}}, "min is a number"),
        ({"series": {"slices": {"min": 1, "action": "drop"}}}, "action is exclude or warn"),
        ({"mask": {"present": {"allowed": [True]}}}, 'quote "yes" and "no"'),
        ({"series": {"slices": 3}}, "needs a rule such as"),
        ({"series": [1]}, "needs columns with rules"),
        ([], "expected 'key: value' lines"),
        ({"series": {"kvp": {"required": "yes"}}}, "required is true or false"),
    ],
)
def test_wrong_settings_are_refused_with_their_place(document, words, tmp_path):
    import json

    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(document))
    with pytest.raises(ParameterError, match=rf"mine\.yaml.*{words}"):
        load_checks(path)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml: no such file"):
        load_checks(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(InputError, match=r"bad\.yaml: not valid YAML"):
        load_checks(tmp_path / "bad.yaml")
