"""Data: what a model learns from, and which rows are for what."""

from luthier.data.tables import Data, DataSpec

__all__ = ["Data", "DataSpec"]
