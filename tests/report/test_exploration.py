from __future__ import annotations

import io
import re

import numpy as np
import pytest

from radtool.report import Exploration, render_exploration
from radtool.report.figures.raster import draw_matrix, encode_png
from radtool.report.results import (
    Distribution,
    DistributionGroup,
    FeatureSummary,
    GroupSize,
)


@pytest.fixture(scope="module")
def found() -> Exploration:
    rng = np.random.default_rng(4)
    names = [f"original_glcm_f{i:02d}_fbs25" for i in range(60)]
    p = rng.uniform(0, 1, 60) ** 3
    rho = np.corrcoef(rng.normal(size=(60, 80)))
    return Exploration(
        title="Exploration of <b>features</b>",
        n_cases=80,
        n_features=60,
        target="EGFR",
        kind="marker",
        classes=(GroupSize(label="mutant", n=20), GroupSize(label="wild type", n=60)),
        test="Mann-Whitney",
        features=tuple(
            FeatureSummary(
                feature=name, n=80 - i % 3, missing=i % 3, median=1.0, lower_quartile=0.5,
                upper_quartile=2.0, p_normal=0.01 if i % 2 else 0.4, p=p[i], p_fdr=min(1, 3 * p[i]),
                p_bonferroni=min(1, 60 * p[i]), strength=0.5 + rng.uniform(-0.2, 0.2),
                rho_volume=rng.uniform(-1, 1),
            )
            for i, name in enumerate(names)
        ),
        order=tuple(names),
        correlation=tuple(map(tuple, rho)),
        distributions=(
            Distribution(
                feature=names[0],
                edges=(0.0, 1.0, 2.0, 3.0),
                groups=(
                    DistributionGroup(label="mutant", counts=(2, 8, 10)),
                    DistributionGroup(label="wild type", counts=(40, 15, 5)),
                ),
            ),
        ),
        notes=("1 constant feature was left out.",),
        provenance={"versions": {"radtool": "0.1.0"}},
    )  # fmt: skip


def test_page_is_the_same_for_equal_input(found):
    assert render_exploration(found) == render_exploration(Exploration.from_dict(found.to_dict()))


def test_page_escapes_and_fetches_nothing(found):
    text = render_exploration(found)
    assert "<b>features</b>" not in text
    assert "<script" not in text
    targets = re.findall(r'href="([^"]*)"', text)
    assert all(t.startswith(("#", "data:text/csv;", "data:image/png;")) for t in targets)


def test_page_counts_what_passes(found):
    text = render_exploration(found).replace("\u202f", " ")
    passing = sum(f.p_fdr < 0.05 for f in found.features)
    high = sum(abs(f.rho_volume) >= 0.75 for f in found.features)
    assert f"{passing} with FDR-adjusted" in text
    assert f"{high} of 60 features" in text
    assert "40 (67 %)" not in text
    assert "30 (50 %)" in text  # every second feature has Shapiro p 0.01


def test_page_warns_against_choosing_by_it(found):
    assert "inside the training folds" in render_exploration(found)


def test_a_bare_table_gives_a_page():
    text = render_exploration(Exploration(title="t", n_cases=3, n_features=2))
    assert 'id="overview"' in text
    assert 'id="correlation"' not in text


def test_png_reads_back_in_another_library():
    image = pytest.importorskip("skimage.io")
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(image.imread(io.BytesIO(encode_png(rgb))), rgb)


def test_matrix_shows_the_strongest_of_neighbours():
    # 801 features share cells by three: one correlation of -1 must stay visible (blue).
    values = np.zeros((801, 801))
    values[400, 10] = -1.0
    image = pytest.importorskip("skimage.io")
    import base64

    svg = str(draw_matrix(values.tolist(), alt="x"))
    data = base64.b64decode(re.findall(r"base64,([^\"]*)", svg)[0])
    pixels = image.imread(io.BytesIO(data))
    assert pixels.shape == (267, 267, 3)
    assert pixels[133, 3].tolist() == [0, 90, 160]
    assert (pixels != 247).any(axis=2).sum() == 1


def test_unknown_correlations_are_grey():
    svg = str(draw_matrix([[float("nan")]], alt="x"))
    image = pytest.importorskip("skimage.io")
    import base64

    data = base64.b64decode(re.findall(r"base64,([^\"]*)", svg)[0])
    assert image.imread(io.BytesIO(data))[0, 0].tolist() == [190, 190, 190]
