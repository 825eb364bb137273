"""The bytes that left the server hour by hour (or day by day, where it is long), to the intruder and to everybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta

from markupsafe import Markup

from brokenseal.report.html.clock import Line, Tick, percent, read_time
from brokenseal.report.html.context import Context
from brokenseal.report.html.shown import LONGEST_NAME, shown
from brokenseal.report.shape import Client, OutflowHour

#: Hours drawn one by one; longer times are drawn by days, and only so many of them.
_MOST_HOURS, _MOST_DAYS = 96, 400
_CLIENTS, _USERS, _ROWS = 25, 3, 96
_PLOT_HEIGHT = 120.0


@dataclass(frozen=True, slots=True)
class Column:
    """One hour or day of the plot; lengths in percent across, in pixels down."""

    left: str
    width: str
    actor_top: str
    actor_height: str
    others_top: str
    others_height: str


@dataclass(frozen=True, slots=True)
class ClientRow:
    address: Markup
    unexplained: Markup
    size: Markup
    first: Markup
    last: Markup
    users: Markup
    intrusion: Markup


@dataclass(frozen=True, slots=True)
class Outflow:
    """``highest``: what the top of the plot stands for."""

    columns: Sequence[Column]
    ticks: Sequence[Tick]
    title: Markup
    description: Markup
    highest: Markup
    rows: Sequence[tuple[Markup, Markup, Markup]]
    clients: Sequence[ClientRow]
    more: Markup


@dataclass(frozen=True, slots=True)
class _Sum:
    time: datetime
    actor: int
    others: int


def view(context: Context) -> Outflow | None:
    """``None`` where the document has no ``outflow``, or no byte in it."""
    texts = context.texts
    outflow = context.document.get("outflow")
    sums = _sums(outflow["hours"]) if outflow is not None else []
    if outflow is None or not any(one.actor or one.others for one in sums):
        return None
    by_day = (sums[-1].time - sums[0].time) / timedelta(hours=1) >= _MOST_HOURS
    sums = _by_day(sums) if by_day else sums
    left_out = max(len(sums) - _MOST_DAYS, 0)
    sums = sums[left_out:]  # the newest are kept
    step = timedelta(days=1) if by_day else timedelta(hours=1)
    line = Line(sums[0].time, sums[-1].time + step)
    telling = sorted((one for one in sums if one.actor), key=lambda one: (-one.actor, one.time))[:_ROWS]
    form = "%Y-%m-%d" if by_day else "%Y-%m-%d %H:00"
    unexplained = [client for client in outflow["clients"] if client["unexplained_bytes"]]
    return Outflow(
        columns=_columns(sums, line, step),
        ticks=line.ticks(),
        title=texts.say("outflow.title_days" if by_day else "outflow.title_hours"),
        description=texts.say(
            "outflow.description",
            first=sums[0].time.strftime(form),
            last=sums[-1].time.strftime(form),
            actor=texts.size(sum(one.actor for one in sums), exact=False),
            others=texts.size(sum(one.others for one in sums), exact=False),
        ),
        highest=texts.size(max(one.actor + one.others for one in sums), exact=False),
        rows=[
            (Markup(one.time.strftime(form)), texts.size(one.actor, exact=False), texts.size(one.others, exact=False))
            for one in sorted(telling, key=lambda one: one.time)
        ],
        clients=[_client(context, client) for client in unexplained[:_CLIENTS]],
        more=texts.count("left_out", left_out) if left_out else Markup(""),
    )


def _sums(hours: Sequence[OutflowHour]) -> list[_Sum]:
    read = ((read_time(one["hour"]), one) for one in hours)
    sums = [
        _Sum(time, max(one["actor_bytes"], 0), max(one["other_bytes"], 0))
        for time, one in read
        if time is not None and time.year < MAXYEAR  # the end of the last hour is a time, too
    ]
    return sorted(sums, key=lambda one: one.time)


def _by_day(sums: Sequence[_Sum]) -> list[_Sum]:
    days: dict[datetime, _Sum] = {}
    for one in sums:
        day = one.time.replace(hour=0, minute=0, second=0, microsecond=0)
        before = days.get(day, _Sum(day, 0, 0))
        days[day] = _Sum(day, before.actor + one.actor, before.others + one.others)
    return list(days.values())


def _columns(sums: Sequence[_Sum], line: Line, step: timedelta) -> list[Column]:
    highest = max(one.actor + one.others for one in sums) or 1
    columns = []
    for one in sums:
        left, right = line.place(one.time), line.place(one.time + step)
        actor, others = (_PLOT_HEIGHT * part / highest for part in (one.actor, one.others))
        columns.append(
            Column(
                left=percent(left),
                width=percent(max((right - left) * 0.85, 0.1)),
                actor_top=f"{_PLOT_HEIGHT - actor:.1f}",
                actor_height=f"{actor:.1f}",
                others_top=f"{_PLOT_HEIGHT - actor - others:.1f}",
                others_height=f"{others:.1f}",
            )
        )
    return columns


def _client(context: Context, client: Client) -> ClientRow:
    texts = context.texts
    return ClientRow(
        address=shown(client["ip"], LONGEST_NAME),
        unexplained=texts.size(client["unexplained_bytes"], exact=False),
        size=texts.size(client["bytes"], exact=False),
        first=texts.moment(client["first"]),
        last=texts.moment(client["last"]),
        users=texts.listed([shown(user, LONGEST_NAME) for user in client["users"]], _USERS),
        intrusion=shown(client["intrusion"], LONGEST_NAME) or texts.say("outflow.no_intrusion"),
    )
