"""An app with a page for those who may see it, and with every way in which a page does something."""
