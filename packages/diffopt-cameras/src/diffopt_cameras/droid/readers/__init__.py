"""One reader a file: each turns what one system writes into :class:`..saved.SavedCameras`."""
