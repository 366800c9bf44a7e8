use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use phi_crypto::{Root, hex, unhex};
use zeroize::Zeroizing;

const FORM: &str = "phi-master-key-v1 ";
/// The form, 64 digits and the end of the line.
const LENGTH: usize = FORM.len() + 64 + 1;

/// Why a key file cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be made, opened or read.
    #[error("the key file cannot be {0}")]
    File(&'static str, #[source] io::Error),
    /// It is a symbolic link, a folder or a device.
    #[error("the key file is not a regular file; put the key itself there, not a link")]
    NotAFile,
    /// Others than its owner can open it.
    #[error("the key file has the mode {0:04o}, so others can open it; `chmod 600` it")]
    Exposed(u32),
    /// It belongs to somebody else.
    #[error("the key file belongs to the user {0}, not to the one who runs this; `chown` it")]
    Foreign(u32),
    /// It is not what was written there.
    #[error("the key file is not one line of `phi-master-key-v1` and 64 hexadecimal digits")]
    Malformed,
}

/// Writes the master key into a new file that its owner alone can open, and waits until it is on stable storage.
///
/// # Errors
/// Where the file is there already, or cannot be made. Then nothing is left of it.
pub fn create_key(path: &Path, root: &Root) -> Result<(), KeyFileError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = made.map_err(|error| KeyFileError::File("made", error))?;
    write(file, path, root).map_err(|error| {
        // Half a key must not stand in the way of a second try; that it cannot be removed says no more than `error`.
        let _ = std::fs::remove_file(path);
        KeyFileError::File("written", error)
    })
}

/// Reads the master key.
///
/// # Errors
/// Where the file is not a regular one, is not its reader's own, can be opened by others, or was not written by
/// [`create_key`].
pub fn load_key(path: &Path) -> Result<Root, KeyFileError> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let opened = OpenOptions::new().read(true).custom_flags(nofollow).open(path);
    let mut file = opened.map_err(|error| match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::LOOP) => KeyFileError::NotAFile,
        Some(_) | None => KeyFileError::File("opened", error),
    })?;
    // The open file is asked, not the path: nobody can swap it in between.
    let about = file.metadata().map_err(|error| KeyFileError::File("opened", error))?;
    if !about.is_file() {
        return Err(KeyFileError::NotAFile);
    }
    if about.mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed(about.mode() & 0o7777));
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyFileError::Foreign(about.uid()));
    }
    let mut text = Zeroizing::new([0_u8; LENGTH + 1]);
    let length = read(&mut file, text.as_mut()).map_err(|error| KeyFileError::File("read", error))?;
    root(&text[..length]).ok_or(KeyFileError::Malformed)
}

fn write(mut file: File, path: &Path, root: &Root) -> io::Result<()> {
    let digits = Zeroizing::new(hex(root.expose_bytes()));
    for part in [FORM, digits.as_str(), "\n"] {
        file.write_all(part.as_bytes())?;
    }
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// As much as fits; a buffer of one byte more than a key shows where there is too much.
fn read(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

fn root(text: &[u8]) -> Option<Root> {
    let digits = text.strip_prefix(FORM.as_bytes())?.strip_suffix(b"\n")?;
    let bytes = Zeroizing::new(unhex::<32>(std::str::from_utf8(digits).ok()?)?);
    Some(Root::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_key_reads_back_from_a_file_of_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let root = Root::generate().unwrap();
        create_key(&path, &root).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(load_key(&path).unwrap().expose_bytes(), root.expose_bytes());
        assert!(matches!(create_key(&path, &root), Err(KeyFileError::File("made", _))), "a key is never overwritten");
    }

    #[test]
    fn a_file_that_others_can_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        create_key(&path, &Root::generate().unwrap()).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o620, 0o602, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(load_key(&path), Err(KeyFileError::Exposed(found)) if found == mode), "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert!(load_key(&path).is_ok());
    }

    #[test]
    fn links_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("master.key"), folder.path().join("link"));
        create_key(&path, &Root::generate().unwrap()).unwrap();
        symlink(&path, &link).unwrap();
        assert!(matches!(load_key(&link), Err(KeyFileError::NotAFile)));
        assert!(matches!(load_key(folder.path()), Err(KeyFileError::NotAFile)));
        assert!(matches!(load_key(&folder.path().join("none")), Err(KeyFileError::File("opened", _))));
    }

    #[test]
    fn anything_but_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        create_key(&path, &Root::generate().unwrap()).unwrap();
        let good = fs::read(&path).unwrap();
        let bad =
            [&good[..good.len() - 1], &[&good[..], b"\n"].concat(), &good[1..], b"", &good[..40], &[0xFF; LENGTH]]
                .map(<[u8]>::to_vec);
        for bad in bad {
            fs::write(&path, &bad).unwrap();
            assert!(matches!(load_key(&path), Err(KeyFileError::Malformed)), "{} bytes", bad.len());
        }
        fs::write(&path, &good).unwrap();
        assert!(load_key(&path).is_ok());
    }
}
