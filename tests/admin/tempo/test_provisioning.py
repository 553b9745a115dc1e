"""The file that makes Grafana a client of this API."""

from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from tailsampler.settings.root import Settings
from tailsampler.traces.traceql import parse
from tailsampler.traces.traceql.fields import INTRINSICS
from tests.needs import ROOT

FILE = ROOT / "deploy/monitoring/grafana/provisioning/datasources/tailsampler.yaml"


def source() -> Any:
    (found,) = YAML(typ="safe").load(FILE.read_text())["datasources"]
    return found


def test_the_data_source_is_where_we_listen() -> None:
    """Both addresses are the default of the admin listener, and neither streams."""
    found = source()
    (link,) = found["correlations"]
    addresses = {
        urlsplit(found["url"]).netloc,
        urlsplit(link["config"]["target"]["url"]).netloc,
    }
    assert addresses == {str(Settings().admin.endpoint)}
    assert found["type"] == "tempo"
    assert not any(found["jsonData"]["streamingEnabled"].values())


def test_a_trace_links_to_its_verdict() -> None:
    """Grafana replaces the variable, having read two dollar signs as one."""
    (link,) = source()["correlations"]
    assert link["type"] == "external"
    assert link["config"]["field"] == "traceID"
    assert link["config"]["target"]["url"].endswith("/t/$${__value.raw}")
    text = FILE.read_text()
    assert text.count("$") == 2


def test_the_guide_names_every_intrinsic() -> None:
    """Whoever reads the guide knows all names that are understood."""
    guide = (ROOT / "docs/tempo-api.md").read_text()
    assert [name for name in INTRINSICS if f"`{name}`" not in guide] == []
    for name in INTRINSICS:
        parse(f"{{ {name} != nil }}")
