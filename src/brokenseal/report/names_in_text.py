"""Names of people that stand in texts out of logs: in paths, command lines, cmdlets, addresses and identifiers.

A name is known here by its place alone: the folder under ``Users``, what ``net user`` is given, ``-Mailbox`` of a cmdlet,
``DOMAIN\\name``, an SMTP address, a legacy or LDAP name, a SID. The places are listed in ``content/redaction/names.yaml``.
A name in no such place is a word like any other.

References: [MS-OXOABK] (legacy names), RFC 5321 (addresses), Microsoft, "Security identifiers" (numbers from 1000 on are
given to accounts that somebody made), Microsoft's pages of ``net user``, ``runas``, ``schtasks`` and of Exchange's cmdlets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from brokenseal.content_yaml import read_yaml

#: Kinds of names: an account or a person, an address, an identifier of an account.
USER, ADDRESS, ACCOUNT = "user", "address", "account"

_DOMAIN = r"[^\W_](?:[\w-]{0,62}[^\W_])?(?:\.[^\W_](?:[\w-]{0,62}[^\W_])?)+"
_AT = r"(?:@|%40)"
# Not within a word or an escape of a URL, but after one.
_NOT_WITHIN = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2}))(?<!%)(?<!%[0-9A-Fa-f])"
# A bounce address holds another one: bounce+anna=corp.example@lists.example.
_ADDRESS = re.compile(
    rf"{_NOT_WITHIN}(?:\w[\w.-]{{0,63}}\+[\w.+-]{{0,63}}=[\w.-]{{1,64}}|\w[\w.+'-]{{0,63}}){_AT}{_DOMAIN}"
)
_ENCAPSULATED = re.compile(rf"IMCEA\w+-[^\s@<>\"']{{1,256}}@{_DOMAIN}")
_LEGACY = re.compile(r"/o=[^/\"'\r\n]{1,128}(?:/ou=[^/\"'\r\n]{1,128})*/cn=Recipients/cn=([^/\"',;\s<>]{1,128})", re.I)
_DISTINGUISHED = re.compile(r"(?<![\w=])CN=((?:\\.|[^,\\\"=\r\n]){1,128}),(?:(?:OU|CN)=[^,\"\r\n]{1,128},)*DC=", re.I)
_SID = re.compile(r"S-1-5-21-\d{1,10}-\d{1,10}-\d{1,10}-(\d{1,10})(?!\d)", re.I)
_FIRST_RID = 1000
_PROFILE = re.compile(
    r"(?:(?<=[\\/])|(?<![^\W_]))(?:Users|Documents and Settings|home)[\\/]{1,2}"
    r"(?P<name>[^\\/:*?\"<>|\r\n%&;,']{1,64}(?=[\\/])|[^\\/:*?\"<>|\r\n\s%&;,'()]{1,64})",
    re.I,
)
_TOKEN = (
    r"(?:\\?\"(?P<{0}1>[^\"\r\n]{{1,256}}?)\\?\"|'(?P<{0}2>[^'\r\n]{{1,256}})'"
    r"|(?P<{0}3>[^\s\"'`,;|&<>(){{}}\[\]$/-][^\s\"',;|&<>(){{}}\[\]]{{0,255}}))"
).format("n")
_NET_USER = re.compile(rf"\bnet1?(?:\.exe)?[\"']?\s+user\s+{_TOKEN}", re.I)
_NET_GROUP = re.compile(
    r"\bnet1?(?:\.exe)?[\"']?\s+(?:local)?group\s+(?:\\?\"[^\"\r\n]*\"|[^\s/&|\"]+)(?P<rest>(?:\s+(?:\"[^\"\r\n]*\"|[^\s/&|<>\"]+))+)",
    re.I,
)
_SWITCH = re.compile(rf"(?:(?<=\s)/(?:user:|ru\s+|u[:\s]\s*)|\bpsexec\S*\s[^&|\r\n]{{0,200}}?-u\s+){_TOKEN}", re.I)
_PARAMETER = re.compile(
    r"(?<![\w-])-(?P<parameter>[a-z]{4,24})(?::\s*|\s+)(?:@\()?(?=(?P<values>[^\r\n]{1,1000}))", re.I
)
_VALUE = re.compile(rf"\s*{_TOKEN}\s*(?P<comma>,?)")
_CMDLET = re.compile(
    r"\b(?:Get|Set|New|Add|Remove|Enable|Disable|Search|Export|Update|Connect|Move|Test|Restore|Suspend|Resume|Unlock|Start|Stop|Invoke|Write|Import|Clear|Out)-(?P<noun>[A-Za-z]{3,50})",
    re.I,
)
_ARGUMENT = re.compile(rf"\s+{_TOKEN}")
# As text, as JSON and as part of a URL have it.
_BACKSLASH = r"(?:\\{1,2}|%5[Cc])"
_DOMAIN_BEFORE = re.compile(rf"(?P<domain>[^\\%]{{1,64}}){_BACKSLASH}")
# An escape of JSON may stand before it; \\n is none.
_NETBIOS = re.compile(
    rf"(?:(?<![\w\\/:%$.-])(?<!~(?=\d))|(?<=(?<!\\)\\[bfnrt]))(?P<domain>[A-Za-z0-9][\w.-]{{0,62}}){_BACKSLASH}"
    rf"(?P<name>[^\W_][\w.'-]{{0,63}}\$?)(?![\w\\/:*{{(-])(?!%5[Cc])(?!\s\()"
)
# A cell of a log that is nothing else: what stands before the backslash is a domain, in whatever letters.
_ACCOUNT_CELL = re.compile(
    rf"(?<![^\s,;\"'~])(?P<domain>[A-Za-z0-9][\w.-]{{0,62}}){_BACKSLASH}[^\W_][\w.'-]{{0,63}}(?![^\s,;\"'~])"
)
_FIELD = re.compile(r"[\w-]{1,40}(?=\\?\"\s{0,3}:\s{0,3}\\?\"|=|\"\s?>|'\s?>)")
_FIELD_VALUE = re.compile(
    r"(?:\\?\"\s{0,3}:\s{0,3}\\?\"|=\\?\"|\"\s?>|'\s?>)(?P<name>[^\"<>\r\n\\]{1,128}(?:\\{1,2}[^\"<>\r\n\\]{1,128})?)|=(?P<bare>[^\s\"&;,<>|=]{1,128})"
)
_PROGRAM = re.compile(
    r"\.(?:exe|dll|aspx?|ashx|asmx|config|xml|log|evtx|ps1|psm1|bat|cmd|vbs|js|txt|zip|ocx|sys|pst)$", re.I
)
_UNIQUE = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?", re.I)
_ODD = re.compile(r"[*?%$<>|\[\]{}=\u2026]|^[\W\d_]*$")


class Found(NamedTuple):
    """``name`` stands at ``start`` of the text; ``place`` is where the words begin that show it to be a name."""

    kind: str
    name: str
    start: int
    place: int


@cache
def _lists() -> dict[str, object]:
    file = files("brokenseal") / "content" / "redaction" / "names.yaml"
    return cast(dict[str, object], read_yaml(file.read_text(encoding="utf-8")))


@cache
def _words(name: str) -> frozenset[str]:
    found: set[str] = set()
    for entry in cast(list[object], _lists()[name]):
        found.update(map(str, entry) if isinstance(entry, list) else (str(entry),))
    return frozenset(found)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    entry = _lists()[name]
    return re.compile("|".join(entry) if isinstance(entry, list) else str(entry), re.IGNORECASE)


def built_in(name: str) -> bool:
    """Whether an account comes with Windows or Exchange: ``NT AUTHORITY\\SYSTEM``, ``Administrator``, ``EX01$``."""
    domain, _, local = name.strip().casefold().rpartition("\\")
    return (
        local in _words("built_in")
        or domain in _words("built_in_domains")
        or _pattern("built_in_forms").fullmatch(local) is not None
    )


def common(name: str) -> bool:
    """Whether logs use the word so often that it can be replaced only where it is known to be a name."""
    return name.casefold() in _words("common_words")


def domains_of_accounts(line: str) -> Iterator[str]:
    """The domains, in small letters, of the accounts that a line of a log of requests has as cells."""
    for match in _ACCOUNT_CELL.finditer(line):
        domain = match["domain"].casefold()
        if domain not in _words("built_in_domains") and domain not in _words("registry"):
            yield domain


def find(text: str, domains: Collection[str], hosts: Collection[str]) -> Iterator[Found]:
    """The names in *text* but built-in accounts. *domains* of accounts and *hosts* are known ones, in small letters."""
    for match in _ENCAPSULATED.finditer(text):
        yield Found(ADDRESS, match[0], match.start(), match.start())
    for match in _LEGACY.finditer(text):
        yield Found(ADDRESS, match[0], match.start(), match.start())
        alias = re.sub(r"^[0-9a-f]{32}-?", "", match[1], flags=re.I)
        if alias:
            yield from _person(alias, match.end() - len(alias), match.start())
    for match in _ADDRESS.finditer(text):
        yield Found(ADDRESS, match[0], match.start(), match.start())
    for match in _SID.finditer(text):
        if int(match[1]) >= _FIRST_RID:
            yield Found(ACCOUNT, match[0], match.start(), match.start())
    for match in _DISTINGUISHED.finditer(text):
        if match[1].casefold() not in hosts:
            yield from _person(match[1], match.start(1), match.start())
    for match in _PROFILE.finditer(text):
        yield from _person(_without_domain(match["name"], domains), match.start("name"), match.start())
    for match in _NETBIOS.finditer(text):
        domain, name = match["domain"].casefold(), match["name"]
        known = domain in domains
        shaped = match["domain"].isupper() and len(domain) > 1 and not _PROGRAM.search(name)
        if (known or shaped) and domain not in _words("registry") and not built_in(f"{domain}\\{name}"):
            yield from _person(name, match.start("name"), match.start())
    yield from _in_commands(text, domains, hosts)
    yield from _in_fields(text, domains, hosts)


def _in_commands(text: str, domains: Collection[str], hosts: Collection[str]) -> Iterator[Found]:
    for pattern in (_NET_USER, _SWITCH):
        for match in pattern.finditer(text):
            yield from _given(match, match.start(), domains, hosts)
    for match in _NET_GROUP.finditer(text):
        for given in re.finditer(r"[^\s\"]+(?=\s|\"|$)|(?<=\")[^\"]+(?=\")", match["rest"]):
            start = match.start("rest") + given.start()
            yield from _account(given[0], start, match.start(), domains, hosts)
    cmdlets = [(match.end(), match["noun"], match.start()) for match in _CMDLET.finditer(text)]
    for end, noun, start in cmdlets:
        argument = _ARGUMENT.match(text, end) if _pattern("nouns_of_people").match(noun) else None
        if argument is not None:
            yield from _given(argument, start, domains, hosts)
    for match in _PARAMETER.finditer(text):
        parameter = match["parameter"].casefold()
        if parameter in _words("parameters_by_cmdlet"):
            noun = next((noun for end, noun, _ in reversed(cmdlets) if end <= match.start()), "")
            of_people = _pattern("nouns_of_people").match(noun) if parameter == "name" else True
            if _pattern("nouns_of_things").search(noun) or not of_people:
                continue
        elif parameter not in _words("parameters"):
            continue
        at: int | None = match.end()
        while at is not None:
            value = _VALUE.match(text, at)
            if value is None:
                break
            yield from _given(value, match.start(), domains, hosts)
            at = value.end() if value["comma"] else None


def _in_fields(text: str, domains: Collection[str], hosts: Collection[str]) -> Iterator[Found]:
    for field in _FIELD.finditer(text):
        if field[0].casefold() in _words("fields"):
            match = _FIELD_VALUE.match(text, field.end())
            if match is not None:
                group = "name" if match["name"] else "bare"
                value, start = match[group], match.start(group)
                of_account = field[0].casefold() in _words("fields_of_accounts")
                domain = _DOMAIN_BEFORE.match(value) if of_account else None
                if domain is not None:
                    if built_in(f"{domain['domain']}\\{value[domain.end() :]}"):
                        continue
                    value, start = value[domain.end() :], start + domain.end()
                yield from _account(value, start, field.start(), domains, hosts)


def _given(match: re.Match[str], place: int, domains: Collection[str], hosts: Collection[str]) -> Iterator[Found]:
    for group in ("n1", "n2", "n3"):
        if match[group]:
            yield from _account(match[group], match.start(group), place, domains, hosts)


def _account(value: str, start: int, place: int, domains: Collection[str], hosts: Collection[str]) -> Iterator[Found]:
    """The name in ``CORP\\anna``, ``corp.example/Users/anna\\Export``, ``anna:\\Inbox``."""
    whole = value
    if ":\\" in value:
        value = value.partition(":\\")[0]
    if "/" in value:
        value = value.rpartition("/")[2].partition("\\")[0]
    elif "\\" in value:
        before, _, after = value.replace("\\\\", "\\").partition("\\")
        if built_in(f"{before}\\{after}"):
            return
        if before.casefold() in hosts and "(" in after:
            return  # EX01\owa (Default Web Site)
        value = after if before.casefold() in domains or before.casefold() in hosts or before.isupper() else before
    at = whole.find(value)
    if value.casefold() not in hosts and not _PROGRAM.search(value):
        yield from _person(value, start + max(at, 0), place)


def _person(name: str, start: int, place: int) -> Iterator[Found]:
    bare = name.strip().rstrip("\\.")
    if "@" in bare or "%40" in bare or not bare or built_in(bare):
        return  # an address is found as such
    if _ODD.search(bare) or _UNIQUE.fullmatch(bare) or _SID.fullmatch(bare):
        return
    yield Found(USER, bare, start + (len(name) - len(name.lstrip())), place)


def _without_domain(folder: str, domains: Collection[str]) -> str:
    """``jdoe`` of the profile ``jdoe.CORP`` or ``jdoe.CORP.000``."""
    match = re.fullmatch(r"(.+?)\.([^.]+)(?:\.\d{3})?", folder)
    return match[1] if match and match[2].casefold() in domains else folder
