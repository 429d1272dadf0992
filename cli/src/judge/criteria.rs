//! What reports are judged by.

use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_functions::report_store::object::Checksum;

use crate::arguments::judging::JudgingArguments;
use crate::error::CommandError;
use crate::find::Found;

/// What reports are judged by.
#[derive(Clone, Debug)]
pub struct Criteria {
    /// How the rules are set.
    pub settings: RuleSettings,
    /// What is exempt.
    pub exemptions: Exemptions,
    /// The SHA-256 of the file of exemptions, when there is one.
    pub exemptions_sha256: Option<String>,
}

impl Criteria {
    /// The flags, and for what they leave open the settings and the exemptions of the day that was found.
    /// That exemptions are those of the day becomes one of its notes.
    ///
    /// # Errors
    /// When the exemptions can't be read.
    pub fn new(judging: &JudgingArguments, found: &mut Found) -> Result<Self, CommandError> {
        let day = found.day.as_ref();
        let ran = day.and_then(|day| day.manifest.as_ref());
        let settings = ran.map_or_else(RuleSettings::default, |manifest| manifest.settings.clone());
        let settings = judging.rules.over(settings);
        let (name, bytes) = match (&judging.exemptions, day.and_then(|day| day.exemptions.clone())) {
            (Some(path), _) => {
                let bytes =
                    std::fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))?;
                (path.display().to_string(), bytes)
            }
            (None, Some((name, bytes))) => {
                found.notes.push(format!("the exemptions are those of {name}"));
                (name, bytes)
            }
            (None, None) => {
                return Ok(Self { settings, exemptions: Exemptions::default(), exemptions_sha256: None });
            }
        };
        let exemptions =
            Exemptions::parse(&name, &bytes).map_err(|error| CommandError::new(error.to_string()))?;
        Ok(Self { settings, exemptions, exemptions_sha256: Some(Checksum::of(&bytes).hex()) })
    }
}
