"""An app of the tests: a form on a page for everybody who is signed in, and a table that says something of people."""

from core.router import App

app = App(title="Diary")
