//! `SignUp`: somebody becomes a user, unconfirmed, and is sent a code if the pool verifies an attribute they gave.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::passwords::NewPassword;
use crate::context::sessions::Waiting;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::triggers::post_confirmation::Confirmation;
use crate::context::triggers::pre_sign_up::Newcomer;
use crate::context::verification::{Recipient, Sent, verified_first};
use crate::crypto::secret::Secret;
use crate::domain::attributes::Attributes;
use crate::domain::auth_flows::Flow;
use crate::domain::sign_in::Step;
use crate::domain::usernames::Alias;
use crate::error::{Error, ViolatingValue, Violation};
use crate::operations::{code_delivery_details, given_attributes, validation_data};
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodePurpose, Owner};

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
        let password = self.new_password(&client, &attributes)?;
        if let Some(taken) = cx.taken_name(pool, self.username(), named_by, &attributes).await? {
            return Err(taken.refusal("User already exists"));
        }

        let owner = cx.mint_owner(pool);
        let username = if named_by.is_some() { owner.sub.to_string() } else { self.username().to_owned() };
        let newcomer = Newcomer {
            username: &username,
            attributes: &attributes,
            validation_data: validation_data(&self.validation_data),
        };
        let beginnings = cx.before_sign_up(pool, &client.id.0, newcomer).await?;
        let password = match &password {
            Some(password) => cx.new_password(pool, &username, password).await?,
            None => NewPassword::none(),
        };
        let user = records::User {
            sub: owner.sub.to_string(),
            pool: pool.id.0.clone(),
            username,
            attributes: with_verified_flags(attributes.clone(), &beginnings.verified),
            status: if beginnings.is_confirmed { UserStatus::Confirmed } else { UserStatus::Unconfirmed }.into(),
            enabled: true,
            created_at: cx.now().as_millisecond(),
            modified_at: cx.now().as_millisecond(),
            ..records::User::default()
        };
        let mut batch = Batch::default();
        batch.expect(&client.pool.key(), Some(&client.pool.record));
        // An address that the function vouches for becomes this user's alias, whoever had it.
        let force = !beginnings.verified.is_empty();
        cx.claim_names(&mut batch, pool, &owner, &user.username, &user.attributes, force).await?;
        cx.create_user(&mut batch, pool, &owner, user.clone(), password);
        if beginnings.is_confirmed {
            return self.confirmed(cx, &client, owner, batch).await;
        }
        // The user is there though no code could be sent; the caller learns that, and can have one sent later (reference 3.1).
        let sent = match send_first_code(cx, &mut batch, &client, &owner, &user).await {
            Err(other)
                if !other.is_of_trigger()
                    && !matches!(other, Error::AttemptLimitExceeded | Error::CodeDeliveryFailure(_)) =>
            {
                return Err(other);
            }
            sent => sent,
        };
        let session = client.opens(Flow::UserAuth);
        let session = session.then(|| cx.open_session(&mut batch, &client, &owner, &Waiting::at(Step::SignUpCode)));
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::SignUpResponse {
            user_confirmed: false,
            code_delivery_details: sent?.map(code_delivery_details),
            user_sub: user.sub,
            session,
        })
    }
}

impl api::SignUpRequest {
    /// The answer about a user whom the pool's function has confirmed: no code, and no session that would wait for one.
    async fn confirmed(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        owner: Owner,
        batch: Batch,
    ) -> Result<api::SignUpResponse, Error> {
        cx.commit(batch).await?;
        let user = cx.user(owner).await?.ok_or(Error::UserDoesNotExist)?;
        cx.after_confirmation(&client.pool, Some(&client.id.0), &user, Confirmation::SignUp).await?;
        let user_sub = user.record.record.sub;
        Ok(api::SignUpResponse { user_confirmed: true, code_delivery_details: None, user_sub, session: None })
    }

    /// The attributes that the caller gives, if the client may write them; where an attribute is the username, with it.
    fn attributes(&self, client: &Client, named_by: Option<Alias>) -> Result<Attributes, Error> {
        let mut attributes = given_attributes(&self.user_attributes)?;
        client.refuse_unwritable(attributes.keys())?;
        let preferred_username = Alias::PreferredUsername;
        if attributes.contains_key(preferred_username.attribute())
            && client.pool.username_rules().aliases.contains(&preferred_username)
        {
            return Err(Error::invalid_parameter("preferred_username cannot be set before the user is confirmed."));
        }
        attributes.retain(|_, value| !value.is_empty());
        if let Some(alias) = named_by {
            client.pool.username_rules().include_username(&mut attributes, alias, self.username())?;
        }
        Ok(attributes)
    }

    /// The password, if it satisfies the pool's policy. Users who can begin by a code need none.
    fn new_password(&self, client: &Client, attributes: &Attributes) -> Result<Option<Secret<String>>, Error> {
        let pool = &client.pool;
        let Some(password) = &self.password else {
            if client.opens(Flow::UserAuth) && pool.begins_by_code(attributes) {
                return Ok(None);
            }
            let constraint = "Member must not be null".to_owned();
            let violation = Violation { path: "password".into(), value: ViolatingValue::Sensitive, constraint };
            return Err(Error::Constraints(vec![violation]));
        };
        pool.password_policy().check(password).map_err(Error::InvalidPassword)?;
        Ok(Some(Secret::new(password.clone())))
    }
}

/// Sends the code that confirms a new user, if the pool verifies an attribute that was given.
async fn send_first_code(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    owner: &Owner,
    user: &records::User,
) -> Result<Option<Sent>, Error> {
    let Some((attribute, address)) = verified_first(&client.pool, &user.attributes) else { return Ok(None) };
    let client_id = Some(client.id.0.as_str());
    let to = Recipient { owner, username: &user.username, client: client_id, attribute, address: &address };
    let reason = Reason { occasion: Occasion::SignUp, user, client: client_id };
    cx.send_code(batch, &client.pool, &to, CodePurpose::SignUp, None, reason).await.map(Some)
}

/// An address that was given is unverified until a code, an operator or the pool's function says otherwise.
fn with_verified_flags(mut attributes: Attributes, verified: &[Alias]) -> Attributes {
    for alias in [Alias::Email, Alias::PhoneNumber] {
        if attributes.contains_key(alias.attribute()) {
            attributes.insert(alias.verified_flag(), verified.contains(&alias).to_string());
        }
    }
    attributes
}
