import torch


def scatter_mean(values, index, dim):
    count = int(index.max()) + 1
    total = torch.zeros(*values.shape[:dim], count, *values.shape[dim + 1 :]).index_add(dim, index, values)
    sizes = torch.bincount(index, minlength=count).clamp(min=1)
    return total / sizes.reshape(-1, *[1] * (values.dim() - dim - 1))
