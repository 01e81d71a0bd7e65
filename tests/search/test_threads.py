"""The search takes one core, whatever else runs."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from luthier.search import sampler
from luthier.search.conformance import SPACES, make_history
from luthier.search.surrogate import Surrogate

pytest.importorskip("scipy.linalg")  # its library, which the search loads late, counts too


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_a_proposal_is_computed_on_one_thread_and_leaves_the_others_as_they_were(monkeypatch):
    seen, predict = [], Surrogate.predict
    monkeypatch.setattr(Surrogate, "predict", lambda *a: seen.append(threads()) or predict(*a))
    with threadpool_limits(3, user_api="blas"):
        sampler("auto").suggest(SPACES["mixed"], make_history(SPACES["mixed"], 40), 1, 12)
        assert threads() == {3}
    assert len(seen) > 1
    assert all(found == {1} for found in seen)


def test_an_error_gives_the_threads_back(monkeypatch):
    monkeypatch.setattr(Surrogate, "predict", lambda *_: 1 / 0)
    with threadpool_limits(3, user_api="blas"):
        with pytest.raises(ZeroDivisionError):
            sampler("auto").suggest(SPACES["mixed"], make_history(SPACES["mixed"], 40), 1, 12)
        assert threads() == {3}
