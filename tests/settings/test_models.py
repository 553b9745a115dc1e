"""What every section promises."""

import re
from collections.abc import Iterator

import pytest
from pydantic.fields import FieldInfo

from tailsampler.decide.dialects.policy_list import Entry, ListedPolicy, Parameters
from tailsampler.decide.policy import Policy
from tailsampler.settings.base import Section
from tailsampler.settings.buffer import Fsync, FsyncInterval, loss_window
from tailsampler.settings.effective import effective_yaml
from tailsampler.settings.export import EXPORTERS, Retry, Rotation
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings
from tailsampler.settings.tls import ClientTls, ServerTls

LISTED = (Entry, ListedPolicy, Parameters, Policy)
MORE = (*EXPORTERS.values(), FsyncInterval, Retry, Rotation, ClientTls, ServerTls, *LISTED)


def sections() -> Iterator[type[Section]]:
    todo: list[type[Section]] = [Settings, *MORE]
    seen: set[type[Section]] = set()
    while todo:
        section = todo.pop()
        if section in seen:
            continue
        seen.add(section)
        yield section
        for field in section.model_fields.values():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, Section):
                todo.append(kind)


FIELDS = [
    pytest.param(section, name, field, id=f"{section.__name__}.{name}")
    for section in sections()
    for name, field in section.model_fields.items()
]


@pytest.mark.parametrize(("section", "name", "field"), FIELDS)
def test_every_setting_explains_itself(section: type[Section], name: str, field: FieldInfo) -> None:
    """A sentence where it is declared, and an example where there is no default."""
    assert field.description, f"{section.__name__}.{name} has no description"
    assert field.description.endswith(".")
    if field.is_required():
        assert field.examples, f"{section.__name__}.{name} has no example"


@pytest.mark.parametrize(("section", "name", "field"), FIELDS)
def test_no_bare_number_hides_its_unit(section: type[Section], name: str, field: FieldInfo) -> None:
    """A whole number is a count, or its name ends with the unit."""
    counts = {"threads", "in_flight", "max_traces", "max_backups"}
    sized = re.search(r"_(bytes|ms|mib|megabytes)$|_body_size$", name)
    assert field.annotation is not int or name in counts or sized


def test_every_hint_is_for_a_key_that_is_not_a_setting() -> None:
    """A hint in the way of a real setting would never be read."""
    for section in sections():
        assert not set(section.HINTS) & set(section.model_fields)


def test_the_effective_configuration_is_a_configuration() -> None:
    """What `check --print-config` prints says the same when it is read."""
    text = """
data_directory: /var/lib/x
receive: {otlp_grpc: {endpoint: "[::1]:4317", tls: {cert_file: a, key_file: b}}}
buffer: {fsync: always}
sampling:
  decision_wait_after_root_received: 1500ms
  trace_ids: hashed
  policies:
    - {name: a, service_name: [x, y], error_status: true, sample_rate: 0.25, decision_wait: 1m}
export: [{type: otlp_grpc, endpoint: tempo:4317, tls: {insecure: true}}, {type: file}]
"""
    for settings in (Settings(), parse(text, environ={})):
        assert parse(effective_yaml(settings), environ={}) == settings


def test_the_loss_window_is_one_sentence_for_each_mode() -> None:
    """It speaks of the process and of the power, which are two things."""
    modes: tuple[Fsync, ...] = ("never", "always", FsyncInterval())
    for mode in modes:
        text = loss_window(mode)
        assert "process dies" in text
        assert "power goes" in text
        assert text.count(".") == 1


def test_defaults_are_sound() -> None:
    """The defaults pass the same checks as a file."""
    assert Settings.model_validate({}) == Settings()
