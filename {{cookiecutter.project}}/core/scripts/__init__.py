"""Programs that `make` needs before the rest is installed: settings, ports, a database for development, a new app."""
