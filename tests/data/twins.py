"""Deliberately wrong: the tests of the preparation must fail on these."""

from __future__ import annotations

import numpy as np

from luthier import Data
from luthier.data import preparation


def fitted_on_all_rows(data: Data, train_rows, settings):
    """Looks at rows that are not training rows."""
    del train_rows
    return preparation.fit(data.inputs, np.arange(len(data.inputs)), settings, layout=data.layout)
