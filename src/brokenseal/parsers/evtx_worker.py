"""A process that decodes the chunks of event logs: images of chunks in, JSON of their records out.

Run as a file by ``evtx_decoder``, it imports nothing but the decoder. It stands alone because nothing else helps when
hostile content makes the decoder take all memory, run without end or crash: this process is ended, the scan goes on.

Events of one kind share the head of their JSON; what is each one's own is its *stamp* (time, number, process) and its
data. A text is cut so: ``before TIME stamp CHANNEL after DATA data}}``, where ``before`` and ``after`` are the head. That is
given once a chunk, and the text of a record is then ``stamp data}}``.

Request: number of chunks (uint32), then 64 KiB each. The answers to them come in frames: bytes that follow (uint32), then
whole answers. Answer, for each chunk: number of results (int32; -1: the decoder gave up on the chunk), bytes of the heads
and of the texts (uint32 each); for each result its record's number (uint64), then for each the length of its text (int32,
negative: it is an error), for each that of its stamp, for each the number of its head (int32; WHOLE: it is not cut); the
heads, a line for each of their parts; the texts (UTF-8). All in the machine's own byte order.
"""

from __future__ import annotations

import io
import signal
import struct
from array import array
from collections.abc import Iterable
from typing import NamedTuple, TypedDict, cast

import evtx

CHUNK = 65536
REQUEST = FRAME = struct.Struct("=I")
ANSWER = struct.Struct("=iII")
#: Where the JSON of an event is cut. No value can hold these, its quotes are escaped; a name that does is found out later.
TIME, CHANNEL, DATA = '"SystemTime":"', ',"Channel":', ',"EventData":'
#: In place of a stamp's length or a head's number: the text is not cut.
WHOLE = -1
#: What may come after the data; then the text stays whole.
_RENDERED = '"RenderingInfo":'
#: The JSON of one record, in letters. A chunk holds 64 KiB; only one that was made for it becomes so much.
MOST_RECORD = 4 << 20
#: The JSON of the records of a chunk that is given back at once, in letters; of more, each record is asked for alone.
MOST_CHUNK = 32 << 20
_MOST_ERROR_BYTES = 1000
#: A frame is sent when so much is ready, and at the end of a request.
_SEND_BYTES = 8 << 20
#: Bounds for this process: memory, and processor time for a request: a hundred times what a normal one takes.
_MOST_MEMORY = 384 << 20
_SECONDS, _CHUNKS_A_SECOND = 2, 16

