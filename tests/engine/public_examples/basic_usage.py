import streamlit as st
from core import bootstrap_session, persist_input, save_form

# Initialize session
session = bootstrap_session()

# Persist widget input
def on_name_change():
    persist_input("name", st.session_state.name, form_id="user_form")

st.text_input("Name", key="name", on_change=on_name_change)

# Save complete form
if st.button("Save"):
    form_data = {
        "name": st.session_state.name,
        "email": st.session_state.email,
    }
    save_form("user_form", form_data)
