//! `SignUp`: somebody becomes a user, unconfirmed, and is sent a code if the pool verifies an attribute they gave.

use super::code_delivery_details;
use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::aliases::alias_key;
use crate::context::clients::Client;
use crate::context::pools::Pool;
use crate::context::verification::{Recipient, verified_first};
use crate::crypto::secret::Secret;
use crate::domain::attributes::{Attributes, is_written_by_the_service_alone};
use crate::domain::auth_flows::Flow;
use crate::domain::usernames::Alias;
use crate::error::{Error, ViolatingValue, Violation};
use crate::store::records::{self, NameOwner, SessionStep, UserStatus};
use crate::store::{Batch, Owner, UserKey, UsernameKey};

impl Operation for api::SignUpRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::SignUpResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        let pool = &client.pool;
        if pool.record.admin_create_user_only {
            return Err(Error::SignUpNotPermitted);
        }
        let named_by = pool.username_rules().classify(self.username())?;
        let attributes = self.attributes(&client, named_by)?;
        pool.schema().check_new(&attributes)?;
        let password = self.new_password(pool)?;
        refuse_taken_names(cx, pool, self.username(), named_by, &attributes).await?;

        let owner = cx.mint_owner(pool);
        let username = if named_by.is_some() { owner.sub.to_string() } else { self.username().to_owned() };
        let user = records::User {
            sub: owner.sub.to_string(),
            pool: pool.id.0.clone(),
            username,
            attributes: with_verified_flags(attributes.clone()).into_iter().collect(),
            status: UserStatus::Unconfirmed.into(),
            enabled: true,
            created_at: cx.now().as_millisecond(),
            modified_at: cx.now().as_millisecond(),
            password_hash: cx.new_password_hash(&password).await?,
            generation: 0,
            memberships: 0,
            password_expires_at: None,
        };
        let mut batch = Batch::default();
        batch.expect(&client.pool.key(), Some(&client.pool.record));
        claim_names(&mut batch, pool, &owner, &user.username, &attributes);
        batch.put(&UserKey { owner: owner.clone() }, &user);
        let verified = verified_first(pool, &attributes);
        let way = verified.as_ref().map_or(Ok(()), |(attribute, _)| cx.require_way_to(*attribute));
        let sent = verified.filter(|_| way.is_ok()).map(|(attribute, address)| {
            let (username, client) = (&user.username, &client.id.0);
            let to = Recipient { owner: &owner, username, client, attribute, address: &address };
            cx.send_sign_up_code(&mut batch, pool, &to)
        });
        let session = client.opens(Flow::UserAuth);
        let session = session.then(|| cx.open_session(&mut batch, &client, &owner, SessionStep::SignedUp));
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        // Who cannot be sent a code is a user all the same (reference 3.1).
        way?;
        Ok(api::SignUpResponse {
            user_confirmed: false,
            code_delivery_details: sent.map(code_delivery_details),
            user_sub: user.sub,
            session,
        })
    }
}

impl api::SignUpRequest {
    /// The attributes that the caller gives, if the client may write them; where an attribute is the username, with it.
    fn attributes(&self, client: &Client, named_by: Option<Alias>) -> Result<Attributes, Error> {
        let mut attributes = Attributes::new();
        for attribute in &self.user_attributes {
            let (name, value) = (attribute.name(), attribute.value());
            if is_written_by_the_service_alone(name) || !client.may_write(name) {
                return Err(Error::AttributeNotWritable);
            }
            let alias = Alias::of_attribute(name);
            if alias == Some(Alias::PreferredUsername)
                && client.pool.username_rules().aliases.contains(&Alias::PreferredUsername)
            {
                return Err(Error::invalid_parameter("preferred_username cannot be set before the user is confirmed."));
            }
            if attributes.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Error::invalid_parameter(format!("The attribute {name} is given more than once.")));
            }
        }
        attributes.retain(|_, value| !value.is_empty());
        if let Some(alias) = named_by {
            let rules = client.pool.username_rules();
            let given = attributes.insert(alias.attribute().to_owned(), self.username().to_owned());
            if given.is_some_and(|given| rules.fold_alias(alias, &given) != rules.fold_alias(alias, self.username())) {
                let name = alias.attribute();
                return Err(Error::invalid_parameter(format!("The attribute {name} must be equal to the username.")));
            }
        }
        Ok(attributes)
    }

    /// The password, if it satisfies the pool's policy. Pools whose users need none are not among those that can be made.
    fn new_password(&self, pool: &Pool) -> Result<Secret<String>, Error> {
        let Some(password) = &self.password else {
            let constraint = "Member must not be null".to_owned();
            let violation = Violation { path: "password".into(), value: ViolatingValue::Sensitive, constraint };
            return Err(Error::Constraints(vec![violation]));
        };
        pool.password_policy().check(password).map_err(Error::InvalidPassword)?;
        Ok(Secret::new(password.clone()))
    }
}

/// An address that was given is unverified until a code or an operator says otherwise.
fn with_verified_flags(mut attributes: Attributes) -> Attributes {
    for alias in [Alias::Email, Alias::PhoneNumber] {
        if attributes.contains_key(alias.attribute()) {
            attributes.insert(alias.verified_flag(), "false".to_owned());
        }
    }
    attributes
}

/// Says which name is taken. What is taken between here and the commit conflicts there, and comes back here. Another user's
/// `sub` is taken too: operators name users by it, and would mean whoever bore it as a name.
async fn refuse_taken_names(
    cx: &Cx<'_>,
    pool: &Pool,
    username: &str,
    named_by: Option<Alias>,
    attributes: &Attributes,
) -> Result<(), Error> {
    if named_by.is_none() && cx.user_meant(pool, username).await?.is_some() {
        return Err(Error::UsernameExists("User already exists"));
    }
    for (alias, value) in unique_attributes(pool, attributes) {
        if cx.store.read(&alias_key(pool, alias, value)).await?.is_some() {
            return Err(Error::UsernameExists(match alias {
                Alias::PhoneNumber => "An account with the given phone_number already exists.",
                _ => "An account with the given email already exists.",
            }));
        }
    }
    Ok(())
}

/// Takes the names that are unique from the moment of sign-up.
fn claim_names(batch: &mut Batch, pool: &Pool, owner: &Owner, username: &str, attributes: &Attributes) {
    let name_owner = NameOwner { sub: owner.sub.to_string() };
    let key = UsernameKey { pool: pool.id.clone(), name: pool.username_rules().fold(username) };
    batch.expect_absent(&key);
    batch.put(&key, &name_owner);
    if pool.username_rules().aliases.contains(&Alias::PreferredUsername) {
        batch.expect_absent(&alias_key(pool, Alias::PreferredUsername, username));
    }
    for (alias, value) in unique_attributes(pool, attributes) {
        let key = alias_key(pool, alias, value);
        batch.expect_absent(&key);
        batch.put(&key, &name_owner);
    }
}

/// Where an attribute is the username, it is unique though unverified; an alias binds only when it is verified.
fn unique_attributes<'a>(pool: &Pool, attributes: &'a Attributes) -> Vec<(Alias, &'a str)> {
    let unique = pool.username_rules().username_attributes;
    unique.into_iter().filter_map(|alias| Some((alias, attributes.get(alias.attribute())?.as_str()))).collect()
}
