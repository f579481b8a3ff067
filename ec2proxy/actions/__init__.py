"""What EC2's actions mean: one module per family, one class per action."""
