import numpy as np


class Ch:
    """An array. Its state has chumpy's names."""

    def __init__(self, x):
        self.x = np.asarray(x)
        self._dirty_vars, self._itr, self._depends_on_deps = set(), None, {}

    def __array__(self, dtype=None, copy=None):
        return self.x if dtype is None else self.x.astype(dtype)

    def __getitem__(self, index):
        return self.x[index]

    @property
    def shape(self):
        return self.x.shape
