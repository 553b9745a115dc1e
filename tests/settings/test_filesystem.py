"""Whether a directory outlives the machine, read from a table of mounts."""

from pathlib import Path

import pytest

from tailsampler.settings.filesystem import filesystem_of, lives_in_memory
from tailsampler.settings.report import report
from tailsampler.settings.root import Settings

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /run/fast rw,nosuid shared:3 - tmpfs tmpfs rw
31 22 0:26 / /var/lib/tail\\040sampler rw - tmpfs tmpfs rw,size=1g
32 31 8:2 / /var/lib/tail\\040sampler/disk rw - xfs /dev/sdb1 rw
33 22 0:27 / /again rw - tmpfs tmpfs rw
34 22 8:3 / /again rw - ext4 /dev/sdc1 rw
a line of a kernel to come
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/srv/data", "ext4"),
        ("/run/fast", "tmpfs"),
        ("/run/fast/a/b", "tmpfs"),
        ("/run/fastoo", "ext4"),
        ("/var/lib/tail sampler/x", "tmpfs"),
        ("/var/lib/tail sampler/disk/x", "xfs"),
        ("/again/x", "ext4"),
    ],
)
def test_the_nearest_mount_counts(directory: str, kind: str, tmp_path: Path) -> None:
    """Of two in one place the later; names with spaces; directories that are not there yet."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert filesystem_of(Path(directory), mounts) == kind
    assert lives_in_memory(Path(directory), mounts) is (kind == "tmpfs")


def test_where_nothing_is_known_nothing_is_claimed(tmp_path: Path) -> None:
    """Another system, or no permission: no warning on a guess."""
    assert filesystem_of(tmp_path, tmp_path / "missing") is None
    assert not lives_in_memory(tmp_path, tmp_path / "missing")


def test_keeping_what_goes_with_the_pod_is_warned_of() -> None:
    """On tmpfs the default loses at every rollout what is held; the warning says what to write."""
    keep, drain = Settings(), Settings.model_validate({"shutdown": {"mode": "drain"}})
    [warning] = set(report(keep, in_memory=True).warnings) - set(report(keep).warnings)
    assert "write shutdown: {mode: drain}" in warning
    assert report(drain, in_memory=True).warnings == report(drain).warnings


def test_each_shutdown_says_its_bound_and_what_stays() -> None:
    """Whoever reads ``check`` knows what a rollout does."""
    drain = Settings.model_validate({"shutdown": {"mode": "drain", "export_within": "25s"}})
    text = report(drain).shutdown
    assert "judged at once" in text
    assert "have 25s to send" in text
    assert "stays in data_directory" in text
    assert "the next start there goes on with it" in report(Settings()).shutdown
