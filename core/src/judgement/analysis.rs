//! From reports to findings: applies every rule that is on to every user, and settles what
//! became of the findings of the run before.
//!
//! An [`Analyzer`] reads one report and keeps nothing, so reports can be read in any order and on
//! several threads. An [`Analysis`] gathers what they say and, when the roll is called, settles it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::identifiers::account_id::AccountId;
use crate::judgement::exemptions::{ExemptionOutcome, Exemptions};
use crate::judgement::finding::{Assessed, Finding, Status};
use crate::judgement::history::{EarlierAccount, EarlierFindings, Previous};
use crate::judgement::identity::Subject;
use crate::judgement::rules::{Boundary, Flag, Judge, RULES, Rule, Verdict};
use crate::judgement::settings::RuleSettings;
use crate::judgement::statistics::Statistics;
use crate::organization::outcome::OutcomeKind;
use crate::organization::roll_call::RollCall;
use crate::report;
use crate::report::{Cell, ROOT_USER, Tally, Unreadable, User, with_unreported_root};

/// The partition of the Regions in China.
const CHINA: &str = "aws-cn";

/// Applies the rules to reports.
#[derive(Clone, Copy, Debug)]
pub struct Analyzer<'a> {
    settings: &'a RuleSettings,
    previous: &'a Previous,
    as_of: DateTime<Utc>,
    date: NaiveDate,
    is_of_china: bool,
    unused_is_above: bool,
}

/// What one report says.
#[derive(Clone, Debug, Default)]
pub struct ReportAnalysis {
    /// Its rows.
    pub tally: Tally,
    /// What the rules flagged, not ordered and without exemptions.
    pub findings: Vec<Finding>,
    /// Its users and keys, and what could not be assessed.
    pub statistics: Statistics,
    /// The findings of the run before that are still there.
    met: Vec<usize>,
    /// The findings of the run before that this report does not say enough to judge.
    unverifiable: Vec<usize>,
}

impl<'a> Analyzer<'a> {
    /// An analyzer by `settings`, counting ages to `as_of`, for a run of `date` that follows
    /// `previous`.
    pub fn new(
        settings: &'a RuleSettings,
        previous: &'a Previous,
        as_of: DateTime<Utc>,
        date: NaiveDate,
    ) -> Self {
        Self { settings, previous, as_of, date, is_of_china: false, unused_is_above: false }
    }

    /// The same analyzer for accounts that are known to be in `partition`. In China, where IAM writes no
    /// row of the root user, the report of an account without users has no row at all.
    pub fn in_partition(self, partition: &str) -> Self {
        Self { is_of_china: partition == CHINA, ..self }
    }

    /// The same analyzer for a day of version 1 of the manifest, which flagged what was unused for more days than
    /// the limit, and not from the limit on.
    pub fn of_version_1(self) -> Self {
        Self { unused_is_above: true, ..self }
    }

    /// Reads the report of an account and judges every user in it. `generated` is when IAM made the
    /// report, if that is known.
    ///
    /// # Errors
    /// [`Unreadable`], and then nothing of the report counts.
    pub fn report(
        &self,
        account_id: &AccountId,
        account_name: &str,
        generated: Option<DateTime<Utc>>,
        bytes: &[u8],
    ) -> Result<ReportAnalysis, Unreadable> {
        let assessed = Arc::new(Assessed {
            account_id: account_id.clone(),
            account_name: account_name.to_owned(),
            as_of: self.as_of,
            report_generated: generated,
        });
        let earlier = self.previous.account(account_id);
        let mut analysis = ReportAnalysis::default();
        let mut partition = None;
        let mut has_root = false;
        let read = report::read(bytes, account_id, |user| {
            has_root |= user.is_root();
            if partition.is_none() {
                partition = Some(user.partition.to_owned());
            }
            self.count(&user, &mut analysis.statistics);
            self.judge(&user, &assessed, earlier, &mut analysis);
        });
        analysis.tally = match read {
            Err(Unreadable::NoRows) if self.is_of_china => Tally::default(),
            read => read?,
        };
        if !has_root {
            // What a missing row does not say is not assessable, as what a missing cell does not.
            analysis.statistics.accounts_without_root += 1;
            with_unreported_root(partition.as_deref().unwrap_or_default(), account_id.as_str(), |root| {
                self.judge(root, &assessed, earlier, &mut analysis);
            });
        }
        if analysis.tally.bad_rows > 0 {
            keep_those_of_bad_rows(account_id, bytes, earlier.findings, &mut analysis);
        }
        Ok(analysis)
    }

