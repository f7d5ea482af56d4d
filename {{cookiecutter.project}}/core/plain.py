"""Text that people or other programs wrote, on a page: as it reads.

    st.markdown(f"**{ui.plain(user.name)}** asks for {ui.plain(request.reason)}")

Streamlit formats what it shows: labels, messages and captions too. `st.text` takes a whole text as it is.
"""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
"""Places at which Markdown recognises an address in spite of a backslash; a character of no width goes there."""
_NO_ROOM = "\u2060"


def plain(text: str) -> str:
    """Text from outside, as it reads: nothing in it is taken for formatting, a link or a picture."""
    return _SPECIAL.sub(r"\\\1", _LINKED.sub(_NO_ROOM, text))
