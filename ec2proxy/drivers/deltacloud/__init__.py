"""The driver of a cloud behind an Apache Deltacloud server, over treq."""
