//! Which of its contents an object has.

/// A revision of an object: S3's ETag or, in a folder, the SHA-256 of the bytes. The same bytes may have the
/// same revision, so a record that may come back to what it was counts its own changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(pub(super) String);

/// What a write requires of the object under its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition<'a> {
    /// Nothing.
    Always,
    /// There is no such object.
    IsNew,
    /// It has this revision.
    HasRevision(&'a Revision),
}

impl Condition<'_> {
    /// Whether it holds where the object has this revision, or where there is none.
    pub(super) fn holds(self, there: Option<&Revision>) -> bool {
        match self {
            Self::Always => true,
            Self::IsNew => there.is_none(),
            Self::HasRevision(revision) => there == Some(revision),
        }
    }
}
