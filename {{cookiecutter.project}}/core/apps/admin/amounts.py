"""Times and sizes, as this app writes them."""

from core import ui


def duration(seconds: float) -> str:
    """Write a duration in the unit it feels like: `12 s`, `5 min`, `3 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"


def size(count: float) -> str:
    """Write a number of bytes: `812 B`, `3.4 MB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1_000:
            return f"{ui.words().number(count, 0 if unit == 'B' else 1)} {unit}"
        count /= 1_000
    return f"{ui.words().number(count, 1)} TB"
