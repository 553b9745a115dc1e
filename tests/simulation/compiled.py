"""A chain through the gateway's own reading: config text, settings, plan."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from tailsampler.decide.compile import compile_plan
from tailsampler.errors import SettingsError
from tailsampler.settings.load import parse
from tests.model.chain import Chain
from tests.model.plans import config, policy_list

_UNREACHABLE = re.compile(r"sampling\.policies\[(\d+)\]: .* can never match")


def compiled(chain: Chain) -> str:
    """The plan of a chain, as JSON, by way of config text."""
    text = json.dumps({"sampling": config(chain)})
    return compile_plan(parse(text, environ={}).sampling).model_dump_json()


def compiled_list(chain: Chain) -> str:
    """The same by way of the policy-list spelling, which has no words for waits."""
    text = json.dumps({"sampling": policy_list(chain)})
    return compile_plan(parse(text, environ={}).sampling).model_dump_json()


def unreachable(chain: Chain) -> set[str]:
    """Policies that the settings refuse because no trace can ever reach them."""
    try:
        compiled(chain)
    except SettingsError as error:
        named = {int(number) for number in _UNREACHABLE.findall(str(error))}
        if not named:
            raise
        return {chain.policies[number].name for number in named}
    return set()


def pruned(chain: Chain) -> Chain:
    """The chain without policies that no trace can reach; every verdict is the same."""
    names = unreachable(chain)
    return replace(chain, policies=tuple(p for p in chain.policies if p.name not in names))
