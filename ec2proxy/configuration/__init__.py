"""What the daemon is told, by its command line and its configuration file, and what comes of it once it is checked."""
