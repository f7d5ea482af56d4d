"""The fixtures of the project's tests, here and in `apps/<name>/tests/`: see `core/testing`."""

pytest_plugins = ["core.testing.fixtures"]
