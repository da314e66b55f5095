"""`toybackend device …`: licences, and giving a toy its owner."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from toybackend.commands.licence_lists import (
    MOST_SHOWN,
    Check,
    CsvFile,
    Line,
    NoColumn,
    Rows,
    check_list,
    new_csv_file,
    on_screen,
    read_list,
)
from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.commands.qr_sheets import QrSheets
from toybackend.commands.reporting import progress_bar
from toybackend.house import open_house
from toybackend.models import Device, DeviceId, Toy
from toybackend.protocol import rfc3339
from toybackend.services.devices import BATCH
from toybackend.settings import Settings

app = typer.Typer(help="Toys and their licences.", no_args_is_help=True)

Batch = Sequence[tuple[DeviceId, str]]

ISSUED = ("device_id", "license")
IMPORTED = ("device_id", "line")
LISTED = ("device_id", "issued_at", "revoked_at", "is_bound")
"""Columns of the lists that are written."""


# ── making ──


@app.command("issue")
def issue(
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write them to this CSV file, readable by you only.")] = None,
    qr: Annotated[
        Path | None, typer.Option(help="Write sheets of QR codes of the device ids to this folder, to print.")
    ] = None,
    svg: Annotated[bool, typer.Option("--svg", help="With --qr: also an SVG file for each device.")] = False,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make licences. They are shown this once; the server keeps only their SHA-256. A QR code never holds a licence:
    it is for the box, and for whoever wants to know whether the toy is free."""
    if svg and qr is None:
        raise typer.BadParameter("--svg goes with --qr")
    settings = settings_for(data)
    with ExitStack() as stack:
        # Before they are made, because they could not be shown again; and never over an older list.
        sheets = None
        if qr is not None:
            sheets = stack.enter_context(QrSheets(qr, settings.network.public_url, count, single=svg))
        file = stack.enter_context(new_csv_file(out, ISSUED)) if out is not None else None
        rows = file or stack.enter_context(on_screen(ISSUED, as_json=as_json))
        # On a terminal the list itself is progress enough.
        is_shown = file is not None or not sys.stdout.isatty()
        advance = stack.enter_context(progress_bar("issuing", count, is_shown=is_shown))
        try:
            asyncio.run(_issue(settings, count, rows, sheets, advance))
        except BaseException:
            if file is not None and file.rows:
                typer.echo(f"{file.rows} of {count} licences were issued before this, and are in {out}", err=True)
            raise
    _say_issued(count, out, qr, sheets, as_json=as_json)


async def _issue(
    settings: Settings, count: int, rows: Rows, sheets: QrSheets | None, advance: Callable[[int], None]
) -> None:
    def keep(batch: Batch) -> None:
        rows.add(batch)
        if sheets is not None:
            sheets.add([device_id for device_id, _ in batch])

    async with open_house(settings) as house:
        async for batch in house.devices.issue(count):
            await asyncio.to_thread(keep, batch)
            advance(len(batch))


