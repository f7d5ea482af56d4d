"""The start page, and what a person keeps in order for themselves: devices, preferences, password, data."""

from core.router import App

app = App(title="Home", icon=":material/home:", order=0)
