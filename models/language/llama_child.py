"""A process that runs llama.cpp's server, for the one that started it; run by its path.

It imports nothing of this package, so that it starts at once. What stops llama.cpp stops this process alone.
The first line of its input says what to load, as JSON; it answers with a line, the address or what was wrong,
and ends when its input ends or whoever started it is gone.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

SECONDS = 2.0


def server(asked: dict[str, Any]) -> Any:
    """Load a model and serve it on this machine's loopback."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = asked["path"]
    params.n_ctx, params.n_parallel = asked["context"] * asked["slots"], asked["slots"]
    params.api_keys = [asked["key"]]
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = asked["threads"]
        # Threads that wait do not spin: others run beside.
        cpu.poll = 0
    # A quantised block that is no number is found on loading. Nothing is fitted to the machine: a context
    # made shorter, to have room, would cut prompts.
    params.check_tensors, params.fit_params = True, False
    params.warmup = params.ui = params.cache_prompt = params.ctx_shift = False
    params.cache_ram_mib = params.n_ctx_checkpoints = 0
    # Errors alone.
    params.verbosity = 1
    return xllamacpp.Server(params)


def main() -> None:
    """Serve until nobody asks any more."""
    parent = os.getppid()
    asked = json.loads(sys.stdin.readline())
    try:
        running = server(asked)
        told = {"address": running.listening_address}
    except (ImportError, RuntimeError) as error:
        # Ends as a program does, so that llama.cpp writes the rest of its log.
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps(told), flush=True)
    while os.getppid() == parent:
        ready, _, _ = select.select([sys.stdin], [], [], SECONDS)
        if ready and not sys.stdin.readline():
            break
    # llama.cpp's own threads are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
