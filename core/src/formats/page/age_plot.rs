//! The distribution of the ages of active keys: a bar for each group.

use std::fmt::Write;

use crate::evidence::counts::CredentialCounts;
use crate::formats::page::askama_filters::grouped_number;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 250;
/// Where bars stand: below the numbers over them, above the labels under them.
const TOP: u64 = 30;
const BASE: u64 = 205;

/// A group of ages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Such as `31–60`.
    pub(super) label: String,
    /// How many active keys are of such an age.
    pub(super) keys: u64,
    /// Whether all of them are past the limit.
    past: bool,
}

/// The groups of a run, and last the keys of unknown age if there are any.
pub(super) fn groups(counts: &CredentialCounts, stale_after: Option<u32>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut youngest = 0;
    for group in &counts.active_keys_by_age {
        let label = match group.up_to_days {
            Some(days) => format!("{youngest}–{days}"),
            None => format!("{youngest}+"),
        };
        let past = stale_after.is_some_and(|limit| youngest > i64::from(limit));
        groups.push(Group { label, keys: group.keys, past });
        youngest = group.up_to_days.unwrap_or(youngest) + 1;
    }
    if counts.active_keys_of_unknown_age > 0 {
        let keys = counts.active_keys_of_unknown_age;
        groups.push(Group { label: "not told".to_owned(), keys, past: false });
    }
    groups
}

/// The plot. Its text is numbers and words of ours alone, so none of it needs escaping.
pub(super) fn svg(groups: &[Group], stale_after: Option<u32>) -> String {
    let total: u64 = groups.iter().map(|group| group.keys).sum();
    let past: u64 = groups.iter().filter(|group| group.past).map(|group| group.keys).sum();
    let most = groups.iter().map(|group| group.keys).max().unwrap_or(0).max(1);
    let legend = match stale_after {
        Some(limit) => format!(
            "{} of {} active keys are in groups past the limit of {limit} days.",
            grouped_number(past),
            grouped_number(total)
        ),
        None => format!("{} active keys; access-key-stale is switched off.", grouped_number(total)),
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"plot-title plot-text\"><title id=\"plot-title\">Active access keys by age in days</title><desc id=\"plot-text\">{legend}</desc>"
    );
    let slot = WIDTH / groups.len().max(1) as u64;
    for (place, Group { label, keys, past }) in groups.iter().enumerate() {
        let x = slot * place as u64;
        // A group that has a key has a bar, however many the others have.
        let height = ((BASE - TOP) * keys / most).max(u64::from(*keys > 0) * 2);
        let class = if *past { "bar past" } else { "bar" };
        let (middle, y, width) = (x + slot / 2, BASE - height, slot - 16);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/><text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text><text class=\"muted\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            x + 8,
            y - 6,
            grouped_number(*keys),
            BASE + 18,
        );
    }
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"0\" y1=\"{BASE}\" x2=\"{WIDTH}\" y2=\"{BASE}\"/><text class=\"muted\" x=\"8\" y=\"{}\">Age in days. {legend}</text></svg>",
        BASE + 40
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::statistics::Statistics;

    fn counts(ages: &[Option<i64>]) -> CredentialCounts {
        let mut statistics = Statistics::default();
        for age in ages {
            statistics.active_key(*age);
        }
        CredentialCounts::from(&statistics)
    }

    #[test]
    fn groups_follow_each_other_and_say_whether_they_are_past_the_limit() {
        let groups = groups(&counts(&[Some(1), Some(91), Some(9999), None]), Some(90));
        let labels: Vec<_> =
            groups.iter().map(|group| (group.label.as_str(), group.keys, group.past)).collect();
        assert_eq!(labels[0], ("0–30", 1, false));
        assert_eq!(labels[2], ("61–90", 0, false));
        assert_eq!(labels[3], ("91–180", 1, true));
        assert_eq!(labels[8], ("1826+", 1, true));
        assert_eq!(labels[9], ("not told", 1, false));
    }

    #[test]
    fn a_bar_is_as_high_as_its_group_is_large_and_never_invisible() {
        let mut ages = vec![Some(1); 1000];
        ages.push(Some(91));
        let groups = groups(&counts(&ages), Some(90));
        let svg = svg(&groups, Some(90));
        assert!(
            svg.contains("height=\"175\"") && svg.contains("class=\"bar past\" x=\"248\" y=\"203\""),
            "{svg}"
        );
        assert!(svg.contains("1 of 1,001 active keys are in groups past the limit of 90 days."));
    }

    #[test]
    fn an_organization_without_keys_has_a_plot_all_the_same() {
        assert!(
            svg(&groups(&counts(&[]), None), None)
                .contains("0 active keys; access-key-stale is switched off")
        );
    }
}
