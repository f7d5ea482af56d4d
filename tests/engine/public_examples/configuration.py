from core.session_persistence import SessionPersistenceEngine

engine = SessionPersistenceEngine(
    debounce_delay=2.0,      # 2 seconds
    session_timeout=86400    # 24 hours
)
