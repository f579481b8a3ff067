"""How Hypothesis runs here: without a stopwatch, since a busy machine is no fault of the code's."""

from hypothesis import HealthCheck, settings

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
