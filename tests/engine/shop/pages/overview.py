"""The goods."""

import streamlit as st
from apps.shop.goods import GoodsRow

from core.router import page


@page(title="Goods")
def overview() -> None:
    st.title(GoodsRow.__tablename__)
