"""The signature file: one JSON that another hospital can run, and that shows any change."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import radtool.harmonization
import radtool.selection  # noqa: F401 (both register the steps that a file may name)
from radtool.errors import InputError, SignatureError, did_you_mean
from radtool.files import decode, encode, hash_of, write_text
from radtool.models.block import Block, FittedBlock
from radtool.models.competing import CompetingSignature
from radtool.models.marker import MarkerSignature
from radtool.models.predictor import predictor_from_dict
from radtool.models.signature import Signature
from radtool.models.survival import CoxSignature
from radtool.provenance import versions
from radtool.table import step_from_dict

__all__ = [
    "FORMAT",
    "SCHEMA_VERSION",
    "check_extraction",
    "load_signature",
    "save_signature",
    "signature_document",
]

FORMAT = "radtool signature"
SCHEMA_VERSION = "1.0"
INTENDED_USE = (
    "Research only. Not a medical device; not for diagnosis, prognosis or treatment of a patient."
)
_KINDS: dict[str, type[Signature]] = {
    "competing": CompetingSignature,
    "marker": MarkerSignature,
    "survival": CoxSignature,
}
# A kind of its own, so that a version that cannot recalibrate refuses the file.
_AGAIN = "recalibrated"
_KINDS |= {f"{_AGAIN} {kind}": _KINDS[kind] for kind in ("marker", "survival")}


def signature_document(
    signature: Signature,
    *,
    extraction: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Everything about a fitted signature as JSON values, its content hash last.

    Parameters
    ----------
    signature : Signature
        Fitted.
    extraction : mapping, optional
        Parameters that the features were extracted with; default those given to `fit` in
        ``signature.extraction``, if any.
    provenance : mapping, optional
        How it was made; default the installed versions.
    name : str, default ""
        What the signature is called, such as "os".
    """
    signature._check_fitted()
    used = extraction if extraction is not None else signature.extraction_
    made = provenance if provenance is not None else signature.provenance_
    document = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "kind": signature.kind
        if signature.recalibration_ is None
        else f"{_AGAIN} {signature.kind}",
        "name": name or signature.name_,
        "intended_use": INTENDED_USE,
        "extraction": None
        if used is None
        else {"parameters": encode(used), "sha256": hash_of(used)},
        "inputs": signature.inputs_,
        "settings": {
            "combine": signature.combine,
            "seed": signature.seed,
            "search": encode(signature.search),
            "model": {
                "model": type(signature.model).__name__,
                "settings": encode(signature.model.get_params(deep=False)),
            },
        },
        "steps": None if signature.shared_ is None else signature.shared_.to_dict(),
        "blocks": {
            key: {"patterns": list(signature.blocks[key].columns), **fitted.to_dict()}
            for key, fitted in signature.blocks_.items()
        },
        "models": {key: model.to_dict() for key, model in signature.models_.items()},
        "baseline": _baseline(signature),
        "cutoffs": encode(signature.cutoffs_),
        "training": encode(signature.trained_on_),
        "training_ranges": encode(signature.ranges_),
        "selection_path": encode(signature.path_),
        "provenance": encode({"versions": versions()} if made is None else made),
    }
    if signature.recalibration_ is not None:
        document["recalibration"] = encode(signature.recalibration_)
    return {**document, "content_sha256": hash_of(document)}


def save_signature(
    signature: Signature,
    path: str | os.PathLike[str],
    *,
    extraction: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    name: str = "",
) -> str:
    """Write a fitted signature as JSON; equal input gives equal bytes.

    Parameters
    ----------
    signature : Signature
        Fitted.
    path : path-like
        Usually ``<name>.signature.json``.
    extraction, provenance, name
        As for `signature_document`.

    Returns
    -------
    str
        The content hash (SHA-256).
    """
    document = signature_document(
        signature, extraction=extraction, provenance=provenance, name=name
    )
    write_text(path, _text(document))
    return str(document["content_sha256"])


def load_signature(path: str | os.PathLike[str]) -> Any:
    """Read a signature file, or say what is wrong with it.

    Returns
    -------
    CoxSignature, CompetingSignature or MarkerSignature
        Fitted, with ``content_sha256_`` and ``extraction_`` (the extraction parameters or None).

    Raises
    ------
    InputError
        The file is missing.
    SignatureError
        The file is not a signature, was changed after it was written (even by one byte), comes
        from a newer schema, or needs a step or model that this version does not know.
    """
    document = _checked(path)
    kind = str(document["kind"])
    if kind not in _KINDS:
        raise SignatureError(f"{path}: unknown kind {kind!r}{did_you_mean(kind, _KINDS)}")
    try:
        return _rebuild(_KINDS[kind], document)
    except SignatureError as error:
        raise SignatureError(f"{path}: {error}") from error
    except (KeyError, TypeError) as error:
        raise SignatureError(f"{path}: incomplete signature ({error!r})") from error


