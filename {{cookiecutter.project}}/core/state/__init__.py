"""The parts of a session as plain data: paths and changes, edits and undo, forms, the history of a tab.

`core/session.py` puts them together; nothing here knows Streamlit or a database.
"""
