"""Requests over time, with filters that stay as they were left."""

from core.router import App

app = App(
    title="Insights",
    icon=":material/insights:",
    order=20,
    description="How many requests, when and from where. Your filters stay as you left them.",
    roles={"member": ["insights.read"]},
)
