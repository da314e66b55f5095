"""What goes wrong in a browser while a test drives it, of which nothing shows on the page."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket, Worker

_REPORT = "reportRefused"
_LISTEN = f"""
addEventListener("securitypolicyviolation", (refused) => {{
  {_REPORT}(`${{refused.effectiveDirective}} of ${{refused.blockedURI}}`);
}});
"""
_GIVEN_UP = "net::ERR_ABORTED"
"""How a request ends that nobody waits for any more: a page that was left, a sound that was skipped."""


class Watch:
    """Follows browser contexts and notes each trouble as a line that starts with its kind: `console`, `exception`,
    `policy`, `foreign` or `failed`. A request that is answered with an error, 400 or more, is a line in the console.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.troubles: list[str] = []
        self._host = host

    async def follow(self, context: BrowserContext) -> None:
        """Before the context has any page."""
        await context.expose_function(_REPORT, lambda what: self.troubles.append(f"policy: {what}"))
        await context.add_init_script(_LISTEN)
        context.on("console", self._on_console)
        context.on("weberror", self._on_exception)
        context.on("requestfailed", self._on_failed_request)
        context.on("page", self._on_page)
        context.on("serviceworker", self._on_service_worker)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """From now on. Whatever was noted and not taken is a failure at the end."""
        self.troubles.clear()
        yield
        assert not self.troubles, "\n".join(self.troubles)

    def take(self, pattern: str) -> list[str]:
        """Take those out that a test expects: all in which the regular expression is found, and at least one."""
        taken = [one for one in self.troubles if re.search(pattern, one)]
        assert taken, f"{pattern!r} is not among {self.troubles}"
        self.troubles[:] = [one for one in self.troubles if one not in taken]
        return taken

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self.troubles.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_exception(self, thrown: WebError) -> None:
        self.troubles.append(f"exception: {thrown.error}")

    def _on_failed_request(self, request: Request) -> None:
        # To another host each fails: `chromium.py` lets the browser find none.
        self._look_at_address(request.url)
        if request.failure != _GIVEN_UP:
            self.troubles.append(f"failed: {request.failure} ({request.url})")

    def _on_page(self, page: Page) -> None:
        page.on("websocket", self._on_socket)

    def _on_socket(self, socket: WebSocket) -> None:
        self._look_at_address(socket.url)

    def _on_service_worker(self, worker: Worker) -> None:
        worker.on("console", self._on_console)

    def _look_at_address(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob", "about") and address.hostname != self._host:
            self.troubles.append(f"foreign: {url}")
