"""The start page: the apps, what was left unfinished, and what happened lately."""

from core.router import App

app = App(title="Home", icon=":material/home:", order=0)
