"""Parts of pages beyond Streamlit's own: controlled widgets, cards, the save status, the user menu.

from core import ui

name = ui.text_input("Name", form="profile", field="name")
"""

from core.language import plain
from core.ui import cards, times
from core.ui.cards import empty_state
from core.ui.chat import chat_input
from core.ui.conflicts import conflict_notice, live_refresh
from core.ui.data_editor import data_editor
from core.ui.expander_state import expander, tabs
from core.ui.form import Form, form
from core.ui.form_parts import Step, save_bar
from core.ui.frame import set_page, user_menu
from core.ui.history import history_panel, undo_bar
from core.ui.kept_file import KeptFile, download_file
from core.ui.keys import widget_key
from core.ui.restore_value import keep_shown
from core.ui.restored_notice import restore_quietly, restored_notice
from core.ui.session_state import session_value
from core.ui.status import save_status
from core.ui.table_rows import TableChanges, edited_rows, table_changes
from core.ui.times import ago, altair_chart, local_time, words
from core.ui.uploader import audio_input, camera_input, file_uploader
from core.ui.widgets import (
    checkbox,
    color_picker,
    date_input,
    datetime_input,
    feedback,
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
