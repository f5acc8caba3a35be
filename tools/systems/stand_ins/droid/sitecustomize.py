"""For a machine without a GPU: what DROID-SLAM puts on ``cuda`` stays on the CPU, in single precision."""

import torch
from torch.overrides import TorchFunctionMode


class OnCpu(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if str(kwargs.get("device", "")).startswith("cuda"):
            kwargs["device"] = "cpu"
        if kwargs.get("dtype") is torch.half:
            kwargs["dtype"] = torch.float
        if func is torch.Tensor.cuda:
            return args[0]
        if func is torch.Tensor.to and len(args) > 1 and str(args[1]).startswith("cuda"):
            args = (args[0], "cpu", *args[2:])
        return func(*args, **kwargs)


OnCpu().__enter__()
torch.cuda.is_available = lambda: True
torch.cuda.empty_cache = lambda: None
