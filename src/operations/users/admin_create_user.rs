//! `AdminCreateUser`: an operator creates a user and invites them with a temporary password, or invites them again.
//!
//! A user who can begin to sign in by a code, at an address that the operator vouches for, needs neither password nor
//! invitation (reference 3.6).

use crate::access::caller::Operator;
use crate::api;
use crate::api::delivery_medium::Value as Medium;
use crate::api::message_action::Value as MessageAction;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::messages::{Addressee, Perishable, medium_to};
use crate::context::passwords::NewPassword;
use crate::context::pools::Pool;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::triggers::pre_sign_up::Newcomer;
use crate::crypto::secret::Secret;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::operations::{attribute_list, given_attributes, listed_user, validation_data};
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, Owner};

impl Operation for api::AdminCreateUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminCreateUserResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let owner = match self.message_action() {
            MessageAction::Resend => self.invite_again(cx, &pool).await?,
            MessageAction::Suppress | MessageAction::Unspecified => self.create(cx, &pool).await?,
        };
        cx.outbox_filled.notify_one();
        let user = cx.user(owner).await?.ok_or(Error::UserDoesNotExist)?;
        Ok(api::AdminCreateUserResponse { user: Some(listed_user(&user, attribute_list(&user, |_| true))) })
    }
}

/// Where an invitation goes.
struct Recipient {
    attribute: Alias,
    address: String,
}

impl api::AdminCreateUserRequest {
    async fn create(&self, cx: &Cx<'_>, pool: &Pool) -> Result<Owner, Error> {
        let named_by = pool.username_rules().classify(self.username())?;
        let attributes = pool.schema().created(&self.attributes(pool, named_by)?)?;
        let password = match self.needs_no_password(pool, &attributes) {
            true => None,
            false => Some(self.password(cx, pool)?),
        };
        let recipients = self.recipients(&attributes)?;
        if let Some(taken) = cx.taken_name(pool, self.username(), named_by, &attributes).await? {
            return Err(taken.refusal("User account already exists"));
        }
        let owner = cx.mint_owner(pool);
        let (username, now) =
            (if named_by.is_some() { owner.sub.to_string() } else { self.username().to_owned() }, cx.now());
        let newcomer = Newcomer {
            username: &username,
            attributes: &attributes,
            validation_data: validation_data(&self.validation_data),
        };
        cx.before_creation(pool, newcomer).await?;
        let user = records::User {
            sub: owner.sub.to_string(),
            pool: pool.id.0.clone(),
            username,
            attributes: attributes.clone().into_iter().collect(),
            status: if password.is_some() { UserStatus::ForceChangePassword } else { UserStatus::Confirmed }.into(),
            enabled: true,
            created_at: now.as_millisecond(),
            modified_at: now.as_millisecond(),
            password_expires_at: password.as_ref().map(|_| pool.end_of_temporary_password(now).as_millisecond()),
            ..records::User::default()
        };
        let kept = match &password {
            Some(password) => cx.new_password(pool, &user.username, password).await?,
            None => NewPassword::none(),
        };
        let mut batch = Batch::default();
        batch.expect(&pool.key(), Some(&pool.record));
        let force = self.force_alias_creation();
        cx.claim_names(&mut batch, pool, &owner, &user.username, &attributes, force).await?;
        cx.create_user(&mut batch, pool, &owner, user.clone(), kept);
        let invited = match &password {
            Some(password) => invite(cx, &mut batch, pool, &owner, &user, password, &recipients).await,
            None => Ok(()),
        };
        // The user is there though the pool's function has no words for the invitation, and can be invited again.
        if let Err(refusal) = invited {
            if refusal.is_of_trigger() {
                cx.commit(batch).await?;
            }
            return Err(refusal);
        }
        cx.commit(batch).await?;
        Ok(owner)
    }

    /// A new password and a new life for an invitation that nobody has followed. The password before is known to nobody but,
    /// perhaps, to whom it was sent.
    async fn invite_again(&self, cx: &Cx<'_>, pool: &Pool) -> Result<Owner, Error> {
        let user = cx.user_for_operator(pool, self.username()).await?;
        if user.record.status() != UserStatus::ForceChangePassword {
            return Err(Error::ResendNotPossible(self.username().to_owned()));
        }
        let password = self.password(cx, pool)?;
        let recipients = self.recipients(&user.attributes())?;
        let changed = records::User {
            password_expires_at: Some(pool.end_of_temporary_password(cx.now()).as_millisecond()),
            ..user.record.record.clone()
        };
        let mut batch = Batch::default();
        invite(cx, &mut batch, pool, &user.owner, &changed, &password, &recipients).await?;
        let kept = cx.new_password(pool, &user.record.username, &password).await?;
        cx.replace_password(&mut batch, pool, &user, changed, kept);
        cx.commit(batch).await?;
        Ok(user.owner)
    }

