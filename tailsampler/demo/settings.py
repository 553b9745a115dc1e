"""What ``run --demo`` uses where no configuration is named; ``config/demo.yaml`` says the same."""

from datetime import timedelta
from pathlib import Path

from tailsampler.decide.policy import Policy
from tailsampler.settings.buffer import Buffer
from tailsampler.settings.memory import Decisions, Outbox
from tailsampler.settings.root import Settings
from tailsampler.settings.sampling import Sampling


def demo_settings() -> Settings:
    """Short waits, so that verdicts are seen soon; rates that keep something of everything."""
    return Settings(
        data_directory=Path("data/demo"),
        buffer=Buffer(max_bytes=1 << 30),
        sampling=Sampling(
            decision_wait=timedelta(seconds=3),
            decision_wait_after_root_received=timedelta(seconds=1),
            policies=(
                Policy(name="errors", error_status_codes=(500, 502, 503, 504), sample_rate=1.0),
                Policy(name="slow", duration_threshold_ms=1000, sample_rate=0.5),
                Policy(name="recommendation", service_name=("recommendation",), sample_rate=0.1),
                Policy(name="default", sample_rate=0.05),
            ),
        ),
        decisions=Decisions(max_bytes=256 << 20),
        outbox=Outbox(max_bytes=1 << 30),
    )
