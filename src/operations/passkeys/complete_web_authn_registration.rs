//! `CompleteWebAuthnRegistration`: the passkey that a browser has made becomes the user's.

use serde_json::Value;

use super::rules;
use crate::access::caller::SignedIn;
use crate::api;
use crate::api::json::members_of;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::passkeys::Authenticator;
use crate::crypto::webauthn::{Ceremony, Refusal, Registration};
use crate::domain::passkeys::{is_attachment, is_transport};
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::CompleteWebAuthnRegistrationRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::CompleteWebAuthnRegistrationResponse, Error> {
        let (client, user) = (&caller.bearer().client, &caller.bearer().user);
        let rules = rules(&client.pool)?;
        let registration = cx.passkey_registration(user).await?;
        if registration.record.client != client.id.0 {
            return Err(Error::PasskeyClientMismatch);
        }
        if registration.record.relying_party_id != rules.relying_party.as_str() {
            return Err(Error::PasskeyRelyingPartyMismatch);
        }
        let credential = self.credential.as_ref().map(members_of).unwrap_or_default();
        let response = Registration::read(Value::Object(credential)).map_err(refused)?;
        let ceremony = Ceremony {
            relying_party: &rules.relying_party,
            challenge: &registration.record.challenge,
            requires_user_verification: rules.requires_user_verification,
        };
        let made = ceremony.register(&response).map_err(refused)?;
        let mut batch = Batch::default();
        cx.add_passkey(&mut batch, user, &registration, made, authenticator(response)).await?;
        cx.commit(batch).await?;
        Ok(api::CompleteWebAuthnRegistrationResponse {})
    }
}

/// What the browser says beside what is proved, as far as it is in the standard's words: each way once.
fn authenticator(response: Registration) -> Authenticator {
    let mut transports = response.transports;
    transports.retain(|name| is_transport(name));
    transports.sort_unstable();
    transports.dedup();
    Authenticator { attachment: response.attachment.filter(|name| is_attachment(name)), transports }
}

/// Why there is no passkey, in Cognito's names (reference 3.4).
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Challenge => Error::PasskeyChallengeNotFound,
        Refusal::Origin => Error::PasskeyOriginNotAllowed,
        Refusal::RelyingParty => Error::PasskeyRelyingPartyMismatch,
        Refusal::Backup | Refusal::PublicKey | Refusal::UserNotPresent | Refusal::UserNotVerified => {
            Error::PasskeyNotSupported(refusal.to_string())
        }
        Refusal::Ceremony | Refusal::Counter | Refusal::Malformed | Refusal::Signature | Refusal::User => {
            Error::invalid_parameter("Credential is no response to the registration of a passkey.")
        }
    }
}
