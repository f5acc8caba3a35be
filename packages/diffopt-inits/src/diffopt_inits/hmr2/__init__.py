"""HMR2.0 (Goel et al. 2023): a body a frame, by the package of 4D-Humans, or from files of PHALP and 4D-Humans."""
