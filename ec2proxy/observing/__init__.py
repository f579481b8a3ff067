"""What is counted and logged of what happens."""
