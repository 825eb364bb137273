"""Turn text cells into typed columns without ever losing a row to one unreadable value.

A column is turned as a whole; only where a value does not fit its type are the odd ones turned one by one, through the same
Arrow conversion, so that the same text always gives the same value.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from brokenseal.parsers.columns import NULL_TEXT, Cell
from brokenseal.parsers.times import as_chunked

#: Short enough for every integer type; all but hostile or damaged values look like this.
_PLAIN_INTEGER = r"^-?[0-9]{1,9}$"


def to_cell(values: pa.Array | pa.ChunkedArray, cell: Cell) -> tuple[pa.ChunkedArray, int]:
    """*values* (text, or already of the type) as *cell*, and how many could not be read and became null."""
    values = as_chunked(values)
    if cell is Cell.TEXT:
        return (values if values.type == pa.string() else values.cast(pa.string())), 0
    if values.type == cell.arrow:
        return values, 0
    try:
        return as_chunked(values.cast(cell.arrow)), 0
    except pa.ArrowInvalid:
        pass
    text = pc.utf8_trim(values.cast(pa.string()), characters=" \t")
    plain = pc.match_substring_regex(text, _PLAIN_INTEGER)
    numbers = pc.if_else(plain, text, NULL_TEXT).cast(cell.arrow)
    odd = pc.fill_null(pc.invert(plain), False)
    texts = text.filter(odd).to_pylist()
    if not texts:
        return as_chunked(numbers), 0
    known = {each: _integer(each, cell.arrow) for each in set(texts)}
    found = [known[each] for each in texts]
    mask = np.asarray(odd)
    numbers = pc.replace_with_mask(as_chunked(numbers).combine_chunks(), mask, pa.array(found, cell.arrow))
    return as_chunked(numbers), found.count(None)


def _integer(text: str, kind: pa.DataType) -> int | None:
    try:
        number: int | None = pa.scalar(text).cast(kind).as_py()
    except pa.ArrowInvalid:
        return None
    return number
