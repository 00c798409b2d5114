//! `UpdateUserAttributes`: users set attributes of their own, as far as the client may write them.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{code_delivery_details, given_attributes};
use crate::store::Batch;

impl Operation for api::UpdateUserAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::UpdateUserAttributesResponse, Error> {
        let bearer = caller.bearer();
        let given = given_attributes(&self.user_attributes)?;
        bearer.client.refuse_unwritable(given.keys())?;
        let mut batch = Batch::default();
        let client = Some(bearer.client.id.0.as_str());
        let updated = cx.update_attributes(&mut batch, &bearer.client.pool, &bearer.user, &given, client).await;
        let sent = updated.map_err(in_words_to_users)?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        let code_delivery_details_list = sent.into_iter().map(code_delivery_details).collect();
        Ok(api::UpdateUserAttributesResponse { code_delivery_details_list })
    }
}

fn in_words_to_users(error: Error) -> Error {
    match error {
        Error::AliasExists(attribute) => Error::GivenAliasExists(attribute),
        other => other,
    }
}
