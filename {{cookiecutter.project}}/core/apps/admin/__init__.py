"""People, roles, sessions, the audit trail, and the health of the storage."""

from core.router import App

app = App(
    title="Admin",
    icon=":material/shield_person:",
    order=90,
    description="Who may do what, who is signed in, and whether all is well.",
)
