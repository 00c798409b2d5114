//! The files of the access directory: the principals and their policies.

use std::path::{Path, PathBuf};

use super::format::MESSAGE_BYTES_MAX;
use crate::access::access_keys::{make_directory, write_whole};
use crate::access::principals::{policies_directory, principals_file};
use crate::live::Unusable;
use crate::store::records::BackupFile;

const PRINCIPALS: &str = "principals.toml";
const POLICIES: &str = "policies/";

/// Every policy, then the principals: put back in this order, principals stand where their policies are.
pub fn read(directory: &Path) -> Result<Vec<BackupFile>, Unusable> {
    let mut files = Vec::new();
    for path in policies(directory)? {
        let name = path.file_name().and_then(|name| name.to_str()).map(|name| format!("{POLICIES}{name}"));
        let name = name.ok_or_else(|| Unusable::because(&path, "its name is not UTF-8"))?;
        files.extend(file(&path, name)?);
    }
    files.extend(file(&principals_file(directory), PRINCIPALS.to_owned())?);
    Ok(files)
}

fn policies(directory: &Path) -> Result<Vec<PathBuf>, Unusable> {
    let folder = policies_directory(directory);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Unusable::because(&folder, error))?,
    };
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(|error| Unusable::because(&folder, error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

fn file(path: &Path, name: String) -> Result<Option<BackupFile>, Unusable> {
    match std::fs::read(path) {
        Ok(contents) if contents.len() > MESSAGE_BYTES_MAX / 2 => Err(Unusable::because(path, "it is too large")),
        Ok(contents) => Ok(Some(BackupFile { path: name, contents })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Unusable::because(path, error)),
    }
}

/// Whether a backup may name a file so: nothing outside the access directory can be meant.
pub fn is_permitted(path: &str) -> bool {
    path == PRINCIPALS
        || path
            .strip_prefix(POLICIES)
            .is_some_and(|name| name.ends_with(".json") && !name.starts_with('.') && !name.contains(['/', '\\', '\0']))
}

/// Writes files durably, each whole.
pub fn put(directory: &Path, files: &[BackupFile]) -> Result<(), Unusable> {
    for file in files {
        let path = directory.join(&file.path);
        let written = path.parent().map_or(Ok(()), make_directory).and_then(|()| write_whole(&path, &file.contents));
        written.map_err(|error| Unusable::because(&path, error))?;
    }
    Ok(())
}
