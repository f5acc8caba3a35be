"""Files of other systems: people and cameras, in one convention, checked."""
