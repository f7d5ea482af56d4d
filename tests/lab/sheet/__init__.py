"""A sheet to write on: an app with the project's own server and pages, for those who press its keys too fast."""

from pathlib import Path

APP = Path(__file__).with_name("app.py")
