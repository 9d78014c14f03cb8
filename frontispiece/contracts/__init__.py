"""Contracts of released clients: pact files, versions in the field, and the verification of providers.

Stability: provisional.
"""

from frontispiece.contracts.release import Change, changes, disagreements
from frontispiece.contracts.released import RELEASED, ClientVersion, Released
from frontispiece.contracts.repository import Contracts, PactFile, Revision, WorkingTree
from frontispiece.contracts.stage import Stage, Staging, UnknownState, on_stage
from frontispiece.contracts.upstreams import Arguments, upstream_calls
from frontispiece.contracts.usage import FieldUse, topmost_unread, usage
from frontispiece.contracts.verification import Breach, Verified, matrix, verify

__all__ = [
    "RELEASED",
    "Arguments",
    "Breach",
    "Change",
    "ClientVersion",
    "Contracts",
    "FieldUse",
    "PactFile",
    "Released",
    "Revision",
    "Stage",
    "Staging",
    "UnknownState",
    "Verified",
    "WorkingTree",
    "changes",
    "disagreements",
    "matrix",
    "on_stage",
    "topmost_unread",
    "upstream_calls",
    "usage",
    "verify",
]
