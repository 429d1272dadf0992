//! The parameters of the template that a step can find fault with.

/// A parameter. It displays as the template names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[expect(missing_docs, reason = "the template describes each parameter")]
pub enum Parameter {
    AccountIds,
    ExcludeAccountIds,
    IncludeAccountIds,
    OrganizationId,
    OrganizationalUnitIds,
    PollSeconds,
}

impl Parameter {
    /// The variable in a function's environment that has its value.
    pub fn variable(self) -> &'static str {
        match self {
            Self::AccountIds => "ACCOUNT_IDS",
            Self::ExcludeAccountIds => "EXCLUDE_ACCOUNT_IDS",
            Self::IncludeAccountIds => "INCLUDE_ACCOUNT_IDS",
            Self::OrganizationId => "ORGANIZATION_ID",
            Self::OrganizationalUnitIds => "ORGANIZATIONAL_UNIT_IDS",
            Self::PollSeconds => "POLL_SECONDS",
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_template_sets_the_variable_of_every_parameter() {
        const TEMPLATE: &str = include_str!("../../template.yml");
        for parameter in Parameter::iter() {
            let variable = parameter.variable();
            let lines: Vec<&str> = TEMPLATE
                .lines()
                .filter(|line| line.trim_start().starts_with(&format!("{variable}:")))
                .collect();
            assert!(!lines.is_empty(), "{variable}");
            assert!(lines.iter().all(|line| line.contains(&parameter.to_string())), "{lines:?}");
        }
    }
}
