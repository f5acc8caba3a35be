"""Networks that give a body for a box around the person, run in environments of their own: HMR2.0 and VIBE."""
