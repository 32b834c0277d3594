"""Radiomics and outcome modelling, from DICOM to externally validated signatures."""

__version__ = "0.1.0"
