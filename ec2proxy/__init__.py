"""A real Amazon EC2 Query API for any cloud behind Apache Deltacloud."""

__version__ = "0.1.0"
