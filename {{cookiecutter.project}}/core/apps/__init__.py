"""The engine's own apps. A project's app of the same name, in `apps/`, takes the place of one."""
