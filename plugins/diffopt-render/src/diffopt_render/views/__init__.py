"""What is shown of a result: panels, and how they are laid side by side."""
