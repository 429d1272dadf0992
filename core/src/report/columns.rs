//! The columns, found by name: AWS has added some over the years and may add more.

/// A column Rollcall reads. Its place in the file may be any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the column of its name")]
pub enum Column {
    User,
    Arn,
    UserCreationTime,
    PasswordEnabled,
    PasswordLastUsed,
    PasswordLastChanged,
    PasswordNextRotation,
    MfaActive,
    AccessKey1Active,
    AccessKey1LastRotated,
    AccessKey1LastUsedDate,
    AccessKey1LastUsedRegion,
    AccessKey1LastUsedService,
    AccessKey2Active,
    AccessKey2LastRotated,
    AccessKey2LastUsedDate,
    AccessKey2LastUsedRegion,
    AccessKey2LastUsedService,
    Cert1Active,
    Cert1LastRotated,
    Cert2Active,
    Cert2LastRotated,
    AdditionalCredentialsInfo,
}

impl Column {
    pub(super) const COUNT: usize = Self::NAMES.len();

    const NAMES: [(Self, &'static str); 23] = [
        (Self::User, "user"),
        (Self::Arn, "arn"),
        (Self::UserCreationTime, "user_creation_time"),
        (Self::PasswordEnabled, "password_enabled"),
        (Self::PasswordLastUsed, "password_last_used"),
        (Self::PasswordLastChanged, "password_last_changed"),
        (Self::PasswordNextRotation, "password_next_rotation"),
        (Self::MfaActive, "mfa_active"),
        (Self::AccessKey1Active, "access_key_1_active"),
        (Self::AccessKey1LastRotated, "access_key_1_last_rotated"),
        (Self::AccessKey1LastUsedDate, "access_key_1_last_used_date"),
        (Self::AccessKey1LastUsedRegion, "access_key_1_last_used_region"),
        (Self::AccessKey1LastUsedService, "access_key_1_last_used_service"),
        (Self::AccessKey2Active, "access_key_2_active"),
        (Self::AccessKey2LastRotated, "access_key_2_last_rotated"),
        (Self::AccessKey2LastUsedDate, "access_key_2_last_used_date"),
        (Self::AccessKey2LastUsedRegion, "access_key_2_last_used_region"),
        (Self::AccessKey2LastUsedService, "access_key_2_last_used_service"),
        (Self::Cert1Active, "cert_1_active"),
        (Self::Cert1LastRotated, "cert_1_last_rotated"),
        (Self::Cert2Active, "cert_2_active"),
        (Self::Cert2LastRotated, "cert_2_last_rotated"),
        (Self::AdditionalCredentialsInfo, "additional_credentials_info"),
    ];

    /// Every name, in AWS's order.
    pub(super) fn names() -> [&'static str; Self::COUNT] {
        Self::NAMES.map(|(_, name)| name)
    }

    /// The column's name in the header.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    pub(super) fn of_name(name: &[u8]) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(column, _)| *column)
    }
}

/// Where each column of one report stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    places: [Option<usize>; Column::COUNT],
}

impl Columns {
    /// Finds the columns in a header.
    ///
    /// # Errors
    /// The known column that the header has twice: which of the two counts can't be told.
    pub(super) fn of_header<'h>(header: impl Iterator<Item = &'h [u8]>) -> Result<Self, Column> {
        let mut places = [None; Column::COUNT];
        for (place, name) in header.enumerate() {
            if let Some(column) = Column::of_name(name.trim_ascii()) {
                if places[column as usize].is_some() {
                    return Err(column);
                }
                places[column as usize] = Some(place);
            }
        }
        Ok(Self { places })
    }

    /// Whether they say anything of credentials. Other tables have users and ARNs too, our own findings
    /// among them.
    pub(super) fn are_of_credentials(&self) -> bool {
        let of_credentials = [Column::PasswordEnabled, Column::MfaActive, Column::AccessKey1Active];
        of_credentials.into_iter().any(|column| self.place(column).is_some())
    }

    /// Where `column` stands; `None` when the report has no such column.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_where_its_name_says() {
        for (place, (column, name)) in Column::NAMES.into_iter().enumerate() {
            assert_eq!(column as usize, place);
            assert_eq!(column.name(), name);
        }
    }

    #[test]
    fn the_order_of_the_header_does_not_matter_and_unknown_columns_are_ignored() {
        let header = ["arn", "favourite_colour", " user "];
        let columns = Columns::of_header(header.iter().map(|name| name.as_bytes())).unwrap();
        assert_eq!(columns.place(Column::User), Some(2));
        assert_eq!(columns.place(Column::Arn), Some(0));
        assert_eq!(columns.place(Column::MfaActive), None);
    }

    #[test]
    fn a_column_that_stands_twice_is_refused() {
        let header = ["user", "arn", "user"];
        assert_eq!(Columns::of_header(header.iter().map(|name| name.as_bytes())).unwrap_err(), Column::User);
    }
}
