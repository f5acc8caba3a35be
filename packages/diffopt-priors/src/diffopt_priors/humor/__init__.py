"""HuMoR: a conditional variational autoencoder of one-step transitions (Rempe et al. 2021)."""
