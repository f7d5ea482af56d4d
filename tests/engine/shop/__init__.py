"""An app with a table and the revision that makes it. Tests put it into copies of the project, in place of its apps."""

from core.router import App

app = App(title="Shop", roles={"member": ["shop.use"]})
