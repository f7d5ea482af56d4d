"""What pages are made of beyond Streamlit's own: controlled widgets, cards, the save status, the user menu.

from core import ui

name = ui.text_input("Name", form="profile", field="name")
"""

from core.language import plain
from core.ui import cards, times
from core.ui.cards import empty_state
from core.ui.charts import altair_chart
from core.ui.chat import chat_input
from core.ui.conflicts import conflict_notice
from core.ui.data_editor import data_editor
from core.ui.file_list import download_file
from core.ui.files import audio_input, camera_input, file_uploader
from core.ui.form import Form, form
from core.ui.frame import set_page, user_menu
from core.ui.history import history_panel
from core.ui.kept_file import KeptFile
from core.ui.keys import widget_key
from core.ui.live import live_refresh
from core.ui.opened import expander, tabs
from core.ui.restored import restore_quietly, restored_notice
from core.ui.saving import save_bar
from core.ui.status import save_status
from core.ui.steps import Step
from core.ui.table_rows import TableChanges, edited_rows, table_changes
from core.ui.times import ago, local_time, words
from core.ui.undo import undo_bar
from core.ui.widgets import (
    checkbox,
    color_picker,
    date_input,
    datetime_input,
    feedback,
    keep_shown,
    multiselect,
    number_input,
    pagination,
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
)

__all__ = [
    "Form",
    "KeptFile",
    "Step",
    "TableChanges",
    "ago",
    "altair_chart",
    "audio_input",
    "camera_input",
    "cards",
    "chat_input",
    "checkbox",
    "color_picker",
    "conflict_notice",
    "data_editor",
    "date_input",
    "datetime_input",
    "download_file",
    "edited_rows",
    "empty_state",
    "expander",
    "feedback",
    "file_uploader",
    "form",
    "history_panel",
    "keep_shown",
    "live_refresh",
    "local_time",
    "multiselect",
    "number_input",
    "pagination",
    "pills",
    "plain",
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
    "table_changes",
    "tabs",
    "text_area",
    "text_input",
    "time_input",
    "times",
    "toggle",
    "undo_bar",
    "user_menu",
    "widget_key",
    "words",
]
