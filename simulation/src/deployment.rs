//! The deployment that is simulated: what the templates set, and what they hand to the definitions of the
//! state machines.

use std::fs;
use std::path::{Path, PathBuf};

use rollcall_core::identifiers::arn::ArnAccount;

use crate::aws::WORK_BUCKET;

/// The Region.
pub const REGION: &str = "eu-central-1";
/// The topic of errors.
pub const ERROR_TOPIC: &str = "arn:aws:sns:eu-central-1:999999999999:errors";
/// The topic of findings.
pub const FINDINGS_TOPIC: &str = "arn:aws:sns:eu-central-1:999999999999:findings";

/// What is deployed: the templates and the definitions of the state machines.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The account that it is deployed in.
    pub owner: ArnAccount,
    /// How many accounts are collected at a time.
    pub max_concurrency: usize,
    templates: Vec<String>,
}

impl Deployment {
    /// A deployment of the templates of this repository.
    pub fn new(owner: ArnAccount, max_concurrency: usize) -> Self {
        let mut paths = vec![root().join("template.yml")];
        paths.extend(files("templates", ".yml"));
        let templates = paths
            .iter()
            .map(|path| {
                fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            })
            .collect();
        Self { owner, max_concurrency, templates }
    }

    /// A number that a template gives a function, such as its `Timeout`.
    pub fn of_function(&self, name: &str, property: &str) -> u64 {
        self.number(&format!("\n  {name}Function:\n"), &format!("\n      {property}: "))
    }

    /// The default of a numeric parameter of a template.
    pub fn of_parameter(&self, name: &str) -> u64 {
        self.number(&format!("\n  {name}:\n"), "\n    Default: ")
    }

    fn number(&self, resource: &str, property: &str) -> u64 {
        let (_, resource) = self
            .templates
            .iter()
            .find_map(|template| template.split_once(resource))
            .unwrap_or_else(|| panic!("no template has {}", resource.trim()));
        let (_, value) =
            resource.split_once(property).unwrap_or_else(|| panic!("no property {}", property.trim()));
        let number = value.lines().next().and_then(|line| line.trim().parse().ok());
        number.unwrap_or_else(|| panic!("{} is not a number", property.trim()))
    }

    /// What a definition gets for a `${Name}`. A function's ARN is its name.
    pub fn substitution(&self, name: &str) -> String {
        match name {
            "ConsoleDomain" => "console.aws.amazon.com".to_owned(),
            "ErrorTopicArn" => ERROR_TOPIC.to_owned(),
            "MaxConcurrency" => self.max_concurrency.to_string(),
            "Partition" => self.owner.partition.clone(),
            "Region" => REGION.to_owned(),
            "WorkBucketName" => WORK_BUCKET.to_owned(),
            name => match name.strip_suffix("FunctionArn") {
                Some(function) => function.to_owned(),
                None => panic!("the simulated deployment has no value for ${{{name}}}"),
            },
        }
    }
}

/// The files of a folder of the repository whose names end like this, in order.
pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_from_the_templates() {
        let owner = ArnAccount { partition: "aws".to_owned(), account_id: "999999999999".parse().unwrap() };
        let deployment = Deployment::new(owner, 10);
        assert_eq!(deployment.of_function("CollectReport", "Timeout"), 180);
        assert_eq!(deployment.of_function("AnalyzeReports", "MemorySize"), 1769);
        assert_eq!(deployment.of_parameter("PollSeconds"), 8);
    }
}
