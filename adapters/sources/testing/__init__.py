"""The contract of a source as tests, for the sources of this house and of other packages; needs pytest and hypothesis.

A test module says `class TestContract(SourceContract): subjects = (Subject(…),)`."""

import pytest

pytest.register_assert_rewrite("adapters.sources.testing.contract")  # pytest wants this before the module is imported

from adapters.sources.testing.contract import SourceContract  # noqa: E402 - see the line above
from adapters.sources.testing.subject import PERSON, Subject, as_json, get, lead_json, post  # noqa: E402 - likewise

__all__ = ["PERSON", "SourceContract", "Subject", "as_json", "get", "lead_json", "post"]
