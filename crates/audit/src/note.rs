//! Checkpoints as C2SP signed notes (c2sp.org/tlog-checkpoint, signed-note), with
//! Ed25519 (RFC 8032), and the keys that make and check them.
//!
//! ```text
//! <origin>\n<size, decimal>\n<root, base64>\n\n\u{2014} <key name> <base64(key id || signature)>\n
//! ```

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::{Hash, sha256};

/// Signature type of Ed25519 in C2SP notes and keys.
const ED25519_TYPE: u8 = 1;
/// Longest note that is read.
const NOTE_BYTES_MAX: usize = 64 << 10;

/// Size and root of a log at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of records.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not in the C2SP form.
    #[error("key is not in the form <name>+<id>+<base64>")]
    Form,
    /// The id does not belong to name and key.
    #[error("key id does not match name and key")]
    Id,
    /// Another algorithm.
    #[error("key is not an Ed25519 key")]
    Algorithm,
    /// A name is empty, too long, or holds a space, a plus or a control character.
    #[error("key name must be 1-255 bytes without space, plus or control characters")]
    Name,
    /// The system gave no randomness.
    #[error("no randomness for a new key")]
    Random,
}

/// Why a note is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a checkpoint in a signed note.
    #[error("not a signed checkpoint")]
    Form,
    /// No signature by the key given.
    #[error("checkpoint is not signed by the key given")]
    UnknownKey,
    /// A signature that names the key and does not verify.
    #[error("checkpoint signature does not verify")]
    Signature,
    /// The origin is not the key's name.
    #[error("checkpoint is of another log")]
    Origin,
}

/// Public half of a checkpoint key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Result<VerifierKey, KeyError> {
        check_name(name)?;
        let mut hashed = name.as_bytes().to_vec();
        hashed.extend_from_slice(&[b'\n', ED25519_TYPE]);
        hashed.extend_from_slice(&public);
        let digest = sha256(&hashed);
        let key_id = [digest[0], digest[1], digest[2], digest[3]];
        Ok(VerifierKey {
            name: name.to_owned(),
            key_id,
            public,
        })
    }

    /// Reads the C2SP form `<name>+<8 hex digits>+<base64(0x01 || key)>`.
    pub fn parse(text: &str) -> Result<VerifierKey, KeyError> {
        let (name, id, public) = key_parts(text.trim())?;
        let key = VerifierKey::new(name, public)?;
        if key.key_id == id {
            Ok(key)
        } else {
            Err(KeyError::Id)
        }
    }

    /// The C2SP form.
    pub fn encode(&self) -> String {
        encode_key("", &self.name, &self.key_id, &self.public)
    }

    /// Name: the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First four bytes of SHA-256(name || 0x0A || 0x01 || key).
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// Checks a note and gives its checkpoint.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = split_note(note).ok_or(NoteError::Form)?;
        let checkpoint = parse_checkpoint(text).ok_or(NoteError::Form)?;
        let mut seen = false;
        for line in signatures.lines() {
            let (name, id, signature) = parse_signature(line).ok_or(NoteError::Form)?;
            if name != self.name || id != self.key_id {
                continue;
            }
            UnparsedPublicKey::new(&ED25519, &self.public)
                .verify(text.as_bytes(), &signature)
                .map_err(|_| NoteError::Signature)?;
            seen = true;
        }
        match seen {
            false => Err(NoteError::UnknownKey),
            true if checkpoint.origin != self.name => Err(NoteError::Origin),
            true => Ok(checkpoint),
        }
    }
}

/// Private half: signs checkpoints. Shows nothing of itself.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl Signer {
    /// A new key for the log `name`.
    pub fn generate(name: &str) -> Result<Signer, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?;
        Signer::from_pair(name, pair)
    }

    /// Reads what [`Signer::encode`] wrote.
    pub fn parse(text: &str) -> Result<Signer, KeyError> {
        let text = text
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(KeyError::Form)?;
        let (name, id, seed) = key_parts(text)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Algorithm)?;
        let signer = Signer::from_pair(name, pair)?;
        if signer.verifier.key_id == id {
            Ok(signer)
        } else {
            Err(KeyError::Id)
        }
    }

    /// `PRIVATE+KEY+<name>+<id>+<base64(0x01 || seed)>`, as Go's `sumdb/note` has
    /// it. For a file that only the log's owner can read.
    pub fn encode(&self) -> Result<String, KeyError> {
        let seed = self.pair.seed().map_err(|_| KeyError::Algorithm)?;
        let seed = aws_lc_rs::encoding::AsBigEndian::<aws_lc_rs::encoding::Curve25519SeedBin>::as_be_bytes(&seed)
            .map_err(|_| KeyError::Algorithm)?;
        let name = self.verifier.name();
        Ok(encode_key(
            "PRIVATE+KEY+",
            name,
            &self.verifier.key_id,
            seed.as_ref(),
        ))
    }

    fn from_pair(name: &str, pair: Ed25519KeyPair) -> Result<Signer, KeyError> {
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::Algorithm)?;
        Ok(Signer {
            verifier: VerifierKey::new(name, public)?,
            pair,
        })
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signed note. Its origin should be this key's name.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let Checkpoint { origin, size, root } = checkpoint;
        let text = format!("{origin}\n{size}\n{}\n", STANDARD.encode(root));
        let mut signature = self.verifier.key_id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!(
            "{text}\n\u{2014} {} {}\n",
            self.verifier.name,
            STANDARD.encode(signature)
        )
    }
}

