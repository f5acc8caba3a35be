"""What stands for the motion while it is optimised."""
