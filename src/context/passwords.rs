//! A new password: what the old one has opened ends with it, wherever it is not spent yet.
//!
//! Tokens stay, as in Cognito: they are ended by a sign-out. A challenge that still asks for the password stays too, for it
//! proves nothing.

use super::Cx;
use super::users::User;
use crate::store::{Batch, CodeKey, CodePurpose, records};

impl Cx<'_> {
    /// With the batch the user is `changed`: with another password, or with one that serves no longer. Void are, with it, the
    /// code that would set a new password, the one that would confirm the user, and every session that stands for a proof of
    /// before ([`super::sessions::OpenSession::stands_for`]).
    pub fn replace_password(&self, batch: &mut Batch, user: &User, changed: records::User) {
        let password_version = user.record.password_version + 1;
        let modified_at = self.now().as_millisecond();
        user.replace(batch, &records::User { password_version, modified_at, ..changed });
        for purpose in [CodePurpose::SignUp, CodePurpose::ForgotPassword] {
            batch.delete(&CodeKey::of(&user.owner, purpose));
        }
    }
}
