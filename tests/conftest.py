"""For all tests: examples of hypothesis may take their time, since machines that run tests are busy."""

from hypothesis import settings

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
