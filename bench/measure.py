"""Run a command and measure it: wall and CPU time, and the memory of it and all its children together.

CPU time is the kernel's account of the process and the children it waited for (``wait4``). Memory is sampled: the sum of
the resident sets of the process tree. A page that two processes share counts twice, so the sum errs upwards; a peak
shorter than the sampling interval may be missed, but never that of the process itself: the kernel's own peak is the least.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Times in seconds, ``peak_bytes`` of all processes together; ``sampled``: False where only the largest
    process is known."""

    wall: float
    cpu: float
    peak_bytes: int
    sampled: bool
    code: int


def measure(command: Sequence[str], out: Path, environment: Mapping[str, str], ok: Sequence[int] = (0,)) -> Measured:
    """Run *command* in *environment* with its standard output in the file *out*.

    Raises RuntimeError with the end of the standard error when the exit code is not among *ok*.
    """
    if sys.platform == "win32":
        raise RuntimeError("the benchmark needs Linux or macOS (wait4)")
    errors = out.with_suffix(".stderr")
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=dict(environment)
        )
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            raise
        finally:
            sampler.stop()
    if process.returncode not in ok:
        said = errors.read_text("utf-8", "replace")[-2_000:]
        raise RuntimeError(f"{' '.join(command[:4])} ... ended with {process.returncode}:\n{said}")
    largest = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    return Measured(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_bytes=max(largest, sampler.peak),
        sampled=_PROC.is_dir(),
        code=process.returncode,
    )


class _Sampler(threading.Thread):
    """Follows the resident memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(_resident, _tree(self._pid))))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in _names(_PROC / str(parent) / "task"):
            found += [int(child) for child in _text(_PROC / str(parent) / "task" / task / "children").split()]
    return found


def _resident(pid: int) -> int:
    pages = _text(_PROC / str(pid) / "statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else 0


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # the process has just ended
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
