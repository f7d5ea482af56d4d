"""The table of what there is to buy."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core import db


class GoodsRow(db.Base):
    __tablename__ = "goods"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str]
