"""Renderer ``pytorch3d``: optional, for those who have built PyTorch3D."""
