"""Memory of one idle toy: our server with its welcomed sockets, against a bare `websockets` server.

Both servers are processes of their own, measured the same way in the same run: unique set size (pages that nobody
shares, `smaps_rollup`) before the first socket and after the last, divided by the number of sockets. The clients are
a third process. The bare server uses the same library with the same settings (no compression, no pings of its own)
and its handler waits for a frame. Ours has by then pinged every socket at least once. Goal: at most 1.4 times bare.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from bench.server import PASSWORD, REPOSITORY, ServerProcess, issue_toys, open_socket, running
from toybackend.house import open_house
from toybackend.settings import Families, Settings, Storage

GOAL = 1.4
PING_SECONDS = 5
SETTLE_SECONDS = 2 * PING_SECONDS
AT_A_TIME = 50
BARE = (sys.executable, "-m", "bench.idle", "--role=bare")
CLIENTS = (sys.executable, "-m", "bench.idle", "--role=clients")


# ── the other two processes ──


async def serve_bare(port: int) -> None:
    """What the library alone needs. Accepts the arguments of our server, and says that it is ready as ours does."""

    async def handle(socket: ServerConnection) -> None:
        await socket.send('{"type":"welcome"}')
        await socket.recv()

    async with serve(handle, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        print(f"toybackend ready http=none ws=ws://127.0.0.1:{port}", flush=True)
        await server.serve_forever()


async def hold_sockets(url: str) -> None:
    """Open a socket for every token on standard input, say so, and hold them until our parent kills us."""
    tokens = (await asyncio.to_thread(sys.stdin.read)).split()
    turns = asyncio.Semaphore(AT_A_TIME)
    async with AsyncExitStack() as stack:

        async def open_one(token: str) -> None:
            async with turns:
                await stack.enter_async_context(open_socket(url, token))

        async with asyncio.TaskGroup() as group:
            for token in tokens:
                group.create_task(open_one(token))
        print("connected", flush=True)
        await asyncio.Event().wait()


# ── measuring ──


@asynccontextmanager
async def clients(url: str, tokens: Sequence[str]) -> AsyncIterator[None]:
    """While the context is open, every token has a socket."""
    process = await asyncio.create_subprocess_exec(*CLIENTS, f"--url={url}", stdin=PIPE, stdout=PIPE, cwd=REPOSITORY)
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write("\n".join(tokens).encode())
        process.stdin.close()
        if await process.stdout.readline() != b"connected\n":
            raise RuntimeError("the clients could not connect")
        yield
    finally:
        process.kill()
        await process.wait()


def unique_set_size(pid: int) -> int:
    """Bytes of memory that only this process uses."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in rollup if line.startswith("Private_"))


async def bytes_per_socket(server: ServerProcess, tokens: Sequence[str]) -> float:
    async with running(server):
        before = unique_set_size(server.pid)
        async with clients(f"{server.ws_url}/toy", tokens):
            await asyncio.sleep(SETTLE_SECONDS)
            return (unique_set_size(server.pid) - before) / len(tokens)


async def toys(data: Path, count: int) -> list[str]:
    """Tokens of that many toys, all of one family."""
    async with open_house(Settings(storage=Storage(data_dir=data), families=Families(toys=count))) as house:
        await house.accounts.add("collector", PASSWORD)
        return [token for _, token in await issue_toys(house, "collector", count)]


async def compare(folder: Path, count: int) -> bool:
    tokens = await toys(folder / "data", count)
    settings = {"PING_SECONDS": str(PING_SECONDS), "MAX_SOCKETS": str(count + 100), "LOG_LEVEL": "WARNING"}
    bare = await bytes_per_socket(ServerProcess(folder / "bare", command=BARE), tokens)
    ours = await bytes_per_socket(ServerProcess(folder / "data", settings), tokens)
    ratio = ours / bare
    print(f"{count} idle toys{'bare':>12}{'ours':>10}{'ratio':>8}{'goal':>7}")
    print(f"{'KiB per socket':15}{bare / 1024:12.2f}{ours / 1024:10.2f}{ratio:8.2f}{GOAL:7.1f}")
    return ratio <= GOAL


def run(count: int) -> bool:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder = Path(tempfile.mkdtemp(prefix="toybackend-idle-"))
    try:
        return asyncio.run(compare(folder, count))
    finally:
        shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toys", type=int, default=5000, help="sockets (default 5000)")
    internal = parser.add_argument_group("the other processes of this bench")
    internal.add_argument("--role", choices=("measure", "bare", "clients"), default="measure", help="default measure")
    internal.add_argument("--url", default="", help="where the clients go")
    internal.add_argument("--ws-port", type=int, default=0, help="where the bare server listens")
    given, _ = parser.parse_known_args()
    if given.role == "bare":
        asyncio.run(serve_bare(given.ws_port))
    elif given.role == "clients":
        asyncio.run(hold_sockets(given.url))
    else:
        sys.exit(0 if run(given.toys) else 1)


if __name__ == "__main__":
    main()
