"""From a file to evidence: videos, foreign programs, weights, the clip's own evidence."""
