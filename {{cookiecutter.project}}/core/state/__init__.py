"""Parts of a session as plain data: paths and changes, edits of forms, histories of tabs.

`core/session.py` puts it together; nothing here knows Streamlit or a database.
"""