def _say_issued(count: int, out: Path | None, qr: Path | None, sheets: QrSheets | None, *, as_json: bool) -> None:
    if as_json and out is not None:
        typer.echo(json.dumps({"issued": count, "out": str(out), "sheets": sheets.sheets if sheets else 0}))
        return
    if out is not None:
        typer.echo(f"{count} licences written to {out}", err=True)
    if sheets is not None:
        typer.echo(f"{sheets.sheets} sheets of QR codes written to {qr}", err=True)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="Codes of 32 hex digits, one a line or in a column of a CSV file.", dir_okay=False)
    ],
    column: Annotated[str, typer.Option(help="Name of their column, if it is not one of the usual ones.")] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good lines of a list with bad ones.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the device id of each line to this CSV file.")] = None,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Take over licences that were made elsewhere. Nothing is imported from a list with a bad line, unless you say
    so; those that are here already stay as they are. No code is ever printed."""
    settings = settings_for(data)
    try:
        check = check_list(read_list(file, column))
    except NoColumn as error:
        raise typer.BadParameter(str(error)) from None
    _say_bad(check)
    if check.bad and not skip_bad:
        typer.echo("nothing was imported; correct these lines, or say --skip-bad", err=True)
        raise typer.Exit(1)
    with ExitStack() as stack:
        ids = stack.enter_context(new_csv_file(out, IMPORTED)) if out is not None else None
        advance = stack.enter_context(progress_bar("importing", check.good))
        good = (line for line in read_list(file, column) if not line.problem)
        new = asyncio.run(_import(settings, good, ids, advance))
    if as_json:
        typer.echo(json.dumps({"new": new, "known": check.good - new, "bad": check.bad}))
    else:
        typer.echo(f"{new} new, {check.good - new} known already, {check.bad} bad")


async def _import(
    settings: Settings, lines: Iterable[Line], ids: CsvFile | None, advance: Callable[[int], None]
) -> int:
    """How many are new."""
    found = 0
    async with open_house(settings) as house:
        while batch := await asyncio.to_thread(list, islice(lines, BATCH)):
            new, device_ids = await house.devices.add([line.code for line in batch])
            found += new
            if ids is not None:
                rows = [(one, line.number) for one, line in zip(device_ids, batch, strict=True)]
                await asyncio.to_thread(ids.add, rows)
            advance(len(batch))
    return found


def _say_bad(check: Check) -> None:
    for line in check.first_bad:
        typer.echo(f"line {line.number}: {line.problem}", err=True)
    if check.bad > MOST_SHOWN:
        typer.echo(f"… and {check.bad - MOST_SHOWN} more bad lines", err=True)


# ── looking, and ending ──


@app.command("list")
def list_(
    begins: Annotated[str, typer.Option(help="Only those whose id begins so.")] = "",
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Devices in the order of their ids. Licences cannot be shown: nobody has them."""
    with on_screen(LISTED, as_json=as_json) as rows:
        asyncio.run(_list(data, begins, rows))


async def _list(data: Path | None, begins: str, rows: Rows) -> None:
    async with open_house(settings_for(data)) as house:
        last = ""
        while page := await house.devices.devices(begins, last, BATCH):
            await asyncio.to_thread(rows.add, [_row(one) for one in page])
            last = page[-1].id


def _row(device: Device) -> tuple[object, ...]:
    """What `LISTED` names, as over HTTP."""
    revoked_at = None if device.revoked_at is None else rfc3339(device.revoked_at)
    return device.id, rfc3339(device.issued_at), revoked_at, device.is_bound


@app.command("revoke")
def revoke(
    device_id: Annotated[str, typer.Argument(help="The device's id, d_…", metavar="ID")],
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """End a licence. A toy that is on is cut off within seconds, and says from then on that it has none."""
    device = asyncio.run(_revoke(data, DeviceId(device_id)))
    if as_json:
        typer.echo(json.dumps(dict(zip(LISTED, _row(device), strict=True))))
    else:
        typer.echo(f"{device.id} has no licence any more")


async def _revoke(data: Path | None, device_id: DeviceId) -> Device:
    async with open_house(settings_for(data)) as house:
        return await house.devices.revoke(device_id)


# ── giving it an owner ──


@app.command("bind")
def bind(
    claim: Annotated[str, typer.Argument(help="The code that the waiting toy shows or says.")],
    user: Annotated[str, typer.Option("--user", help="Log-in name of the owner.")],
    name: Annotated[str, typer.Option(help="What the toy is called.")] = "",
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a waiting toy somebody's. The toy learns of it within seconds, the server need not be told."""
    toy = asyncio.run(_bind(data, user, claim, name))
    if as_json:
        typer.echo(json.dumps({"id": toy.id, "name": toy.name}))
    else:
        typer.echo(f"{toy.name} ({toy.id}) is {user}'s now")


async def _bind(data: Path | None, user: str, claim: str, name: str) -> Toy:
    async with open_house(settings_for(data)) as house:
        owner = await house.accounts.find(user)
        return await house.toys.bind(owner.id, claim, name)
