"""The settings of the documentation site, which `scripts/docs.py` builds with Sphinx."""

project = "Streamlit Keep"
html_title = project
html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
extensions = ["myst_parser"]
root_doc = "index"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "strikethrough"]
suppress_warnings = ["myst.header", "toc.not_included"]  # a page may begin at any level, and be found by links only
python_maximum_signature_line_length = 100
pygments_style = "default"
pygments_dark_style = "monokai"
