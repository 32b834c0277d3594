"""NIfTI files read and written by ourselves.

ITK reads a truncated file without a word, and writes one without a word when the disk is full.
Only single files are read here (.nii, .nii.gz; NIfTI-1 and NIfTI-2); NIfTI-1 is written.
"""

from __future__ import annotations

import gzip
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from isal import isal_zlib

from radtool.errors import GeometryError, InputError
from radtool.image import Geometry

__all__ = ["is_nifti", "nifti_bytes", "read_nifti"]

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
DAMAGED_GZIP: type[Exception] = isal_zlib.error  # type: ignore[assignment]
MOST_PACKED = 1100
"""Deflate makes its input at most 1032 times smaller."""
PIECE = 1 << 18
MILLIMETRES = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
KINDS = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
    1280: "u8",
}  # fmt: skip
ORDERS: tuple[Literal["<"], Literal[">"]] = ("<", ">")
CODES = {np.dtype(kind): code for code, kind in KINDS.items()}
GZIP_LEVEL = 4
LONGEST = 32767
COLOUR = (128, 2304)
LAYOUT_1 = np.dtype(
    {
        "names": ["dim", "datatype", "pixdim", "offset", "slope", "inter", "units", "qform",
                  "sform", "quatern", "qoffset", "rows", "magic"],
        "formats": ["8<i2", "<i2", "8<f4", "<f4", "<f4", "<f4", "u1", "<i2", "<i2", "3<f4", "3<f4",
                    "(3,4)<f4", "S4"],
        "offsets": [40, 70, 76, 108, 112, 116, 123, 252, 254, 256, 268, 280, 344],
        "itemsize": 348,
    }
)  # fmt: skip
LAYOUT_2 = np.dtype(
    {
        "names": ["dim", "datatype", "pixdim", "offset", "slope", "inter", "units", "qform",
                  "sform", "quatern", "qoffset", "rows", "magic"],
        "formats": ["8i8", "i2", "8f8", "i8", "f8", "f8", "i4", "i4", "i4", "3f8", "3f8",
                    "(3,4)f8", "S8"],
        "offsets": [16, 12, 104, 168, 176, 184, 500, 344, 348, 352, 376, 400, 4],
        "itemsize": 540,
    }
)  # fmt: skip
SHEAR_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class _Header:
    """A header record and the byte order of the file."""

    fields: np.void
    order: Literal["<", ">"]

    def tuple_of(self, name: str) -> tuple[float, ...]:
        """Return a field of several numbers as Python floats."""
        return tuple(float(value) for value in np.ravel(self.fields[name]))


def is_nifti(source: Path) -> bool:
    """Whether the file has a NIfTI name that is read here."""
    return source.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(source: Path) -> tuple[np.ndarray, Geometry]:
    """Read array (z, y, x) and grid of a NIfTI file.

    The sform is used when its code is above 0, else the qform, else spacing alone. Intensities
    are scaled by ``scl_slope`` and ``scl_inter``, in float32 for 8- and 16-bit data.

    Raises
    ------
    InputError
        Truncated, damaged, colour, complex, more than three dimensions, or more voxels than this
        machine has memory for.
    GeometryError
        The affine is sheared or singular.

    References
    ----------
    NIfTI-1 Data Format, https://nifti.nimh.nih.gov/nifti-1.
    """
    try:
        return _read(source)
    except (EOFError, DAMAGED_GZIP) as error:
        raise InputError(f"{source}: truncated or damaged gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror or error})") from error


def _read(source: Path) -> tuple[np.ndarray, Geometry]:
    pieces = _pieces(source)
    head = b""
    while len(head) < LAYOUT_2.itemsize and (piece := next(pieces, b"")):
        head += piece
    header = _header(head, source)
    shape = _shape(header, source)
    kind = KINDS[int(header.fields["datatype"])]
    dtype = np.dtype(kind).newbyteorder(header.order)
    offset = int(header.fields["offset"])
    size = math.prod(shape) * dtype.itemsize
    promise = f"{offset + size} are promised"
    if offset < 0 or offset + size > MOST_PACKED * source.stat().st_size:
        raise InputError(f"{source}: truncated: {source.stat().st_size} bytes where {promise}")
    if size > (there := _memory()):
        raise InputError(
            f"{source}: unpacks to {size / 2**30:.1f} GiB of voxels; this machine has"
            f" {there / 2**30:.1f} GiB of memory"
        )
    array = np.zeros(shape, dtype=dtype)
    found = _fill(array.reshape(-1).view(np.uint8), itertools.chain([head], pieces), offset)
    if found < offset + size:
        raise InputError(f"{source}: truncated: {found} bytes where {promise}")
    return _scaled(array.astype(kind, copy=False), header), _geometry(header, shape, source)


