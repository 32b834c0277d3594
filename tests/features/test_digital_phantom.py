"""The IBSI digital phantom, written out, against reference values of every family.

Phantom and values: Image Biomarker Standardisation Initiative, reference manual, "Digital phantom"
and its tables of reference values (CC BY 4.0). Tests with the whole table: test_ibsi1.py.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from radtool.features import extract, load_params
from radtool.features.catalogue import FAMILY_FEATURES
from radtool.image import Geometry, Image, Mask

INTENSITIES = """
    14411 14611 41641 44641
    14411 11611 11311 44611
    14411 11111 11911 11611
    14411 11111 11111 11611
"""
INSIDE = """
    11111 11111 11111 11111
    11111 11111 01111 11111
    11100 11111 11011 11111
    11100 11111 11111 11111
"""
# code=value, ±tolerance where it is not 0.
REFERENCES = {
    ("morph", ""): """
        RNU0=556±4 YEKZ=592±4 C0JK=388±3 2PR5=0.698±0.004 SKGS=0.0411±0.0003
        BQWJ=0.599±0.004 KRCK=1.19±0.01 QCFX=0.843±0.005 25C7=0.186±0.001
        KLMA=0.672±0.004 L0JK=13.1±0.1 TDIC=11.4±0.1 P9VJ=9.31±0.06 7J51=8.54±0.05
        Q3CK=0.816±0.005 N17B=0.749±0.005 PBX1=0.869±0.005 R59B=0.866±0.005
        6BDE=1.17±0.01 RDD2=1.36±0.01 R3ER=0.961±0.006 7T7F=1.03±0.01 99N0=1200±10
        N365=0.0397±0.0003 NPT7=0.974±0.006
    """,
    ("loc", ""): """
        VJGA=2.6 0F91=3.1
    """,
    ("stat", ""): """
        Q4LE=2.15 ECT3=3.05 KE2A=1.08 IPH6=-0.355 Y12H=1 1GSF=1 QG58=1 8DWT=4 84IY=6
        SALO=3 2OJQ=5 4FUA=1.55 1128=1.11 N72L=1.15 7TET=0.812 9S40=0.6 N8CA=567
        5ZWQ=2.77
    """,
    ("ih", ""): """
        X6K6=2.15 CH89=3.05 88K1=1.08 C3I7=-0.355 WIFQ=1 1PR8=1 GPMT=1 OZ0C=4 3NCY=6
        AMMC=1 WR0O=3 5Z3W=5 D2ZX=1.55 WRZB=1.11 4RNL=1.15 CWYJ=0.812 SLWD=0.6 TLU2=1.27
        BJ5W=0.512 12CE=8 8E6O=3 VQB3=-50 RHQZ=1
    """,
    ("ivh", ""): """
        BC2M/NK6P=0.324 BC2M/4279=0.0946 GBPN/PWN1=5 GBPN/BOHI=2 DDTU/WITY=0.23
        CNV2/JXJA=3
    """,
    ("glcm", "2d_avg"): """
        GYBY=0.519 60VM=2.14 UR99=2.69 TU9B=2.05 TF7R=1.42 D3YU=2.9 NTRS=1.4 ZGXS=4.28
        OEEB=5.47 P6QZ=1.6 8ZQL=0.368 ACUI=5.28 8S9J=1.42 IB1Z=0.678 NDRX=0.851
        WF0Z=0.619 1QCO=0.899 E8JP=0.0567 NI2N=-0.0121 QWB0=5.09 DG8W=5.47 7NFM=7
        AE86=79.1 R8DG=-0.155 JN9H=0.487
    """,
    ("glcm", "25d_merge"): """
        GYBY=0.492 60VM=2.2 UR99=3.24 TU9B=2.61 TF7R=1.44 D3YU=3.23 NTRS=1.67 ZGXS=4.41
        OEEB=7.65 P6QZ=2.14 8ZQL=0.277 ACUI=5.29 8S9J=1.44 IB1Z=0.673 NDRX=0.85
        WF0Z=0.613 1QCO=0.899 E8JP=0.0582 NI2N=0.182 QWB0=5.45 DG8W=7.65 7NFM=16.4
        AE86=142 R8DG=-0.0334 JN9H=0.291
    """,
    ("glcm", "3d_avg"): """
        GYBY=0.503 60VM=2.14 UR99=3.1 TU9B=2.4 TF7R=1.43 D3YU=3.06 NTRS=1.56 ZGXS=4.29
        OEEB=7.07 P6QZ=1.92 8ZQL=0.303 ACUI=5.32 8S9J=1.43 IB1Z=0.677 NDRX=0.851
        WF0Z=0.618 1QCO=0.898 E8JP=0.0604 NI2N=0.157 QWB0=5.06 DG8W=7.07 7NFM=16.6
        AE86=145 R8DG=-0.157 JN9H=0.52
    """,
    ("glcm", ""): """
        GYBY=0.509 60VM=2.15 UR99=3.13 TU9B=2.57 TF7R=1.38 D3YU=3.21 NTRS=1.64 ZGXS=4.3
        OEEB=7.41 P6QZ=2.11 8ZQL=0.291 ACUI=5.12 8S9J=1.38 IB1Z=0.688 NDRX=0.856
        WF0Z=0.631 1QCO=0.902 E8JP=0.0574 NI2N=0.183 QWB0=5.19 DG8W=7.41 7NFM=17.4
        AE86=147 R8DG=-0.0288 JN9H=0.269
    """,
    ("glrlm", "2d_merge"): """
        22OV=0.661 W4KF=3.51 V3SW=0.609 G3QZ=9.74 HTZT=0.311 GD3A=8.67 IVPO=2.92
        3KUM=16.1 R5YN=20.5 OVBL=0.456 W92Y=21.6 IC23=0.441 9ZK5=0.627 8CE5=3.37
        SXLW=0.778 HJ9O=2.57
    """,
    ("glrlm", "25d_avg"): """
        22OV=0.665 W4KF=3.46 V3SW=0.58 G3QZ=10.3 HTZT=0.296 GD3A=9.03 IVPO=2.79
        3KUM=17.9 R5YN=19.5 OVBL=0.413 W92Y=22.3 IC23=0.461 9ZK5=0.632 8CE5=3.58
        SXLW=0.758 HJ9O=2.52
    """,
    ("glrlm", "3d_avg"): """
        22OV=0.705 W4KF=3.06 V3SW=0.603 G3QZ=9.7 HTZT=0.352 GD3A=8.54 IVPO=2.39
        3KUM=17.6 R5YN=21.8 OVBL=0.43 W92Y=26.9 IC23=0.513 9ZK5=0.68 8CE5=3.46
        SXLW=0.574 HJ9O=2.43
    """,
    ("glrlm", ""): """
        22OV=0.729 W4KF=2.76 V3SW=0.607 G3QZ=9.64 HTZT=0.372 GD3A=8.67 IVPO=2.16
        3KUM=15.6 R5YN=281 OVBL=0.43 W92Y=328 IC23=0.501 9ZK5=0.68 8CE5=3.48 SXLW=0.598
        HJ9O=2.62
    """,
    ("glszm", "2d"): """
        5QRC=0.363 48P8=43.9 XMSY=0.371 5GN9=16.4 5RAI=0.0259 HW1V=10.3 YH51=40.4
        J17V=113 JNSA=1.41 Y1RO=0.323 4JP3=1.49 VB3A=0.333 P30P=0.24 BYLV=3.97 3NSA=21
        GU8N=1.93
    """,
    ("glszm", ""): """
        5QRC=0.255 48P8=550 XMSY=0.253 5GN9=15.6 5RAI=0.0256 HW1V=2.76 YH51=503
        J17V=1490 JNSA=1.4 Y1RO=0.28 4JP3=1 VB3A=0.2 P30P=0.0676 BYLV=2.64 3NSA=331
        GU8N=2.32
    """,
    ("gldzm", "25d"): """
        0GBI=0.917 MB4I=1.33 S1RA=0.368 K26C=16.2 RUVG=0.362 DKNJ=14.3 A7WM=0.391
        KLTH=23.7 VFT7=5.44 7HP3=0.302 V294=14.4 IATH=0.802 VIWW=0.243 QK93=3.92
        7WT1=0.0988 GBDU=2
    """,
    ("gldzm", ""): """
        0GBI=1 MB4I=1 S1RA=0.253 K26C=15.6 RUVG=0.253 DKNJ=15.6 A7WM=0.253 KLTH=15.6
        VFT7=1.4 7HP3=0.28 V294=5 IATH=1 VIWW=0.0676 QK93=2.64 7WT1=0 GBDU=1.92
    """,
    ("ngtdm", "2d"): """
        QCDE=0.121 65HE=0.925 NQ30=2.99 HDEZ=10.4 1X9X=2.88
    """,
    ("ngtdm", ""): """
        QCDE=0.0296 65HE=0.584 NQ30=6.54 HDEZ=13.5 1X9X=0.763
    """,
    ("ngldm", "25d"): """
        SODN=0.159 IMOQ=18.8 TL9H=0.693 OAE7=7.66 EQ3F=0.0477 JA6D=3.07 NBZI=17.2
        9QMG=50.8 FP8K=37.9 5SPA=0.512 Z87G=12.4 OKJI=0.167 6XV8=1 1PFV=3.05 DNX2=3.27
        FCBV=3.36 CAS9=0.122
    """,
    ("ngldm", ""): """
        SODN=0.045 IMOQ=109 TL9H=0.693 OAE7=7.66 EQ3F=0.00963 JA6D=0.736 NBZI=102
        9QMG=235 FP8K=37.9 5SPA=0.512 Z87G=4.86 OKJI=0.0657 6XV8=1 1PFV=3.05 DNX2=22.1
        FCBV=4.4 CAS9=0.0533
    """,
}


def volume(text: str) -> np.ndarray:
    return np.array([int(digit) for digit in "".join(text.split())]).reshape(4, 4, 5)


@cache
def computed() -> dict[str, float]:
    grid = Geometry((4, 4, 5), (2.0, 2.0, 2.0))
    image = Image(volume(INTENSITIES), grid)
    mask = Mask(volume(INSIDE).astype(bool), grid)
    return extract(image, mask, load_params("ibsi_digital_phantom")).to_dict()


@pytest.mark.parametrize("group", REFERENCES, ids="-".join)
def test_values_of_the_digital_phantom(group: tuple[str, str]) -> None:
    family, aggregation = group
    names = {definition.code: definition.name for definition in FAMILY_FEATURES[family]}
    wrong = []
    for entry in REFERENCES[group].split():
        code, expected = entry.split("=")
        value, _, tolerance = expected.partition("±")
        parts = ("original", family, names[code], aggregation)
        found = computed()["_".join(part for part in parts if part)]
        if abs(float(f"{found:.2e}") - float(value)) > float(tolerance or 0) + 1e-9:
            wrong.append(f"{names[code]} = {found}, reference {expected}")
    assert not wrong
    assert len(REFERENCES[group].split()) == sum(
        definition.standardised for definition in FAMILY_FEATURES[family]
    )
