"""Files that humanoid-robot tools open: exporters of DiffOpt."""
