//! Settings from the environment. Lambda gives a function its deployment's parameters this way, so
//! an error names the variable, what it holds and the parameter to mend.

use std::collections::BTreeSet;
use std::env;

use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::rules::RULES;
use rollcall_core::judgement::settings::RuleSettings;

use crate::parameter::Parameter;
use crate::step_error::StepError;

/// The value of `variable`.
///
/// # Errors
/// `InvalidSettings` when it is not set or empty.
pub fn required(variable: &'static str) -> Result<String, StepError> {
    optional(variable).ok_or(StepError::MissingVariable { variable })
}

/// The value of `variable`; `None` when it is not set or empty.
pub fn optional(variable: &str) -> Option<String> {
    env::var(variable).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The comma-separated values of `variable`.
pub fn list(variable: &str) -> Vec<String> {
    split(&env::var(variable).unwrap_or_default())
}

/// The comma-separated account ids of `parameter`.
///
/// # Errors
/// `InvalidSettings` with the value that is not an account id.
pub fn account_ids(parameter: Parameter) -> Result<BTreeSet<AccountId>, StepError> {
    parse_account_ids(&list(parameter.variable()), parameter)
}

/// How the rules are set: each rule by the variable of its name, such as `ACCESS_KEY_STALE`. A rule whose
/// variable is not set keeps its default.
///
/// # Errors
/// `InvalidSettings` with the value, the parameter and what is allowed.
pub fn rule_settings() -> Result<RuleSettings, StepError> {
    parse_rule_settings(optional)
}

fn parse_rule_settings(variable: impl Fn(&str) -> Option<String>) -> Result<RuleSettings, StepError> {
    let mut settings = RuleSettings::default();
    for rule in &RULES {
        let Some(value) = variable(&rule.id.as_str().replace('-', "_").to_uppercase()) else { continue };
        settings.set(rule.id, &value).map_err(StepError::RuleSetting)?;
    }
    Ok(settings)
}

fn split(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn parse_account_ids(values: &[String], parameter: Parameter) -> Result<BTreeSet<AccountId>, StepError> {
    values
        .iter()
        .map(|value| value.parse().map_err(|error| StepError::AccountIds { parameter, error }))
        .collect()
}

#[cfg(test)]
mod tests {
    use rollcall_core::judgement::rules::RuleId;

    use super::*;
    use crate::step_error::StepErrorName;

    #[test]
    fn a_list_is_separated_by_commas_and_spaces_do_not_count() {
        assert_eq!(split(" a, b ,,c "), ["a", "b", "c"]);
        assert!(split("").is_empty());
    }

    #[test]
    fn a_malformed_account_id_is_refused_with_its_parameter() {
        let error =
            parse_account_ids(&["111122223333".into(), "1111-2222".into()], Parameter::ExcludeAccountIds)
                .unwrap_err();
        assert_eq!(error.name(), StepErrorName::InvalidSettings);
        assert!(
            matches!(error, StepError::AccountIds { parameter: Parameter::ExcludeAccountIds, error } if error.value == "1111-2222")
        );
    }

    #[test]
    fn a_rule_is_set_by_the_variable_of_its_name() {
        let set = |variable: &str| (variable == "ACCESS_KEY_STALE").then(|| "30".to_owned());
        let settings = parse_rule_settings(set).unwrap();
        assert_eq!(settings.limit_days(RuleId::AccessKeyStale), Some(30));
        assert_eq!(settings.limit_days(RuleId::AccessKeyUnused), Some(45), "the default");
        assert_eq!(parse_rule_settings(|_| None).unwrap(), RuleSettings::default());
    }

    #[test]
    fn the_template_has_a_parameter_for_every_rule_with_its_default() {
        const TEMPLATE: &str = include_str!("../../template.yml");
        let settings = RuleSettings::default();
        for rule in &RULES {
            let parameter = rule.id.parameter();
            let (_, definition) = TEMPLATE.split_once(&format!("\n  {parameter}:\n")).expect(&parameter);
            let default = format!("    Default: \"{}\"", settings.setting(rule.id));
            assert!(definition.lines().take(4).any(|line| line == default), "{parameter}");
            let variable = rule.id.as_str().replace('-', "_").to_uppercase();
            assert!(TEMPLATE.contains(&format!("          {variable}: !Ref {parameter}\n")), "{variable}");
        }
    }

    #[test]
    fn a_setting_that_a_rule_does_not_take_is_refused() {
        let set = |variable: &str| (variable == "CONSOLE_WITHOUT_MFA").then(|| "-1".to_owned());
        let error = parse_rule_settings(set).unwrap_err();
        assert_eq!(error.name(), StepErrorName::InvalidSettings);
        assert!(matches!(
            error,
            StepError::RuleSetting(invalid)
                if invalid.rule == RuleId::ConsoleWithoutMfa && invalid.value == "-1"
        ));
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = required("ROLLCALL_TEST_VARIABLE_THAT_IS_NOT_SET").unwrap_err();
        assert!(matches!(
            error,
            StepError::MissingVariable { variable: "ROLLCALL_TEST_VARIABLE_THAT_IS_NOT_SET" }
        ));
    }
}
