//! `WEB_AUTHN`: a user begins by a passkey, which a browser has their device use (reference 4.5).
//!
//! The attempt is counted before the signature is looked at, together with those by password. Whatever is wrong with an answer is
//! told alike; that a passkey has been copied is told to the operator as well.

use std::collections::HashMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;

use super::second_factor::{follow, settle};
use super::{Challenge, Outcome, device_named, may_sign_in, parameter};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::passkeys::Passkey;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::users::User;
use crate::crypto::webauthn::{self, Assertion, Ceremony, Refusal, Used};
use crate::domain::passkeys::PasskeyRules;
use crate::domain::sign_in::{FirstFactor, FirstProof, PasskeyUse, Step};
use crate::error::Error;
use crate::store::Batch;

/// Asks for the use of one of these passkeys. Its parameter is a PublicKeyCredentialRequestOptionsJSON of WebAuthn.
pub fn ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    passkeys: &[Passkey],
) -> Result<Challenge, Error> {
    let rules = client.pool.passkey_rules_in_force().ok_or(Error::InvalidSession)?;
    let challenge = webauthn::challenge(&cx.rng);
    let user_verification =
        if must_know_its_user(client, user, &rules) { "required" } else { rules.user_verification() };
    let allowed: Vec<_> = passkeys.iter().map(Passkey::descriptor).collect();
    let options = json!({
        "allowCredentials": allowed,
        "challenge": BASE64_URL_SAFE_NO_PAD.encode(challenge),
        "rpId": rules.relying_party.as_str(),
        // As long as the session lasts.
        "timeout": client.session_validity().as_millis() as u64,
        "userVerification": user_verification,
    });
    let waiting = Waiting::at(Step::FirstFactor(FirstFactor::WebAuthn)).with_secret(&challenge);
    Ok(Challenge {
        name: ChallengeName::WebAuthn,
        session: cx.open_session(batch, client, &user.owner, &waiting),
        parameters: HashMap::from([("CREDENTIAL_REQUEST_OPTIONS".to_owned(), options.to_string())]),
        available: Vec::new(),
    })
}

/// Whether the device must make sure of its user: where the pool says so, and where that is the second factor.
fn must_know_its_user(client: &Client, user: &User, rules: &PasskeyRules) -> bool {
    let is_second_factor = rules.stands_for_second_factor && user.standing(&client.pool).needs_second_factor();
    rules.requires_user_verification || is_second_factor
}

/// The use of a passkey is judged. A wrong one leaves the session to try again, as often as the lockout lets.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let credential = parameter(responses, "CREDENTIAL")?;
    // Turned off meanwhile, perhaps because passkeys are in other hands.
    let rules = client.pool.passkey_rules_in_force().ok_or(Error::InvalidSession)?;
    let challenge = session.secret(cx)?;
    let ceremony = Ceremony {
        relying_party: &rules.relying_party,
        challenge: challenge.expose(),
        requires_user_verification: must_know_its_user(client, user, &rules),
    };
    let attempt = Attempt::begin_without_hash(cx, &user.owner).await?;
    let judged = attempt.evaluate(cx, judge(cx, client, user, &ceremony, credential)).await?;
    let proof = FirstProof::by_passkey(PasskeyUse {
        is_right: judged.is_some(),
        user_verified: judged.as_ref().is_some_and(|(_, used)| used.user_verified),
        stands_for_second_factor: rules.stands_for_second_factor,
    });
    let (Some(proof), Some((passkey, used))) = (proof, judged) else { return Err(Error::PasskeyRefused) };
    let attempt = attempt.proved(cx, &client.pool).await?;
    // A right proof that comes to nothing was no failure either.
    let ending = async {
        may_sign_in(user, cx.now())?;
        // Turned on meanwhile, for what one factor has begun no other may have to end.
        if !proof.is_enough(&user.standing(&client.pool)) {
            return Err(Error::InvalidSession);
        }
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        user.expect_unchanged(&mut batch);
        passkey.use_up(&mut batch, &used);
        let device = device_named(responses, session);
        let led = follow(cx, &mut batch, client, user, proof, device).await?;
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// Which passkey of the user was used, if one was, and rightly.
async fn judge(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    ceremony: &Ceremony<'_>,
    credential: &str,
) -> Result<Option<(Passkey, Used)>, Error> {
    let Ok(response) = Assertion::read(credential) else { return Ok(None) };
    let passkeys = cx.usable_passkeys(&client.pool, user).await?;
    let used = passkeys.into_iter().find(|passkey| passkey.key.credential == response.credential_id);
    let Some(passkey) = used else { return Ok(None) };
    match passkey.judge(ceremony, &response)? {
        Ok(used) => Ok(Some((passkey, used))),
        Err(refusal) => {
            if refusal == Refusal::Counter {
                let (pool, user) = (&user.owner.pool, user.owner.sub);
                tracing::warn!(pool.id = %pool, user.id = %user, "a passkey has signed less often than it had before: it may have been copied, and was refused");
            }
            Ok(None)
        }
    }
}
