//! `ConfirmSignUp`: a new user proves to hold the address that the code was sent to.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::aliases::alias_key;
use crate::context::clients::Client;
use crate::context::sessions::OpenSession;
use crate::context::users::{User, status_name};
use crate::context::verification::{Judgement, Proof};
use crate::domain::auth_flows::Flow;
use crate::domain::ids::Sub;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::{self, NameOwner, SessionStep, UserStatus};
use crate::store::{Batch, CodePurpose, Owner, ThrottlePurpose};

impl Operation for api::ConfirmSignUpRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::ConfirmSignUpResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        let user = cx.user_named(&client.pool, self.username()).await?;
        let owner = user.as_ref().map_or_else(|| cx.nobody(&client.pool, self.username()), |user| user.owner.clone());
        let _turn = cx.turn(&owner).await;
        let Some(user) = user else { return Err(self.refuse_nobody(cx, &client, &owner).await?) };
        if user.record.status() != UserStatus::Unconfirmed {
            return Err(Error::UserCannotBeConfirmed(status_name(user.record.status())));
        }
        let session = self.session_in_chain(cx, &client, &owner).await?;

        let mut batch = Batch::default();
        cx.throttle(&mut batch, &owner, ThrottlePurpose::ConfirmSignUp).await?;
        match cx.judge_code(&mut batch, &owner, CodePurpose::SignUp, self.confirmation_code()).await? {
            Judgement::Refused(refusal) => {
                // Confirmed meanwhile, the user is refused for that and not for the code.
                user.expect_unchanged(&mut batch);
                cx.commit(batch).await?;
                Err(refusal)
            }
            Judgement::Right(Proof { attribute: proved, .. }) => {
                let mut confirmed = records::User {
                    status: UserStatus::Confirmed.into(),
                    modified_at: cx.now().as_millisecond(),
                    ..user.record.record.clone()
                };
                if let Some(alias) = proved {
                    confirmed.attributes.insert(alias.verified_flag(), "true".to_owned());
                    bind_alias(cx, &mut batch, &client, &user, alias, self.force_alias_creation()).await?;
                }
                user.replace(&mut batch, &confirmed);
                let next = session.map(|session| {
                    session.use_up(&mut batch);
                    cx.open_proved_session(&mut batch, &client, &user, SessionStep::ConfirmedSignUp)
                });
                cx.commit(batch).await?;
                Ok(api::ConfirmSignUpResponse { session: next })
            }
        }
    }
}

impl api::ConfirmSignUpRequest {
    /// The session of SignUp, which has an effect only if the client has the flow that it leads to.
    async fn session_in_chain(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        owner: &Owner,
    ) -> Result<Option<OpenSession>, Error> {
        let Some(session) = self.session.as_deref().filter(|_| client.opens(Flow::UserAuth)) else { return Ok(None) };
        let session = cx.session(client, session, SessionStep::SignedUp).await?;
        if session.owner() == owner { Ok(Some(session)) } else { Err(Error::InvalidSession) }
    }

    /// The answer about a user who does not exist. Where that is hidden, tries are counted as for one who does and has no code.
    async fn refuse_nobody(&self, cx: &Cx<'_>, client: &Client, owner: &Owner) -> Result<Error, Error> {
        if !client.hides_user_existence() {
            return Ok(Error::UsernameClientCombinationNotFound);
        }
        let mut batch = Batch::default();
        cx.throttle(&mut batch, owner, ThrottlePurpose::ConfirmSignUp).await?;
        let judgement = cx.judge_code(&mut batch, owner, CodePurpose::SignUp, self.confirmation_code()).await?;
        let Judgement::Refused(refusal) = judgement else { return Err(Error::internal("nobody was sent a code")) };
        cx.commit(batch).await?;
        Ok(refusal)
    }
}

/// A verified address becomes a sign-in name, if the pool has it as an alias. Another user who holds it keeps it, or with
/// `force` loses it and its verification.
async fn bind_alias(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    alias: Alias,
    force: bool,
) -> Result<(), Error> {
    if !client.pool.username_rules().aliases.contains(&alias) {
        return Ok(());
    }
    let Some(value) = user.record.attributes.get(alias.attribute()) else { return Ok(()) };
    let key = alias_key(&client.pool, alias, value);
    let held = cx.store.read(&key).await?;
    if let Some(holder) = held.as_ref().filter(|holder| holder.sub != user.record.sub) {
        if !force {
            return Err(Error::AliasExists(alias.attribute()));
        }
        let sub = Sub::parse(&holder.sub).ok_or_else(|| Error::internal("an alias's owner is not a sub"))?;
        if let Some(loser) = cx.user(Owner { pool: client.pool.id.clone(), sub }).await? {
            let mut record = loser.record.record.clone();
            record.attributes.insert(alias.verified_flag(), "false".to_owned());
            record.modified_at = cx.now().as_millisecond();
            loser.replace(batch, &record);
        }
    }
    batch.expect(&key, held.as_ref());
    batch.put(&key, &NameOwner { sub: user.record.sub.clone() });
    Ok(())
}