/// Splits a file of notes, each followed by an empty line, into notes; the second
/// value is what stands after the last complete one (a torn tail, or nothing).
pub fn split_notes(text: &str) -> (Vec<&str>, &str) {
    let mut notes = Vec::new();
    let mut rest = text;
    loop {
        // A note has one empty line inside; the one after its signatures ends it.
        let end = rest
            .find("\n\n")
            .and_then(|a| Some(a + 2 + rest.get(a + 2..)?.find("\n\n")?));
        let Some(end) = end else { return (notes, rest) };
        notes.push(&rest[..end + 1]);
        rest = &rest[end + 2..];
    }
}

fn split_note(note: &str) -> Option<(&str, &str)> {
    if note.len() > NOTE_BYTES_MAX || !note.ends_with('\n') {
        return None;
    }
    let at = note.rfind("\n\n")?;
    let signatures = note.get(at + 2..)?;
    (!signatures.is_empty()).then_some((&note[..at + 1], signatures))
}

fn parse_checkpoint(text: &str) -> Option<Checkpoint> {
    let mut lines = text.lines();
    let origin = lines.next()?.to_owned();
    let digits = lines.next()?;
    let size = digits
        .parse::<u64>()
        .ok()
        .filter(|size| size.to_string() == digits)?;
    let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
    check_name(&origin).ok()?;
    Some(Checkpoint { origin, size, root })
}

fn parse_signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    Some((name, *id, signature.to_vec()))
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > 255 || name.contains(bad) {
        return Err(KeyError::Name);
    }
    Ok(())
}

fn key_parts(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), KeyError> {
    // The base64 part may hold plus signs; name and id may not.
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(id), Some(key)) => (name, id, key),
        _ => return Err(KeyError::Form),
    };
    if id.len() != 8 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(KeyError::Form);
    }
    let id = u32::from_str_radix(id, 16)
        .map_err(|_| KeyError::Form)?
        .to_be_bytes();
    let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
    match key.split_first() {
        Some((&ED25519_TYPE, key)) => Ok((name, id, key.try_into().map_err(|_| KeyError::Form)?)),
        _ => Err(KeyError::Algorithm),
    }
}

fn encode_key(prefix: &str, name: &str, id: &[u8; 4], key: &[u8]) -> String {
    let mut typed = vec![ED25519_TYPE];
    typed.extend_from_slice(key);
    format!(
        "{prefix}{name}+{:08x}+{}",
        u32::from_be_bytes(*id),
        STANDARD.encode(typed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and note of Go's golang.org/x/mod/sumdb/note documentation.
    const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn go_verifier_key_and_its_id() {
        let key = VerifierKey::parse(GO_VKEY).unwrap();
        assert_eq!(
            (key.name(), key.encode().as_str()),
            ("PeterNeumann", GO_VKEY)
        );
        assert_eq!(
            VerifierKey::parse(&GO_VKEY.replace("c74f", "c74e")),
            Err(KeyError::Id)
        );
    }

    /// The signature of that documentation is over free text, not a checkpoint:
    /// checked below the checkpoint layer.
    #[test]
    fn go_note_signature() {
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let key = VerifierKey::parse(GO_VKEY).unwrap();
        let (name, id, signature) = parse_signature(line).unwrap();
        assert_eq!((name, id), (key.name(), key.key_id()));
        UnparsedPublicKey::new(&ED25519, &key.public)
            .verify(text.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_signed_checkpoint_opens_with_its_key_only() {
        let signer = Signer::generate("panward.example/host1").unwrap();
        let again = Signer::parse(&signer.encode().unwrap()).unwrap();
        let checkpoint = Checkpoint {
            origin: "panward.example/host1".into(),
            size: 7,
            root: [3; 32],
        };
        let note = again.sign(&checkpoint);
        assert_eq!(signer.verifier().open(&note), Ok(checkpoint));
        let other = Signer::generate("panward.example/host1").unwrap();
        assert_eq!(other.verifier().open(&note), Err(NoteError::UnknownKey));
        let changed = note.replacen("\n7\n", "\n8\n", 1);
        assert_eq!(signer.verifier().open(&changed), Err(NoteError::Signature));
    }

    #[test]
    fn no_flipped_byte_of_a_note_is_accepted_as_another_checkpoint() {
        let signer = Signer::generate("log").unwrap();
        let note = signer.sign(&Checkpoint {
            origin: "log".into(),
            size: 12,
            root: [9; 32],
        });
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else {
                    continue;
                };
                assert!(
                    signer.verifier().open(&text).is_err(),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn notes_are_split_and_a_torn_one_is_the_rest() {
        let signer = Signer::generate("log").unwrap();
        let note = signer.sign(&Checkpoint {
            origin: "log".into(),
            size: 1,
            root: [0; 32],
        });
        let file = format!("{note}\n{note}\n{}", &note[..20]);
        let (notes, rest) = split_notes(&file);
        assert_eq!(
            (notes, rest),
            (vec![note.as_str(), note.as_str()], &note[..20])
        );
    }
}