    fn count(&self, user: &User<'_>, statistics: &mut Statistics) {
        if !user.is_root() {
            statistics.users += 1;
        }
        for key in &user.access_keys {
            if key.active == Cell::Value(true) {
                statistics.active_key(key.last_rotated.value().map(|time| (self.as_of - time).num_days()));
            }
        }
    }

    /// Judges a user of an account, of which `earlier` is what was known before.
    fn judge(
        &self,
        user: &User<'_>,
        assessed: &Arc<Assessed>,
        earlier: EarlierAccount<'_>,
        analysis: &mut ReportAnalysis,
    ) {
        let EarlierAccount { findings, last_collected } = earlier;
        let earlier = findings.of_user(user.name());
        for rule in &RULES {
            if !self.settings.applies(rule.id) {
                continue;
            }
            let limit_days = self.settings.limit_days(rule.id);
            let judge = Judge {
                as_of: self.as_of,
                limit_days: limit_days.unwrap_or_default(),
                boundary: match rule.boundary {
                    Some(Boundary::AtLeast) if self.unused_is_above => Some(Boundary::Above),
                    boundary => boundary,
                },
                last_collected,
            };
            for verdict in rule.judge(user, &judge) {
                match verdict {
                    Verdict::Pass => {}
                    Verdict::NotAssessable(credential) => {
                        analysis.statistics.not_assessable[rule.id as usize] += 1;
                        let subject = Subject::of(rule.id, credential, user, "");
                        analysis.keep(earlier, &subject);
                    }
                    Verdict::Flagged(flag) => {
                        self.flag(user, rule, flag, assessed, earlier, analysis);
                    }
                }
            }
        }
    }

    fn flag(
        &self,
        user: &User<'_>,
        rule: &Rule,
        flag: Flag,
        assessed: &Arc<Assessed>,
        earlier: EarlierFindings<'_>,
        analysis: &mut ReportAnalysis,
    ) {
        let observed = user.cell(flag.observed);
        let subject = Subject::of(rule.id, flag.credential, user, observed);
        let place = earlier.place_of(&subject);
        if subject.is_of_unknown_time() {
            analysis.keep(earlier, &subject);
        }
        analysis.met.extend(place);
        let (first_seen, status) = match place {
            Some(place) => (self.previous.findings()[place].first_seen, Status::Ongoing),
            None => (self.date, Status::New),
        };
        analysis.findings.push(Finding {
            assessed: Arc::clone(assessed),
            user: user.name().into(),
            arn: user.arn.into(),
            credential: flag.credential,
            creation: subject.creation,
            rule: rule.id,
            observed: observed.into(),
            age_days: flag.age_days,
            limit_days: self.settings.limit_days(rule.id),
            first_seen,
            status,
            verified: true,
            exemption: None,
        });
    }
}

impl ReportAnalysis {
    /// Keeps those of a user that may be about `subject`, which the report does not tell enough of.
    fn keep(&mut self, earlier: EarlierFindings<'_>, subject: &Subject<'_>) {
        let may_be = earlier.iter().filter(|(_, finding)| subject.may_be(finding));
        self.unverifiable.extend(may_be.map(|(place, _)| place));
    }
}

/// A row that can't be read may be that of a user who was flagged the night before: whoever is not among
/// the readable rows is not taken for gone.
fn keep_those_of_bad_rows(
    account_id: &AccountId,
    bytes: &[u8],
    earlier: EarlierFindings<'_>,
    analysis: &mut ReportAnalysis,
) {
    if earlier.is_empty() {
        return;
    }
    let mut readable = HashSet::new();
    // It was read a moment ago, so it can be read.
    let _ = report::read(bytes, account_id, |user| {
        readable.insert(user.name().to_owned());
    });
    let unread = earlier
        .iter()
        .filter(|(_, finding)| &*finding.user != ROOT_USER && !readable.contains(&*finding.user));
    analysis.unverifiable.extend(unread.map(|(place, _)| place));
}

/// What became of a finding of the run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// No report that could tell has it.
    Unmet,
    /// It is still there.
    Met,
    /// The report that should tell does not.
    Unverifiable,
}

