"""Charts over the requests, with filters that stay as they were left."""

from core.router import App

app = App(
    title="Insights",
    icon=":material/insights:",
    order=20,
    description="How many requests, from where, and how long they take. Your filters stay as you left them.",
    roles={"member": ["insights.read"]},
)
