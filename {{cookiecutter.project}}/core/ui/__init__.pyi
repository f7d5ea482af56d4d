# Written by scripts/ui_stub.py of the template.

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
import pandas as pd
from streamlit.dataframe_util import OptionSequence
from streamlit.elements.lib.column_config_utils import ColumnConfigMappingInput
from streamlit.elements.lib.column_types import DateTimeFormat, NumberFormat
from streamlit.elements.lib.layout_utils import Height, Width, WidthWithoutContent
from streamlit.elements.lib.options_selector_utils import SelectWidgetFilterMode
from streamlit.elements.lib.utils import Key, LabelVisibility
from streamlit.elements.widgets.camera_input import CameraInputResolution
from streamlit.elements.widgets.chat import ChatInputValue
from streamlit.elements.widgets.data_editor import EditableData
from streamlit.elements.widgets.file_uploader import AcceptMultipleFiles
from streamlit.elements.widgets.slider import (
    SliderDatelikeSpanT, SliderDatelikeT, SliderNumericSpanT, SliderNumericT, StepDatelikeT, StepNumericT
)
from streamlit.elements.widgets.time_widgets import (
    DateTimeScalarValue, DateTimeValue, DateWidgetRangeReturn, NullableScalarDateValue, TimeValue
)
from streamlit.runtime.state import (
    BindOption, OnChangeMode, PersistStateOption, WidgetArgs, WidgetCallback, WidgetKwargs
)
from streamlit.type_util import SupportsStr
from typing import Any, Literal, Never, TypeVar, overload

from core.language import plain as plain
from core.ui import cards as cards
from core.ui import times as times
from core.ui.cards import empty_state as empty_state
from core.ui.conflicts import conflict_notice as conflict_notice
from core.ui.conflicts import live_refresh as live_refresh
from core.ui.expander_state import expander as expander
from core.ui.expander_state import tabs as tabs
from core.ui.form import Form as Form
from core.ui.form import form as form
from core.ui.form_parts import Step as Step
from core.ui.form_parts import save_bar as save_bar
from core.ui.frame import set_page as set_page
from core.ui.frame import user_menu as user_menu
from core.ui.history import history_panel as history_panel
from core.ui.history import undo_bar as undo_bar
from core.ui.kept_file import KeptFile as KeptFile
from core.ui.kept_file import download_file as download_file
from core.ui.keys import widget_key as widget_key
from core.ui.restore_value import keep_shown as keep_shown
from core.ui.restored_notice import restore_quietly as restore_quietly
from core.ui.restored_notice import restored_notice as restored_notice
from core.ui.session_state import session_value as session_value
from core.ui.status import save_status as save_status
from core.ui.table_rows import TableChanges as TableChanges
from core.ui.table_rows import edited_rows as edited_rows
from core.ui.table_rows import table_changes as table_changes
from core.ui.times import ago as ago
from core.ui.times import altair_chart as altair_chart
from core.ui.times import local_time as local_time
from core.ui.times import words as words

T = TypeVar("T")
V = TypeVar("V")

