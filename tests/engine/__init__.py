"""The engine's laws: all that tests `core` from inside, against the template's folder as it is."""

from pathlib import Path

HERE = Path(__file__).parent
