from __future__ import annotations

import io
import threading

from brokenseal.report.progress import ScanProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with ScanProgress(stream) as progress:
        progress.start(100, 2)
        progress.file("a.log")
        progress.advance(100)
        progress.phase("Running the rules")
    assert stream.getvalue() == ""


def test_on_a_terminal_it_shows_how_far_it_is_and_cleans_up() -> None:
    stream = Terminal()
    with ScanProgress(stream) as progress:
        progress.start(2_000_000, 2)
        progress.file("HttpProxy_2021030304-1.LOG")
        progress.advance(1_000_000)
    shown = stream.getvalue()
    assert "HttpProxy_2021030304-1.LOG" in shown
    assert "1.0/2.0 MB" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


def test_names_of_files_and_phases_are_made_safe() -> None:
    stream = Terminal()
    with ScanProgress(stream) as progress:
        progress.start(10, 1)
        progress.file("folder/\x1b]0;owned\x07[red]x")
    shown = stream.getvalue()
    assert "\x1b]0" not in shown
    assert "\\x1b]0;owned\\x07[red]x" in shown


def test_an_exception_still_gives_the_terminal_back() -> None:
    stream = Terminal()
    try:
        with ScanProgress(stream) as progress:
            progress.start(10, 1)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert stream.getvalue().count("\x1b[?25h") == 1


def test_calls_out_of_order_do_nothing() -> None:
    stream = Terminal()
    progress = ScanProgress(stream)
    progress.advance(5)
    progress.file("early")
    progress.start(0, 0)
    progress.stop()
    progress.stop()
    before = stream.getvalue()
    progress.advance(5)
    progress.file("late")
    assert stream.getvalue() == before


def test_a_phase_after_reading_is_shown_in_its_place() -> None:
    stream = Terminal()
    with ScanProgress(stream) as progress:
        progress.start(10, 1)
        progress.stop()
        progress.phase("applying \x1b[2J rules")
        progress.phase("joining")
    shown = stream.getvalue()
    assert "Applying \\x1b[2J rules" in shown
    assert "Joining" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 3


def advance_often(progress: ScanProgress) -> None:
    for _ in range(1000):
        progress.advance(1)


def test_bytes_from_many_threads_are_all_counted() -> None:
    stream = Terminal()
    with ScanProgress(stream) as progress:
        progress.start(8000, 8)
        threads = [threading.Thread(target=advance_often, args=(progress,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "8.0/8.0 kB" in stream.getvalue()
