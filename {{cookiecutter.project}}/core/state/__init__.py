"""What a session is made of: paths and changes, edits and undo, forms, the history of a tab.

`core/session.py` puts it together; nothing here knows Streamlit or a database.
"""
