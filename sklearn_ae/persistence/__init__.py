"""Fitted estimators as files that hold data alone, so that strangers may send them."""

from .files import FORMAT, load, save
from .known import SKOPS_TYPES

__all__ = ["FORMAT", "SKOPS_TYPES", "load", "save"]
