"""Values of numpy and pandas, for the codec. Neither is imported unless a value needs it."""

from __future__ import annotations

import base64
import io
import math
import sys
from collections.abc import Callable
from typing import Any

_RANGE, _FREQUENCY = "range", "freq"


class RefusalError(Exception):
    """What `NotKeptError` says, before the place is known."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason, self.remedy = reason, remedy


def pack(value: Any) -> dict[str, Any] | None:
    """Return a tagged object for a numpy or pandas value, None for anything else. Raises RefusalError."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and (type(value) is numpy.ndarray or isinstance(value, numpy.generic)):
        return _pack_numpy(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) is pandas.DataFrame:
        return _pack_frame(value)
    if pandas is not None and type(value) in (pandas.Timestamp, pandas.Timedelta):
        return _pack_moment(value)
    if pandas is not None and type(value) is pandas.Period:
        return {"$": "Period", "v": value.ordinal, "freq": value.freqstr}
    if pandas is not None and value is pandas.NaT:
        return {"$": "NaT"}
    return None


def _pack_moment(value: Any) -> dict[str, Any]:
    packed = {"$": type(value).__name__, "v": int(value.asm8.view("i8")), "unit": value.unit}
    if getattr(value, "tzinfo", None) is not None:
        packed["zone"] = str(value.tzinfo)
    back = _unpack_moment(packed)
    if (back, back.unit, getattr(back, "tzinfo", None)) != (value, value.unit, getattr(value, "tzinfo", None)):
        raise RefusalError(
            f"has the time zone {value.tzinfo!r}, whose name is unknown", "Use a zoneinfo.ZoneInfo or UTC."
        )
    return packed


def _unpack_moment(data: dict[str, Any]) -> Any:
    import numpy as np
    import pandas as pd

    if data["$"] == "Timedelta":
        return pd.Timedelta(np.timedelta64(data["v"], data["unit"]))
    moment = pd.Timestamp(np.datetime64(data["v"], data["unit"]))
    return moment.tz_localize("UTC").tz_convert(data["zone"]) if "zone" in data else moment


def _unpack_period(data: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.Period(ordinal=data["v"], freq=data["freq"])


def _unpack_no_moment(_data: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.NaT


def _pack_numpy(value: Any) -> dict[str, Any]:
    import numpy as np

    kind = "ndarray" if type(value) is np.ndarray else "numpy"
    data = base64.b64encode(value.tobytes()[: value.nbytes]).decode()  # an empty np.str_ gives more than it has
    packed = {"$": kind, "v": data, "shape": list(value.shape)}
    if not value.dtype.hasobject and value.dtype.names is None:
        same = np.dtype(value.dtype.str).type is value.dtype.type
        packed["dtype"] = value.dtype.str if same else value.dtype.char
        back = _unpack_numpy(packed)
        if (type(back), back.dtype) == (type(value), value.dtype):
            return packed
    raise RefusalError(f"a numpy value of dtype {value.dtype} can't be kept exactly", "Use .tolist().")


def _unpack_numpy(data: dict[str, Any]) -> Any:
    import numpy as np

    buffer, dtype = base64.b64decode(data["v"], validate=True), np.dtype(data["dtype"])
    if len(buffer) != dtype.itemsize * math.prod(data["shape"]):
        raise ValueError(f"{len(buffer)} bytes are no array of shape {data['shape']} and type {dtype}")
    array: Any = np.ndarray(data["shape"], dtype, buffer)
    return array.copy() if data["$"] == "ndarray" else array[()]


def _pack_frame(value: Any) -> dict[str, Any]:
    import pandas as pd
    import pyarrow as pa

    sink = io.BytesIO()
    try:
        table = pa.Table.from_pandas(value)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        labels = {axis: more for axis in ("index", "columns") if (more := _beyond_arrow(getattr(value, axis)))}
        packed = {"$": "DataFrame", "v": base64.b64encode(sink.getvalue()).decode(), **labels}
        back = _unpack_frame(packed)
        pd.testing.assert_frame_equal(
            back, value, check_exact=True, check_index_type=True, check_column_type=True, check_freq=True
        )
        if _objects(back) != _objects(value):
            raise ValueError("a column holds objects that Arrow changes")
        if back.attrs != value.attrs:
            raise ValueError("its attrs are no plain JSON")
    except (pa.ArrowException, ValueError, TypeError, AssertionError) as error:
        raise RefusalError(
            f"this table would not come back as it is ({str(error).splitlines()[0]})", "Give each column one type."
        ) from error
    return packed


def _unpack_frame(data: dict[str, Any]) -> Any:
    import pandas as pd
    import pyarrow as pa

    with pa.ipc.open_stream(base64.b64decode(data["v"], validate=True)) as reader:
        frame = reader.read_all().to_pandas()
    for axis in ("index", "columns"):
        more = data.get(axis, {})
        if _RANGE in more:
            start, stop, step = more[_RANGE]
            setattr(frame, axis, pd.RangeIndex(start, stop, step, name=getattr(frame, axis).name))
        if _FREQUENCY in more:
            getattr(frame, axis).freq = more[_FREQUENCY]
    return frame


def _beyond_arrow(labels: Any) -> dict[str, Any]:
    """What labels are that Arrow doesn't keep."""
    import pandas as pd

    if type(labels) is pd.RangeIndex:
        return {_RANGE: [labels.start, labels.stop, labels.step]}
    if isinstance(labels, pd.DatetimeIndex | pd.TimedeltaIndex) and labels.freq is not None:
        return {_FREQUENCY: labels.freqstr}
    return {}


def _objects(frame: Any) -> list[tuple[type, str]]:
    """The Python objects in a frame, with their types: pandas calls 1.10 equal to 1.1, and None equal to NaN."""
    columns = [frame.iloc[:, number] for number in range(frame.shape[1])]
    parts = [frame.index, frame.columns, *(column for column in columns if column.dtype == object)]
    return [(type(item), repr(item)) for part in parts for item in part]


UNPACKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "numpy": _unpack_numpy,
    "ndarray": _unpack_numpy,
    "DataFrame": _unpack_frame,
    "Timestamp": _unpack_moment,
    "Timedelta": _unpack_moment,
    "Period": _unpack_period,
    "NaT": _unpack_no_moment,
}
