//! A directory with the meaning of the bucket: an object is a file, its version the hash of its content. Writers on one
//! machine exclude each other by a lock file.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use vigie_core::cause::Cause;

use super::{ETag, LARGEST, Listed, Put, StoreError};

const LOCK: &str = ".vigie-lock";

pub(super) async fn get(root: PathBuf, key: String) -> Result<Option<(Vec<u8>, ETag)>, StoreError> {
    aside("read", key.clone(), move || read(&place(&root, &key)?)).await
}

pub(super) async fn put(root: PathBuf, key: String, bytes: Vec<u8>, etag: Option<ETag>) -> Result<Put, StoreError> {
    aside("write", key.clone(), move || write(&root, &place(&root, &key)?, &bytes, etag.as_ref())).await
}

pub(super) async fn list(root: PathBuf, prefix: String, most: usize) -> Result<Vec<Listed>, StoreError> {
    aside("list", prefix.clone(), move || {
        let mut found = Vec::new();
        walk(&root, &root, &mut found)?;
        found.retain(|object| object.key.starts_with(&prefix));
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        found.truncate(most);
        Ok(found)
    })
    .await
}

pub(super) async fn delete(root: PathBuf, key: String) -> Result<(), StoreError> {
    aside("delete", key.clone(), move || match fs::remove_file(place(&root, &key)?) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(cause(&e)),
        _ => Ok(()),
    })
    .await
}

/// Runs blocking work off the runtime's thread.
async fn aside<T: Send + 'static>(
    action: &'static str,
    key: String,
    work: impl FnOnce() -> Result<T, Cause> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Cause::Unexpected));
    done.map_err(|cause| StoreError::new(cause, action, &key))
}

/// A key never leaves the directory.
fn place(root: &Path, key: &str) -> Result<PathBuf, Cause> {
    let path = Path::new(key);
    let inside = !key.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| root.join(path)).ok_or(Cause::Malformed)
}

fn read(path: &Path) -> Result<Option<(Vec<u8>, ETag)>, Cause> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cause(&e)),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|e| cause(&e))?;
    if bytes.len() > LARGEST {
        return Err(Cause::TooLarge);
    }
    let etag = version(&bytes);
    Ok(Some((bytes, etag)))
}

fn write(root: &Path, path: &Path, bytes: &[u8], etag: Option<&ETag>) -> Result<Put, Cause> {
    let folder = path.parent().ok_or(Cause::Malformed)?;
    fs::create_dir_all(folder).map_err(|e| cause(&e))?;
    let lock = File::options().create(true).append(true).open(root.join(LOCK)).map_err(|e| cause(&e))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Put::Conflict),
        Err(TryLockError::Error(e)) => return Err(cause(&e)),
    }
    let there = read(path)?.map(|(_, version)| version);
    if there.as_ref() != etag {
        return Ok(Put::Precondition);
    }
    // A reader sees the old file or the new one, never half of one.
    let beside = path.with_extension("part");
    let mut file = File::create(&beside).map_err(|e| cause(&e))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| cause(&e))?;
    fs::rename(&beside, path).map_err(|e| cause(&e))?;
    Ok(Put::Done(version(bytes)))
}

fn version(bytes: &[u8]) -> ETag {
    let hash: String = Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect();
    ETag(format!("\"{hash}\""))
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Listed>) -> Result<(), Cause> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(cause(&e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| cause(&e))?;
        let path = entry.path();
        // Links are not followed: no way out, no circle.
        let kind = entry.file_type().map_err(|e| cause(&e))?;
        if kind.is_dir() {
            walk(root, &path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|e| e == "json" || e == "toml") {
            let written = entry.metadata().and_then(|data| data.modified()).map_err(|e| cause(&e))?;
            let modified = Timestamp::try_from(written).map_err(|_| Cause::Unexpected)?;
            let key = path.strip_prefix(root).ok().and_then(Path::to_str).map(str::to_owned);
            found.extend(key.map(|key| Listed { key, modified }));
        }
    }
    Ok(())
}

fn cause(error: &std::io::Error) -> Cause {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Cause::NoPermission,
        ErrorKind::NotFound => Cause::NotFound,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Cause::QuotaSpent,
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => Cause::Malformed,
        _ => Cause::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Store, Written};
    use super::*;

    #[tokio::test]
    async fn keeps_the_bucket_s_conditions() {
        let at = tempfile::tempdir().unwrap();
        let store = Store::Directory(at.path().join("runs"));
        assert_eq!(store.get("heads/a.json").await.unwrap(), None);
        let Put::Done(first) = store.put_if_absent("heads/a.json", b"1".to_vec()).await.unwrap() else { panic!() };
        assert_eq!(store.put_if_absent("heads/a.json", b"2".to_vec()).await.unwrap(), Put::Precondition);
        let Put::Done(second) = store.put_if_match("heads/a.json", b"2".to_vec(), &first).await.unwrap() else {
            panic!()
        };
        assert_eq!(store.put_if_match("heads/a.json", b"3".to_vec(), &first).await.unwrap(), Put::Precondition);
        assert_eq!(store.get("heads/a.json").await.unwrap(), Some((b"2".to_vec(), second)));
        assert_eq!(store.put_if_match("heads/none.json", b"3".to_vec(), &first).await.unwrap(), Put::Precondition);
        assert_eq!(store.put_run("runs/x/1.json", b"{}".to_vec()).await.unwrap(), Written::Written);
        assert_eq!(store.put_run("runs/x/1.json", b"{}".to_vec()).await.unwrap(), Written::AlreadyThere);
        for page in [b"<p>1", b"<p>2"] {
            store.put_over("reports/x.html", page.to_vec()).await.unwrap();
            assert_eq!(store.get("reports/x.html").await.unwrap().unwrap().0, page);
        }
        assert_eq!(store.list("", 10).await.unwrap(), ["heads/a.json", "runs/x/1.json"]);
        assert_eq!(store.list("runs/", 10).await.unwrap(), ["runs/x/1.json"]);
    }

    #[tokio::test]
    async fn a_key_cannot_leave_it() {
        let at = tempfile::tempdir().unwrap();
        let store = Store::Directory(at.path().join("runs"));
        for key in ["../x.json", "/etc/x.json", "a/../../x.json", ""] {
            assert_eq!(store.put_run(key, b"{}".to_vec()).await.unwrap_err().cause(), Cause::Malformed, "{key}");
        }
    }

    #[tokio::test]
    async fn too_large_is_refused() {
        let store = Store::Nowhere;
        assert_eq!(store.put_run("runs/a.json", vec![0; LARGEST + 1]).await.unwrap_err().cause(), Cause::TooLarge);
        assert_eq!(store.put_run("runs/a.json", vec![0; 3]).await.unwrap(), Written::Written);
    }
}