def _memory() -> float:
    """Bytes of memory of this machine; without end where the system does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return math.inf


def _fill(target: np.ndarray, pieces: Iterable[bytes], offset: int) -> int:
    """Put what follows the offset into zeros; return how many bytes there were in all.

    Pieces of nothing but zeros are not written, so the system need not find memory for them: of
    a mask's voxels most are.
    """
    position = -offset
    for piece in pieces:
        part = np.frombuffer(piece, dtype=np.uint8)[max(-position, 0) :]
        start = max(position, 0)
        part = part[: max(target.size - start, 0)]
        if part.any():
            target[start : start + part.size] = part
        position += len(piece)
    return position + offset


def _pieces(source: Path) -> Iterator[bytes]:
    """Contents of a file piece by piece; gzip is unpacked and its check sums are compared."""
    with source.open("rb") as file:
        piece = file.read(PIECE)
        if not piece.startswith(GZIP_MAGIC):
            while piece:
                yield piece
                piece = file.read(PIECE)
            return
        member = isal_zlib.decompressobj(GZIP_WINDOW)
        while piece:
            yield member.decompress(piece, 8 * PIECE)
            piece = member.unconsumed_tail
            if member.eof:
                piece = member.unused_data.lstrip(b"\0")
                if not (piece := piece or file.read(PIECE).lstrip(b"\0")):
                    return
                member = isal_zlib.decompressobj(GZIP_WINDOW)
            piece = piece or file.read(PIECE)
        yield member.flush()
        if not member.eof:
            raise EOFError("it ends in the middle")


def _header(data: bytes, source: Path) -> _Header:
    for layout in (LAYOUT_1, LAYOUT_2):
        for order in ORDERS:
            if int.from_bytes(data[:4], "little" if order == "<" else "big") != layout.itemsize:
                continue
            if len(data) < layout.itemsize:
                break
            fields = np.frombuffer(data, dtype=layout.newbyteorder(order), count=1)[0]
            if fields["magic"][:2] in (b"n+", b"ni"):
                return _Header(fields, order)
    raise InputError(f"{source}: not a NIfTI file, whatever its name says")


def _shape(header: _Header, source: Path) -> tuple[int, int, int]:
    datatype = int(header.fields["datatype"])
    if datatype in COLOUR:
        raise InputError(f"{source}: colour values; convert to a single grey channel first")
    if datatype not in KINDS:
        raise InputError(f"{source}: NIfTI data type {datatype} is not supported (complex, bits)")
    dim = [int(value) for value in header.fields["dim"]]
    count = dim[0]
    if not 1 <= count <= 7 or min(dim[1 : count + 1]) < 1:
        raise InputError(f"{source}: impossible dimensions {dim}")
    sizes = dim[1 : count + 1]
    if any(size > 1 for size in sizes[3:]):
        raise InputError(
            f"{source}: {count} dimensions {tuple(sizes)}; save one volume of it as its own file"
        )
    x, y, z = (*sizes[:3], 1, 1)[:3]
    return z, y, x


def _scaled(array: np.ndarray, header: _Header) -> np.ndarray:
    slope, inter = float(header.fields["slope"]), float(header.fields["inter"])
    if not math.isfinite(slope) or slope == 0:
        return array
    inter = inter if math.isfinite(inter) else 0.0
    if (slope, inter) == (1.0, 0.0):
        return array
    single = array.dtype.itemsize <= 2 or array.dtype == np.float32
    scaled = array.astype(np.float32 if single else np.float64)
    return np.add(np.multiply(scaled, slope, out=scaled), inter, out=scaled)


def _geometry(header: _Header, shape: tuple[int, int, int], source: Path) -> Geometry:
    matrix, origin = _affine(header)
    scale = MILLIMETRES.get(int(header.fields["units"]) & 7, 1.0)
    spacing_xyz = np.linalg.norm(matrix, axis=0)
    if not np.isfinite(matrix).all() or spacing_xyz.min() <= 0:
        raise GeometryError(f"{source}: the affine is singular or not finite: {matrix.tolist()}")
    direction = matrix / spacing_xyz
    if np.abs(direction.T @ direction - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise GeometryError(
            f"{source}: its axes are not at right angles (sheared affine); resample it first"
        )
    # Single-precision rounding is taken out: the nearest orthonormal matrix.
    left, _, right = np.linalg.svd(direction)
    turned = np.diag([-1.0, -1.0, 1.0])  # NIfTI is RAS, we are LPS
    nearest = turned @ left @ right
    nearest = np.where(np.abs(nearest - np.rint(nearest)) < 1e-7, np.rint(nearest), nearest)
    return Geometry(
        shape,
        tuple((spacing_xyz * scale)[::-1].tolist()),
        tuple((turned @ origin * scale + 0.0).tolist()),
        tuple((nearest.ravel() + 0.0).tolist()),
    )


def _affine(header: _Header) -> tuple[np.ndarray, np.ndarray]:
    """Return the 3×3 matrix and the origin in RAS, file units."""
    pixdim = np.array(header.tuple_of("pixdim"))
    spacing = np.where(pixdim[1:4] == 0, 1.0, np.abs(pixdim[1:4]))
    if int(header.fields["sform"]) > 0:
        rows = np.array(header.tuple_of("rows")).reshape(3, 4)
        return rows[:, :3], rows[:, 3]
    origin = np.array(header.tuple_of("qoffset"))
    if int(header.fields["qform"]) <= 0:
        # Position unknown: identity in LPS, as ITK reads it.
        return np.diag(spacing * [-1.0, -1.0, 1.0]), np.zeros(3)
    b, c, d = header.tuple_of("quatern")
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    handed = np.array([1.0, 1.0, -1.0 if pixdim[0] < 0 else 1.0])
    return rotation * spacing * handed, origin


def nifti_bytes(array: np.ndarray, geometry: Geometry, *, compress: bool) -> bytes:
    """Return the bytes of a NIfTI-1 file; sform and qform both say where the voxels lie.

    Parameters
    ----------
    array : ndarray of shape (z, y, x)
        Integers or floats.
    geometry : Geometry
        Its grid; NIfTI keeps it in single precision.
    compress : bool
        Whether for .nii.gz; the gzip header has no time stamp, so equal input gives equal bytes.

    Raises
    ------
    InputError
        A dtype or a size that NIfTI-1 does not have.
    """
    from scipy.spatial.transform import Rotation

    code = CODES.get(array.dtype.newbyteorder("="))
    if code is None or max(array.shape) > LONGEST:
        raise InputError(f"NIfTI cannot hold {array.dtype} of shape {array.shape}; write .nrrd")
    turned = np.diag([-1.0, -1.0, 1.0])  # LPS to RAS
    rotation = turned @ geometry.direction_matrix
    origin = turned @ np.array(geometry.origin)
    handed = -1.0 if np.linalg.det(rotation) < 0 else 1.0
    quaternion = Rotation.from_matrix(rotation * [1.0, 1.0, handed]).as_quat(canonical=True)
    fields = np.zeros(1, dtype=LAYOUT_1)
    fields["dim"] = (3, *array.shape[::-1], 1, 1, 1, 1)
    fields["datatype"] = code
    fields["pixdim"] = (handed, *geometry.spacing_xyz, 0, 0, 0, 0)
    fields["offset"] = 352
    fields["slope"] = 1
    fields["units"] = 2  # mm
    fields["qform"] = fields["sform"] = 1  # scanner coordinates
    fields["quatern"] = quaternion[:3]
    fields["qoffset"] = origin
    fields["rows"] = np.column_stack([rotation * np.array(geometry.spacing_xyz), origin])
    fields["magic"] = b"n+1"
    header = bytearray(fields.tobytes())
    header[0:4] = (348).to_bytes(4, "little")
    header[72:74] = (array.dtype.itemsize * 8).to_bytes(2, "little")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = bytes(header) + bytes(4) + little.tobytes()
    return gzip.compress(data, GZIP_LEVEL, mtime=0) if compress else data
