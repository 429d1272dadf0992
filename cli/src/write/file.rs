//! Writing a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::CommandError;

/// Writes a file in one step, so that one that is there stays as it is if anything fails. A pipe, or whatever
/// else is not a regular file, is written as it is.
pub(super) fn into_file(
    path: &Path,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CommandError> {
    let failed = |error: io::Error| CommandError::of_disk("writing", path, &error);
    // A link stays one, to a file with something else in it.
    let linked = path.is_symlink().then(|| path.canonicalize()).transpose().map_err(failed)?;
    let path = linked.as_deref().unwrap_or(path);
    if path.exists() && !path.is_file() {
        let mut output = BufWriter::new(File::create(path).map_err(failed)?);
        return render(&mut output).and_then(|()| output.flush()).map_err(failed);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let mut output = BufWriter::new(NamedTempFile::new_in(folder).map_err(failed)?);
    render(&mut output).map_err(failed)?;
    let file = output.into_inner().map_err(|error| failed(error.into_error()))?;
    if let Ok(there) = fs::metadata(path) {
        file.as_file().set_permissions(there.permissions()).map_err(failed)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
