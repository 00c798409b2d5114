//! `ListWebAuthnCredentials`: a user's passkeys, page by page, the oldest first.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::passkeys::Passkey;
use crate::domain::passkeys::PASSKEYS_PER_USER_MAX;
use crate::error::Error;
use crate::operations::{invalid_page_token, page_after, page_token, timestamp};

impl Operation for api::ListWebAuthnCredentialsRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::ListWebAuthnCredentialsResponse, Error> {
        let mut passkeys = cx.passkeys(&caller.bearer().user).await?;
        passkeys.sort_by_key(place);
        if let Some(token) = &self.next_token {
            let last = read_place(&page_after(token)?).ok_or_else(invalid_page_token)?;
            passkeys.retain(|passkey| place(passkey) > last);
        }
        let limit = usize::try_from(self.max_results()).ok().filter(|limit| *limit > 0);
        let limit = limit.unwrap_or(PASSKEYS_PER_USER_MAX as usize);
        let more = passkeys.len() > limit;
        passkeys.truncate(limit);
        let next_token = passkeys.last().filter(|_| more).map(|last| page_token(&written(&place(last))));
        Ok(api::ListWebAuthnCredentialsResponse { credentials: passkeys.iter().map(description).collect(), next_token })
    }
}

/// Where a passkey stands in the list: of those of one moment, by its id.
fn place(passkey: &Passkey) -> (i64, Vec<u8>) {
    (passkey.record.created_at, passkey.key.credential.clone())
}

fn written((created_at, credential): &(i64, Vec<u8>)) -> String {
    format!("{created_at} {}", BASE64_URL_SAFE_NO_PAD.encode(credential))
}

fn read_place(written: &str) -> Option<(i64, Vec<u8>)> {
    let (created_at, credential) = written.split_once(' ')?;
    Some((created_at.parse().ok()?, BASE64_URL_SAFE_NO_PAD.decode(credential).ok()?))
}

fn description(passkey: &Passkey) -> api::WebAuthnCredentialDescription {
    let record = &passkey.record;
    api::WebAuthnCredentialDescription {
        credential_id: passkey.id(),
        friendly_credential_name: record.friendly_name.clone(),
        relying_party_id: record.relying_party_id.clone(),
        authenticator_attachment: record.attachment.clone(),
        authenticator_transports: record.transports.clone(),
        created_at: timestamp(record.created_at),
    }
}
