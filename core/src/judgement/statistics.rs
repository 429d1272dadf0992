//! Counts over all reports: users, active keys by age, and what could not be assessed.

use crate::judgement::rules::RULES;

/// The upper ends of the age groups of active keys, in days; the last group has none.
pub const AGE_GROUPS: [i64; 8] = [30, 60, 90, 180, 365, 730, 1095, 1825];

/// Counts that add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// IAM users in readable rows.
    pub users: u64,
    /// Reports without a row of the root user.
    pub accounts_without_root: u64,
    /// Active access keys by age group.
    pub active_keys_by_age: [u64; AGE_GROUPS.len() + 1],
    /// Active access keys whose age the report does not say.
    pub active_keys_of_unknown_age: u64,
    /// How often each rule could not tell, by the rule's place in the table.
    pub not_assessable: [u64; RULES.len()],
}

impl Statistics {
    /// Counts an active key of this age.
    pub(crate) fn active_key(&mut self, age_days: Option<i64>) {
        match age_days {
            None => self.active_keys_of_unknown_age += 1,
            Some(days) => {
                self.active_keys_by_age[AGE_GROUPS.iter().take_while(|end| days > **end).count()] += 1;
            }
        }
    }

    /// All active access keys.
    pub fn active_keys(&self) -> u64 {
        self.active_keys_by_age.iter().sum::<u64>() + self.active_keys_of_unknown_age
    }

    /// Adds the counts of another report.
    pub fn add(&mut self, other: &Self) {
        self.users += other.users;
        self.accounts_without_root += other.accounts_without_root;
        self.active_keys_of_unknown_age += other.active_keys_of_unknown_age;
        for (count, more) in self.active_keys_by_age.iter_mut().zip(other.active_keys_by_age) {
            *count += more;
        }
        for (count, more) in self.not_assessable.iter_mut().zip(other.not_assessable) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_the_group_that_ends_on_its_last_day() {
        for (days, group) in [(-1, 0), (0, 0), (30, 0), (31, 1), (90, 2), (91, 3), (1825, 7), (1826, 8)] {
            let mut statistics = Statistics::default();
            statistics.active_key(Some(days));
            assert_eq!(statistics.active_keys_by_age[group], 1, "{days}");
        }
    }

    #[test]
    fn counts_of_two_reports_add_up() {
        let mut one = Statistics { users: 1, ..Default::default() };
        one.active_key(Some(1));
        one.active_key(None);
        one.not_assessable[3] = 2;
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.users, sum.active_keys(), sum.not_assessable[3]), (2, 4, 4));
    }
}