@overload
def chat_input(
    placeholder: str = ..., *, form: str | None = ..., field: str, key: Key | None = ..., max_chars: int | None = ...,
    max_upload_size: int | None = ..., accept_file: Literal[False] = ..., file_type: str | Sequence[str] | None = ...,
    accept_audio: Literal[False] = ..., disabled: bool = ..., submit_mode: Literal['submit', 'disable', 'stop'] = ...,
    on_submit: WidgetCallback | None = ..., args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ...,
    width: WidthWithoutContent = ..., height: Height = ...
) -> str | None: ...
@overload
def chat_input(
    placeholder: str = ..., *, form: str | None = ..., field: str, key: Key | None = ..., max_chars: int | None = ...,
    max_upload_size: int | None = ..., accept_file: Literal[True, 'multiple', 'directory'],
    file_type: str | Sequence[str] | None = ..., accept_audio: bool = ..., audio_sample_rate: int | None = ...,
    disabled: bool = ..., submit_mode: Literal['submit', 'disable', 'stop'] = ...,
    on_submit: WidgetCallback | None = ..., args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ...,
    width: WidthWithoutContent = ..., height: Height = ...
) -> ChatInputValue | None: ...
@overload
def chat_input(
    placeholder: str = ..., *, form: str | None = ..., field: str, key: Key | None = ..., max_chars: int | None = ...,
    max_upload_size: int | None = ..., accept_file: bool | Literal['multiple', 'directory'] = ...,
    file_type: str | Sequence[str] | None = ..., accept_audio: Literal[True], audio_sample_rate: int | None = ...,
    disabled: bool = ..., submit_mode: Literal['submit', 'disable', 'stop'] = ...,
    on_submit: WidgetCallback | None = ..., args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ...,
    width: WidthWithoutContent = ..., height: Height = ...
) -> ChatInputValue | None: ...
@overload
def chat_input(
    placeholder: str = ..., *, form: str | None = ..., field: str, key: Key | None = ..., max_chars: int | None = ...,
    max_upload_size: int | None = ..., accept_file: bool | Literal['multiple', 'directory'] = ...,
    file_type: str | Sequence[str] | None = ..., accept_audio: bool = ..., disabled: bool = ...,
    submit_mode: Literal['submit', 'disable', 'stop'] = ..., on_submit: WidgetCallback | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., width: WidthWithoutContent = ...,
    height: Height = ...
) -> str | ChatInputValue | None: ...
@overload
def data_editor(
    data: list[T], *, form: str | None = ..., field: str, row_id: str | int | None = ..., width: Width = ...,
    height: Height | Literal['auto'] = ..., use_container_width: bool | None = ..., hide_index: bool | None = ...,
    column_order: Iterable[str] | None = ..., column_config: ColumnConfigMappingInput | None = ...,
    num_rows: Literal['fixed', 'dynamic', 'add', 'delete'] = ..., disabled: bool | Iterable[str | int] = ...,
    key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., row_height: int | None = ..., placeholder: str | None = ...,
    alt: str | None = ...
) -> list[T]: ...
@overload
def data_editor(
    data: dict[str, T], *, form: str | None = ..., field: str, row_id: str | int | None = ..., width: Width = ...,
    height: Height | Literal['auto'] = ..., use_container_width: bool | None = ..., hide_index: bool | None = ...,
    column_order: Iterable[str] | None = ..., column_config: ColumnConfigMappingInput | None = ...,
    num_rows: Literal['fixed', 'dynamic', 'add', 'delete'] = ..., disabled: bool | Iterable[str | int] = ...,
    key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., row_height: int | None = ..., placeholder: str | None = ...,
    alt: str | None = ...
) -> dict[str, T]: ...
@overload
def data_editor(
    data: set[T], *, form: str | None = ..., field: str, row_id: str | int | None = ..., width: Width = ...,
    height: Height | Literal['auto'] = ..., use_container_width: bool | None = ..., hide_index: bool | None = ...,
    column_order: Iterable[str] | None = ..., column_config: ColumnConfigMappingInput | None = ...,
    num_rows: Literal['fixed', 'dynamic', 'add', 'delete'] = ..., disabled: bool | Iterable[str | int] = ...,
    key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., row_height: int | None = ..., placeholder: str | None = ...,
    alt: str | None = ...
) -> set[T]: ...
@overload
def data_editor(
    data: EditableData, *, form: str | None = ..., field: str, row_id: str | int | None = ..., width: Width = ...,
    height: Height | Literal['auto'] = ..., use_container_width: bool | None = ..., hide_index: bool | None = ...,
    column_order: Iterable[str] | None = ..., column_config: ColumnConfigMappingInput | None = ...,
    num_rows: Literal['fixed', 'dynamic', 'add', 'delete'] = ..., disabled: bool | Iterable[str | int] = ...,
    key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., row_height: int | None = ..., placeholder: str | None = ...,
    alt: str | None = ...
) -> EditableData: ...
@overload
def data_editor(
    data: Any, *, form: str | None = ..., field: str, row_id: str | int | None = ..., width: Width = ...,
    height: Height | Literal['auto'] = ..., use_container_width: bool | None = ..., hide_index: bool | None = ...,
    column_order: Iterable[str] | None = ..., column_config: ColumnConfigMappingInput | None = ...,
    num_rows: Literal['fixed', 'dynamic', 'add', 'delete'] = ..., disabled: bool | Iterable[str | int] = ...,
    key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., row_height: int | None = ..., placeholder: str | None = ...,
    alt: str | None = ...
) -> pd.DataFrame: ...
def audio_input(
    label: str, *, form: str | None = ..., field: str, sample_rate: int | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ...
) -> KeptFile | None: ...
def camera_input(
    label: str, key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., resolution: CameraInputResolution | None = ...,
    width: WidthWithoutContent = ...
) -> KeptFile | None: ...
@overload
def file_uploader(
    label: str, type: str | Sequence[str] | None, accept_multiple_files: Literal[True, 'directory'],
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    max_upload_size: int | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ...
) -> list[KeptFile]: ...
@overload
def file_uploader(
    label: str, type: str | Sequence[str] | None, accept_multiple_files: Literal[False] = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, max_upload_size: int | None = ...,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...
) -> KeptFile | None: ...
@overload
def file_uploader(
    label: str, *, form: str | None = ..., field: str, accept_multiple_files: Literal[True, 'directory'],
    type: str | Sequence[str] | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., max_upload_size: int | None = ..., disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...
) -> list[KeptFile]: ...
@overload
def file_uploader(
    label: str, *, form: str | None = ..., field: str, accept_multiple_files: Literal[False] = ...,
    type: str | Sequence[str] | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., max_upload_size: int | None = ..., disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...
) -> KeptFile | None: ...
@overload
def file_uploader(
    label: str, type: str | Sequence[str] | None = ..., accept_multiple_files: AcceptMultipleFiles = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    max_upload_size: int | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ...
) -> KeptFile | list[KeptFile] | None: ...
def checkbox(
    label: str, value: bool = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: Width = ..., wrap: bool | None = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> bool: ...
def color_picker(
    label: str, value: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: Width = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> str: ...
@overload
def date_input(
    label: str, value: date | datetime | str | Literal['today'] = ..., min_value: NullableScalarDateValue = ...,
    max_value: NullableScalarDateValue = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, format: str = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> date: ...
@overload
def date_input(
    label: str, value: None, min_value: NullableScalarDateValue = ..., max_value: NullableScalarDateValue = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    format: str = ..., disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> date | None: ...
@overload
def date_input(
    label: str,
    value: tuple[NullableScalarDateValue] | tuple[NullableScalarDateValue, NullableScalarDateValue] | list[NullableScalarDateValue],
    min_value: NullableScalarDateValue = ..., max_value: NullableScalarDateValue = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, format: str = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> DateWidgetRangeReturn: ...
@overload
def datetime_input(
    label: str, value: None, min_value: DateTimeValue = ..., max_value: DateTimeValue = ..., *, form: str | None = ...,
    field: str, key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., format: str = ..., step: int | timedelta = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> datetime | None: ...
@overload
def datetime_input(
    label: str, value: DateTimeScalarValue = ..., min_value: DateTimeValue = ..., max_value: DateTimeValue = ..., *,
    form: str | None = ..., field: str, key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., format: str = ..., step: int | timedelta = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> datetime: ...
@overload
def feedback(
    options: Literal['thumbs'] = ..., *, form: str | None = ..., field: str, key: Key | None = ...,
    default: int | None = ..., disabled: bool = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., width: Width = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> Literal[0, 1] | None: ...
@overload
def feedback(
    options: Literal['faces', 'stars'] = ..., *, form: str | None = ..., field: str, key: Key | None = ...,
    default: int | None = ..., disabled: bool = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., width: Width = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> Literal[0, 1, 2, 3, 4] | None: ...
@overload
def multiselect(
    label: str, options: OptionSequence[T], default: Any | None = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., max_selections: int | None = ..., placeholder: str | None = ...,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., accept_new_options: Literal[False] = ...,
    filter_mode: SelectWidgetFilterMode = ..., select_all: bool | int = ..., width: WidthWithoutContent = ...,
    wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[T]: ...
@overload
def multiselect(
    label: str, options: OptionSequence[T], default: Any | None = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., max_selections: int | None = ..., placeholder: str | None = ...,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., accept_new_options: Literal[True] = ...,
    filter_mode: SelectWidgetFilterMode = ..., select_all: bool | int = ..., width: WidthWithoutContent = ...,
    wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[T | str]: ...
@overload
def multiselect(
    label: str, options: OptionSequence[T], default: Any | None = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., max_selections: int | None = ..., placeholder: str | None = ...,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., accept_new_options: bool = ...,
    filter_mode: SelectWidgetFilterMode = ..., select_all: bool | int = ..., width: WidthWithoutContent = ...,
    wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[T] | list[T | str]: ...
@overload
def number_input(
    label: str, min_value: int, max_value: int | None = ..., value: int | Literal['min'] = ..., step: int | None = ...,
    format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, placeholder: str | None = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int: ...
@overload
def number_input(
    label: str, min_value: int, max_value: int | None = ..., value: None = ..., step: int | None = ...,
    format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, placeholder: str | None = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int | None: ...
@overload
def number_input(
    label: str, min_value: None = ..., *, form: str | None = ..., field: str, max_value: int,
    value: int | Literal['min'] = ..., step: int | None = ..., format: str | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., placeholder: str | None = ..., disabled: bool = ..., required: bool = ...,
    label_visibility: LabelVisibility = ..., icon: str | None = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int: ...
@overload
def number_input(
    label: str, min_value: None = ..., *, form: str | None = ..., field: str, max_value: int, value: None = ...,
    step: int | None = ..., format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., placeholder: str | None = ..., disabled: bool = ..., required: bool = ...,
    label_visibility: LabelVisibility = ..., icon: str | None = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int | None: ...
@overload
def number_input(
    label: str, min_value: int | None = ..., max_value: int | None = ..., *, form: str | None = ..., field: str,
    value: int, step: int | None = ..., format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., placeholder: str | None = ..., disabled: bool = ..., required: bool = ...,
    label_visibility: LabelVisibility = ..., icon: str | None = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int: ...
@overload
def number_input(
    label: str, min_value: None = ..., max_value: None = ..., value: int | Literal['min'] = ..., *,
    form: str | None = ..., field: str, step: int, format: str | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., placeholder: str | None = ..., disabled: bool = ..., required: bool = ...,
    label_visibility: LabelVisibility = ..., icon: str | None = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int: ...
@overload
def number_input(
    label: str, min_value: None = ..., max_value: None = ..., value: None = ..., *, form: str | None = ..., field: str,
    step: int, format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., placeholder: str | None = ..., disabled: bool = ..., required: bool = ...,
    label_visibility: LabelVisibility = ..., icon: str | None = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> int | None: ...
@overload
def number_input(
    label: str, min_value: float | None = ..., max_value: float | None = ..., value: float | Literal['min'] = ...,
    step: float | None = ..., format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, placeholder: str | None = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> float: ...
@overload
def number_input(
    label: str, min_value: float | None = ..., max_value: float | None = ..., value: None = ...,
    step: float | None = ..., format: str | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, placeholder: str | None = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> float | None: ...
def pagination(
    num_pages: int, *, form: str | None = ..., field: str, default: int = ..., max_visible_pages: int | None = ...,
    width: Width = ..., key: Key | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., disabled: bool = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> int: ...
@overload
def pills(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: V,
    required: Literal[True], format_func: Callable[[Any], str] | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V: ...
@overload
def pills(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: None = ...,
    required: Literal[True], format_func: Callable[[Any], str] | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V | None: ...
@overload
def pills(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: V | None = ...,
    required: bool = ..., format_func: Callable[[Any], str] | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V | None: ...
@overload
def pills(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['multi'], default: Sequence[V] | None,
    required: Literal[False] = ..., format_func: Callable[[Any], str] | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[V]: ...
@overload
def pills(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['multi'], default: V | None = ...,
    required: Literal[False] = ..., format_func: Callable[[Any], str] | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[V]: ...
@overload
def radio(
    label: str, options: Sequence[Never], index: int = ..., format_func: Callable[[Any], Any] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., disabled: bool = ..., horizontal: bool = ...,
    captions: Sequence[str] | None = ..., label_visibility: LabelVisibility = ..., width: Width = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> None: ...
@overload
def radio(
    label: str, options: OptionSequence[T], index: int = ..., format_func: Callable[[Any], Any] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., disabled: bool = ..., horizontal: bool = ...,
    captions: Sequence[str] | None = ..., label_visibility: LabelVisibility = ..., width: Width = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T: ...
@overload
def radio(
    label: str, options: OptionSequence[T], index: None, format_func: Callable[[Any], Any] = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., disabled: bool = ..., horizontal: bool = ...,
    captions: Sequence[str] | None = ..., label_visibility: LabelVisibility = ..., width: Width = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | None: ...
@overload
def segmented_control(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: V,
    required: Literal[True], format_func: Callable[[Any], str] | None = ..., key: str | int | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V: ...
@overload
def segmented_control(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: None = ...,
    required: Literal[True], format_func: Callable[[Any], str] | None = ..., key: str | int | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V | None: ...
@overload
def segmented_control(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['single'] = ..., default: V | None = ...,
    required: bool = ..., format_func: Callable[[Any], str] | None = ..., key: str | int | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> V | None: ...
@overload
def segmented_control(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['multi'], default: Sequence[V] | None,
    required: Literal[False] = ..., format_func: Callable[[Any], str] | None = ..., key: str | int | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[V]: ...
@overload
def segmented_control(
    label: str, options: OptionSequence[V], *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., selection_mode: Literal['multi'], default: V | None = ...,
    required: Literal[False] = ..., format_func: Callable[[Any], str] | None = ..., key: str | int | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: Width = ..., wrap: bool | None = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> list[V]: ...
@overload
def select_slider(
    label: str, options: OptionSequence[T], value: tuple[T, T] | list[T], format_func: Callable[[Any], Any] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> tuple[T, T]: ...
@overload
def select_slider(
    label: str, options: OptionSequence[T] = ..., value: T | None = ..., format_func: Callable[[Any], Any] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T: ...
@overload
def selectbox(
    label: str, options: Sequence[Never], index: int = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[False] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> None: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: int = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[False] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: int = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[True] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | str: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: None, format_func: Callable[[Any], str] = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[False] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | None: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: None, format_func: Callable[[Any], str] = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[True] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | str | None: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: int | None = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: Literal[False] = ..., filter_mode: SelectWidgetFilterMode = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | None: ...
@overload
def selectbox(
    label: str, options: OptionSequence[T], index: int | None = ..., format_func: Callable[[Any], str] = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    option_id: Callable[[Any], Any] | None = ..., placeholder: str | None = ..., disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., icon: str | None = ...,
    accept_new_options: bool = ..., filter_mode: SelectWidgetFilterMode = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> T | str | None: ...
@overload
def slider(
    label: str, min_value: None = ..., max_value: None = ..., value: None = ..., step: int | None = ...,
    format: str | NumberFormat | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> int: ...
@overload
def slider(
    label: str, min_value: SliderNumericT | None = ..., max_value: SliderNumericT | None = ...,
    value: SliderNumericT | None = ..., step: StepNumericT[SliderNumericT] | None = ...,
    format: str | NumberFormat | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> SliderNumericT: ...
@overload
def slider(
    label: str, min_value: SliderNumericT | None = ..., max_value: SliderNumericT | None = ..., *,
    form: str | None = ..., field: str, value: SliderNumericSpanT[SliderNumericT],
    step: StepNumericT[SliderNumericT] | None = ..., format: str | NumberFormat | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> tuple[SliderNumericT, SliderNumericT]: ...
@overload
def slider(
    label: str, min_value: SliderNumericT, max_value: SliderNumericT, value: SliderNumericSpanT[SliderNumericT],
    step: StepNumericT[SliderNumericT] | None = ..., format: str | NumberFormat | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> tuple[SliderNumericT, SliderNumericT]: ...
@overload
def slider(
    label: str, min_value: SliderDatelikeT, max_value: SliderDatelikeT | None = ...,
    value: SliderDatelikeT | None = ..., step: StepDatelikeT | None = ..., format: str | DateTimeFormat | None = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    disabled: bool = ..., label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ...,
    bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> SliderDatelikeT: ...
@overload
def slider(
    label: str, min_value: None = ..., *, form: str | None = ..., field: str, max_value: SliderDatelikeT,
    value: SliderDatelikeT | None = ..., step: StepDatelikeT | None = ..., format: str | DateTimeFormat | None = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> SliderDatelikeT: ...
@overload
def slider(
    label: str, min_value: None = ..., max_value: None = ..., *, form: str | None = ..., field: str,
    value: SliderDatelikeT, step: StepDatelikeT | None = ..., format: str | DateTimeFormat | None = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> SliderDatelikeT: ...
@overload
def slider(
    label: str, min_value: SliderDatelikeT | None = ..., max_value: SliderDatelikeT | None = ..., *,
    form: str | None = ..., field: str,
    value: list[SliderDatelikeT] | tuple[SliderDatelikeT] | tuple[SliderDatelikeT, SliderDatelikeT],
    step: StepDatelikeT | None = ..., format: str | DateTimeFormat | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., disabled: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> tuple[SliderDatelikeT, SliderDatelikeT]: ...
@overload
def slider(
    format: str | DateTimeFormat | None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> tuple[SliderDatelikeT, SliderDatelikeT]: ...
@overload
def text_area(
    label: str, value: str = ..., height: Height | None = ..., max_chars: int | None = ..., key: Key | None = ...,
    help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, placeholder: str | None = ...,
    disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> str: ...
@overload
def text_area(
    label: str, value: SupportsStr | None = ..., height: Height | None = ..., max_chars: int | None = ...,
    key: Key | None = ..., help: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    placeholder: str | None = ..., disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> str | None: ...
@overload
def text_input(
    label: str, value: str = ..., max_chars: int | None = ..., key: Key | None = ...,
    type: Literal['default', 'password', 'email', 'url', 'phone', 'search'] = ..., help: str | None = ...,
    autocomplete: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    placeholder: str | None = ..., disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    icon: str | None = ..., validate: str | tuple[str, str] | None = ..., live: str | bool = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> str: ...
@overload
def text_input(
    label: str, value: SupportsStr | None = ..., max_chars: int | None = ..., key: Key | None = ...,
    type: Literal['default', 'password', 'email', 'url', 'phone', 'search'] = ..., help: str | None = ...,
    autocomplete: str | None = ..., on_change: WidgetCallback | OnChangeMode | None = ...,
    args: WidgetArgs | None = ..., kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str,
    placeholder: str | None = ..., disabled: bool = ..., required: bool = ..., label_visibility: LabelVisibility = ...,
    icon: str | None = ..., validate: str | tuple[str, str] | None = ..., live: str | bool = ...,
    width: WidthWithoutContent = ..., bind: BindOption = ..., persist_state: PersistStateOption = ...
) -> str | None: ...
@overload
def time_input(
    label: str, value: TimeValue = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., step: int | timedelta = ...,
    format: Literal['12h', '24h', 'localized'] = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> time: ...
@overload
def time_input(
    label: str, value: None = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    required: bool = ..., label_visibility: LabelVisibility = ..., step: int | timedelta = ...,
    format: Literal['12h', '24h', 'localized'] = ..., width: WidthWithoutContent = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> time | None: ...
def toggle(
    label: str, value: bool = ..., key: Key | None = ..., help: str | None = ...,
    on_change: WidgetCallback | OnChangeMode | None = ..., args: WidgetArgs | None = ...,
    kwargs: WidgetKwargs | None = ..., *, form: str | None = ..., field: str, disabled: bool = ...,
    label_visibility: LabelVisibility = ..., width: Width = ..., wrap: bool | None = ..., bind: BindOption = ...,
    persist_state: PersistStateOption = ...
) -> bool: ...
