//! Users who come over from elsewhere, one by one, when they first sign in or have forgotten their password (reference 8.2).
//!
//! Each comes whole: with attributes as an operator could give them, names and, from a sign-in, the password that was given,
//! whatever the pool's policy says of it. What cannot be a user of the pool stays unknown, and the operator's log says why.

use super::Cx;
use super::aliases::alias_key;
use super::clients::Client;
use super::passwords::NewPassword;
use super::pools::Pool;
use super::triggers::user_migration::{Migrated, Moment};
use super::users::User;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::sign_in::SecondFactor;
use crate::domain::usernames::{Alias, is_username};
use crate::error::{Error, Exception};
use crate::store::Batch;
use crate::store::records::{self, UserStatus};

/// The member among a user's attributes by which a function gives a username.
const USERNAME: &str = "username";

/// Whoever is to be a user of the pool.
struct Newcomer {
    /// The user's own name; none, where an attribute is the username.
    username: Option<String>,
    attributes: Attributes,
    status: UserStatus,
    force: bool,
    takes_sms_codes: bool,
}

impl Cx<'_> {
    /// Makes whoever bears this name elsewhere a user of the client's pool, where nobody has it. There is the user then, before
    /// anything else is decided; of two requests at once, one makes the user, and the other finds them.
    pub async fn migrate(&self, client: &Client, name: &str, moment: Moment<'_>) -> Result<Option<User>, Error> {
        let pool = &client.pool;
        if !is_username(name) {
            return Ok(None);
        }
        let Some(migrated) = self.known_elsewhere(client, name, moment).await? else { return Ok(None) };
        match self.make(pool, name, migrated, moment).await {
            Ok(user) => Ok(Some(user)),
            Err(problem) if is_of_the_user(&problem) => {
                // Which attribute it is, but not its value: no such error says that.
                tracing::warn!(pool.id = %pool.id.0, %problem, "a user cannot be migrated");
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    async fn make(&self, pool: &Pool, name: &str, migrated: Migrated, moment: Moment<'_>) -> Result<User, Error> {
        let Newcomer { username, attributes, status, force, takes_sms_codes } = Newcomer::of(pool, name, migrated)?;
        let owner = self.mint_owner(pool);
        let named_by = username.is_none().then(|| pool.username_rules().classify(name)).transpose()?.flatten();
        let username = username.unwrap_or_else(|| owner.sub.to_string());
        if let Some(taken) = self.taken_name(pool, &username, named_by, &attributes).await? {
            return Err(taken.refusal("User account already exists"));
        }
        let kept = match moment {
            Moment::SignIn(password) => self.new_password(pool, &username, password).await?,
            Moment::ForgottenPassword => NewPassword::none(),
        };
        let now = self.now().as_millisecond();
        let mfa = takes_sms_codes.then(|| records::MfaPreference { sms: true, ..records::MfaPreference::default() });
        let user = records::User {
            sub: owner.sub.to_string(),
            pool: pool.id.0.clone(),
            username,
            attributes,
            status: status.into(),
            enabled: true,
            created_at: now,
            modified_at: now,
            mfa,
            ..records::User::default()
        };
        let mut batch = Batch::default();
        batch.expect(&pool.key(), Some(&pool.record));
        self.claim_names(&mut batch, pool, &owner, &user.username, &user.attributes, force).await?;
        self.create_user(&mut batch, pool, &owner, user, kept);
        // Not what the request is for, so nothing rides on it.
        self.store.commit(batch).await?;
        self.user(owner).await?.ok_or(Error::Conflict)
    }
}

impl Newcomer {
    fn of(pool: &Pool, name: &str, migrated: Migrated) -> Result<Self, Error> {
        let status = match migrated.final_user_status.as_deref() {
            None | Some("RESET_REQUIRED") => UserStatus::ResetRequired,
            Some("CONFIRMED") => UserStatus::Confirmed,
            Some(_) => {
                return Err(Error::invalid_parameter("finalUserStatus is neither CONFIRMED nor RESET_REQUIRED."));
            }
        };
        if migrated.message_action.is_some_and(|action| !["SUPPRESS", "RESEND"].contains(&action.as_str())) {
            return Err(Error::invalid_parameter("messageAction is not SUPPRESS."));
        }
        let mediums = migrated.desired_delivery_mediums.unwrap_or_default();
        if !mediums.iter().all(|medium| ["EMAIL", "SMS"].contains(&medium.as_str())) {
            return Err(Error::invalid_parameter("desiredDeliveryMediums holds something else than EMAIL and SMS."));
        }
        let mut attributes = migrated.user_attributes.unwrap_or_default();
        let own = attributes.remove(USERNAME).filter(|own| !own.is_empty());
        let rules = pool.username_rules();
        let username = match rules.username_attributes.is_empty() {
            true => Some(own.unwrap_or_else(|| name.to_owned())),
            false => None,
        };
        match &username {
            Some(username) if !is_username(username) => {
                return Err(Error::invalid_parameter("The username cannot be one."));
            }
            Some(username) => drop(rules.classify(username)?),
            None => {
                if let Some(alias) = rules.classify(name)? {
                    rules.include_username(&mut attributes, alias, name)?;
                }
            }
        }
        let attributes = pool.schema().created(&attributes)?;
        if !is_found_by(pool, name, username.as_deref(), &attributes) {
            return Err(Error::invalid_parameter("The user would not be found by the name that was given."));
        }
        let has_number = attributes.contains_key(Alias::PhoneNumber.attribute());
        let takes_sms_codes =
            migrated.enable_sms_mfa == Some(true) && has_number && pool.second_factors().contains(&SecondFactor::Sms);
        let force = migrated.force_alias_creation == Some(true);
        Ok(Newcomer { username, attributes, status, force, takes_sms_codes })
    }
}

/// Whether it is what the function says that cannot be a user.
fn is_of_the_user(problem: &Error) -> bool {
    matches!(problem.exception(), Exception::AliasExists | Exception::InvalidParameter | Exception::UsernameExists)
}

/// Whether the name that was typed will mean this user: nobody signs in as somebody whom they have not named.
fn is_found_by(pool: &Pool, name: &str, username: Option<&str>, attributes: &Attributes) -> bool {
    let rules = pool.username_rules();
    if username.is_some_and(|username| rules.fold(username) == rules.fold(name)) {
        return true;
    }
    rules.lookup_aliases(name).into_iter().any(|alias| {
        let value = attributes.get(alias.attribute());
        let is_held = rules.username_attributes.contains(&alias)
            || alias == Alias::PreferredUsername
            || is_verified(alias, attributes);
        is_held && value.is_some_and(|value| alias_key(pool, alias, value) == alias_key(pool, alias, name))
    })
}
