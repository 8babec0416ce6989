//! RFC 6962 / RFC 9162 Merkle tree, SHA-256.
//!
//! Leaf = SHA-256(0x00 || record), node = SHA-256(0x01 || left || right), root of
//! the empty tree = SHA-256 of nothing. [`Tree`] keeps only the roots of the
//! perfect subtrees (one per set bit of the size, at most 64): what is needed to
//! append and to give the root.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Hash of a leaf.
pub fn leaf_hash(record: &[u8]) -> Hash {
    prefixed(0, record, &[])
}

/// Hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    prefixed(1, left, right)
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    to_hash(digest(&SHA256, bytes))
}

fn prefixed(prefix: u8, a: &[u8], b: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[prefix]);
    context.update(a);
    context.update(b);
    to_hash(context.finish())
}

fn to_hash(digest: aws_lc_rs::digest::Digest) -> Hash {
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Append-only tree: its size and the roots of its perfect subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    peaks: Vec<Hash>,
}

impl Tree {
    /// The empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// A tree from what a segment header holds; `None` when the number of peaks
    /// does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Tree> {
        (peaks.len() == size.count_ones() as usize).then_some(Tree { size, peaks })
    }

    /// Number of leaves; also the sequence of the next record.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Root over all leaves.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => sha256(&[]),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// RFC 6962 2.1, word for word.
    fn naive(leaves: &[Vec<u8>]) -> Hash {
        match leaves.len() {
            0 => sha256(&[]),
            1 => leaf_hash(&leaves[0]),
            n => {
                let k = n.next_power_of_two() / 2;
                node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
            }
        }
    }

    /// The eight leaves and roots used by Certificate Transparency's own tests
    /// (certificate-transparency, cpp/merkletree/merkle_tree_test.cc).
    #[test]
    fn certificate_transparency_vectors() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::new();
        assert_eq!(
            hex(&tree.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (leaf, root) in leaves.iter().zip(roots) {
            tree.push(leaf_hash(leaf));
            assert_eq!(hex(&tree.root()), root);
        }
    }

    proptest! {
        #[test]
        fn appending_equals_the_definition(leaves in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..8), 0..200))
        {
            let mut tree = Tree::new();
            for (n, leaf) in leaves.iter().enumerate() {
                prop_assert_eq!(tree.root(), naive(&leaves[..n]));
                tree.push(leaf_hash(leaf));
                let again = Tree::from_peaks(tree.size(), tree.peaks().to_vec());
                prop_assert_eq!(again.as_ref(), Some(&tree));
            }
            prop_assert_eq!(tree.root(), naive(&leaves));
        }
    }
}
