//! Going through two reports user by user.

use std::collections::BTreeSet;

use crate::identifiers::account_id::AccountId;
use crate::judgement::credential_changes::change::{
    ChangeKind, CredentialChange, Effect, NotComparable, Obstacle, ReportComparison, UnreadableReport,
};
use crate::judgement::credential_changes::slots;
use crate::judgement::credential_changes::users::{HeldSlot, HeldUser, Stated, Users};
use crate::judgement::rules::Credential;
use crate::report::{Cell, ROOT_USER};

/// Compares two reports of `account_id`, and holds the users of both while it does. It does not look
/// at when they were made: `old` is the older because the caller says so.
///
/// # Errors
/// [`UnreadableReport`] when one of them is not a report, or none of its rows can be read.
pub fn compare(account_id: &AccountId, old: &[u8], new: &[u8]) -> Result<ReportComparison, UnreadableReport> {
    let old = Users::read(account_id, old).map_err(UnreadableReport::Old)?;
    let new = Users::read(account_id, new).map_err(UnreadableReport::New)?;
    let (mut changes, mut not_comparable) = (Vec::new(), Vec::new());
    // The root user is there also when no report has its row.
    let names: BTreeSet<&str> = old.names().chain(new.names()).chain([ROOT_USER]).collect();
    for name in names {
        let mut user =
            UserComparison { account_id, name, changes: &mut changes, not_comparable: &mut not_comparable };
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => user.compare(old, new),
            _ if name == ROOT_USER => user.not_comparable(Some(Credential::Root), Obstacle::NotTold),
            (Some(gone), None) if new.are_complete() => user.deleted(gone),
            (None, Some(created)) if old.are_complete() => user.created(created),
            _ => user.not_comparable(None, Obstacle::RowMayBeMissing),
        }
    }
    changes.sort_by(|one, other| one.order().cmp(&other.order()));
    not_comparable.sort_by(|one, other| one.order().cmp(&other.order()));
    Ok(ReportComparison { changes, not_comparable, old: old.tally, new: new.tally })
}

/// One user, and where what is said of it is put down.
struct UserComparison<'c> {
    account_id: &'c AccountId,
    name: &'c str,
    changes: &'c mut Vec<CredentialChange>,
    not_comparable: &'c mut Vec<NotComparable>,
}

