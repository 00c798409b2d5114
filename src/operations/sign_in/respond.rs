//! How a challenge is answered, whoever does it, with the session that came with it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{
    Outcome, choice, custom, device, given, mfa_setup, new_password, one_time_code, parameter, passkey, password,
    second_factor, srp,
};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::devices::Named;
use crate::context::sessions::OpenSession;
use crate::context::users::User;
use crate::domain::ids::Sub;
use crate::domain::sign_in::{Before, FirstFactor, SecondFactor, Step};
use crate::error::Error;

/// An answer to a challenge.
pub struct Answer<'a> {
    pub client: &'a Client,
    pub challenge: ChallengeName,
    pub session: Option<&'a str>,
    pub responses: &'a HashMap<String, String>,
}

impl Answer<'_> {
    pub async fn outcome(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let username = parameter(self.responses, "USERNAME")?;
        cx.check_secret_hash(self.client, given(self.responses, "SECRET_HASH"), &[username])?;
        let (session, user) = self.session_of(cx, username).await?;
        let (client, responses) = (self.client, self.responses);
        let known = || user.as_ref().ok_or(Error::InvalidSession);
        match session.step() {
            Step::SelectChallenge => choice::choose(cx, client, username, user, &session, responses).await,
            Step::FirstFactor(FirstFactor::Password) => {
                let password = parameter(responses, "PASSWORD")?;
                let device = Named { key: given(responses, "DEVICE_KEY"), before: None };
                password::sign_in(cx, client, username, user.as_ref(), password, Some(&session), device).await
            }
            Step::SrpBeginning => {
                let srp_a = parameter(responses, "SRP_A")?;
                srp::begin(cx, client, username, user.as_ref(), srp_a, Some(&session)).await
            }
            Step::FirstFactor(FirstFactor::PasswordSrp) => {
                srp::answer(cx, client, username, user.as_ref(), &session, responses).await
            }
            Step::FirstFactor(FirstFactor::EmailOtp | FirstFactor::SmsOtp)
            | Step::SecondFactor(SecondFactor::Email | SecondFactor::Sms) => {
                one_time_code::answer(cx, client, user.as_ref(), &session, responses).await
            }
            Step::FirstFactor(FirstFactor::WebAuthn) => {
                passkey::answer(cx, client, known()?, &session, responses).await
            }
            Step::NewPassword => new_password::set(cx, client, known()?, &session, responses).await,
            Step::SelectMfaType => second_factor::choose(cx, client, known()?, &session, responses).await,
            Step::SecondFactor(SecondFactor::SoftwareToken) => {
                second_factor::answer_by_software_token(cx, client, known()?, &session, responses).await
            }
            Step::MfaSetup | Step::SoftwareTokenSetUp => {
                mfa_setup::answer(cx, client, known()?, &session, responses).await
            }
            Step::DeviceBeginning(before) => device::begin(cx, client, known()?, &session, before, responses).await,
            Step::DeviceProof(before) => device::answer(cx, client, known()?, &session, before, responses).await,
            Step::CustomChallenge => custom::answer(cx, client, username, user, &session, responses).await,
            Step::CustomPassword => {
                custom::answer_by_srp(cx, client, username, user.as_ref(), &session, responses).await
            }
            Step::SignUpCode | Step::FirstSignIn => Err(Error::InvalidSession),
        }
    }

    /// The session that waits for an answer to this challenge by the user of this name; where it is hidden who exists, perhaps
    /// by nobody.
    async fn session_of(&self, cx: &Cx<'_>, username: &str) -> Result<(OpenSession, Option<User>), Error> {
        let session = cx.session(self.client, &self.session_string()?, steps_of(self.challenge)).await?;
        let user = cx.user_named(&self.client.pool, username).await?;
        let owner = user.as_ref().map_or_else(|| cx.nobody(&self.client.pool, username), |user| user.owner.clone());
        // An SRP exchange, or a challenge of the pool's own, may have told nobody this name.
        let is_simulated_name =
            matches!(self.challenge, ChallengeName::PasswordVerifier | ChallengeName::CustomChallenge)
                && user.is_none()
                && Sub::parse(username) == Some(session.owner().sub);
        if *session.owner() == owner || is_simulated_name { Ok((session, user)) } else { Err(Error::InvalidSession) }
    }

    /// The session. The proof of an SRP exchange brings it along, so its member may be left out.
    fn session_string(&self) -> Result<Cow<'_, str>, Error> {
        let is_proof =
            matches!(self.challenge, ChallengeName::PasswordVerifier | ChallengeName::DevicePasswordVerifier);
        let block = given(self.responses, "PASSWORD_CLAIM_SECRET_BLOCK").filter(|_| is_proof);
        let brought = block.map(|block| srp::session_in(block).ok_or(Error::InvalidSession)).transpose()?;
        match (self.session, brought) {
            (Some(session), Some(brought)) if session != brought => Err(Error::InvalidSession),
            (_, Some(brought)) => Ok(Cow::Owned(brought)),
            (Some(session), None) => Ok(Cow::Borrowed(session)),
            (None, None) if is_proof => Err(Error::MissingParameter("PASSWORD_CLAIM_SECRET_BLOCK")),
            (None, None) => Err(Error::MissingParameter("Session")),
        }
    }
}

/// The steps at which this challenge is asked.
fn steps_of(challenge: ChallengeName) -> &'static [Step] {
    match challenge {
        ChallengeName::SelectChallenge => &[Step::SelectChallenge],
        ChallengeName::Password => &[Step::FirstFactor(FirstFactor::Password)],
        ChallengeName::PasswordSrp => &[Step::SrpBeginning],
        ChallengeName::PasswordVerifier => &[Step::FirstFactor(FirstFactor::PasswordSrp), Step::CustomPassword],
        ChallengeName::CustomChallenge => &[Step::CustomChallenge],
        ChallengeName::EmailOtp => &[Step::FirstFactor(FirstFactor::EmailOtp), Step::SecondFactor(SecondFactor::Email)],
        ChallengeName::SmsOtp => &[Step::FirstFactor(FirstFactor::SmsOtp)],
        ChallengeName::WebAuthn => &[Step::FirstFactor(FirstFactor::WebAuthn)],
        ChallengeName::NewPasswordRequired => &[Step::NewPassword],
        ChallengeName::SelectMfaType => &[Step::SelectMfaType],
        ChallengeName::SmsMfa => &[Step::SecondFactor(SecondFactor::Sms)],
        ChallengeName::SoftwareTokenMfa => &[Step::SecondFactor(SecondFactor::SoftwareToken)],
        ChallengeName::MfaSetup => &[Step::MfaSetup, Step::SoftwareTokenSetUp],
        ChallengeName::DeviceSrpAuth => {
            &[Step::DeviceBeginning(Before::FirstFactor), Step::DeviceBeginning(Before::SecondFactor)]
        }
        ChallengeName::DevicePasswordVerifier => {
            &[Step::DeviceProof(Before::FirstFactor), Step::DeviceProof(Before::SecondFactor)]
        }
        // No session of this server waits for any other challenge.
        _ => &[],
    }
}
