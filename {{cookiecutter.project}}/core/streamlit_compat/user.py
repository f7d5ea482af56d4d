"""`st.user` says who is signed in, to pages that know nothing but Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamlit import user_info

from core.streamlit_compat.features import Feature, broken
from core.streamlit_compat.run import run_context

Facts = Mapping[str, str | bool | None]


def answer_user(account: Callable[[], Facts]) -> None:
    """Let `st.user` say what `account` returns; of who is signed in also what Streamlit has by itself, such as tokens.

    Streamlit reads it in one place, from the context of a run. That is new for each run, and what it holds is the
    connection's, by which a page that comes back is recognised: neither can be filled for a callback or a fragment,
    before which no code of ours runs. So it is answered when it is asked for.
    """
    of_streamlit: Callable[[], Facts] | None = getattr(user_info, "_get_user_info", None)
    if of_streamlit is None:  # which its contract says
        return

    def answer() -> Facts:
        known = of_streamlit()
        if run_context() is None or Feature.USER in broken():
            return known
        said = account()
        return {**known, **said} if said["is_logged_in"] else said

    user_info._get_user_info = answer  # type: ignore[assignment]
