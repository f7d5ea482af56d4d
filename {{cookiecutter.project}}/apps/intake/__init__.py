"""Requests for equipment and services, entered in steps. The example to copy for a form of your own."""

from core.router import App

app = App(
    title="Intake",
    icon=":material/edit_note:",
    order=10,
    description="Ask for equipment or a service, step by step. Stop whenever you like and go on later.",
    roles={"member": ["intake.use"]},
)
