"""The fixtures of `tests/`, for the tests that an app has in `apps/<name>/tests/`."""

from tests.conftest import *  # noqa: F403
