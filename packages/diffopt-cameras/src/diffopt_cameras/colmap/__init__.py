"""Structure from motion by pycolmap, on a CPU."""
