//! What every step needs to talk to AWS: the connection, what a failed call means, a session in a member
//! account, and the organization.

pub mod api_error;
pub mod connection;
pub mod member_session;
pub mod organization;
pub(crate) mod whole_answer;
