"""The EC2 protocol, pure: no I/O, no clock, no Twisted."""
