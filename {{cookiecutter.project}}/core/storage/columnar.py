"""numpy scalars and arrays, and pandas frames, for the codec. Neither library is imported unless a value needs it."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable
from typing import Any

from core.errors import NotKeptError


def pack(value: Any, path: str) -> dict[str, Any] | None:
    """Return a tagged object for a numpy or pandas value, None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return _pack_numpy(value, path)
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(value) is pandas.DataFrame:
        return _pack_frame(value, path)
    return None


def _pack_numpy(value: Any, path: str) -> dict[str, Any]:
    if value.dtype.hasobject or value.dtype.names is not None:
        raise NotKeptError(path, f"a numpy value of dtype {value.dtype} can't be kept exactly", "Use .tolist().")
    kind = "ndarray" if hasattr(value, "__setitem__") else "numpy"
    data = base64.b64encode(value.tobytes()).decode()
    return {"$": kind, "v": data, "dtype": value.dtype.str, "shape": list(value.shape)}


def _unpack_numpy(data: dict[str, Any]) -> Any:
    import numpy as np

    array = np.frombuffer(base64.b64decode(data["v"], validate=True), dtype=np.dtype(data["dtype"]))
    shaped = array.reshape(data["shape"])
    return shaped.copy() if data["$"] == "ndarray" else shaped[()]


def _pack_frame(value: Any, path: str) -> dict[str, Any]:
    import pandas as pd
    import pyarrow as pa

    sink = io.BytesIO()
    try:
        table = pa.Table.from_pandas(value)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        packed = {"$": "DataFrame", "v": base64.b64encode(sink.getvalue()).decode()}
        pd.testing.assert_frame_equal(_unpack_frame(packed), value, check_exact=True, check_freq=False)
    except (pa.ArrowException, ValueError, TypeError, AssertionError) as error:
        raise NotKeptError(
            path,
            f"this table would not come back as it is ({str(error).splitlines()[0]})",
            "Give each column one type.",
        ) from error
    return packed


def _unpack_frame(data: dict[str, Any]) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(base64.b64decode(data["v"], validate=True)) as reader:
        return reader.read_all().to_pandas()


UNPACKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "numpy": _unpack_numpy,
    "ndarray": _unpack_numpy,
    "DataFrame": _unpack_frame,
}
