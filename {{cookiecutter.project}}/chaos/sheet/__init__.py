"""A sheet to write on: an app with the project's own server and pages, for those who press its keys too fast."""
