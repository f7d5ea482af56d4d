from core import get_session_manager

manager = get_session_manager()

# Navigate to page
if st.button("Go to Profile"):
    manager.navigate_to("profile", {"user_id": "123"})
    st.rerun()

# Go back
if st.button("Back"):
    if manager.go_back():
        st.rerun()
