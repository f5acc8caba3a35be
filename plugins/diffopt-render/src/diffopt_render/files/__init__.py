"""Where images go: video, GIF, still, folder. All are written whole or not at all."""
