"""The contract of a target as tests, for targets that talk HTTP, of this house and of other packages; needs pytest.

A test module says `class TestContract(TargetContract): subjects = (Subject(…),)`."""

import pytest

pytest.register_assert_rewrite("adapters.targets.testing.contract")  # pytest wants this before the module is imported

from adapters.targets.testing.contract import TargetContract  # noqa: E402 - see the line above
from adapters.targets.testing.receiver import Asked, Receiver, Step, serving  # noqa: E402 - likewise
from adapters.targets.testing.subject import CLIENT_MESSAGE, NOTICE, NOW, Subject  # noqa: E402 - likewise

__all__ = ["CLIENT_MESSAGE", "NOTICE", "NOW", "Asked", "Receiver", "Step", "Subject", "TargetContract", "serving"]
