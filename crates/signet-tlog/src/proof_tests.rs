use super::*;
use crate::leaf_hash;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn hashes(all: &[&str]) -> Vec<Hash> {
    all.iter().map(|h| bytes(h).try_into().unwrap()).collect()
}

/// The entries of the certificate-transparency reference implementation's tests.
fn reference() -> Vec<Hash> {
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
        .into_iter()
        .chain(["606162636465666768696a6b6c6d6e6f"])
        .map(|e| leaf_hash(&bytes(e)))
        .collect()
}

#[test]
fn roots_are_those_of_the_reference_implementation() {
    let published = hashes(&[
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]);
    let leaves = reference();
    for (n, root) in published.iter().enumerate() {
        assert_eq!(&root_of(&leaves[..n]), root, "{n} leaves");
    }
}

#[test]
fn proofs_are_those_of_the_reference_implementation() {
    let leaves = reference();
    let first_of_eight = hashes(&[
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    assert_eq!(inclusion(&leaves, 0), Ok(first_of_eight));
    let second_of_five = hashes(&[
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]);
    assert_eq!(inclusion(&leaves[..5], 1), Ok(second_of_five));
    let six_to_eight = hashes(&[
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
    assert_eq!(consistency(&leaves, 6), Ok(six_to_eight));
}

fn leaves(n: usize) -> Vec<Hash> {
    (0..n as u32).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// As many as show every shape of a right edge.
const SIZES: usize = 40;

#[test]
fn every_inclusion_proof_verifies_and_for_no_other_leaf_place_or_size() {
    for size in 1..=SIZES {
        let all = leaves(size);
        let root = root_of(&all);
        for index in 0..size {
            let proof = inclusion(&all, index).unwrap();
            let (i, n) = (index as u64, size as u64);
            assert_eq!(verify_inclusion(&all[index], i, n, &proof, &root), Ok(()));
            for other in (0..size).filter(|o| *o != index) {
                assert!(verify_inclusion(&all[index], other as u64, n, &proof, &root).is_err());
                assert!(verify_inclusion(&all[other], i, n, &proof, &root).is_err());
            }
            let longer = [&proof[..], &[root]].concat();
            assert!(verify_inclusion(&all[index], i, n, &longer, &root).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_inclusion(&all[index], i, n, shorter, &root).is_err());
            }
        }
        assert_eq!(inclusion(&all, size), Err(ProofError::OutOfRange));
        assert_eq!(
            verify_inclusion(&all[0], size as u64, size as u64, &[], &root),
            Err(ProofError::OutOfRange)
        );
    }
}

#[test]
fn every_consistency_proof_verifies_and_for_no_other_beginning() {
    for size in 1..=SIZES {
        let all = leaves(size);
        let root = root_of(&all);
        for old in 1..=size {
            let proof = consistency(&all, old).unwrap();
            let (m, n) = (old as u64, size as u64);
            let old_root = root_of(&all[..old]);
            assert_eq!(verify_consistency((m, &old_root), (n, &root), &proof), Ok(()));
            assert!(verify_consistency((m, &[7; 32]), (n, &root), &proof).is_err());
            assert!(verify_consistency((m, &old_root), (n, &[7; 32]), &proof).is_err());
            assert!(verify_consistency((n + 1, &old_root), (n, &root), &proof).is_err());
            for wrong in (1..=size).filter(|w| *w != old) {
                let wrong = wrong as u64;
                assert!(verify_consistency((wrong, &old_root), (n, &root), &proof).is_err());
            }
            let longer = [&proof[..], &[root]].concat();
            assert!(verify_consistency((m, &old_root), (n, &root), &longer).is_err());
            if let Some((_, shorter)) = proof.split_last() {
                assert!(verify_consistency((m, &old_root), (n, &root), shorter).is_err());
            }
        }
        assert_eq!(verify_consistency((0, &root_of(&[])), (size as u64, &root), &[]), Ok(()));
        assert!(verify_consistency((0, &[1; 32]), (size as u64, &root), &[]).is_err());
        assert_eq!(consistency(&all, 0), Err(ProofError::OutOfRange));
        assert_eq!(consistency(&all, size + 1), Err(ProofError::OutOfRange));
    }
}

proptest! {
    #[test]
    fn every_flipped_bit_of_a_proof_is_found(
        size in 2usize..300, at in any::<usize>(), old in any::<usize>(), bit in any::<usize>()
    ) {
        let all = leaves(size);
        let root = root_of(&all);
        let (index, n) = (at % size, size as u64);
        let flip = |proof: &[Hash]| {
            let mut wrong = proof.to_vec();
            let bit = bit % (proof.len() * 256);
            wrong[bit / 256][(bit % 256) / 8] ^= 1 << (bit % 8);
            wrong
        };
        let proof = inclusion(&all, index).unwrap();
        prop_assert!(
            verify_inclusion(&all[index], index as u64, n, &flip(&proof), &root).is_err()
        );
        let old = 1 + old % (size - 1);
        let proof = consistency(&all, old).unwrap();
        let old_root = root_of(&all[..old]);
        let wrong = verify_consistency((old as u64, &old_root), (n, &root), &flip(&proof));
        prop_assert!(wrong.is_err());
    }

    #[test]
    fn no_numbers_and_no_proof_make_the_checks_panic(
        index in any::<u64>(), size in any::<u64>(), proof in prop::collection::vec(any::<Hash>(), 0..70)
    ) {
        let _ = verify_inclusion(&[0; 32], index, size, &proof, &[0; 32]);
        let _ = verify_consistency((index, &[0; 32]), (size, &[0; 32]), &proof);
    }
}
