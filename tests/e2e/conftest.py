"""Fixtures of the end-to-end tests: real pssstd processes in network namespaces of their own."""

import os
import signal

import namespaces
import ports
import pytest
from pssstd import PSSSTD, Pssstd, assert_books
from world import temporary_files, world_in


def pytest_sessionstart(session):
    # Ended from outside, by a time limit say: still clean up.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))
    assert PSSSTD.is_file(), f"{PSSSTD} is not built; tests/run does that"
    if ports.may_make_namespaces():
        namespaces.remove_left_behind()


def pytest_sessionfinish(session, exitstatus):
    for server in list(Pssstd.running):
        server.kill()
    if ports.may_make_namespaces():
        namespaces.remove_left_behind()


def require_root(what):
    """Skips; in CI, where root is there, fails."""
    if not ports.may_make_namespaces():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"needs root: {what}")


@pytest.fixture
def as_root():
    require_root("makes network namespaces")


@pytest.fixture
def files():
    with temporary_files() as files:
        yield files


@pytest.fixture
def place():
    with ports.KINDS["socket-ipv4"]() as place:
        yield place


@pytest.fixture(params=["socket-ipv4", "net_tap"])
def any_place(request):
    if request.param in ports.NEEDS_ROOT:
        require_root("makes network namespaces and devices")
    with ports.KINDS[request.param]() as place:
        yield place


@pytest.fixture(scope="module")
def module_world(request):
    """One pssstd for all of a module's tests on one kind of port (request.param)."""
    if request.param in ports.NEEDS_ROOT:
        require_root("makes network namespaces and devices")
    with ports.KINDS[request.param]() as place, world_in(place) as world:
        yield world


@pytest.fixture
def world(module_world):
    """The module's pssstd; its books must balance before and after each test."""
    assert_books(module_world.report())
    yield module_world
    assert_books(module_world.report())


def on_ports(*kinds):
    """Marks a test, or with `pytestmark` a module, to run with `world` on each kind of port."""
    return pytest.mark.parametrize("module_world", kinds, indirect=True, scope="module")
