"""Autoencoders beside PCA, over code sizes and on held-out rows."""

from .code_size import CodeSizeCurve, code_size_curve
from .comparing import compare
from .result import Comparison

__all__ = ["CodeSizeCurve", "Comparison", "code_size_curve", "compare"]
