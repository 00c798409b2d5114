//! The rules of identity, pure: functions from values to values. Time and chance are arguments; nothing here does I/O.

pub mod attributes;
pub mod auth_flows;
pub mod claim_overrides;
pub mod claim_time;
pub mod claims;
pub mod destinations;
pub mod formats;
pub mod forwarded;
pub mod groups;
pub mod ids;
pub mod lockout;
pub mod messages;
pub mod passkeys;
pub mod password_policy;
pub mod rate;
pub mod reach;
pub mod sign_in;
pub mod source;
pub mod token_validity;
pub mod user_filter;
pub mod usernames;
