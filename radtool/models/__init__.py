"""Signatures: blocks of predictors and a model, fitted, validated and frozen as one object."""

from radtool.models.block import Block
from radtool.models.columns import Log, PrepareColumns
from radtool.models.combinations import combine_indices, index_combinations
from radtool.models.comparators import comparators, compare_models, compare_risks
from radtool.models.competing import CompetingSignature, FineGrayCox
from radtool.models.elastic_net import ElasticNetCox, ElasticNetLogistic, elastic_net_path
from radtool.models.linear import Cox, Logistic
from radtool.models.marker import MarkerSignature
from radtool.models.model_search import RandomSearch, TunedXGBoost
from radtool.models.predictor import Predictor
from radtool.models.published import published_signature
from radtool.models.recalibration import RECALIBRATIONS, Recalibration, recalibrate
from radtool.models.resampling import (
    CrossValidation,
    Optimism,
    bootstrap_optimism,
    cross_validate,
    leave_one_site_out,
    permutation_null,
)
from radtool.models.signature import Signature
from radtool.models.signature_file import (
    check_extraction,
    load_signature,
    save_signature,
    signature_document,
)
from radtool.models.spread import risk_spread
from radtool.models.survival import CoxSignature
from radtool.models.trees import RandomForest, XGBoostAFT, XGBoostCox, XGBoostMarker
from radtool.models.validation import Validation, read_log, validate

__all__ = [
    "RECALIBRATIONS",
    "Block",
    "CompetingSignature",
    "Cox",
    "CoxSignature",
    "CrossValidation",
    "ElasticNetCox",
    "ElasticNetLogistic",
    "FineGrayCox",
    "Log",
    "Logistic",
    "MarkerSignature",
    "Optimism",
    "Predictor",
    "PrepareColumns",
    "RandomForest",
    "RandomSearch",
    "Recalibration",
    "Signature",
    "TunedXGBoost",
    "Validation",
    "XGBoostAFT",
    "XGBoostCox",
    "XGBoostMarker",
    "bootstrap_optimism",
    "check_extraction",
    "combine_indices",
    "comparators",
    "compare_models",
    "compare_risks",
    "cross_validate",
    "elastic_net_path",
    "index_combinations",
    "leave_one_site_out",
    "load_signature",
    "permutation_null",
    "published_signature",
    "read_log",
    "recalibrate",
    "risk_spread",
    "save_signature",
    "signature_document",
    "validate",
]
