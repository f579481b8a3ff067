"""What the daemon tells its operator, at an endpoint of its own."""
