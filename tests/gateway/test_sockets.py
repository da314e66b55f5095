"""What is remembered of a peer."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from toybackend.gateway.sockets import Socket


async def test_every_byte_is_a_sign_of_life() -> None:
    sockets: list[Socket] = []

    async def listen(socket: ServerConnection) -> None:
        assert isinstance(socket, Socket)
        sockets.append(socket)
        socket.heard_at = 0.0
        await socket.recv()
        await socket.send("heard")

    async with serve(listen, "127.0.0.1", 0, create_connection=Socket, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        started = asyncio.get_running_loop().time()
        async with connect(f"ws://127.0.0.1:{port}", ping_interval=None) as peer:
            await peer.send("hello")
            assert await peer.recv() == "heard"
    assert sockets[0].heard_at >= started
    assert sockets[0].bearer is None
