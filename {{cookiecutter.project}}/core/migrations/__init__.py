"""The engine's revisions, and how all revisions are run and written."""
