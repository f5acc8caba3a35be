"""In place of lietorch, which compiles against CUDA: rigid motions as t and q (x y z w)."""

import torch


def _cross(a, b):
    return torch.linalg.cross(*torch.broadcast_tensors(a, b))


def _turn(q, v):
    twice = 2 * _cross(q[..., :3], v)
    return v + q[..., 3:] * twice + _cross(q[..., :3], twice)


class SE3:
    def __init__(self, data):
        self.data = data.data if isinstance(data, SE3) else data

    @classmethod
    def Identity(cls, *shape):
        return cls(torch.tensor([0.0, 0, 0, 0, 0, 0, 1]).repeat(*shape, 1))

    @classmethod
    def exp(cls, xi):
        rho, phi = xi[..., :3], xi[..., 3:]
        angle = phi.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        a, b = (1 - angle.cos()) / angle**2, (angle - angle.sin()) / angle**3
        t = rho + a * _cross(phi, rho) + b * _cross(phi, _cross(phi, rho))
        return cls(torch.cat([t, phi / angle * (angle / 2).sin(), (angle / 2).cos()], -1))

    def log(self):
        t, q = self.data[..., :3], self.data[..., 3:]
        q = torch.where(q[..., 3:] < 0, -q, q)
        sine = q[..., :3].norm(dim=-1, keepdim=True).clamp(min=1e-6)
        angle = (2 * torch.atan2(sine, q[..., 3:])).clamp(min=1e-6)
        phi = q[..., :3] / sine * angle
        c = (1 - angle / 2 / torch.tan(angle / 2)) / angle**2
        return torch.cat([t - _cross(phi, t) / 2 + c * _cross(phi, _cross(phi, t)), phi], -1)

    def inv(self):
        q = self.data[..., 3:] * torch.tensor([-1.0, -1, -1, 1])
        return SE3(torch.cat([-_turn(q, self.data[..., :3]), q], -1))

    def __mul__(self, other):
        t, q = self.data[..., :3], self.data[..., 3:]
        if not isinstance(other, SE3):  # points with a fourth coordinate
            return torch.cat([_turn(q, other[..., :3]) + t * other[..., 3:], other[..., 3:]], -1)
        s, p = other.data[..., :3], other.data[..., 3:]
        v = q[..., 3:] * p[..., :3] + p[..., 3:] * q[..., :3] + _cross(q[..., :3], p[..., :3])
        w = q[..., 3:] * p[..., 3:] - (q[..., :3] * p[..., :3]).sum(-1, keepdim=True)
        return SE3(torch.cat([t + _turn(q, s), v, w], -1))

    def __getitem__(self, index):
        return SE3(self.data[index])


Sim3 = SE3


def cat(parts, dim):
    return SE3(torch.cat([part.data for part in parts], dim))