_FILE_HEADER = struct.pack("<8s3QIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, 4096, 1).ljust(4096, b"\0")


class _Record(TypedDict):
    """What the decoder gives of a record."""

    event_record_id: int
    data: str


class Results(NamedTuple):
    """What a chunk gave, in its order: record numbers, and text (UTF-8 JSON or, length negative, an error) of each.

    ``stamps`` and ``heads``: how each text is cut, see above. ``head_texts``: two lines for each head.
    """

    numbers: array[int]
    lengths: array[int]
    stamps: array[int]
    heads: array[int]
    head_texts: bytes
    text: bytes


def decode(image: bytes | bytearray | memoryview) -> Results | str:
    """The records of one chunk; a reason if there is nothing to be had from it as a whole."""
    found: list[_Record | RuntimeError] = []
    try:
        stream = io.BytesIO(b"".join((_FILE_HEADER, image)))
        parser = evtx.PyEvtxParser(stream, number_of_threads=1, separate_json_attributes=False, indent=False)
        records = cast(Iterable[_Record], parser.records_json())
        while len(found) < CHUNK:
            try:
                # All at once, as far as the first error: a loop here would take as long as what is called in it.
                found.extend(records)
                break
            except RuntimeError as error:
                found.append(error)
        return _results(found)
    except (RuntimeError, MemoryError, OSError) as error:
        return str(error) or type(error).__name__
    except BaseException as error:
        # A panic of the decoder is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return f"the decoder failed: {error}"


def _results(found: list[_Record | RuntimeError]) -> Results | str:
    numbers = array("Q", [0 if isinstance(each, RuntimeError) else each["event_record_id"] for each in found])
    whole = ["" if isinstance(each, RuntimeError) else each["data"] for each in found]
    errors = [(index, str(each)) for index, each in enumerate(found) if isinstance(each, RuntimeError)]
    if max(map(len, whole), default=0) > MOST_RECORD:
        for index, text in enumerate(whole):
            if len(text) > MOST_RECORD:
                errors.append((index, f"the record becomes {len(text)} letters of JSON"))
                whole[index] = ""
    if sum(map(len, whole)) > MOST_CHUNK:
        return "its records become too much JSON"
    cut = _cut(whole)
    texts = [text.encode() for text in cut.texts]
    lengths = array("i", map(len, texts))
    for index, reason in errors:
        texts[index] = reason.encode("utf-8", "replace")[:_MOST_ERROR_BYTES] or b"?"
        lengths[index] = -len(texts[index])
    head_texts = "\n".join(cut.head_texts).encode()
    return Results(numbers, lengths, cut.stamps, cut.heads, head_texts, b"".join(texts))


class _Cut(NamedTuple):
    """Texts, those without their head that have one; for each its stamp's length and its head; the heads."""

    texts: list[str]
    stamps: array[int]
    heads: array[int]
    head_texts: list[str]


def _cut(texts: list[str]) -> _Cut:
    left: list[str] = []
    stamps: list[int] = []
    heads: list[int] = []
    known: dict[str, int] = {}
    for text in texts:
        before, _, rest = text.partition(TIME)
        stamp, _, rest = rest.partition(CHANNEL)
        after, has_data, data = rest.partition(DATA)
        if has_data and stamp.isascii() and data.endswith("}}") and _RENDERED not in data:
            heads.append(known.setdefault(f"{before}\n{after}", len(known)))
            stamps.append(len(stamp))
            left.append(stamp + data)
        else:
            heads.append(WHOLE)
            stamps.append(WHOLE)
            left.append(text)
    if any(head.count("\n") != 1 for head in known):  # a damaged name
        whole = array("i", [WHOLE]) * len(texts)
        return _Cut(texts, whole, whole[:], [])
    return _Cut(left, array("i", stamps), array("i", heads), list(known))


def packed(results: Results | str) -> bytes:
    """The answer for one chunk."""
    if isinstance(results, str):
        reason = results.encode("utf-8", "replace")
        return ANSWER.pack(-1, 0, len(reason)) + reason
    count = ANSWER.pack(len(results.numbers), len(results.head_texts), len(results.text))
    arrays = (values.tobytes() for values in (results.numbers, results.lengths, results.stamps, results.heads))
    return b"".join((count, *arrays, results.head_texts, results.text))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(0, "rb", buffering=0) as questions, open(1, "wb", buffering=0) as answers:
        _bound_memory()
        while (head := _read(questions, REQUEST.size)) is not None:
            (chunks,) = REQUEST.unpack(head)
            _bound_time(_SECONDS + chunks // _CHUNKS_A_SECOND)
            images = _read(questions, chunks * CHUNK)
            if images is None:
                return
            _answer(memoryview(images), answers)


def _answer(images: memoryview, answers: io.FileIO) -> None:
    ready: list[bytes] = []
    size = 0
    for at in range(0, len(images), CHUNK):
        ready.append(packed(decode(images[at : at + CHUNK])))
        size += len(ready[-1])
        if size > _SEND_BYTES or at + CHUNK >= len(images):
            _write(answers, b"".join((FRAME.pack(size), *ready)))
            ready, size = [], 0


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_time(seconds: int) -> None:
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, most))


def _read(stream: io.FileIO, size: int) -> bytearray | None:
    """*size* bytes; None at the end."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = stream.readinto(view)
        if not count:
            return None
        view = view[count:]
    return data


def _write(stream: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


if __name__ == "__main__":
    _main()
