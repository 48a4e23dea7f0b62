"""How property tests run: the same examples every time, and no limit of time, which a busy machine would break."""

from hypothesis import HealthCheck, settings

settings.register_profile("sentinel", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sentinel")
