//! The credentials that the simulated AWS gives out. Each part contains a text that is easily found again
//! wherever it must not be.

/// The access key id of the functions' own credentials.
pub const FUNCTIONS_ACCESS_KEY_ID: &str = "ASIACOLLECTOR";

const ACCESS_KEY_ID: &str = "ASIASIM";
const SECRET_ACCESS_KEY: &str = "SimulatedSecret";
const SESSION_TOKEN: &str = "SimulatedToken";

/// What every part of credentials contains.
pub const SECRETS: [&str; 4] = [ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN, FUNCTIONS_ACCESS_KEY_ID];

/// The access key id of a session in an account.
pub fn access_key_id(account: usize, session: u64) -> String {
    format!("{ACCESS_KEY_ID}{account:05}{:08}", session % 100_000_000)
}

/// The secret access key of a session.
pub fn secret_access_key(session: u64) -> String {
    format!("{SECRET_ACCESS_KEY}{session:08}").repeat(2)
}

/// The token of a session.
pub fn session_token(session: u64) -> String {
    format!("{SESSION_TOKEN}{session:08}").repeat(12)
}

/// The account of a session. `None` unless the token belongs to the access key id.
pub fn account_of_session(id: &str, token: &str) -> Option<usize> {
    let (account, session) = id.strip_prefix(ACCESS_KEY_ID)?.split_at_checked(5)?;
    let account = account.parse().ok()?;
    let session = session.parse().ok()?;
    (id == access_key_id(account, session) && token == session_token(session)).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_belongs_to_its_account_only_with_its_whole_token() {
        let (id, token) = (access_key_id(42, 7), session_token(7));
        assert_eq!(account_of_session(&id, &token), Some(42));
        assert_eq!(account_of_session(&id, &token[..token.len() - 1]), None);
        assert_eq!(account_of_session(&id[..id.len() - 1], &token), None);
        assert_eq!(account_of_session("", ""), None);
    }
}
