//! The files of Security Hub: one for each call of BatchImportFindings.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use rollcall_core::formats::asff::asff_batches;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::finding::Finding;

/// The name and the findings of each file.
pub(super) fn asff_files(findings: &[Finding]) -> impl Iterator<Item = (String, Vec<&Finding>)> {
    let mut numbers = HashMap::new();
    asff_batches(findings).into_iter().map(move |(account_id, batch)| {
        let number = numbers.entry(account_id.clone()).or_insert(0_u32);
        *number += 1;
        (format!("{account_id}-{number}.json"), batch)
    })
}

/// Removes the files that [`asff_files`] names, of any accounts.
pub(super) fn remove_asff_files(folder: &Path) -> io::Result<()> {
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
