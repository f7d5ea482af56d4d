"""Everything relied on in Streamlit that is no public API of it. The linter forbids that anywhere else.

| module | relied on |
|---|---|
| `features` | what is left of each part of the engine where Streamlit has changed |
| `contracts` | a test of each, which runs when the server starts and in `manage.py doctor` |
| `messages` | what the browser and the server send each other over the WebSocket |
| `run` | the run in progress: its context, containers and forms |
| `widgets` | `st.session_state` from inside, and what widgets do with their arguments |
| `server` | open pages, uploaded files, addresses, cookies of the sign-in |
| `user` | where `st.user` is read |
| `tables` | how the data editor reads a table |
| `page.js`, `style.css` | the page in the browser: its elements, and names in the browser's storage |
| `testing` | what tests of pages stand in for: the browser that they do without |
"""
