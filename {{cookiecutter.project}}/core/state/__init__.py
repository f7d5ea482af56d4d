"""What a session is made of, as plain data: changes, forms and their steps, tabs, and what is said of each of them.

`core/session.py` puts it together; nothing here knows Streamlit or a database.
"""
