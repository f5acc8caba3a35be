"""VIBE (Kocabas et al. 2020): bodies of a video, by its own repository, or from its result files."""
