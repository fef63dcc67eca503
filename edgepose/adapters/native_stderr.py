"""What native code writes to standard error, taken to the log instead."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def native_stderr_to(log: logging.Logger, level: int = logging.DEBUG) -> Iterator[None]:
    """While it lasts, file descriptor 2 leads to memory; what was written there is logged afterwards, a line each.

    The runtime greets on standard error whatever its caller says (`INFO: Created TensorFlow Lite XNNPACK …`). The whole
    process is affected, so keep it short and outside of busy threads.
    """
    sys.stderr.flush()
    kept, memory = os.dup(2), os.memfd_create("stderr", os.MFD_CLOEXEC)
    os.dup2(memory, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        size = os.lseek(memory, 0, os.SEEK_END)
        for line in os.pread(memory, size, 0).decode(errors="replace").splitlines():
            log.log(level, "%s", line)
        os.close(memory)
