"""Stands where protobuf would."""