impl UserComparison<'_> {
    fn created(&mut self, new: &HeldUser) {
        let credentials = self.credentials(new);
        let change = self.change(new, None, ChangeKind::UserCreated, None, Some(&new.created.text));
        change.credentials = credentials;
    }

    fn deleted(&mut self, old: &HeldUser) {
        let credentials = self.credentials(old);
        let change = self.change(old, None, ChangeKind::UserDeleted, Some(&old.created.text), None);
        change.credentials = credentials;
    }

    /// The credentials of a user, and MFA. What a report does not say of them can't be compared.
    fn credentials(&mut self, user: &HeldUser) -> Vec<Credential> {
        let slots = |slots: &[HeldSlot; 2], credential: fn(u8) -> Credential| {
            [(credential(1), slots[0].slot().is_active), (credential(2), slots[1].slot().is_active)]
        };
        let mut told = vec![(Credential::Password, user.password_enabled.value())];
        told.extend(slots(&user.access_keys, Credential::access_key));
        told.extend(slots(&user.certificates, Credential::certificate));
        told.extend(user.mfa_active.as_ref().map(|active| (Credential::Mfa, active.value())));
        // A report without that column is silent on everybody, which the rules count.
        told.push((Credential::Additional, Some(user.has_more.value() == Some(true))));
        let mut credentials = Vec::new();
        for (credential, is_there) in told {
            match is_there {
                Some(true) => credentials.push(credential),
                Some(false) => {}
                None => self.not_comparable(Some(credential), Obstacle::NotTold),
            }
        }
        credentials
    }

    fn compare(&mut self, old: &HeldUser, new: &HeldUser) {
        if self.name == ROOT_USER {
            self.compare_root_use(old, new);
        } else {
            match (old.created.value(), new.created.value()) {
                (Some(before), Some(after)) if before != after => return self.created_anew(old, new),
                (Some(_), Some(_)) => {}
                _ => self.not_comparable(None, Obstacle::NotTold),
            }
        }
        self.compare_passwords(old, new);
        match (&old.mfa_active, &new.mfa_active) {
            (Some(before), Some(after)) => {
                let kinds = [ChangeKind::MfaGained, ChangeKind::MfaLost];
                let change = self.compare_switch(new, Credential::Mfa, [before, after], kinds);
                if let Some(change) = change
                    && change.kind == ChangeKind::MfaLost
                    && new.has_lost_every_credential()
                {
                    change.effect = Effect::Neutral;
                }
            }
            (None, None) => {}
            _ => self.not_comparable(Some(Credential::Mfa), Obstacle::NotTold),
        }
        self.compare_slots(new, Credential::access_key, [&old.access_keys, &new.access_keys]);
        self.compare_slots(new, Credential::certificate, [&old.certificates, &new.certificates]);
        self.compare_more(old, new);
    }

    fn created_anew(&mut self, old: &HeldUser, new: &HeldUser) {
        let credentials = self.credentials(new);
        let (was, is) = (Some(&*old.created.text), Some(&*new.created.text));
        self.change(new, None, ChangeKind::UserCreatedAnew, was, is).credentials = credentials;
    }

    fn compare_passwords(&mut self, old: &HeldUser, new: &HeldUser) {
        let enabled = [&old.password_enabled, &new.password_enabled];
        let kinds = [ChangeKind::PasswordSet, ChangeKind::PasswordRemoved];
        self.compare_switch(new, Credential::Password, enabled, kinds);
        if enabled.iter().any(|enabled| enabled.value() != Some(true)) {
            return;
        }
        let [before, after] = [&old.password_changed, &new.password_changed];
        match (before.value(), after.value()) {
            (Some(old_time), Some(new_time)) => {
                if old_time != new_time {
                    let (was, is) = (Some(&*before.text), Some(&*after.text));
                    self.change(new, Some(Credential::Password), ChangeKind::Rotated, was, is);
                }
            }
            _ => self.not_comparable(Some(Credential::Password), Obstacle::NotTold),
        }
    }

    /// Compares what is there or is not: `kinds` is what it is when it came, and when it went.
    fn compare_switch(
        &mut self,
        new: &HeldUser,
        credential: Credential,
        [before, after]: [&Stated<bool>; 2],
        [came, went]: [ChangeKind; 2],
    ) -> Option<&mut CredentialChange> {
        let kind = match (before.value(), after.value()) {
            (Some(false), Some(true)) => came,
            (Some(true), Some(false)) => went,
            (Some(_), Some(_)) => return None,
            _ => {
                self.not_comparable(Some(credential), Obstacle::NotTold);
                return None;
            }
        };
        Some(self.change(new, Some(credential), kind, Some(&before.text), Some(&after.text)))
    }

    fn compare_slots(
        &mut self,
        new: &HeldUser,
        credential: fn(u8) -> Credential,
        [before, after]: [&[HeldSlot; 2]; 2],
    ) {
        let credentials = [credential(1), credential(2)];
        let states = |slots: &[HeldSlot; 2]| slots.each_ref().map(HeldSlot::slot);
        for facing in slots::compare(states(before), states(after)) {
            let (old_slot, new_slot) = (&before[facing.old], &after[facing.new]);
            for kind in facing.outcome.kinds.into_iter().flatten() {
                let is_gone = kind == ChangeKind::Deleted;
                let place = if is_gone { facing.old } else { facing.new };
                let (was, is) = match kind {
                    ChangeKind::Activated | ChangeKind::Deactivated => {
                        (&old_slot.active.text, &new_slot.active.text)
                    }
                    _ => (&old_slot.last_rotated.text, &new_slot.last_rotated.text),
                };
                let change = self.change(new, Some(credentials[place]), kind, Some(was), Some(is));
                change.active = if is_gone { None } else { new_slot.slot().is_active };
            }
            if let Some(obstacle) = facing.outcome.obstacle {
                self.not_comparable(Some(credentials[facing.new]), obstacle);
            }
        }
    }

    /// Which credentials there are beyond those in columns is not told, only that there are some.
    fn compare_more(&mut self, old: &HeldUser, new: &HeldUser) {
        let (before, after) = (&old.has_more, &new.has_more);
        let kind = match (before.value(), after.value()) {
            (Some(false), Some(true)) => ChangeKind::Appeared,
            (Some(true), Some(false)) => ChangeKind::Deleted,
            (Some(true), _) | (_, Some(true)) => {
                return self.not_comparable(Some(Credential::Additional), Obstacle::NotTold);
            }
            // A report without that column is silent on everybody, which the rules count.
            _ => return,
        };
        self.change(new, Some(Credential::Additional), kind, Some(&before.text), Some(&after.text));
    }

    /// Whether root was used since any use that the old report knows of.
    fn compare_root_use(&mut self, old: &HeldUser, new: &HeldUser) {
        let latest_before = old.uses.iter().filter_map(Stated::value).max();
        // That a key was used later than another proves nothing where the key's own use was not told.
        let used = (0..new.uses.len())
            .filter(|&place| is_told(&old.uses[place]) && new.uses[place].value() > latest_before)
            .max_by_key(|&place| new.uses[place].value());
        if let Some(place) = used {
            let (was, is) = (Some(&*old.uses[place].text), Some(&*new.uses[place].text));
            self.change(new, Some(Credential::Root), ChangeKind::RootUsed, was, is);
        } else if !old.uses.iter().chain(&new.uses).all(is_told) {
            self.not_comparable(Some(Credential::Root), Obstacle::NotTold);
        }
    }

    /// Puts down a change of `user`, whose row is the one with the ARN that counts.
    fn change(
        &mut self,
        user: &HeldUser,
        credential: Option<Credential>,
        kind: ChangeKind,
        was: Option<&str>,
        is: Option<&str>,
    ) -> &mut CredentialChange {
        let place = self.changes.len();
        self.changes.push(CredentialChange {
            account_id: self.account_id.clone(),
            user: self.name.into(),
            arn: user.arn.clone(),
            credential,
            kind,
            effect: kind.effect(),
            was: was.map(Into::into),
            is: is.map(Into::into),
            active: None,
            credentials: Vec::new(),
        });
        &mut self.changes[place]
    }

    fn not_comparable(&mut self, credential: Option<Credential>, obstacle: Obstacle) {
        self.not_comparable.push(NotComparable {
            account_id: self.account_id.clone(),
            user: self.name.into(),
            credential,
            obstacle,
        });
    }
}

/// Whether a last use is told, never being one.
fn is_told<T: Copy>(used: &Stated<T>) -> bool {
    matches!(used.cell, Cell::Value(_) | Cell::NotApplicable | Cell::NoInformation)
}
