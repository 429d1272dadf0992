//! Where findings go, as the flags say.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rollcall_core::formats::asff::write_asff;

use super::asff_files::{asff_files, remove_asff_files};
use super::file::into_file;
use super::render::{Written, render};
use crate::arguments::format::Format;
use crate::arguments::output::OutputArguments;
use crate::error::CommandError;
use crate::terminal::escaping::safe;

/// Where findings go.
#[derive(Debug)]
pub struct Destination<'a> {
    formats: Vec<Format>,
    place: Place<'a>,
}

#[derive(Debug)]
enum Place<'a> {
    StandardOutput,
    File(&'a Path),
    Folder(&'a Path),
}

impl<'a> Destination<'a> {
    /// What the flags say.
    ///
    /// # Errors
    /// When they contradict each other.
    pub fn new(arguments: &'a OutputArguments) -> Result<Self, CommandError> {
        let place = match &arguments.output {
            None => Place::StandardOutput,
            Some(path) if path.as_os_str() == "-" => Place::StandardOutput,
            Some(path) if path.as_os_str().as_encoded_bytes().starts_with(b"s3://") => {
                return Err(CommandError::new(format!(
                    "--output {} is in a bucket, and findings are written to files here: give a file or a folder",
                    path.display()
                )));
            }
            Some(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                Place::Folder(path)
            }
            Some(path) => Place::File(path),
        };
        let mut formats = arguments.format.clone();
        formats.dedup();
        if formats.is_empty() {
            formats.push(match &place {
                Place::StandardOutput => Format::Table,
                Place::File(path) => Format::of_ending(path)?,
                Place::Folder(path) => {
                    return Err(CommandError::new(format!(
                        "--output {} is a folder, and nothing says what goes there: give --format, such as --format csv,html",
                        path.display()
                    )));
                }
            });
        }
        if formats.len() > 1 && !matches!(place, Place::Folder(_)) {
            return Err(CommandError::new(
                "--format has several formats, which need a folder: give --output DIR/",
            ));
        }
        if let (Place::File(path), [format]) = (&place, formats.as_slice())
            && let Ok(of_ending) = Format::of_ending(path)
            && !format.may_end_like(of_ending)
        {
            return Err(CommandError::new(format!(
                "--output {} is for another format than --format {}, by its ending: leave --format out, or give a file that ends as {} does",
                path.display(),
                format.to_possible_value().expect("it has a name").get_name(),
                format.file_name()
            )));
        }
        Ok(Self { formats, place })
    }

    /// Whether standard output is for something else than a table.
    pub fn takes_standard_output(&self) -> bool {
        matches!(self.place, Place::StandardOutput) && self.formats != [Format::Table]
    }

    /// Whether what is written names the reports by their SHA-256.
    pub fn needs_checksums(&self) -> bool {
        self.formats.iter().any(|format| matches!(format, Format::Json | Format::Html))
    }

    /// Whether what is written is for one Region.
    pub fn needs_region(&self) -> bool {
        self.formats.contains(&Format::Asff)
    }

    /// Whether findings go into a file, and a summary to the terminal.
    pub fn is_on_disk(&self) -> bool {
        !matches!(self.place, Place::StandardOutput)
    }

    /// Writes everything but a table on standard output; answers the files.
    pub fn write(&self, written: Written<'_>) -> Result<Vec<PathBuf>, CommandError> {
        let mut files = Vec::new();
        for format in &self.formats {
            match &self.place {
                Place::StandardOutput if *format == Format::Table => {}
                Place::StandardOutput => {
                    let mut output = BufWriter::new(io::stdout().lock());
                    render(*format, written, &mut output)?;
                    output.flush()?;
                }
                Place::File(path) => {
                    into_file(path, |output| render(*format, written, output))?;
                    files.push(path.to_path_buf());
                }
                Place::Folder(folder) if *format == Format::Asff => {
                    // A file of an earlier analysis would be imported with the others.
                    let asff = folder.join("asff");
                    remove_asff_files(&asff)
                        .map_err(|error| CommandError::of_disk("emptying", &asff, &error))?;
                    for (name, batch) in asff_files(&written.assessment.findings) {
                        let path = asff.join(name);
                        into_file(&path, |mut output| {
                            write_asff(batch, written.region()?, written.manifest.finished, &mut output)
                        })?;
                        files.push(path);
                    }
                }
                Place::Folder(folder) => {
                    let path = folder.join(format.file_name());
                    into_file(&path, |output| render(*format, written, output))?;
                    files.push(path);
                }
            }
        }
        Ok(files)
    }
}

/// Prints which files were written.
pub fn write_file_names(files: &[PathBuf], output: &mut impl Write) -> io::Result<()> {
    match files {
        [] => Ok(()),
        [only] => writeln!(output, "wrote {}", safe(&only.display().to_string())),
        [.., last] if files.len() > 8 => {
            writeln!(output, "wrote {} files, the last {}", files.len(), safe(&last.display().to_string()))
        }
        some => {
            some.iter().try_for_each(|file| writeln!(output, "wrote {}", safe(&file.display().to_string())))
        }
    }
}
