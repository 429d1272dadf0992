//! A flag for every rule, made from the table of rules.

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use rollcall_core::judgement::rules::{RULES, Rule, RuleId, Setting};
use rollcall_core::judgement::settings::RuleSettings;

/// What flags say of rules; a rule without its flag keeps what it has.
#[derive(Clone, Debug, Default)]
pub struct RuleFlags {
    settings: Vec<(RuleId, String)>,
}

impl RuleFlags {
    /// `settings` with every rule set that has a flag.
    pub fn over(&self, mut settings: RuleSettings) -> RuleSettings {
        for (rule, value) in &self.settings {
            settings.set(*rule, value).expect("the value was read with its flag");
        }
        settings
    }
}

impl Args for RuleFlags {
    fn augment_args(command: Command) -> Command {
        RULES.iter().fold(command, |command, rule| command.arg(flag(rule)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RuleFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for rule in &RULES {
            let value = matches
                .try_get_one::<String>(rule.id.as_str())
                .map_err(|error| Error::raw(ErrorKind::InvalidValue, error))?;
            self.settings.extend(value.map(|value| (rule.id, value.clone())));
        }
        Ok(())
    }
}

fn flag(rule: &'static Rule) -> Arg {
    let id = rule.id;
    let read = move |value: &str| RuleSettings::default().set(id, value).map(|()| value.to_owned());
    let flag = Arg::new(id.as_str())
        .long(id.as_str())
        .allow_hyphen_values(true)
        .help(format!("Flag when {} [default: {}]", rule.condition, rule.default))
        .long_help(format!("Flagged when {}. {}", rule.condition, help_of(rule)))
        .help_heading("Rules");
    match rule.default {
        Setting::Days(_) => flag.value_name("DAYS|off").value_parser(ValueParser::new(read)),
        Setting::On | Setting::Off => flag.value_name("on|off").value_parser(["on", "off"]),
    }
}

fn help_of(rule: &Rule) -> String {
    match rule.default {
        Setting::Days(1) => "The limit is 1 day unless set here.".to_owned(),
        Setting::Days(days) => format!("The limit is {days} days unless set here."),
        Setting::On => "On unless set here.".to_owned(),
        Setting::Off => "Off unless set here.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Result<RuleFlags, Error> {
        let command = RuleFlags::augment_args(Command::new("rollcall"));
        let matches = command.try_get_matches_from([&["rollcall"], arguments].concat())?;
        RuleFlags::from_arg_matches(&matches)
    }

    #[test]
    fn every_rule_has_a_flag_of_its_name() {
        for rule in &RULES {
            let flag = format!("--{}", rule.id);
            let set = settings(&[&flag, "off"]).unwrap().over(RuleSettings::default());
            assert!(!set.applies(rule.id), "{flag}");
        }
        assert_eq!(settings(&[]).unwrap().over(RuleSettings::default()), RuleSettings::default());
    }

    #[test]
    fn a_flag_is_set_over_what_a_run_had_and_leaves_the_rest() {
        let mut run = RuleSettings::default();
        run.set(RuleId::AccessKeyUnused, "10").unwrap();
        let set = settings(&["--access-key-stale", "30"]).unwrap().over(run);
        assert_eq!(set.limit_days(RuleId::AccessKeyStale), Some(30));
        assert_eq!(set.limit_days(RuleId::AccessKeyUnused), Some(10));
    }

    #[test]
    fn a_wrong_value_is_refused_with_flag_and_fix() {
        let error = settings(&["--access-key-stale", "ninety"]).unwrap_err().to_string();
        assert!(error.contains("--access-key-stale") && error.contains("\"ninety\""), "{error}");
        assert!(error.contains("it takes a whole number of days from 0 to 36500, or off"), "{error}");
    }
}
