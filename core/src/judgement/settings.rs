//! How each rule is set for a run. Deployments and the command set a rule by its name,
//! in one way: a number of days, `on` or `off`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::judgement::rules::{RULES, Rule, RuleId, Setting};

/// The longest limit: a hundred years, so that a slip of the hand does not switch a rule off.
pub const LONGEST_LIMIT_DAYS: u32 = 36_500;

/// How every rule is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    settings: [Setting; RULES.len()],
}

/// A setting that a rule can't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} is {value:?}: it takes {}", allowed(*rule))]
pub struct InvalidSetting {
    /// The rule.
    pub rule: RuleId,
    /// What was given.
    pub value: String,
}

fn allowed(rule: RuleId) -> String {
    match Rule::of(rule).default {
        Setting::Days(_) => format!("a whole number of days from 0 to {LONGEST_LIMIT_DAYS}, or off"),
        Setting::On | Setting::Off => "on or off".to_owned(),
    }
}

impl Default for RuleSettings {
    /// Every rule as its table has it.
    fn default() -> Self {
        Self { settings: RULES.each_ref().map(|rule| rule.default) }
    }
}

impl RuleSettings {
    /// How `rule` is set.
    pub fn setting(&self, rule: RuleId) -> Setting {
        self.settings[rule as usize]
    }

    /// Whether `rule` is applied.
    pub fn applies(&self, rule: RuleId) -> bool {
        self.setting(rule) != Setting::Off
    }

    /// The limit of `rule` in days, when it is applied and has one.
    pub fn limit_days(&self, rule: RuleId) -> Option<u32> {
        match self.setting(rule) {
            Setting::Days(days) => Some(days),
            Setting::On | Setting::Off => None,
        }
    }

    /// Sets `rule` from text: `off`, `on` for a rule without a limit, or days for one with a limit.
    ///
    /// # Errors
    /// [`InvalidSetting`] with the value and what is allowed.
    pub fn set(&mut self, rule: RuleId, value: &str) -> Result<(), InvalidSetting> {
        let invalid = || InvalidSetting { rule, value: value.to_owned() };
        let setting = match (Rule::of(rule).default, value) {
            (_, "off") => Setting::Off,
            (Setting::On | Setting::Off, "on") => Setting::On,
            // Digits alone: Rust would also read +90.
            (Setting::Days(_), digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|days| *days <= LONGEST_LIMIT_DAYS)
                .map(Setting::Days)
                .ok_or_else(invalid)?,
            _ => return Err(invalid()),
        };
        self.settings[rule as usize] = setting;
        Ok(())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::On => formatter.write_str("on"),
            Self::Days(days) => write!(formatter, "{days}"),
        }
    }
}

/// An object from rule to setting, each written as [`RuleSettings::set`] reads it.
impl Serialize for RuleSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(RULES.iter().map(|rule| (rule.id, self.setting(rule.id).to_string())))
    }
}

impl<'de> Deserialize<'de> for RuleSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        for (rule, value) in BTreeMap::<RuleId, String>::deserialize(deserializer)? {
            settings.set(rule, &value).map_err(de::Error::custom)?;
        }
        Ok(settings)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RuleSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RuleSettings".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let schema = |rule: &Rule| match rule.default {
            Setting::Days(_) => serde_json::json!({ "type": "string", "pattern": "^([0-9]{1,5}|off)$" }),
            Setting::On | Setting::Off => serde_json::json!({ "enum": ["on", "off"] }),
        };
        let fields: serde_json::Map<_, _> =
            RULES.iter().map(|rule| (rule.id.to_string(), schema(rule))).collect();
        schemars::json_schema!({
            "type": "object",
            "properties": fields,
            "required": RULES.each_ref().map(|rule| rule.id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(rule: RuleId, value: &str) -> Result<Setting, String> {
        let mut settings = RuleSettings::default();
        settings.set(rule, value).map(|()| settings.setting(rule)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_rule_is_set_by_days_on_or_off() {
        assert_eq!(set(RuleId::AccessKeyStale, "30"), Ok(Setting::Days(30)));
        assert_eq!(set(RuleId::AccessKeyStale, "0"), Ok(Setting::Days(0)));
        assert_eq!(set(RuleId::AccessKeyStale, "off"), Ok(Setting::Off));
        assert_eq!(set(RuleId::TwoActiveKeys, "off"), Ok(Setting::Off));
        assert_eq!(set(RuleId::TwoActiveKeys, "on"), Ok(Setting::On));
    }

    #[test]
    fn a_limit_that_is_not_a_number_or_is_negative_is_refused_with_what_is_allowed() {
        for value in
            ["", "ninety", "-1", "+90", "9.5", "90 days", "36501", "99999999999999999999", "on", "OFF"]
        {
            assert_eq!(
                set(RuleId::AccessKeyStale, value).unwrap_err(),
                format!(
                    "access-key-stale is {value:?}: it takes a whole number of days from 0 to 36500, or off"
                )
            );
        }
        for value in ["", "1", "true", "On"] {
            assert_eq!(
                set(RuleId::TwoActiveKeys, value).unwrap_err(),
                format!("two-active-keys is {value:?}: it takes on or off")
            );
        }
    }

    #[test]
    fn what_a_run_was_judged_by_reads_back() {
        let mut settings = RuleSettings::default();
        settings.set(RuleId::AccessKeyStale, "30").unwrap();
        settings.set(RuleId::RootUsed, "off").unwrap();
        let json = serde_json::to_string(&settings).unwrap();
        assert!(
            json.contains(r#""access-key-stale":"30""#) && json.contains(r#""root-used":"off""#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<RuleSettings>(&json).unwrap(), settings);
        let error = serde_json::from_str::<RuleSettings>(r#"{"root-used": "-1"}"#).unwrap_err().to_string();
        assert!(error.contains("root-used is \"-1\""), "{error}");
    }
}
