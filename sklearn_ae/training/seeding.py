"""Seeds: global random state is neither read nor changed."""

from __future__ import annotations

import numpy as np

__all__ = ["draw_seed"]


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Turn scikit-learn's ``random_state`` into a seed.

    ``None`` asks the operating system for entropy; unlike in scikit-learn, NumPy's
    global state has no part in it. A ``RandomState`` is advanced by one draw.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    return int(random_state)
