"""Services as they should be, and variants that lose data on purpose: the checker must notice each of them.

They are put together from the real parts, with one of them replaced; nothing in `core` knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.clock import Clock
from core.services import Services, build_services
from core.settings import Settings

VARIANTS: Mapping[str, Callable[[Settings, Clock], Services]] = {
    "real": build_services,
}
