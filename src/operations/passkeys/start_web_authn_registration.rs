//! `StartWebAuthnRegistration`: a user is told how a passkey is to be made.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use super::rules;
use crate::access::caller::SignedIn;
use crate::api;
use crate::api::json::document;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::passkeys::{Passkey, user_handle};
use crate::context::users::User;
use crate::crypto::webauthn::PublicKey;
use crate::domain::passkeys::{PASSKEYS_PER_USER_MAX, PasskeyRules};
use crate::error::Error;
use crate::store::Batch;

/// How long a browser waits for its user, in milliseconds.
const TIMEOUT_MILLISECONDS: u32 = 60_000;

impl Operation for api::StartWebAuthnRegistrationRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::StartWebAuthnRegistrationResponse, Error> {
        let (client, user) = (&caller.bearer().client, &caller.bearer().user);
        let rules = rules(&client.pool)?;
        if user.record.passkeys >= PASSKEYS_PER_USER_MAX {
            return Err(Error::TooManyPasskeys);
        }
        let passkeys = cx.passkeys(user).await?;
        let mut batch = Batch::default();
        user.expect_unchanged(&mut batch);
        let challenge = cx.begin_passkey(&mut batch, client, user, &rules);
        cx.commit(batch).await?;
        let options = options(&challenge, user, &rules, &passkeys);
        let options = options.as_object().cloned().unwrap_or_default();
        Ok(api::StartWebAuthnRegistrationResponse { credential_creation_options: Some(document(options)) })
    }
}

/// What `navigator.credentials.create` is told (WebAuthn, PublicKeyCredentialCreationOptionsJSON). An authenticator that has a
/// passkey of the user already makes no other. Who made it is not asked for.
fn options(challenge: &[u8], user: &User, rules: &PasskeyRules, passkeys: &[Passkey]) -> Value {
    let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let relying_party = rules.relying_party.as_str();
    let excluded: Vec<Value> = passkeys
        .iter()
        .filter(|passkey| passkey.record.relying_party_id == relying_party)
        .map(Passkey::descriptor)
        .collect();
    let algorithms = PublicKey::ALGORITHMS.map(|algorithm| json!({"alg": algorithm, "type": "public-key"}));
    let username = &user.record.username;
    json!({
        "authenticatorSelection": {
            "requireResidentKey": true,
            "residentKey": "required",
            "userVerification": rules.user_verification(),
        },
        "challenge": encoded(challenge),
        "excludeCredentials": excluded,
        "pubKeyCredParams": algorithms,
        "rp": {"id": relying_party, "name": relying_party},
        "timeout": TIMEOUT_MILLISECONDS,
        "user": {"displayName": username, "id": encoded(&user_handle(&user.owner)), "name": username},
    })
}
