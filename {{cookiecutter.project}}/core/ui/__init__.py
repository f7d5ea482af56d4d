"""What pages are made of beyond Streamlit's own: controlled widgets, cards, the save status, the user menu.

from core import ui

name = ui.text_input("Name", form="profile", field="name")
"""

from core.ui import cards, times
from core.ui.cards import empty_state
from core.ui.frame import set_page, user_menu
from core.ui.opened import expander, tabs
from core.ui.restored import restore_quietly, restored_notice
from core.ui.saving import save_bar
from core.ui.status import save_status
from core.ui.times import ago, local_time, words
from core.ui.widgets import (
    checkbox,
    color_picker,
    date_input,
    feedback,
    keep_shown,
    multiselect,
    number_input,
    pills,
    radio,
    segmented_control,
    select_slider,
    selectbox,
    slider,
    text_area,
    text_input,
    time_input,
    toggle,
    widget_key,
)

__all__ = [
    "ago",
    "cards",
    "checkbox",
    "color_picker",
    "date_input",
    "empty_state",
    "expander",
    "feedback",
    "keep_shown",
    "local_time",
    "multiselect",
    "number_input",
    "pills",
    "radio",
    "restore_quietly",
    "restored_notice",
    "save_bar",
    "save_status",
    "segmented_control",
    "select_slider",
    "selectbox",
    "set_page",
    "slider",
    "tabs",
    "text_area",
    "text_input",
    "time_input",
    "times",
    "toggle",
    "user_menu",
    "widget_key",
    "words",
]
