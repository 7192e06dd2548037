"""Every random number comes from a generator named by a seed and a purpose; no result depends on torch's global one."""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator that depends on nothing but `seed` and `purpose`, for example (3, "shuffle", stage, epoch).

    Two purposes never share a stream, so what one part of a run draws cannot shift what another part draws.
    """
    name = "/".join(str(part) for part in (seed, *purpose))
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") % 2**63
    return torch.Generator().manual_seed(number)