/// Gathers what the reports say.
#[derive(Debug)]
pub struct Analysis<'a> {
    analyzer: Analyzer<'a>,
    fates: Vec<Fate>,
    findings: Vec<Finding>,
    statistics: Statistics,
}

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    /// Every finding, in the order of lists: severity, account, user, credential, rule.
    pub findings: Vec<Finding>,
    /// The findings of the run before that are gone, as it had them, in the same order.
    pub resolved: Vec<Finding>,
    /// The findings of the run before that nobody follows any more, in the same order: their account is
    /// skipped or no longer on the roll, or their rule is off or has another limit.
    pub unfollowed: Vec<Finding>,
    /// What became of each exemption.
    pub exemptions: Vec<ExemptionOutcome>,
    /// Users, keys, and what could not be assessed.
    pub statistics: Statistics,
}

impl<'a> Analysis<'a> {
    /// Nothing gathered yet, of what `analyzer` will say of reports.
    pub fn new(analyzer: Analyzer<'a>) -> Self {
        Self {
            analyzer,
            fates: vec![Fate::Unmet; analyzer.previous.findings().len()],
            findings: Vec::new(),
            statistics: Statistics::default(),
        }
    }

    /// Adds what one report says.
    pub fn add(&mut self, report: ReportAnalysis) {
        self.findings.extend(report.findings);
        self.statistics.add(&report.statistics);
        for place in report.unverifiable {
            self.fates[place] = Fate::Unverifiable;
        }
        for place in report.met {
            self.fates[place] = Fate::Met;
        }
    }

    /// Settles the night: keeps what nobody could look at, tells what is gone, marks what is exempt
    /// on the day that ages are counted to, and brings all of it in order.
    ///
    /// An account that is not on a whole roll has left the deployment; one that is not on a roll of some
    /// accounts was only not asked for.
    pub fn settle(mut self, roll_call: &RollCall, exemptions: &Exemptions) -> Assessment {
        let RollCall { accounts, source, .. } = roll_call;
        let whole_roll = source.is_of_whole_roll();
        let Analyzer { settings, previous, as_of, .. } = self.analyzer;
        let outcomes: HashMap<&AccountId, OutcomeKind> =
            accounts.iter().map(|account| (&account.account_id, account.outcome.kind())).collect();
        let is_collected =
            |finding: &Finding| outcomes.get(&finding.assessed.account_id) == Some(&OutcomeKind::Collected);
        // What does not count as collected counts for nothing else either.
        self.findings.retain(is_collected);
        let (mut resolved, mut unfollowed) = (Vec::new(), Vec::new());
        for (finding, fate) in previous.findings().iter().zip(&self.fates) {
            let outcome = outcomes.get(&finding.assessed.account_id);
            // Gone is only what somebody looked for, by the same measure.
            let same_measure =
                settings.applies(finding.rule) && settings.limit_days(finding.rule) == finding.limit_days;
            match (outcome, fate) {
                (Some(OutcomeKind::Collected), Fate::Met) => {}
                (None, _) if !whole_roll => {}
                (None | Some(OutcomeKind::Skipped), _) => unfollowed.push(finding.clone()),
                (Some(_), _) if !same_measure => unfollowed.push(finding.clone()),
                (Some(OutcomeKind::Collected), Fate::Unmet) => resolved.push(finding.clone()),
                (Some(_), _) => self.findings.push(Finding {
                    status: Status::Ongoing,
                    verified: false,
                    ..finding.clone()
                }),
            }
        }
        for findings in [&mut self.findings, &mut resolved, &mut unfollowed] {
            findings.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        }
        let with_bad_rows: HashSet<&AccountId> = accounts
            .iter()
            .filter(|account| account.report_with_bad_rows().is_some())
            .map(|account| &account.account_id)
            .collect();
        let is_covered = |account_id: Option<&AccountId>| match account_id {
            // The row of the user it is for may be one that can't be read.
            Some(account_id) => {
                outcomes.get(account_id) == Some(&OutcomeKind::Collected)
                    && !with_bad_rows.contains(account_id)
            }
            None => {
                whole_roll && with_bad_rows.is_empty() && !accounts.iter().any(|account| account.is_missing())
            }
        };
        let mut exemptions = exemptions.apply(&mut self.findings, as_of.date_naive());
        for exemption in &mut exemptions {
            exemption.is_judged = is_covered(exemption.account.as_ref())
                && exemption.rule.is_none_or(|rule| settings.applies(rule));
        }
        Assessment { findings: self.findings, resolved, unfollowed, exemptions, statistics: self.statistics }
    }
}

#[cfg(test)]
mod tests;
