"""SQL for what Windows event records have in common, however they were exported.

Their JSON comes from XML by many hands: an element with attributes may be an object or text, a list of ``<Data>`` may be
names and values, ``#text`` under its attributes, or plain text. None of this fails, whatever it is given.

A macro is text: an argument that it uses twice is worked out twice, and nested ones grow without end. So what needs several
steps is a list of *stages* here: columns, each over those before it (see :func:`staged`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Columns over those of the stage before.
Stage = Mapping[str, str]

#: ``object_of(k, v)``: an object of keys and values; unlike a map it may be given a key twice (the first one counts).
#: ``text_of(e)``, ``name_of(e)``: text and name of a ``<Data>`` element. ``given(x)``: null where it holds nothing.
#: ``numbered_texts(l)``: unnamed items as fields: joined, and one by one (the first thousand: no event has as many).
_FIELDS = r"""
CREATE MACRO object_of(k, v) AS CAST('{' || array_to_string(list_transform(list_zip(k, v), lambda e:
    CAST(to_json(e[1]) AS VARCHAR) || ':' || coalesce(CAST(to_json(e[2]) AS VARCHAR), 'null')), ',') || '}' AS JSON);
CREATE MACRO name_of(e) AS json_extract_string(e, '$."@Name"');
CREATE MACRO text_of(e) AS coalesce(json_extract_string(e, '$."#text"'), json_extract_string(e, '$.Value'),
    CASE WHEN json_exists(e, '$."@Name"') THEN NULL ELSE json_extract_string(e, '$') END);
CREATE MACRO given(x) AS CASE WHEN CAST(x AS VARCHAR) IN ('null', '{}', '""', '[]') THEN NULL ELSE x END;
CREATE MACRO numbered_texts(l) AS object_of(
    ['Data'] || list_transform(range(least(len(l), 1000)), lambda i: 'Data#' || i),
    [array_to_string(l, chr(10))] || l[1:1000]);
CREATE MACRO params_of(x, count) AS list_transform(range(1, count + 1),
    lambda i: coalesce(json_extract_string(x, '$.param' || i), ''));
