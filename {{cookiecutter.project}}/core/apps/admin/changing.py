"""What the pages of this app say when something can't be changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core import ui
from core.errors import AccountError, StoreUnavailableError
from core.storage.database import reachable


@contextmanager
def or_say_so() -> Iterator[None]:
    """Say on the page why what is within the block was not done, where that is known."""
    try:
        with reachable():
            yield
    except AccountError as error:
        st.error(ui.plain(str(error)))
    except StoreUnavailableError:
        st.error("The database is away: nothing was changed. Try again when it is back.", icon=":material/cloud_off:")
