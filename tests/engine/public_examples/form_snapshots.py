session = get_current_session()

# Create snapshot
snapshot = session.create_form_snapshot("editor", "Before changes")

# Restore snapshot
session.restore_form_snapshot(snapshot.snapshot_id)
