"""What everybody may use: places, progress, what is said to people, files of arrays and of foreign pickles."""
