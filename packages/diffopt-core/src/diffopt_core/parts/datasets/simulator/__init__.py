"""From motion to evidence: a camera that follows the person, and detectors, regressors and SLAM that err."""
