//! The folder: read whole, written one new file at a time.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use engine::{FingerprintKey, Suppressions};

use super::file::{Entry, SuppressError};

/// Most suppressions of a gateway.
pub const FILES_MAX: usize = 1000;
/// Largest file of the folder.
pub const FILE_BYTES_MAX: u64 = 16 << 10;

/// Key of the fingerprints of single numbers; 32 random bytes, mode 0600.
const KEY_FILE: &str = "fingerprint.key";

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// For the engine.
    pub rules: Suppressions,
    /// The same with who and why, in order of their names.
    pub entries: Vec<Entry>,
}

impl Folder {
    /// Reads every `*.toml` file of the folder (names that begin with a dot are
    /// left out). A folder that is not there has none.
    ///
    /// # Errors
    /// The first file that cannot be read, or is no suppression.
    pub fn load(dir: &Path) -> Result<Folder, SuppressError> {
        let mut entries = Vec::new();
        for path in files(dir)? {
            let text = read(&path)?;
            let text = String::from_utf8(text).map_err(|_| SuppressError::Content {
                path: path.clone(),
                message: "is not UTF-8".to_owned(),
            })?;
            entries.push(Entry::parse(&path, &text)?);
        }
        let path = dir.join(KEY_FILE);
        let key = match path.exists() {
            true => Some(FingerprintKey::new(&read(&path)?)),
            false => None,
        };
        let list = entries.iter().map(|entry| entry.rule.clone()).collect();
        Ok(Folder {
            rules: Suppressions::new(list, key),
            entries,
        })
    }

    /// Names of those whose time is over at `now_ns`.
    pub fn over(&self, now_ns: u64) -> Vec<&str> {
        let over = self.entries.iter().filter(|e| e.rule.is_over(now_ns));
        over.map(|entry| entry.rule.id.as_str()).collect()
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> SuppressError + '_ {
    |error| SuppressError::Io {
        path: path.to_owned(),
        error,
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, SuppressError> {
    let found = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(at(dir))?,
    };
    let mut files = Vec::new();
    for entry in found {
        let path = entry.map_err(at(dir))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name.ends_with(".toml") && !name.starts_with('.')) {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(SuppressError::Content {
                path: dir.to_owned(),
                message: format!("more than {FILES_MAX} files"),
            });
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, SuppressError> {
    let file = fs::File::open(path).map_err(at(path))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(at(path))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(SuppressError::Content {
            path: path.to_owned(),
            message: format!("is larger than {FILE_BYTES_MAX} bytes"),
        });
    }
    Ok(bytes)
}

/// Writes a new suppression; the folder is made when it is not there. The file
/// appears whole, and none is written over.
///
/// # Errors
/// Something else has its name, or it cannot be written.
pub fn create(dir: &Path, entry: &Entry) -> Result<PathBuf, SuppressError> {
    let path = dir.join(format!("{}.toml", entry.rule.id));
    entry.check().map_err(|message| SuppressError::Content {
        path: path.clone(),
        message: message.to_owned(),
    })?;
    make(dir)?;
    let half = dir.join(format!(".{}.tmp", entry.rule.id));
    write_new(&half, entry.to_toml().as_bytes(), 0o640).map_err(at(&half))?;
    match crate::sys::rename_new(&half, &path) {
        Ok(()) => Ok(path),
        Err(error) => {
            // The first error is the one to tell.
            let _ = fs::remove_file(&half);
            Err(at(&path)(error))
        }
    }
}

/// The folder's key, made when it is not there.
///
/// # Errors
/// It cannot be read or made.
pub fn key(dir: &Path) -> Result<FingerprintKey, SuppressError> {
    let path = dir.join(KEY_FILE);
    if !path.exists() {
        make(dir)?;
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret)
            .map_err(|_| at(&path)(io::Error::other("no random bytes")))?;
        write_new(&path, &secret, 0o600).map_err(at(&path))?;
    }
    Ok(FingerprintKey::new(&read(&path)?))
}

fn make(dir: &Path) -> Result<(), SuppressError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(at(dir))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Numbers, Suppression};

    fn entry(id: &str) -> Entry {
        Entry {
            rule: Suppression {
                id: id.to_owned(),
                server: "crm".to_owned(),
                tool: "list_orders".to_owned(),
                path: Some("$.result.orders[*].id".to_owned()),
                numbers: Numbers::Iin("305693".to_owned()),
                even_high: false,
                until_ns: 2_000_000_000_000_000_000,
            },
            by: "uid 0".to_owned(),
            reason: "order ids".to_owned(),
            created_ns: 1_999_000_000_000_000_000,
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_is_written_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path().join("suppressions.d");
        assert!(Folder::load(&dir).expect("none").entries.is_empty());
        let one = Entry {
            rule: Suppression {
                numbers: Numbers::One {
                    fingerprint: key(&dir).expect("made").fingerprint(b"30569309025904"),
                    shown: "305693****5904".to_owned(),
                },
                ..entry("b").rule
            },
            ..entry("b")
        };
        create(&dir, &one).expect("written");
        create(&dir, &entry("a")).expect("written");
        fs::write(dir.join(".c.toml"), "?").expect("written");
        assert!(create(&dir, &entry("a")).is_err(), "it is there");
        let folder = Folder::load(&dir).expect("good");
        assert_eq!(folder.entries, [entry("a"), one]);
        assert_eq!(folder.over(2_000_000_000_000_000_000), ["a", "b"]);
        assert!(folder.over(1_999_999_999_999_999_999).is_empty());
        let left: Vec<_> = fs::read_dir(&dir).expect("read").flatten().collect();
        assert_eq!(left.len(), 4, "nothing half made stays: {left:?}");
    }

    #[test]
    fn a_file_that_is_no_suppression_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let good = entry("x").to_toml();
        for (text, why) in [
            (good.replace("305693", "30569"), "six digits"),
            (good.replace("305693", "3056930"), "six digits"),
            (good.replace("crm", ""), "server must not be empty"),
            (good.replace("[*]", "[1]"), "[*] for indexes"),
            (
                good.replace("2033-05-18T03:33:20", "2035-05-18T03:33:20"),
                "within 366 days",
            ),
            (good.replace("order ids", " "), "reason must not be empty"),
            (good.replace("iin", "iim"), "unknown field"),
            (good.clone() + "shown = \"*\"\n", "either iin"),
        ] {
            fs::write(dir.path().join("x.toml"), &text).expect("written");
            let error = Folder::load(dir.path()).expect_err(&text).to_string();
            assert!(
                error.contains("x.toml: ") && error.contains(why),
                "{error}\n{text}"
            );
        }
        fs::write(dir.path().join("x.toml"), good).expect("written");
        fs::write(dir.path().join("Not An Id.toml"), entry("x").to_toml()).expect("written");
        assert!(Folder::load(dir.path()).is_err());
    }
}
