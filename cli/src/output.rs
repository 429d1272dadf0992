//! Where findings go, and in which form.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::formats::asff::{asff_batches, write_asff};
use rollcall_core::formats::csv::write_csv;
use rollcall_core::formats::jsonl::write_jsonl;
use rollcall_core::formats::page::write_html;
use rollcall_core::formats::sarif::write_sarif;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::finding::Finding;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use tempfile::NamedTempFile;

use crate::arguments::OutputArguments;
use crate::error::CommandError;
use crate::table;
use crate::terminal;

/// A form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// By account, for a person.
    Table,
    /// For a spreadsheet.
    Csv,
    /// One document with the coverage, the policy and every finding.
    Json,
    /// A finding a line, exactly.
    Jsonl,
    /// The page for an auditor.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// The AWS Security Finding Format, for BatchImportFindings of Security Hub; a folder gets a file for
    /// each call.
    Asff,
}

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The roll as it was called.
    pub manifest: &'a Manifest,
    /// The findings.
    pub assessment: &'a Assessment,
    /// The Region of Security Hub, for ASFF.
    pub region: Option<&'a str>,
}

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
                    format.write(written, &mut output)?;
                    output.flush()?;
                }
                Place::File(path) => {
                    into_file(path, |output| format.write(written, output))?;
                    files.push(path.to_path_buf());
                }
                Place::Folder(folder) if *format == Format::Asff => {
                    // A file of an earlier analysis would be imported with the others.
                    let asff = folder.join("asff");
                    remove_batches(&asff)
                        .map_err(|error| CommandError::of_disk("emptying", &asff, &error))?;
                    for (name, batch) in batches(written) {
                        let path = asff.join(name);
                        into_file(&path, |mut output| {
                            write_asff(batch, region(written)?, written.manifest.finished, &mut output)
                        })?;
                        files.push(path);
                    }
                }
                Place::Folder(folder) => {
                    let path = folder.join(format.file_name());
                    into_file(&path, |output| format.write(written, output))?;
                    files.push(path);
                }
            }
        }
        Ok(files)
    }
}

impl Format {
    fn of_ending(path: &Path) -> Result<Self, CommandError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let endings = [
            (".sarif.json", Self::Sarif),
            (".asff.json", Self::Asff),
            (".sarif", Self::Sarif),
            (".csv", Self::Csv),
            (".jsonl", Self::Jsonl),
            (".json", Self::Json),
            (".html", Self::Html),
            (".txt", Self::Table),
        ];
        let found = endings.into_iter().find(|(ending, _)| name.ends_with(ending));
        found.map(|(_, format)| format).ok_or_else(|| {
            CommandError::new(format!(
                "--output {} does not say by its ending what to write: give --format, or one of the endings .csv, .json, .jsonl, .html, .sarif, .asff.json and .txt",
                path.display()
            ))
        })
    }

    fn file_name(self) -> &'static str {
        match self {
            Self::Table => "findings.txt",
            Self::Csv => "findings.csv",
            Self::Json => "findings.json",
            Self::Jsonl => "findings.jsonl",
            Self::Html => "summary.html",
            Self::Sarif => "findings.sarif",
            Self::Asff => "findings.asff.json",
        }
    }

    fn write(self, written: Written<'_>, mut output: &mut dyn Write) -> io::Result<()> {
        let Written { manifest, assessment, .. } = written;
        let findings = &assessment.findings;
        match self {
            Self::Table => {
                let mut styled = Vec::new();
                let style = table::Style { width: None, with_findings: true, words: table::Words::Analysis };
                table::write(manifest, assessment, &style, &mut styled)?;
                output.write_all(&anstream::adapter::strip_bytes(&styled).into_vec())
            }
            Self::Csv => write_csv(findings, &mut output),
            Self::Json => write_json(manifest, findings, output),
            Self::Jsonl => write_jsonl(findings, &mut output),
            Self::Html => write_html(manifest, findings, &assessment.resolved, &mut output),
            Self::Sarif => write_sarif(manifest, findings, &mut output),
            Self::Asff => write_asff(findings, region(written)?, manifest.finished, &mut output),
        }
    }
}

fn region<'a>(written: Written<'a>) -> io::Result<&'a str> {
    written.region.ok_or_else(|| {
        io::Error::other("--format asff needs the Region of Security Hub: give --region or set AWS_REGION")
    })
}

/// A file for each call of BatchImportFindings.
fn batches(written: Written<'_>) -> impl Iterator<Item = (String, Vec<&Finding>)> {
    let mut numbers = std::collections::HashMap::new();
    asff_batches(&written.assessment.findings).into_iter().map(move |(account_id, batch)| {
        let number = numbers.entry(account_id.clone()).or_insert(0_u32);
        *number += 1;
        (format!("{account_id}-{number}.json"), batch)
    })
}

/// Removes the files that [`batches`] names, of any accounts.
fn remove_batches(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let batch = name.to_str().and_then(|name| name.strip_suffix(".json")?.split_once('-'));
        if batch.is_some_and(|(account_id, number)| {
            account_id.parse::<AccountId>().is_ok() && number.parse::<u32>().is_ok()
        }) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file in one step, so that one that is there stays as it is if anything fails. What is no
/// file, such as a pipe, is written as it is.
fn into_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CommandError> {
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

/// Everything in one document, the findings not gathered before.
fn write_json(manifest: &Manifest, findings: &[Finding], mut output: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        run: &'a Manifest,
        #[serde(serialize_with = "records")]
        findings: &'a [Finding],
    }
    fn records<S: Serializer>(findings: &&[Finding], serializer: S) -> Result<S::Ok, S::Error> {
        let mut records = serializer.serialize_seq(Some(findings.len()))?;
        for finding in *findings {
            records
                .serialize_element(&rollcall_core::formats::finding_record::FindingRecord::from(finding))?;
        }
        records.end()
    }
    serde_json::to_writer_pretty(&mut output, &Document { run: manifest, findings })?;
    output.write_all(b"\n")
}

/// Tells which files were written.
pub fn tell(files: &[PathBuf], output: &mut impl Write) -> io::Result<()> {
    match files {
        [] => Ok(()),
        [only] => writeln!(output, "wrote {}", terminal::safe(&only.display().to_string())),
        [.., last] if files.len() > 8 => {
            writeln!(
                output,
                "wrote {} files, the last {}",
                files.len(),
                terminal::safe(&last.display().to_string())
            )
        }
        some => some
            .iter()
            .try_for_each(|file| writeln!(output, "wrote {}", terminal::safe(&file.display().to_string()))),
    }
}
