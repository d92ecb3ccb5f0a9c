"""A server of models for tests: an honest one, or one that fails as it is told."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray


@contextmanager
def serving(answer: Callable[..., Any]) -> Iterator[Any]:
    """Serve ``answer(method, path, content, headers)``, which gives (status, headers, content).

    A content that is no bytes is written as JSON; one that can be called is given the connection.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, body = answer(self.command, self.path, content, dict(self.headers))
            if callable(body):
                body(self)
                self.close_connection = True
                self.wfile = io.BytesIO()  # The other side may have hung up.
                return
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": len(body), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as the library calls it

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def tensors(content: Any) -> Any:
    """The inputs of a request of the Open Inference Protocol as arrays by name."""
    import numpy as np

    kinds = {"BYTES": object, "INT64": np.int64, "FP32": np.float32, "FP64": np.float64, "BOOL": bool}
    return {
        one["name"]: np.asarray(one["data"], kinds[one["datatype"]]).reshape(one["shape"])
        for one in json.loads(content)["inputs"]
    }


def tensor(name: str, values: NDArray[int64]) -> dict[str, Any]:
    """An output as that protocol has it."""
    import numpy as np

    values = np.asarray(values)
    kind = {"f4": "FP32", "f8": "FP64", "i8": "INT64", "b1": "BOOL"}.get(values.dtype.str[1:], "BYTES")
    return {
        "name": name, "datatype": kind, "shape": list(values.shape), "data": values.reshape(-1).tolist()
    }  # fmt: skip
