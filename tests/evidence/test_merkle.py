import hashlib

from hypothesis import given
from hypothesis import strategies as st

from codman.evidence.merkle import (
    EMPTY,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    proves_consistency,
    proves_inclusion,
    root,
)

SIZE = 64
LEAVES = [leaf_hash(bytes([i])) for i in range(SIZE)]
ROOTS = [root(LEAVES[:n]) for n in range(SIZE + 1)]


def test_the_empty_tree_is_the_hash_of_nothing():
    assert root([]) == EMPTY == hashlib.sha256(b"").digest()


def test_a_tree_of_three_by_hand():
    a, b, c = (hashlib.sha256(b"\x00" + x).digest() for x in (b"a", b"b", b"c"))
    ab = hashlib.sha256(b"\x01" + a + b).digest()

    assert root([a, b, c]) == hashlib.sha256(b"\x01" + ab + c).digest()


def test_the_seven_leaf_example_of_rfc_9162_section_2_1_5():
    a, b, c, d, e, f, j = (leaf_hash(x.encode()) for x in ["d0", "d1", "d2", "d3", "d4", "d5", "d6"])
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, m = node_hash(g, h), node_hash(i, j)
    leaves = [a, b, c, d, e, f, j]

    assert root(leaves) == node_hash(k, m)
    assert inclusion_proof(leaves, 0) == [b, h, m]
    assert inclusion_proof(leaves, 3) == [c, g, m]
    assert inclusion_proof(leaves, 4) == [f, j, k]
    assert inclusion_proof(leaves, 6) == [i, k]
    assert consistency_proof(leaves, 3) == [c, d, g, m]
    assert consistency_proof(leaves, 4) == [m]
    assert consistency_proof(leaves, 6) == [i, j, k]


def test_every_entry_of_every_tree_to_64_is_proven_and_no_other_place_size_or_root_is():
    for n in range(1, SIZE + 1):
        for i in range(n):
            proof = inclusion_proof(LEAVES[:n], i)
            assert proves_inclusion(LEAVES[i], i, n, proof, ROOTS[n])
            assert not any(proves_inclusion(LEAVES[i], j, n, proof, ROOTS[n]) for j in range(n + 1) if j != i)
            assert not proves_inclusion(LEAVES[i], i, n, proof, ROOTS[n - 1])
            assert not proves_inclusion(LEAVES[i], i, n, [*proof, EMPTY], ROOTS[n])
            if proof:
                assert not proves_inclusion(LEAVES[i], i, n, proof[:-1], ROOTS[n])
                assert not proves_inclusion(LEAVES[i], i, n, proof[1:], ROOTS[n])


def test_every_growth_to_64_is_proven_and_no_other_pair_of_roots_is():
    for n in range(SIZE + 1):
        for m in range(n + 1):
            proof = consistency_proof(LEAVES[:n], m)
            assert proves_consistency(m, n, ROOTS[m], ROOTS[n], proof)
            other = leaf_hash(b"other")
            assert not proves_consistency(m, n, other, ROOTS[n], proof)
            if m != n:
                assert not proves_consistency(n, m, ROOTS[n], ROOTS[m], proof)
                assert not proves_consistency(m, n, ROOTS[m], ROOTS[n], [*proof, EMPTY])
            if m:
                assert not proves_consistency(m, n, ROOTS[m], other, proof)
            if proof:
                assert not proves_consistency(m, n, ROOTS[m], ROOTS[n], proof[:-1])


def test_rewriting_an_old_entry_cannot_be_proven_consistent():
    for n in range(2, 33):
        for m in range(1, n):
            forged = [leaf_hash(b"forged"), *LEAVES[1:n]]
            assert not proves_consistency(m, n, ROOTS[m], root(forged), consistency_proof(forged, m))


@given(st.integers(1, SIZE), st.data())
def test_a_proof_with_any_bit_changed_proves_nothing(n, data):
    i = data.draw(st.integers(0, n - 1))
    proof = inclusion_proof(LEAVES[:n], i)
    if proof:
        k, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        changed = bytearray(proof[k])
        changed[bit // 8] ^= 1 << bit % 8
        assert not proves_inclusion(LEAVES[i], i, n, [*proof[:k], bytes(changed), *proof[k + 1 :]], ROOTS[n])


def test_an_inner_node_does_not_pass_as_an_entry():
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
