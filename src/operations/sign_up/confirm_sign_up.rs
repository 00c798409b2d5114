//! `ConfirmSignUp`: a new user proves to hold the address that the code was sent to.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::triggers::post_confirmation::Confirmation;
use crate::context::users::{User, status_name};
use crate::context::verification::{Judgement, Proof};
use crate::domain::auth_flows::Flow;
use crate::domain::sign_in::Step;
use crate::error::Error;
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodePurpose, Owner, ThrottlePurpose};

impl Operation for api::ConfirmSignUpRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::ConfirmSignUpResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        let user = cx.user_named(&client.pool, self.username()).await?;
        let owner = user.as_ref().map_or_else(|| cx.nobody(&client.pool, self.username()), |user| user.owner.clone());
        let turn = cx.turn(&owner).await;
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
                    let (before, after) = (user.attributes(), confirmed.attributes.clone().into_iter().collect());
                    let force = self.force_alias_creation();
                    cx.move_aliases(&mut batch, &client.pool, &owner, &before, &after, force).await?;
                }
                user.replace(&mut batch, &confirmed);
                let next = session.map(|session| {
                    session.use_up(&mut batch);
                    cx.open_session(&mut batch, &client, &owner, &Waiting::at(Step::FirstSignIn).proved_by(&user))
                });
                cx.commit(batch).await?;
                drop(turn);
                let user = User { owner, record: user.record.with(confirmed) };
                cx.after_confirmation(&client.pool, Some(&client.id.0), &user, Confirmation::SignUp).await?;
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
        let session = cx.session(client, session, &[Step::SignUpCode]).await?;
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
        cx.expect_nobody(&mut batch, owner);
        cx.commit(batch).await?;
        Ok(refusal)
    }
}
