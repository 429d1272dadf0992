//! Two slots for access keys, or for certificates, before and after.
//!
//! The report has no ids. A key is known by the second it was made in, and may be listed in the other
//! slot once its neighbour is deleted; so which slot of one report faces which of the other is settled
//! first, and only where the reports leave one way to see it.

use chrono::{DateTime, Utc};

use crate::judgement::credential_changes::change::{ChangeKind, Obstacle};
use crate::report::Cell;

/// What a report says of a slot; `None` for what it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Whether there is a key in it, active or not.
    is_occupied: Option<bool>,
    /// When that key was made.
    made: Option<DateTime<Utc>>,
    /// Whether there is an active key in it.
    pub(super) is_active: Option<bool>,
}

/// A slot of the old report and one of the new, by their places, and what became of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facing {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) outcome: Outcome,
}

/// What became of the key in a slot. A key in place of another may also be active where that was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) kinds: [Option<ChangeKind>; 2],
    pub(super) obstacle: Option<Obstacle>,
}

impl Slot {
    pub(super) fn of(active: Cell<bool>, last_rotated: Cell<DateTime<Utc>>) -> Self {
        let made = last_rotated.value();
        let is_active = active.value();
        // An inactive key keeps its time, so a slot without one is empty; unless the report says that
        // what is in it is active.
        if last_rotated == Cell::NotApplicable && is_active != Some(true) {
            return Self { is_occupied: Some(false), made: None, is_active: Some(false) };
        }
        let is_occupied = (made.is_some() || is_active == Some(true)).then_some(true);
        Self { is_occupied, made, is_active }
    }

    /// Whether the report leaves open which key is in it, if any.
    fn is_unknown(self) -> bool {
        self.is_occupied != Some(false) && self.made.is_none()
    }

    fn has_key_of(self, other: Self) -> bool {
        self.made.is_some() && self.made == other.made
    }

    fn may_have_key_of(self, other: Self) -> bool {
        let told_apart = self.made.is_some() && other.made.is_some() && self.made != other.made;
        self.is_occupied != Some(false) && other.is_occupied != Some(false) && !told_apart
    }
}

/// What became of the keys in two slots.
pub(super) fn compare(old: [Slot; 2], new: [Slot; 2]) -> [Facing; 2] {
    let facing = |old_place: usize, new_place: usize| Facing {
        old: old_place,
        new: new_place,
        outcome: outcome(old[old_place], new[new_place]),
    };
    let straight = [facing(0, 0), facing(1, 1)];
    let crossed = [facing(0, 1), facing(1, 0)];
    let keys_met =
        |way: [Facing; 2]| way.iter().filter(|facing| old[facing.old].has_key_of(new[facing.new])).count();
    if keys_met(crossed) > keys_met(straight) {
        return crossed;
    }
    let may_be_crossed = crossed.iter().any(|facing| old[facing.old].may_have_key_of(new[facing.new]));
    let one_stayed = (0..2).any(|place| old[place] == new[place] && old[place].is_active.is_some());
    let [one, other] = straight.map(|facing| facing.outcome);
    let crossed_outcomes = crossed.map(|facing| facing.outcome);
    let comes_to_the_same = crossed_outcomes == [one, other] || crossed_outcomes == [other, one];
    if keys_met(straight) > keys_met(crossed) || !may_be_crossed || one_stayed || comes_to_the_same {
        return straight;
    }
    let obstacle = if old.iter().chain(&new).any(|slot| slot.is_unknown()) {
        Obstacle::NotTold
    } else {
        Obstacle::Indistinguishable
    };
    straight.map(|facing| Facing { outcome: Outcome::unknown(obstacle), ..facing })
}

/// What became of the key in a slot, seen as the same slot in both reports.
fn outcome(old: Slot, new: Slot) -> Outcome {
    match (old.is_occupied, new.is_occupied) {
        (Some(false), Some(false)) => return Outcome::NOTHING,
        (Some(false), Some(true)) => return Outcome::of(ChangeKind::Appeared),
        (Some(true), Some(false)) => return Outcome::of(ChangeKind::Deleted),
        _ => {}
    }
    let activity = match (old.is_active, new.is_active) {
        (Some(false), Some(true)) => Outcome::of(ChangeKind::Activated),
        (Some(true), Some(false)) => Outcome::of(ChangeKind::Deactivated),
        (Some(_), Some(_)) => Outcome::NOTHING,
        _ => Outcome::unknown(Obstacle::NotTold),
    };
    match (old.made, new.made) {
        (Some(old), Some(new)) if old == new => activity,
        (Some(_), Some(_)) => Outcome { kinds: [Some(ChangeKind::Rotated), activity.kinds[0]], ..activity },
        // That it was switched on or off is told even where it is not told which key it is; that
        // nothing happened is not.
        _ if activity == Outcome::NOTHING => Outcome::unknown(Obstacle::NotTold),
        _ => activity,
    }
}

impl Outcome {
    const NOTHING: Self = Self { kinds: [None; 2], obstacle: None };

    fn of(kind: ChangeKind) -> Self {
        Self { kinds: [Some(kind), None], obstacle: None }
    }

    fn unknown(obstacle: Obstacle) -> Self {
        Self { kinds: [None; 2], obstacle: Some(obstacle) }
    }
}
