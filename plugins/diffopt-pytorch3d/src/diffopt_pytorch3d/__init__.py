"""Renderer ``pytorch3d``: the optional one, of whoever has built PyTorch3D."""
