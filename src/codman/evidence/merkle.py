"""A Merkle tree that only grows: proofs that an entry is in it, and that a newer tree still holds an older one.

Source: RFC 9162 section 2.1 (hashing 2.1.1, inclusion 2.1.3, consistency 2.1.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry; its prefix keeps it from passing as an inner node (second preimage)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree.

    Args:
        leaves: (n,) leaf hashes, 32 bytes each, in the order they came.
    """
    if not leaves:
        return EMPTY
    # one pass: complete subtrees of growing size on a stack, merged as a binary counter carries
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, top = 1, leaf
        while stack and stack[-1][0] == size:
            top = node_hash(stack.pop()[1], top)
            size *= 2
        stack.append((size, top))
    top = stack.pop()[1]
    while stack:
        top = node_hash(stack.pop()[1], top)
    return top


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What is needed beside an entry to work out the root.

    Args:
        leaves: (n,) leaf hashes.
        index: Which one, 0 to n - 1.

    Raises:
        IndexError: There is no such entry.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"entry {index} of a tree of {len(leaves)}")
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*inclusion_proof(leaves[:k], index), root(leaves[k:])]
    return [*inclusion_proof(leaves[k:], index - k), root(leaves[:k])]


def consistency_proof(leaves: Sequence[bytes], older: int) -> list[bytes]:
    """What is needed to show that this tree begins with its first `older` entries.

    Args:
        leaves: (n,) leaf hashes.
        older: Size of the older tree, 0 to n. From nothing, and to itself, there is nothing to prove.

    Raises:
        IndexError: The tree was never that size.
    """
    if not 0 <= older <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} never had {older} entries")
    if older in (0, len(leaves)):
        return []
    return _subproof(leaves, older, whole=True)


def proves_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether a proof shows that a leaf is entry `index` of the tree of `size` entries with this root."""
    if not 0 <= index < size:
        return False
    position, last, top = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False  # longer than the tree is high
        if position % 2 or position == last:
            top = node_hash(node, top)
            while position % 2 == 0 and position:  # levels where the last subtree has no sibling
                position //= 2
                last //= 2
        else:
            top = node_hash(top, node)
        position //= 2
        last //= 2
    return last == 0 and top == expected_root


def proves_consistency(older: int, newer: int, older_root: bytes, newer_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the newer tree begins with the older one."""
    if not 0 <= older <= newer:
        return False
    if older == newer:
        return not proof and older_root == newer_root
    if older == 0:
        return not proof and older_root == EMPTY
    nodes = list(proof)
    if older & (older - 1) == 0:
        nodes.insert(0, older_root)  # a complete older tree is itself the first node
    if not nodes:
        return False
    position, last = older - 1, newer - 1
    while position % 2:
        position //= 2
        last //= 2
    old_top = new_top = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            old_top, new_top = node_hash(node, old_top), node_hash(node, new_top)
            while position % 2 == 0 and position:
                position //= 2
                last //= 2
        else:
            new_top = node_hash(new_top, node)
        position //= 2
        last //= 2
    return last == 0 and old_top == older_root and new_top == newer_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(leaves: Sequence[bytes], older: int, *, whole: bool) -> list[bytes]:
    if older == len(leaves):
        return [] if whole else [root(leaves)]
    k = _split(len(leaves))
    if older <= k:
        return [*_subproof(leaves[:k], older, whole=whole), root(leaves[k:])]
    return [*_subproof(leaves[k:], older - k, whole=False), root(leaves[:k])]
