"""What a test needs from the machine beyond ``make setup``: skipped without it, failed in CI."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Why an operator or developer would install it; shown with the skip.
PROGRAMS = {
    "cargo": "the Rust toolchain",
    "java": "a Java runtime, for the Java agent",
    "kubectl": "kubectl, which renders kustomize's folders",
    "node": "Node.js, for its OpenTelemetry SDK and the pages' tests",
    "unshare": "unshare of util-linux, for process ids of its own",
    "npm": "npm, to fetch Node's OpenTelemetry SDK",
}


def required() -> bool:
    """Whether a missing component is a failure: in CI it is, on a user's machine it is not."""
    return bool(os.environ.get("TAILSAMPLER_REQUIRE_ALL")) or os.environ.get("CI") == "true"


def need(*programs: str) -> None:
    """Skip the calling test unless all these programs are on PATH; in CI, fail it."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        lack("; ".join(f"{name} ({PROGRAMS[name]}) is not on PATH" for name in missing))


def lack(reason: str) -> None:
    """Skip the calling test for want of a component, with the reason; in CI, fail it."""
    if required():
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)
