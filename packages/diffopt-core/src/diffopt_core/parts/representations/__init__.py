"""Representations: the variables of the motion during optimisation."""
