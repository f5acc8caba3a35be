"""In place of torch_scatter, which compiles."""

import torch


def scatter_sum(values, index, dim):
    shape = (*values.shape[:dim], int(index.max()) + 1, *values.shape[dim + 1 :])
    return torch.zeros(shape).index_add(dim, index, values)


def scatter_mean(values, index, dim):
    sizes = torch.bincount(index).clamp(min=1)
    return scatter_sum(values, index, dim) / sizes.reshape(-1, *[1] * (values.dim() - dim - 1))
