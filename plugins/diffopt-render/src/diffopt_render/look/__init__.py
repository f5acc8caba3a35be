"""How things look: light, ground, shadow, paths, labels. Colours are sRGB in [0, 1] unless a name says otherwise."""