    /// The attributes given; where an attribute is the username, with it.
    fn attributes(&self, pool: &Pool, named_by: Option<Alias>) -> Result<Attributes, Error> {
        let mut attributes = given_attributes(&self.user_attributes)?;
        if let Some(alias) = named_by {
            pool.username_rules().include_username(&mut attributes, alias, self.username())?;
        }
        Ok(attributes)
    }

    /// Whether the user can begin by a code at a verified address, and was given no password.
    fn needs_no_password(&self, pool: &Pool, attributes: &Attributes) -> bool {
        let mut verified = attributes.clone();
        for alias in [Alias::Email, Alias::PhoneNumber] {
            if !is_verified(alias, attributes) {
                verified.remove(alias.attribute());
            }
        }
        self.temporary_password.is_none() && pool.begins_by_code(&verified)
    }

    /// The temporary password that was given, if it satisfies the pool's policy, or else one made up.
    fn password(&self, cx: &Cx<'_>, pool: &Pool) -> Result<Secret<String>, Error> {
        let policy = pool.password_policy();
        let password = match &self.temporary_password {
            Some(given) => policy.check(given).map(|()| given.clone()).map_err(Error::InvalidPassword)?,
            None => policy.password(&cx.rng),
        };
        Ok(Secret::new(password))
    }

    /// The ways that were asked for; a text message, where there is a number for it, if none was.
    fn recipients(&self, attributes: &Attributes) -> Result<Vec<Recipient>, Error> {
        if self.message_action() == MessageAction::Suppress {
            return Ok(Vec::new());
        }
        let mut desired: Vec<Medium> = self.desired_delivery_mediums().collect();
        desired.sort();
        desired.dedup();
        let recipient = |medium| {
            let attribute = attribute_of(medium);
            Some(Recipient { attribute, address: attributes.get(attribute.attribute())?.clone() })
        };
        if desired.is_empty() {
            return Ok(recipient(Medium::Sms).into_iter().collect());
        }
        let lacking = |medium| {
            let name = attribute_of(medium).attribute();
            Error::invalid_parameter(format!("The user has no {name} to which the invitation could be sent."))
        };
        desired.into_iter().map(|medium| recipient(medium).ok_or_else(|| lacking(medium))).collect()
    }
}

fn attribute_of(medium: Medium) -> Alias {
    match medium {
        Medium::Sms => Alias::PhoneNumber,
        Medium::Email | Medium::Unspecified => Alias::Email,
    }
}

/// Puts the invitation in the outbox. Each message counts among those that the user and the pool may be sent.
async fn invite(
    cx: &Cx<'_>,
    batch: &mut Batch,
    pool: &Pool,
    owner: &Owner,
    user: &records::User,
    password: &Secret<String>,
    recipients: &[Recipient],
) -> Result<(), Error> {
    if !recipients.is_empty() {
        cx.count_message(batch, owner).await?;
    }
    let expires_at = user.password_expires_at.unwrap_or(i64::MAX);
    let mut worded = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        cx.require_way_to(recipient.attribute)?;
        let reason = Reason { occasion: Occasion::Invitation, user, client: None };
        worded.push((recipient, cx.wording(pool, reason, medium_to(recipient.attribute)).await?));
    }
    for (Recipient { attribute, address }, words) in worded {
        let to = Addressee { attribute: *attribute, address, username: &user.username, is_hidden: false };
        let password = Perishable { text: password.expose(), expires_at };
        cx.enqueue_invitation(batch, pool, to, sign_in_name(pool, user), password, &words);
    }
    Ok(())
}

/// The name that the user will type: where an attribute is the username, its value.
fn sign_in_name<'a>(pool: &Pool, user: &'a records::User) -> &'a str {
    let typed = pool.username_rules().username_attributes;
    let typed = typed.into_iter().find_map(|alias| user.attributes.get(alias.attribute()));
    typed.unwrap_or(&user.username)
}
