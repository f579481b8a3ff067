"""Measurements. ``make bench`` runs them all and writes docs/performance.rst; nothing here is asserted in a test."""