def check_extraction(signature: Signature, parameters: Mapping[str, Any] | str) -> None:
    """Refuse features that were extracted with other parameters than the signature's.

    Parameters
    ----------
    signature : Signature
        Loaded from a file.
    parameters : mapping or str
        Parameters of the new features, or their SHA-256.

    Raises
    ------
    SignatureError
        The hashes differ; the message names the first settings that do.
    """
    own = signature.extraction_
    if own is None:
        return
    new = parameters if isinstance(parameters, str) else hash_of(parameters)
    if new == hash_of(own):
        return
    what = "" if isinstance(parameters, str) else _differences(own, encode(parameters))
    raise SignatureError(
        f"features were extracted with other parameters (hash {new[:12]}…, the signature's is"
        f" {hash_of(own)[:12]}…){what}; extract again with the signature's own parameters"
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _is_intact(document: dict[str, Any], text: str) -> bool:
    content = {key: value for key, value in document.items() if key != "content_sha256"}
    try:
        return document.get("content_sha256") == hash_of(content) and text == _text(document)
    except ValueError:  # 1e999 is infinite, and radtool writes no such number
        return False


def _checked(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        text = Path(path).read_bytes().decode("utf-8")
        document = json.loads(text, parse_constant=_refuse)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except RecursionError as error:
        raise SignatureError(f"{path}: nested too deep, so not an intact signature") from error
    except ValueError as error:  # also bytes that are no text, and numbers of thousands of digits
        raise SignatureError(f"{path}: not JSON, so not an intact signature ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SignatureError(f"{path}: not a radtool signature")
    version = str(document.get("schema_version"))
    major = version.split(".")[0]
    if major != SCHEMA_VERSION.split(".")[0]:
        raise SignatureError(
            f"{path}: schema version {version}; this radtool reads version {SCHEMA_VERSION};"
            " use the radtool version named in its provenance"
        )
    if not _is_intact(document, text):
        raise SignatureError(
            f"{path}: the file was changed after it was written (content hash does not match); get"
            " the original again"
        )
    return document


def _rebuild(kind: type[Signature], document: Mapping[str, Any]) -> Signature:
    settings = document["settings"]
    blocks = {
        name: Block(block["patterns"], [step_from_dict(s) for s in block["steps"]][1:])
        for name, block in document["blocks"].items()
    }
    model = predictor_from_dict({**settings["model"], "state": {}})
    shared = None if document["steps"] is None else FittedBlock.from_dict(document["steps"])
    signature = kind(
        blocks,
        steps=[] if shared is None else shared.steps,
        model=model,
        combine=settings["combine"],
        search=settings["search"],
        seed=settings["seed"],
    )
    signature.shared_ = shared
    signature.blocks_ = {k: FittedBlock.from_dict(v) for k, v in document["blocks"].items()}
    signature.models_ = {k: predictor_from_dict(v) for k, v in document["models"].items()}
    signature.inputs_ = list(document["inputs"])
    signature.cutoffs_ = document["cutoffs"]
    signature.trained_on_ = document["training"]
    signature.ranges_ = {k: (v[0], v[1]) for k, v in document["training_ranges"].items()}
    signature.path_ = document["selection_path"]
    signature.provenance_ = document["provenance"]
    signature.name_ = document["name"]
    extraction = document["extraction"]
    signature.extraction_ = None if extraction is None else extraction["parameters"]
    signature.content_sha256_ = document["content_sha256"]
    signature.recalibration_ = document.get("recalibration")
    if document["baseline"] is not None:
        signature.baseline_ = pd.DataFrame(decode(document["baseline"]))
    return signature


def _baseline(signature: Signature) -> dict[str, Any] | None:
    table = signature.baseline_
    if table is None:
        return None
    return encode({name: np.asarray(values) for name, values in table.items()})


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _differences(own: Any, new: Any, where: str = "") -> str:
    if isinstance(own, Mapping) and isinstance(new, Mapping):
        for key in sorted({*own, *new}, key=str):
            if key not in own or key not in new:
                return f"; {where}{key} is in one of them only"
            if own[key] != new[key]:
                return _differences(own[key], new[key], f"{where}{key}.")
    return f"; {where.rstrip('.')}: signature {own!r}, features {new!r}"
