"""From a file to evidence: videos, external programs, weight files, evidence stored in the clip's file."""