CREATE MACRO xml_text(t) AS replace(replace(replace(replace(replace(t, '&lt;', '<'), '&gt;', '>'), '&quot;', '"'),
    '&apos;', ''''), '&amp;', '&');
CREATE MACRO xml_data(t, part) AS list_transform(
    regexp_extract_all(t, '<Data Name=["'']([^"''<>]*)["'']\s*(?:/>|>([^<]*)</Data>)', part), lambda v: xml_text(v));
CREATE MACRO escaped(t) AS regexp_replace(t, '\\([^"])', '\\\\\1', 'g');
CREATE MACRO payload(t) AS CASE WHEN json_valid(t) THEN t WHEN json_valid(escaped(t)) THEN escaped(t) END;
"""

#: What Exchange's cmdlet log says where its items are not to be had one by one: in its message, or joined by commas.
_CMDLETS = r"""
CREATE MACRO cmdlet_outcome(event) AS CASE event WHEN 1 THEN 'succeeded' WHEN 6 THEN 'failed' WHEN 8 THEN 'failed' END;
CREATE MACRO cmdlet_said(m, event) AS json_object(
    'Cmdlet', nullif(regexp_extract(m, '(?s)^(?:Cmdlet [a-z]+\. Cmdlet|Task) ([A-Za-z0-9-]+)', 1), ''),
    'Parameters', nullif(regexp_extract(m, '(?s)^Cmdlet [a-z]+\. Cmdlet [^,]+, parameters ?(.*?)\.?\s*$', 1), ''),
    'Outcome', cmdlet_outcome(event),
    'Exception', nullif(regexp_extract(m, '(?s)^Task [A-Za-z0-9-]+ throwing unhandled exception: (.*?)\s*$', 1), ''));
CREATE MACRO cmdlet_joined(t, event) AS json_object(
    'Cmdlet', nullif(regexp_extract(t, '^([A-Za-z0-9-]+),', 1), ''),
    'Parameters', nullif(regexp_extract(t, '(?s)^[A-Za-z0-9-]+, (.*), [^,]*, S-1-[0-9-]+, S-1-[0-9-]+, ', 1), ''),
    'User', nullif(regexp_extract(t, '(?s)^[A-Za-z0-9-]+, .*, ([^,]*), S-1-[0-9-]+, S-1-[0-9-]+, ', 1), ''),
    'UserSid', nullif(regexp_extract(t, '(?s)^[A-Za-z0-9-]+, .*, [^,]*, (S-1-[0-9-]+), S-1-[0-9-]+, ', 1), ''),
    'HostApplication', nullif(regexp_extract(t, '(?s)^[A-Za-z0-9-]+, .*, S-1-[0-9-]+, S-1-[0-9-]+, ([^,]*), ', 1), ''),
    'Process', nullif(regexp_extract(t, '(?s)^[A-Za-z0-9-]+, .*, S-1-[0-9-]+, S-1-[0-9-]+, [^,]*, ([^,]*), ', 1), ''),
    'Outcome', cmdlet_outcome(event));
"""

MACROS = _FIELDS + _CMDLETS

_OTHER_KEYS = """'{"Data":null,"#attributes":null,"@xmlns":null,"@Name":null,"xml_name":null}'"""
_MIXED_KEYS = """['$.Data', '$."#attributes"', '$."@xmlns"', '$."@Name"', '$.xml_name']"""

#: From ``v`` (EventData or what is inside UserData, as JSON) to ``f``: one object of its fields, null if there are none.
FLATTENED: tuple[Stage, ...] = (
    {
        "is_object": "json_type(v) = 'OBJECT'",
        "mixed": f"list_contains(json_exists(v, {_MIXED_KEYS}), TRUE)",
    },
    {
        "rest": f"CASE WHEN NOT is_object THEN CAST('{{}}' AS JSON) WHEN mixed THEN json_merge_patch(v, {_OTHER_KEYS}) "
        "ELSE v END",
        "items": "CASE WHEN NOT is_object THEN v WHEN mixed THEN json_extract(v, '$.Data') END",
    },
    {"kind_of": "coalesce(json_type(items), 'NULL')"},
    {
        "elements": "CASE WHEN kind_of = 'NULL' THEN NULL WHEN kind_of = 'ARRAY' THEN json_extract(items, '$[*]') "
        "WHEN json_type(items, '$.\"#text\"') = 'ARRAY' THEN json_extract(items, '$.\"#text\"[*]') "
        "WHEN kind_of <> 'OBJECT' OR list_contains(json_exists(items, ['$.\"@Name\"', '$.\"#text\"', '$.Value']), TRUE) "
        "THEN [items] END",
    },
    {
        "unnamed": "list_transform(list_filter(elements, lambda x: name_of(x) IS NULL), lambda x: coalesce(text_of(x), ''))",
        "named": "list_filter(elements, lambda x: name_of(x) IS NOT NULL)",
    },
    {
        "plain": "CASE WHEN len(unnamed) > 0 THEN numbered_texts(unnamed) END",
        "pairs": "CASE WHEN len(named) > 0 THEN object_of(list_transform(named, lambda x: name_of(x)), "
        "list_transform(named, lambda x: text_of(x))) WHEN kind_of = 'OBJECT' AND elements IS NULL THEN items END",
    },
    {"half": "CASE WHEN plain IS NULL THEN rest ELSE json_merge_patch(rest, plain) END"},
    {"f": "given(CASE WHEN pairs IS NULL THEN half ELSE json_merge_patch(half, pairs) END)"},
)


def staged(relation: str, stages: Iterable[Stage]) -> str:
    """*relation* (SQL in parentheses or a name) with the columns of each of *stages* added in turn."""
    for stage in stages:
        listed = ", ".join(f"{sql} AS {name}" for name, sql in stage.items())
        relation = f"(SELECT *, {listed} FROM {relation})"
    return relation
