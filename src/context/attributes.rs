//! A user's attributes change, and with them the aliases that they are and the codes that prove them.

use super::Cx;
use super::pools::Pool;
use super::triggers::custom_message::{Occasion, Reason};
use super::users::User;
use super::verification::{Recipient, Sent};
use crate::domain::attributes::{Attributes, keep_address, unverified_news};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodeKey, CodePurpose};

impl Cx<'_> {
    /// With the batch, the user has the attributes `after` in place of those read, and the aliases that follow from them. What
    /// was sent to an address that is another one then is void. An address to which a second factor goes cannot be taken away.
    pub async fn set_attributes(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        after: Attributes,
    ) -> Result<(), Error> {
        user.keep_means(&after)?;
        self.rebind_aliases(batch, pool, user, &after).await?;
        self.void_outrun_code(batch, user, &after).await?;
        user.replace(batch, &user.with_attributes(after, self.now()));
        Ok(())
    }

    /// With the batch, the user has the `given` values beside the attributes read, and a code is on its way to each address that
    /// is new, unverified, and of a kind that the pool verifies by itself. Where the pool wants it verified first, the new
    /// address waits in its code, and the one before stays in force. `client` is through which it happens, if any.
    pub async fn update_attributes(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        given: &Attributes,
        client: Option<&str>,
    ) -> Result<Vec<Sent>, Error> {
        let before = user.attributes();
        let wanted = pool.schema().updated(&before, given)?;
        let mut addresses = unverified_news(&before, &wanted);
        addresses.retain(|address| pool.auto_verified().contains(address));
        let mut after = wanted.clone();
        for &address in addresses.iter().filter(|&&address| waits(pool, user, address)) {
            keep_address(address, &before, &mut after);
        }
        if after != wanted {
            // What is another user's name already is refused at once, and not when the code comes back.
            self.rebind_aliases(&mut Batch::default(), pool, user, &wanted).await?;
        }
        let changed = user.with_attributes(after.clone(), self.now());
        self.set_attributes(batch, pool, user, after).await?;
        let mut sent = Vec::with_capacity(addresses.len());
        for address in addresses {
            let value = &wanted[address.attribute()];
            let to = Recipient {
                owner: &user.owner,
                username: &user.record.username,
                client: None,
                attribute: address,
                address: value,
            };
            let new_value = waits(pool, user, address).then(|| value.clone());
            // Whoever is not confirmed yet can use no code but one that confirms.
            let purpose = match is_confirmed(user) {
                true => verification_of(address),
                false => CodePurpose::SignUp,
            };
            let reason = Reason { occasion: Occasion::AttributeUpdate, user: &changed, client };
            sent.push(self.send_code(batch, pool, &to, purpose, new_value, reason).await?);
        }
        Ok(sent)
    }

    /// The value that takes the place of the user's address once it is verified, if one waits.
    pub async fn waiting_value(&self, user: &User, address: Alias) -> Result<Option<String>, Error> {
        let code = self.store.read(&CodeKey::of(&user.owner, verification_of(address))).await?;
        let stands = |code: &&records::Code| {
            code.epoch == self.store.epoch().number && code.expires_at > self.now().as_millisecond()
        };
        Ok(code.as_deref().filter(stands).and_then(|code| code.new_value.clone()))
    }
}

/// What a code is for that verifies an address of this kind.
pub fn verification_of(address: Alias) -> CodePurpose {
    match address {
        Alias::PhoneNumber => CodePurpose::VerifyPhoneNumber,
        Alias::Email | Alias::PreferredUsername => CodePurpose::VerifyEmail,
    }
}

/// Whether a new address of this kind counts only once it is verified. Users who are not confirmed yet have none in force that
/// could stay meanwhile.
fn waits(pool: &Pool, user: &User, address: Alias) -> bool {
    is_confirmed(user) && pool.verified_before_update().contains(&address)
}

fn is_confirmed(user: &User) -> bool {
    user.record.status() != UserStatus::Unconfirmed
}
