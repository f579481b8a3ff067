"""Real clients and real faults for minutes (``make soak MINUTES=5``); then the cloud is held to what was answered."""
