"""A real Chromium looking at the pages of a real gateway."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.shop import send_shop
from tests.end_to_end.process import GatewayProcess
from tests.needs import lack

# Where distributions put it; Debian's and Alpine's package, Fedora's, Chrome itself.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# A violation reaches the page as an event; as a console message it has no stable form.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@dataclass
class Visitor:
    """One browser window, and everything that went wrong in it."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Take down errors of the page, and requests that leave the gateway."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda request: self._asked(request.url))

    def go(self, path: str) -> None:
        """Open a page of the gateway and wait until it stands."""
        self.page.goto(f"{self.origin}{path}", wait_until="load")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location})")

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and not url.startswith(self.origin):
            self.complaints.append(f"asked another host: {url}")


Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        lack("no Chromium (Debian: apt-get install chromium) is on PATH, for the pages' tests")
    with sync_playwright() as playwright:
        # Inside of containers there is no user namespace for its sandbox.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open windows: ``visit(gateway, color_scheme="dark", width=360)``."""
    contexts: list[BrowserContext] = []

    def opened(
        gateway: GatewayProcess,
        *,
        color_scheme: str = "light",
        width: int = 1280,
        scripts: bool = True,
    ) -> Visitor:
        context = browser.new_context(
            color_scheme="dark" if color_scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        if scripts:
            context.add_init_script(TELL_VIOLATIONS)
        visitor = Visitor(context.new_page(), f"http://{gateway.addresses['admin']}")
        visitor.listen()
        return visitor

    yield opened
    for context in contexts:
        context.close()


def free_port() -> int:
    """A port that a restarted gateway can have again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def shop_gateway(directory: Path) -> GatewayProcess:
    """A gateway with the local store, the same page address at each start, and short waits."""
    return GatewayProcess(
        directory,
        {
            "admin": {"endpoint": f"127.0.0.1:{free_port()}"},
            "sampling": {
                "decision_wait": "1s",
                "policies": [
                    {"name": "errors", "error_status_codes": [500, 503], "sample_rate": 1.0},
                    {"name": "slow", "duration_threshold_ms": 1000, "sample_rate": 1.0},
                    {"name": "default", "sample_rate": 0.0},
                ],
            },
            "export": [{"type": "local", "linger": "50ms"}],
        },
    )


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway that has judged and stored the shop's traces."""
    process = shop_gateway(tmp_path_factory.mktemp("gateway"))
    try:
        process.start()
        send_shop(process)
        yield process
    finally:
        process.clean_up()
