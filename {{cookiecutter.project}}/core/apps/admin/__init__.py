"""People, roles, sessions and metrics."""

from core.router import App

app = App(
    title="Admin",
    icon=":material/shield_person:",
    order=90,
    description="Who may do what, who is signed in, and how much is going on.",
)
