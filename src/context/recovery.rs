//! How a forgotten password is reset: to which verified address the code goes.

use super::pools::Pool;
use super::users::User;
use crate::domain::attributes::is_verified;
use crate::domain::sign_in::SecondFactor;
use crate::domain::usernames::Alias;

/// What stands in AccountRecoverySetting where only operators reset passwords.
const ADMIN_ONLY: &str = "admin_only";

impl Pool {
    /// Whether users can reset a forgotten password themselves.
    pub fn lets_users_recover(&self) -> bool {
        !self.record.account_recovery.iter().any(|name| name == ADMIN_ONLY)
    }

    /// The attributes to which a code may go, best first. Where the operator did not say, or left it to operators alone, the
    /// phone number comes before the e-mail address.
    pub fn recovery_attributes(&self) -> Vec<Alias> {
        let named = self.record.account_recovery.iter().filter_map(|name| match name.as_str() {
            "verified_email" => Some(Alias::Email),
            "verified_phone_number" => Some(Alias::PhoneNumber),
            _ => None,
        });
        let named: Vec<Alias> = named.collect();
        if named.is_empty() { vec![Alias::PhoneNumber, Alias::Email] } else { named }
    }

    /// The first of them that the user has verified, with its address; but not one to which a second factor goes: it would be
    /// both factors then.
    pub fn recovery_address(&self, user: &User) -> Option<(Alias, String)> {
        let attributes = user.attributes();
        let second_factors = user.standing(self).usable();
        let serves = |alias: &Alias| match alias {
            Alias::PhoneNumber => !second_factors.contains(&SecondFactor::Sms),
            Alias::Email | Alias::PreferredUsername => !second_factors.contains(&SecondFactor::Email),
        };
        let verified = self.recovery_attributes().into_iter().filter(|alias| is_verified(*alias, &attributes));
        let verified = verified.filter(serves);
        let mut addresses = verified
            .filter_map(|alias| Some((alias, attributes.get(alias.attribute())?)))
            .filter(|(_, at)| !at.is_empty());
        addresses.next().map(|(alias, address)| (alias, address.clone()))
    }

    /// The attributes to which users who are like the rest have their codes sent: what the pool verifies by itself, if it
    /// verifies any of them.
    pub fn usual_recovery_attributes(&self) -> Vec<Alias> {
        let (all, auto_verified) = (self.recovery_attributes(), self.auto_verified());
        let usual: Vec<Alias> = all.iter().copied().filter(|alias| auto_verified.contains(alias)).collect();
        if usual.is_empty() { all } else { usual }
    }
}
