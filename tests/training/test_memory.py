"""Memory is planned from a snapshot, what a step holds, and what the system says is free."""

import numpy as np
import pytest

from luthier.training import memory

SNAPSHOT = {
    "weights/w": np.zeros(1000, np.float32),
    "optimizer/momentum/w": np.zeros(1000, np.float32),
    "buffers/b": np.zeros(10, np.float32),
    "seed": np.array(0),
}


def test_a_slot_needs_its_states_a_gradient_and_a_step():
    need = memory.need_of(SNAPSHOT, step=500)
    assert need == memory.Need(4000 + 4000 + 40 + 8 + 4000, 500)
    assert need.of(3) == 3 * (memory.COPIES * need.state + 500)


def test_what_does_not_fit_is_told_with_its_numbers():
    need = memory.Need(100 * 2**20)
    assert memory.why_not(need, 4, 2000 * 2**20) == ""
    told = memory.why_not(need, 8, 1000 * 2**20)
    assert told == "P=8 needs about 1,600 MiB, and of 1,000 MiB free no more than 80% is used"


def test_one_slot_is_never_refused_nor_is_the_unknown():
    assert memory.why_not(memory.Need(10**12), 1, 1000) == ""
    assert memory.why_not(memory.Need(10**12), 8, None) == ""


@pytest.fixture
def system(tmp_path):
    """Files as Linux has them: 1,000 KiB free, a container of 500 KiB of which 200 are used, 50 of them by files."""
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 1000 kB\n")
    (tmp_path / "memory.max").write_text(f"{500 * 1024}\n")
    (tmp_path / "memory.current").write_text(f"{200 * 1024}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {50 * 1024}\n")
    return tmp_path


def test_the_smaller_of_machine_and_container_counts(system):
    assert memory.available_bytes(system, system) == 350 * 1024
    (system / "memory.max").write_text("max\n")
    assert memory.available_bytes(system, system) == 1000 * 1024


def test_where_the_system_says_nothing_nothing_is_known(tmp_path):
    assert memory.available_bytes(tmp_path, tmp_path) is None


@pytest.mark.skipif(not memory.available_bytes(), reason="reads /proc")
def test_growth_of_a_block_is_measured():
    with memory.watched() as peak:
        np.ones(8_000_000)
    assert 60_000_000 < peak.grown < 120_000_000
